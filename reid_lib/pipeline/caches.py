"""The caches: which there are, how much they hold, what bounds them; cleared by kind. All of it can be made again."""

import os
import shutil
import time
from pathlib import Path
from typing import NamedTuple

from reid_lib.core import pieces
from reid_lib.core.cache import FRESH_S, LOCKS, PART
from reid_lib.core.errors import ParameterError
from reid_lib.core.files import list_sizes
from reid_lib.core.paths import cache_root
from reid_lib.core.suggest import did_you_mean, find_near
from reid_lib.core.temporaries import TEMPORARY
from reid_lib.data import pixel_store
from reid_lib.embed import store
from reid_lib.match import keypoint_store, lnbnn, mask_store, pair_store

# Kind, which is its folder -> what it holds, and the share of the disk that it may take; None: it is not bounded.
KINDS = {
    "pixels": ("decoded photographs", pixel_store.LIMIT_SHARE),
    "embeddings": ("embeddings of photographs by frozen networks", store.LIMIT_SHARE),
    keypoint_store.FOLDER: ("keypoints of photographs", pieces.LIMIT_SHARE),
    mask_store.FOLDER: ("masks of the animal", pieces.LIMIT_SHARE),
    lnbnn.FOLDER: ("votes of keypoints (LNBNN)", pieces.LIMIT_SHARE),
    pair_store.FOLDER: ("scores of matched pairs", pieces.LIMIT_SHARE),
    "resampled": ("replicates of the bootstrap of finished runs", None),
    "demo": ("the drawn animals", None),
}


class Disk(NamedTuple):
    """Bytes of a disk."""

    total: int
    used: int
    free: int


class Cache(NamedTuple):
    """One kind of cache.

    Attributes:
        bytes, files: that it holds.
        bound: bytes that it may grow to; None: no bound.
    """

    kind: str
    what: str
    folder: Path
    bytes: int
    files: int
    bound: int | None


def list_caches() -> list[Cache]:
    """All kinds, also those that hold nothing yet."""
    root = cache_root()
    disk = measure_disk(root).total
    found = []
    for kind, (what, share) in KINDS.items():
        sizes = [size for _, size in list_sizes(root / kind, skip=(LOCKS,))]
        bound = None if share is None else int(share * disk)
        found.append(Cache(kind, what, root / kind, sum(sizes), len(sizes), bound))
    return found


def clear_cache(kind: str) -> int:
    """Delete what a kind of cache holds; returns the bytes. What is just being written stays, and so do locks.

    Raises:
        ParameterError: there is no such kind.
        OSError: a file cannot be deleted.
    """
    check_kind(kind)
    freed = 0
    for path, size in list_sizes(cache_root() / kind, skip=(LOCKS,)):
        if not _is_being_written(path):
            path.unlink(missing_ok=True)
            freed += size
    for folder, _, _ in os.walk(cache_root() / kind, topdown=False):
        if LOCKS not in Path(folder).parts and not os.listdir(folder):
            os.rmdir(folder)
    return freed


def check_kind(kind: str) -> None:
    """Refuse a kind of cache that is not there.

    Raises:
        ParameterError: there is no such kind; the message names the nearest one.
    """
    if kind not in KINDS:
        near = did_you_mean(find_near(kind, KINDS), f"; expected one of {', '.join(KINDS)}")
        raise ParameterError(f"there is no cache {kind!r}{near}")


def measure_disk(folder: Path) -> Disk:
    """Total, used and free bytes of the disk that a folder lies on, or will."""
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    return Disk(*shutil.disk_usage(folder))


def _is_being_written(path: Path) -> bool:
    """Is a process at work on this file? By its name and its age, as `cache.make_room` judges it."""
    begun = path.suffix == PART or TEMPORARY in path.name or any(part.startswith(".drawing-") for part in path.parts)
    try:
        return begun and time.time() - path.stat().st_mtime < FRESH_S
    except OSError:
        return True
