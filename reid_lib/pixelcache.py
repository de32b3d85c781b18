"""The store of decoded pixels: one file an array, built by one process, resumed where it broke off, of bounded size."""

import contextlib
import errno
import fcntl
import io
import os
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from reid_lib.errors import CatalogueError
from reid_lib.files import NO_ROOM, TEMPORARY
from reid_lib.paths import writing
from reid_lib.photo import UnreadablePhoto

PART, LOCKS = ".part", ".locks"
# Of the disk: what was used longest ago goes first when the arrays together need more.
LIMIT_SHARE = 0.5
RESERVE = 2**28  # bytes of the disk that are left to others
FRESH_S = 3600  # a part that has grown within this time is being built
SHOWN = 20


def kept(target: Path, shape: tuple[int, int, int, int], make: Callable[[int, int], Iterator]) -> np.ndarray:
    """The array at `target`, mapped; built first where it is not there. Several processes may ask at once.

    Args:
        target: an .npy file; its name says what the pixels depend on.
        shape: (n, s, s, 3).
        make: (begin, end) -> these squares in order, uint8 (s, s, 3) each, or an `UnreadablePhoto` in its place.

    Raises:
        CatalogueError: images cannot be decoded (all of them are listed), or the disk is full.
    """
    with writing(target.parent, "REID_CACHE", CatalogueError):
        target.parent.mkdir(parents=True, exist_ok=True)
    if (found := _mapped(target, shape)) is not None:
        return found
    try:
        with _only_one(target):
            if (found := _mapped(target, shape)) is None:
                make_room(target, _header(shape)[1], share=LIMIT_SHARE)
                _build(target, shape, make)
                found = np.load(target, mmap_mode="r")
    except OSError as error:
        if error.errno not in NO_ROOM:
            raise
        raise _full(target, shape) from error
    return found


def _mapped(target: Path, shape: tuple) -> np.ndarray | None:
    """The array, if it is there and whole; looking at it makes it the one used last."""
    try:
        found = np.load(target, mmap_mode="r")
    except (FileNotFoundError, ValueError, EOFError):  # not there, or damaged
        return None
    if found.shape != shape or found.dtype != np.uint8:
        return None
    with contextlib.suppress(OSError):  # a cache that belongs to somebody else
        os.utime(target)
    return found


@contextlib.contextmanager
def _only_one(target: Path) -> Iterator[None]:
    """One process builds, the others wait for it; the system lets go when it dies."""
    path = target.parent / LOCKS / target.stem
    path.parent.mkdir(exist_ok=True)
    with open(path, "w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print(f"note: another process decodes these images, and is waited for ({target.name})", flush=True)
            fcntl.flock(lock, fcntl.LOCK_EX)
        except OSError:
            pass  # a disk without locks: two builders would do the work twice, one after the other renames it
        yield


def _build(target: Path, shape: tuple, make: Callable[[int, int], Iterator]) -> None:
    """Append the squares to a file of a temporary name, and rename it when it is whole."""
    part = target.with_suffix(PART)
    failures = []
    try:
        with open(part, "r+b" if part.exists() else "w+b") as stream:
            done = _resumed(stream, shape, make)
            for square in make(done, shape[0]):
                if isinstance(square, UnreadablePhoto):
                    failures.append(square)
                elif not failures:  # else nothing is kept; the rest is only looked at, to tell all failures at once
                    stream.write(square)
            stream.flush()
            os.fsync(stream.fileno())
    except OSError as error:
        if error.errno in NO_ROOM:  # give back the room; whatever else broke it off, the next call goes on
            part.unlink(missing_ok=True)
        raise
    if failures:
        part.unlink()
        raise CatalogueError(_failure_message(failures, shape[0]))
    os.replace(part, target)


def _resumed(stream, shape: tuple, make: Callable[[int, int], Iterator]) -> int:
    """How many squares an earlier process has left; the stream stands behind them.

    The last of them is decoded again: where it is not the same, the rest is not trusted either.
    """
    header, whole = _header(shape)
    each = (whole - len(header)) // max(shape[0], 1)
    size = os.fstat(stream.fileno()).st_size
    done = min((size - len(header)) // each, shape[0]) if each and size > len(header) else 0
    stream.seek(0)
    if done > 0 and stream.read(len(header)) == header:
        stream.seek(len(header) + (done - 1) * each)
        again = next(make(done - 1, done), None)
        if isinstance(again, np.ndarray) and stream.read(each) == again.tobytes():
            stream.truncate(len(header) + done * each)
            print(f"note: {done} of {shape[0]} images were decoded before; going on", flush=True)
            return done
    stream.seek(0)
    stream.truncate()
    stream.write(header)
    return 0


def _header(shape: tuple) -> tuple[bytes, int]:
    """What an .npy file of this shape begins with, and its length in bytes."""
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"descr": "|u1", "fortran_order": False, "shape": shape})
    return header.getvalue(), len(header.getvalue()) + int(np.prod(shape, dtype=np.int64))


def make_room(target: Path, need: int, *, share: float) -> None:
    """Remove files beside `target`, those used longest ago first, while all together, or the disk, would be too full.

    A process that has mapped one keeps it until it ends.

    Args:
        target: the file to be written.
        need: its size in bytes.
        share: of the disk, that all files of the folder may take together.

    Raises:
        OSError: there is no room even so.
    """
    disk = shutil.disk_usage(target.parent)
    others = []
    for path in target.parent.iterdir():
        with contextlib.suppress(FileNotFoundError):
            stat = path.stat()
            begun = path.suffix == PART or TEMPORARY in path.name
            building = begun and time.time() - stat.st_mtime < FRESH_S
            if path.is_file() and path not in (target, target.with_suffix(PART)) and not building:
                others.append((stat.st_mtime, stat.st_size, path))
    used, free = sum(size for _, size, _ in others), disk.free
    for _, size, path in sorted(others):
        if used + need <= share * disk.total and free >= need + RESERVE:
            return
        path.unlink(missing_ok=True)
        used, free = used - size, free + size
    if free < need:
        raise OSError(errno.ENOSPC, "not enough room")


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
    return "\n".join([*lines, "replace or remove them, or pass skip_unreadable=True to leave them out"])
