"""A bounded cache folder that several processes share: the files used longest ago are deleted first (LRU)."""

import contextlib
import errno
import shutil
import time
from pathlib import Path

from reid_lib.core.temporaries import TEMPORARY

PART, LOCKS = ".part", ".locks"
SUMS_PART = ".crc" + PART  # checksums of the squares of a part
RESERVE = 2**28  # bytes of the disk that are left to others
FRESH_S = 3600  # a part that has grown within this time is being built


def make_room(target: Path, need: int, *, share: float) -> None:
    """Remove files beside `target`, those used longest ago first, while all together, or the disk, would be too full.

    A process that has mapped a removed file can read it until it ends.

    Args:
        target: the file to be written.
        need: its size in bytes.
        share: of the disk, that all files of the folder may take together.

    Raises:
        OSError: there is no room even so.
    """
    disk = shutil.disk_usage(target.parent)
    own, others = (target, target.with_suffix(PART), target.with_suffix(SUMS_PART)), []
    for path in target.parent.iterdir():
        with contextlib.suppress(FileNotFoundError):
            stat = path.stat()
            begun = path.suffix == PART or TEMPORARY in path.name
            building = begun and time.time() - stat.st_mtime < FRESH_S
            if path.is_file() and path not in own and not building:
                others.append((stat.st_mtime, stat.st_size, path))
    used, free = sum(size for _, size, _ in others), disk.free
    for _, size, path in sorted(others):
        if used + need <= share * disk.total and free >= need + RESERVE:
            return
        path.unlink(missing_ok=True)
        used, free = used - size, free + size
    if free < need:
        raise OSError(errno.ENOSPC, "not enough room")
