"""The cache of decoded pixels: one memory-mapped file per array, built by one process; an interrupted build is resumed.

A square is one image of the array. Behind the array each file has a CRC-32 of every square. Each process compares them
once before it uses any pixel (about 0.7 s for 1 GB on one core, besides reading it); damaged squares are decoded again.
"""

import contextlib
import io
import os
import shutil
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

import numpy as np

from reid_lib.core.cache import LOCKS, PART, SUMS_PART, make_room
from reid_lib.core.errors import CatalogueError
from reid_lib.core.files import NO_ROOM
from reid_lib.core.locks import hold_lock
from reid_lib.core.logs import LOGGER
from reid_lib.core.messages import format_bytes
from reid_lib.core.parallel import map_in_threads
from reid_lib.core.paths import writing
from reid_lib.data.photo import UnreadablePhoto

SUM = np.dtype("<u4")
CHECKED_AT_ONCE = 2**23  # bytes
LIMIT_SHARE = 0.5  # of the disk, for all arrays together; see `cache.make_room`
SHOWN = 20  # images that a message names


def open_or_build(
    target: Path, shape: tuple[int, int, int, int], make: Callable[[int, int], Iterator], *, check: bool = True
) -> np.ndarray:
    """The array at `target`, mapped; built first where it is missing, repaired where it is damaged.

    Several processes may ask at once.

    Args:
        target: an .npy file whose name says what the pixels depend on.
        shape: (n, s, s, 3).
        make: (begin, end) -> these squares in order, each uint8 (s, s, 3), or an `UnreadablePhoto` in place of one.
        check: compare checksums; False where another process of this machine has just done so.

    Returns:
        uint8 (n, s, s, 3), a read-only memory map.

    Raises:
        CatalogueError: images cannot be decoded (all of them are listed), or the disk is full.
    """
    with writing(target.parent, "REID_CACHE", CatalogueError):
        target.parent.mkdir(parents=True, exist_ok=True)
    _check_no_folder(target)
    found = _mapped(target, shape)
    try:
        if found is None:
            with _only_one(target):
                if (found := _mapped(target, shape)) is None:
                    make_room(target, _header(shape)[1], share=LIMIT_SHARE)
                    _build(target, shape, make)
                    found = np.load(target, mmap_mode="r")
                    _note_checked(target)
        if check and not _is_checked(target):
            _mend(target, shape, make)
            _note_checked(target)
    except OSError as error:
        if error.errno not in NO_ROOM:
            raise
        raise _full(target, shape) from error
    return found


def _check_no_folder(target: Path) -> None:
    for path in (target, target.with_suffix(PART), target.with_suffix(SUMS_PART)):
        if path.is_dir():
            raise CatalogueError(
                f"{path} is a folder, and the cache of pixels writes a file of that name: move it away, and run the "
                "same command again"
            )


# File -> its time of change (ns) when its squares were last compared in this process.
_checked: dict[tuple[int, int], int] = {}


def _is_checked(target: Path) -> bool:
    stat = target.stat()
    return _checked.get((stat.st_dev, stat.st_ino)) == stat.st_mtime_ns


def _note_checked(target: Path) -> None:
    stat = target.stat()
    _checked[stat.st_dev, stat.st_ino] = stat.st_mtime_ns


def _mapped(target: Path, shape: tuple) -> np.ndarray | None:
    """The array, if it is there and whole; its time of change is set to now, as the cache removes the oldest first."""
    header, whole = _header(shape)
    try:
        with open(target, "rb") as stream:
            begins, size = stream.read(len(header)), os.fstat(stream.fileno()).st_size
    except FileNotFoundError:
        return None
    except OSError as error:
        return _told_damaged(target, error.strerror or repr(error))
    if begins != header:  # compared byte by byte: a parser raises errors of all kinds for a damaged header
        return _told_damaged(target, "it holds other pixels, or does not say which")
    if size != whole + SUM.itemsize * shape[0]:
        return _told_damaged(target, "it has no checksums, or not all")
    found = np.load(target, mmap_mode="r")
    with contextlib.suppress(OSError):  # a cache that belongs to somebody else
        was_checked = _is_checked(target)
        os.utime(target)
        if was_checked:
            _note_checked(target)
    return found


def _told_damaged(target: Path, why: str) -> None:
    LOGGER.warning(f"the pixel cache {target} is not whole ({why}): the images are decoded again")


def _mend(target: Path, shape: tuple, make: Callable[[int, int], Iterator]) -> None:
    """Compare every square with its checksum, and decode those again that differ.

    Raises:
        CatalogueError: an image cannot be decoded any more, or the cache may not be written.
    """
    damaged = _damaged(target, shape)
    if not damaged:
        return
    header, whole = _header(shape)
    each = (whole - len(header)) // shape[0]
    with writing(target.parent, "REID_CACHE", CatalogueError), _only_one(target), open(target, "r+b") as stream:
        for k in damaged:
            square = next(make(k, k + 1))
            if isinstance(square, UnreadablePhoto):
                raise CatalogueError(_failure_message([square], shape[0]))
            stream.seek(len(header) + k * each)
            stream.write(square)
            stream.seek(whole + k * SUM.itemsize)
            stream.write(_sum(square))
        stream.flush()
        os.fsync(stream.fileno())
    LOGGER.warning(
        f"{len(damaged)} of {shape[0]} images in the pixel cache {target} were damaged, and are decoded again"
    )


