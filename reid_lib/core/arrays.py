"""Files of arrays (.npz, no pickle), read to the last byte, so that any damage is found and raises `DamagedArrays`.

The archive has a CRC-32 of each array, which is compared only when an array is read to its end. numpy's own reader
stops earlier where a flipped bit in an array's header makes the array shorter, and raises errors of many kinds where
the header cannot be parsed.
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
from reid_lib.core.files import READ_AT_ONCE

_HEADERS = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}


class DamagedArrays(ValueError):
    """A file of arrays is damaged, or is another one than expected."""


class ArrayFile:
    """An open .npz file; see `open_arrays`.

    Attributes:
        names: what its arrays are called.
    """

    def __init__(self, archive: zipfile.ZipFile):
        self._archive = archive
        self.names = [name.removesuffix(".npy") for name in archive.namelist()]

    def read(self, name: str) -> np.ndarray:
        """The array of this name, with the dtype and shape it was saved with; its checksum has been compared.

        Raises:
            DamagedArrays: it is damaged, or not there.
        """
        if name not in self.names:
            raise DamagedArrays(f"it has no array {name!r}")
        with _raising_damaged(), self._archive.open(f"{name}.npy") as stream:
            return _read(stream, self._archive.getinfo(f"{name}.npy").file_size)


@contextmanager
def open_arrays(path: Path) -> Iterator[ArrayFile]:
    """An .npz file, as `numpy.savez` writes it, to read some of its arrays.

    Raises:
        OSError: it is not there, or cannot be read.
        DamagedArrays: it is no such file, or is damaged.
    """
    with open(path, "rb") as file:
        with _raising_damaged():
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
def _raising_damaged() -> Iterator[None]:
    """Within the block, an error of parsing becomes `DamagedArrays`; an error of the disk stays an OSError."""
    try:
        yield
    except OSError as error:
        # EINVAL: a damaged directory of the archive points before the file's beginning.
        if error.errno not in (None, errno.EINVAL):
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
