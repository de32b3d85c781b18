"""File locks between the processes of one machine (filelock): one works, the others wait, a dead one lets go.

A run folder on a disk that several machines share needs more: the lease of `runs.owner`.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from reid_lib.core.logs import LOGGER


@contextmanager
def hold_lock(path: Path, *, waiting: str = "", without: str = "") -> Iterator[bool]:
    """Hold the lock of a file while the block runs; wait until whoever holds it is done or dead.

    The lock is the system's (flock), not the file, which stays behind: a process that is killed releases it.
    On a disk that knows no such locks the block runs all the same.

    Args:
        path: the file, made where it is not there; its folder exists.
        waiting: note to log while another process holds the lock; "" for none.
        without: note to log where the disk knows no locks; "" for none.

    Yields:
        Whether the lock is held; False on a disk without locks.

    Raises:
        OSError: the file cannot be made or opened (for example, the folder may not be written).
    """
    from filelock import FileLock, Timeout

    # Not a marker file in place of a lock: one that was left by a killed process would have to be judged by its age.
    lock = FileLock(path, fallback_to_soft=False)
    _touch(path)  # here, because an OSError of `acquire` is taken for a disk without locks
    try:
        lock.acquire(timeout=0)
    except Timeout:
        if waiting:
            LOGGER.warning(waiting)
        lock.acquire()
    except OSError:
        if without:
            LOGGER.warning(without)
    try:
        yield lock.is_locked
    finally:
        lock.release()


def _touch(path: Path) -> None:
    """As `Path.touch`, without following a link."""
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o666)
    try:
        os.utime(handle)
    finally:
        os.close(handle)