def _damaged(target: Path, shape: tuple) -> list[int]:
    """Positions of the squares that differ from their checksums."""
    header, whole = _header(shape)
    each = (whole - len(header)) // max(shape[0], 1)
    at_once = max(CHECKED_AT_ONCE // max(each, 1), 1)
    with open(target, "rb") as stream:  # read, not mapped: where a disk fails, that raises, and mapping kills (SIGBUS)
        stream.seek(whole)
        sums = np.frombuffer(stream.read(), dtype=SUM)

        def differing(begin: int) -> list[int]:
            end = min(begin + at_once, shape[0])
            block = memoryview(os.pread(stream.fileno(), (end - begin) * each, len(header) + begin * each))
            found = (zlib.crc32(block[k * each : (k + 1) * each]) for k in range(end - begin))
            return [begin + k for k, crc in enumerate(found) if crc != sums[begin + k]]

        begins = range(0, shape[0], at_once)
        parts = map_in_threads(differing, begins, title="checking the pixel cache", unit="part", progress=True)
        return [k for part in parts for k in part]


def _sum(square) -> bytes:
    return np.array(zlib.crc32(np.ascontiguousarray(square)), dtype=SUM).tobytes()


@contextlib.contextmanager
def _only_one(target: Path) -> Iterator[None]:
    """Hold the lock of an array: one process builds, the others wait; the system releases it when the process dies."""
    path = target.parent / LOCKS / target.stem
    path.parent.mkdir(exist_ok=True)
    waiting = f"another process decodes these images, and is waited for ({target.name})"
    # Without locks two processes would build the same array, and the later one would replace it.
    without = f"the disk of {target.parent} knows no file locks: start one process there at a time"
    with hold_lock(path, waiting=waiting, without=without):
        yield


def _build(target: Path, shape: tuple, make: Callable[[int, int], Iterator]) -> None:
    """Append squares to one temporary file and their checksums to another; at the end they become one."""
    part, sums = target.with_suffix(PART), target.with_suffix(SUMS_PART)
    failures = []
    try:
        with _open_to_append(part) as stream, _open_to_append(sums) as summed:
            done = _resume(stream, summed, shape)
            for square in make(done, shape[0]):
                if isinstance(square, UnreadablePhoto):
                    failures.append(square)
                elif not failures:  # after a failure nothing is kept; going on only finds all failures at once
                    stream.write(square)
                    summed.write(_sum(square))
            summed.flush()
            summed.seek(0)
            stream.write(summed.read())
            stream.flush()
            os.fsync(stream.fileno())
    except OSError as error:
        if error.errno in NO_ROOM:  # give the room back; after any other error the next call resumes
            part.unlink(missing_ok=True)
            sums.unlink(missing_ok=True)
        raise
    if failures:
        part.unlink()
        sums.unlink()
        raise CatalogueError(_failure_message(failures, shape[0]))
    os.replace(part, target)
    sums.unlink()


def _open_to_append(path: Path) -> BinaryIO:
    return open(path, "r+b" if path.exists() else "w+b")


def _resume(stream: BinaryIO, summed: BinaryIO, shape: tuple) -> int:
    """How many squares an earlier process has left, up to the first damaged one; both files are cut behind these."""
    header, whole = _header(shape)
    each = (whole - len(header)) // max(shape[0], 1)
    stream.seek(0)
    summed.seek(0)
    done, told = 0, summed.read()[: SUM.itemsize * shape[0]]
    sums = np.frombuffer(told, dtype=SUM, count=len(told) // SUM.itemsize)
    if stream.read(len(header)) == header:
        while done < len(sums) and zlib.crc32(square := stream.read(each)) == sums[done] and len(square) == each:
            done += 1
    if done:
        LOGGER.warning(f"{done} of {shape[0]} images were decoded before; going on")
    stream.seek(0)
    stream.write(header)
    stream.truncate(len(header) + done * each)
    stream.seek(0, os.SEEK_END)
    summed.truncate(done * SUM.itemsize)
    summed.seek(0, os.SEEK_END)
    return done


def _header(shape: tuple) -> tuple[bytes, int]:
    """The header of an .npy file of this shape, and the length in bytes of header and array."""
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"descr": "|u1", "fortran_order": False, "shape": shape})
    return header.getvalue(), len(header.getvalue()) + int(np.prod(shape, dtype=np.int64))


def _full(target: Path, shape: tuple) -> CatalogueError:
    need, free = (format_bytes(n) for n in (np.prod(shape, dtype=np.int64), shutil.disk_usage(target.parent).free))
    return CatalogueError(
        f"the disk of {target.parent} is full: the pixels of {shape[0]} images need {need}, and {free} are free; "
        "make room or set REID_CACHE to a folder on another disk"
    )


def _failure_message(failures: list[UnreadablePhoto], n_images: int) -> str:
    lines = [f"{len(failures)} of {n_images} images cannot be decoded:"]
    lines += [f"  {failure.path}: {failure.reason}" for failure in failures[:SHOWN]]
    if len(failures) > SHOWN:
        lines.append(f"  ... and {len(failures) - SHOWN} more")
    return "\n".join([*lines, "replace or remove them, or leave them out by -p skip_unreadable True"])
