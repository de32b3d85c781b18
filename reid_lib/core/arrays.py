"""Files of arrays (.npz, no pickle), read to the last byte: no damage passes, and all of it raises one error.

The archive has a CRC-32 of each array, which numpy compares only where it reads an array to its end. A flipped bit in
the header that precedes the numbers may make an array shorter, and others raise whatever the parser of headers raises.
"""

import errno
import zipfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import numpy as np
from numpy.lib import format as npy

from reid_lib.core.errors import first_line

READ_AT_ONCE = 2**22  # bytes
_HEADERS = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}


class DamagedArrays(ValueError):
    """A file of arrays is not as it was written, or another one than expected."""


class ArrayFile:
    """An open .npz file; see `open_arrays`.

    Attributes:
        names: of its arrays.
    """

    def __init__(self, archive: zipfile.ZipFile):
        self._archive = archive
        self.names = [name.removesuffix(".npy") for name in archive.namelist()]

    def read(self, name: str) -> np.ndarray:
        """An array, after its checksum was found right.

        Raises:
            DamagedArrays: it is damaged, or not there.
        """
        if name not in self.names:
            raise DamagedArrays(f"it has no array {name!r}")
        with _telling_damage(), self._archive.open(f"{name}.npy") as stream:
            return _read(stream, self._archive.getinfo(f"{name}.npy").file_size)


@contextmanager
def open_arrays(path: Path) -> Iterator[ArrayFile]:
    """An .npz file, as `numpy.savez` writes it, to read some of its arrays.

    Raises:
        OSError: it is not there, or cannot be read.
        DamagedArrays: it is no such file, or is damaged.
    """
    with open(path, "rb") as file:
        with _telling_damage():
            found = ArrayFile(zipfile.ZipFile(file))
        yield found


def read_arrays(path: Path, names: Iterable[str]) -> dict[str, np.ndarray]:
    """Arrays of an .npz file, by name.

    Raises:
        OSError, DamagedArrays: see `open_arrays`; one of them is not there.
    """
    with open_arrays(path) as file:
        return {name: file.read(name) for name in names}


@contextmanager
def _telling_damage() -> Iterator[None]:
    """Whatever a parser says of a damaged file, as one error; a disk that cannot be read is none."""
    try:
        yield
    except OSError as error:
        if error.errno not in (None, errno.EINVAL):  # of a place before the file's beginning
            raise
        raise DamagedArrays(first_line(error)) from error
    except (DamagedArrays, MemoryError):
        raise
    except Exception as error:  # of zipfile, its decompressors, the parser of headers
        raise DamagedArrays(first_line(error)) from error


def _read(stream: IO[bytes], n_bytes: int) -> np.ndarray:
    version = npy.read_magic(stream)
    if version not in _HEADERS:
        raise DamagedArrays(f"an array is of format {version}")
    shape, by_columns, dtype = _HEADERS[version](stream)
    size = int(np.prod(shape, dtype=object)) * dtype.itemsize
    if dtype.hasobject or min(shape, default=0) < 0 or stream.tell() + size != n_bytes:
        raise DamagedArrays(f"an array of shape {shape} {dtype} does not have {n_bytes} bytes")
    array = np.empty(shape[::-1] if by_columns else shape, dtype=dtype)
    if size:
        place = memoryview(array.reshape(-1).view(np.uint8))
        for begin in range(0, size, READ_AT_ONCE):
            part = place[begin : begin + READ_AT_ONCE]
            if stream.readinto(part) != len(part):
                raise DamagedArrays(f"an array of {size} bytes ends after {stream.tell()}")
    stream.read(1)  # at the end of the array its checksum is compared
    return array.T if by_columns else array
