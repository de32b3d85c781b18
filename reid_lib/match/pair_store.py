"""The cache of pair scores, by matcher and the keypoints of both photographs: no pair is matched twice.

A photograph goes by its name by content (`KeypointSet.images`), in which extractor, mask and pixels are, a matcher by
its key: what differs in any of these has another name, so nothing in here can be out of date. Pieces are files written
whole, so that a killed process loses at most one of them.
"""

import contextlib
import os
import time
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from reid_lib.core.arrays import read_arrays
from reid_lib.core.errors import RunError
from reid_lib.core.logs import LOGGER
from reid_lib.core.paths import cache_root
from reid_lib.core.pieces import hash_parts, save_piece

FORMAT = 1  # raised whenever the same name would mean other scores
FOLDER = "pairs"
PIECE_S = 20.0  # of matching in a file of the cache: what a kill costs at most
ARRAYS = {"images": ("S32", 1), "first": ("int32", 1), "second": ("int32", 1), "scores": ("float32", 2)}


class PairStore:
    """The scores of one matcher, in the cache.

    A pair is known by its code: with the images of a call sorted by name, `low * n_images + high` of its two positions.

    Args:
        key: of the matcher.
        width: number of scores of a pair.
    """

    def __init__(self, key: str, width: int):
        self.folder, self.prefix, self.width = cache_root() / FOLDER, hash_parts(FORMAT, key, width), width
        self._told = False

    def read(self, images: np.ndarray, codes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """What is there of these pairs.

        Args:
            images: (n,) S32, ascending, none twice.
            codes: (p,) int64, ascending, none twice.

        Returns:
            scores: (p, width) float32, NaN where the pair is not there.
            there: (p,) bool.
        """
        scores = np.full((len(codes), self.width), np.nan, dtype=np.float32)
        there = np.zeros(len(codes), dtype=bool)
        for path in sorted(self.folder.glob(f"{self.prefix}-*.npz")):
            if there.all():
                break
            kept = self._read(path)
            if kept is None or not len(kept["images"]) or not len(images):
                continue
            place = np.minimum(np.searchsorted(images, kept["images"]), len(images) - 1)
            known = images[place] == kept["images"]
            both = known[kept["first"]] & known[kept["second"]]
            found = code_of(place[kept["first"][both]], place[kept["second"][both]], len(images))
            at = np.minimum(np.searchsorted(codes, found), max(len(codes) - 1, 0))
            wanted = codes[at] == found
            scores[at[wanted]] = kept["scores"][both][wanted]
            there[at[wanted]] = True
            if wanted.any():
                with contextlib.suppress(OSError):  # used last: removed last
                    os.utime(path)
        return scores, there

    def write(self, images: np.ndarray, codes: np.ndarray, scores: np.ndarray) -> None:
        """Keep scores (p, width) of pairs, as one file. A full disk is no error: they are computed again then."""
        if not len(codes):
            return
        used, places = np.unique(np.stack([codes // len(images), codes % len(images)]), return_inverse=True)
        first, second = places.reshape(2, -1).astype(np.int32)
        held = {"images": images[used], "first": first, "second": second, "scores": scores.astype(np.float32)}
        digest = hash_parts(held["images"].tobytes().hex(), first.tobytes().hex(), second.tobytes().hex())
        path = self.folder / f"{self.prefix}-{digest}.npz"
        try:
            save_piece(path, held)
        except (OSError, RunError) as error:
            if not self._told:  # once; there is one try for each piece
                LOGGER.warning(f"pair scores are not kept for another time ({error}); matching goes on")
            self._told = True

    def keep(self, images: np.ndarray, codes: np.ndarray, batches: Iterable[np.ndarray]) -> np.ndarray:
        """Collect scores as they are computed; they are written every 20 seconds and at the end, also at an early one.

        Args:
            images: (n,) S32, ascending.
            codes: (p,) int64 of the pairs, in the order in which they are computed.
            batches: (b, width) scores of the next b pairs.

        Returns:
            (p, width) float32.
        """
        scores = np.empty((len(codes), self.width), dtype=np.float32)
        begun, kept, done = time.monotonic(), 0, 0
        try:
            for batch in batches:
                scores[done : done + len(batch)] = batch
                done += len(batch)
                if time.monotonic() - begun > PIECE_S:
                    self.write(images, codes[kept:done], scores[kept:done])
                    begun, kept = time.monotonic(), done
        finally:
            self.write(images, codes[kept:done], scores[kept:done])
        return scores

    def _read(self, path: Path) -> dict[str, np.ndarray] | None:
        try:
            held = read_arrays(path, ARRAYS)
            self._check(held)
        except FileNotFoundError:  # another process has made room
            return None
        except (OSError, ValueError) as error:
            LOGGER.warning(f"{path} is damaged ({error}): its pairs are matched again")
            if not isinstance(error, OSError):  # which another time may read
                path.unlink(missing_ok=True)
            return None
        return held

    def _check(self, held: dict[str, np.ndarray]) -> None:
        for name, (kind, dimensions) in ARRAYS.items():
            if held[name].dtype != np.dtype(kind) or held[name].ndim != dimensions:
                raise ValueError(f"{name} is {held[name].dtype} of shape {held[name].shape}")
        pairs, n_images = len(held["scores"]), len(held["images"])
        places = np.concatenate([held["first"], held["second"]])
        if len(places) != 2 * pairs or held["scores"].shape[1] != self.width:
            raise ValueError(f"{len(places)} places for scores of shape {held['scores'].shape}")
        if pairs and not (0 <= places.min() and places.max() < n_images):
            raise ValueError(f"places go to {places.max()} among {n_images} images")


def code_of(one: np.ndarray, other: np.ndarray, n_images: int) -> np.ndarray:
    """(p,) int64: the same for a pair in either order."""
    one, other = np.asarray(one, dtype=np.int64), np.asarray(other, dtype=np.int64)
    return np.minimum(one, other) * n_images + np.maximum(one, other)
