"""The cache of decoded pixels: one memory-mapped file per array, built by one process; an interrupted build is resumed.

Behind the array each file has a CRC-32 of every square. They are compared once in each process before any pixel is used
(about 0.7 s for 1 GB on one core, besides reading it), and squares that are damaged are decoded again.
"""

import contextlib
import io
import os
import shutil
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from reid_lib.core.cache import LOCKS, PART, SUMS_PART, make_room
from reid_lib.core.errors import CatalogueError
from reid_lib.core.files import NO_ROOM
from reid_lib.core.locks import hold_lock
from reid_lib.core.logs import LOGGER
from reid_lib.core.parallel import map_in_threads
from reid_lib.core.paths import writing
from reid_lib.data.photo import UnreadablePhoto

SUM = np.dtype("<u4")
CHECKED_AT_ONCE = 2**23  # bytes
# Of the disk: what was used longest ago goes first when the arrays together need more.
LIMIT_SHARE = 0.5
SHOWN = 20


def open_or_build(
    target: Path, shape: tuple[int, int, int, int], make: Callable[[int, int], Iterator], *, check: bool = True
) -> np.ndarray:
    """The array at `target`, mapped; built first where it is not there, mended where it is damaged.

    Several processes may ask at once.

    Args:
        target: an .npy file; its name says what the pixels depend on.
        shape: (n, s, s, 3).
        make: (begin, end) -> these squares in order, uint8 (s, s, 3) each, or an `UnreadablePhoto` in its place.
        check: compare checksums; False where another process of this machine has just done so.

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
    """The array, if it is there and whole; looking at it makes it the one used last."""
    header, whole = _header(shape)
    try:
        with open(target, "rb") as stream:
            begins, size = stream.read(len(header)), os.fstat(stream.fileno()).st_size
    except FileNotFoundError:
        return None
    except OSError as error:
        return _told_damaged(target, error.strerror or repr(error))
    if begins != header:  # byte by byte: what a parser says of a damaged header has no end
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
        CatalogueError: an image that cannot be decoded any more, or a cache that may not be written.
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
    """Positions of the squares that are not as they were written."""
    header, whole = _header(shape)
    each = (whole - len(header)) // max(shape[0], 1)
    at_once = max(CHECKED_AT_ONCE // max(each, 1), 1)
    with open(target, "rb") as stream:  # read, not mapped: a disk that fails is an error then, not the end
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
    """One process builds, the others wait for it; the system lets go when it dies."""
    path = target.parent / LOCKS / target.stem
    path.parent.mkdir(exist_ok=True)
    waiting = f"another process decodes these images, and is waited for ({target.name})"
    # Two builders would do the work twice, and one after the other rename it.
    without = f"the disk of {target.parent} knows no file locks: start one process there at a time"
    with hold_lock(path, waiting=waiting, without=without):
        yield


def _build(target: Path, shape: tuple, make: Callable[[int, int], Iterator]) -> None:
    """Append the squares to a file of a temporary name and their checksums to another, which become one in the end."""
    part, sums = target.with_suffix(PART), target.with_suffix(SUMS_PART)
    failures = []
    try:
        with _appended(part) as stream, _appended(sums) as summed:
            done = _resumed(stream, summed, shape)
            for square in make(done, shape[0]):
                if isinstance(square, UnreadablePhoto):
                    failures.append(square)
                elif not failures:  # else nothing is kept; the rest is only looked at, to tell all failures at once
                    stream.write(square)
                    summed.write(_sum(square))
            summed.flush()
            summed.seek(0)
            stream.write(summed.read())
            stream.flush()
            os.fsync(stream.fileno())
    except OSError as error:
        if error.errno in NO_ROOM:  # give back the room; whatever else broke it off, the next call goes on
            part.unlink(missing_ok=True)
            sums.unlink(missing_ok=True)
        raise
    if failures:
        part.unlink()
        sums.unlink()
        raise CatalogueError(_failure_message(failures, shape[0]))
    os.replace(part, target)
    sums.unlink()


def _appended(path: Path):
    return open(path, "r+b" if path.exists() else "w+b")


def _resumed(stream, summed, shape: tuple) -> int:
    """How many squares an earlier process has left, up to the first that is damaged; both files stand behind them."""
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
    """What an .npy file of this shape begins with, and its length in bytes."""
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"descr": "|u1", "fortran_order": False, "shape": shape})
    return header.getvalue(), len(header.getvalue()) + int(np.prod(shape, dtype=np.int64))


def _full(target: Path, shape: tuple) -> CatalogueError:
    need, free = (_told(n) for n in (np.prod(shape, dtype=np.int64), shutil.disk_usage(target.parent).free))
    return CatalogueError(
        f"the disk of {target.parent} is full: the pixels of {shape[0]} images need {need}, and {free} are free; "
        "make room or set REID_CACHE to a folder on another disk"
    )


def _told(n_bytes: int) -> str:
    unit, name = next((each for each in ((1e9, "GB"), (1e6, "MB")) if n_bytes >= each[0]), (1e3, "kB"))
    return f"{n_bytes / unit:.1f} {name}"


def _failure_message(failures: list[UnreadablePhoto], n_images: int) -> str:
    lines = [f"{len(failures)} of {n_images} images cannot be decoded:"]
    lines += [f"  {failure.path}: {failure.reason}" for failure in failures[:SHOWN]]
    if len(failures) > SHOWN:
        lines.append(f"  ... and {len(failures) - SHOWN} more")
    return "\n".join([*lines, "replace or remove them, or leave them out by -p skip_unreadable True"])
