"""The cache of embeddings, by network, transform and image: no image is embedded twice by the same network.

The key of an image is a hash of the pixels that the network takes, not of its name or file; that of a network a hash of
all its weights. Whatever changes an embedding changes a key, so nothing in the cache can be out of date.
"""

import contextlib
import hashlib
import json
import os
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from reid_lib.core import files
from reid_lib.core.arrays import read_arrays
from reid_lib.core.cache import make_room
from reid_lib.core.errors import RunError
from reid_lib.core.logs import LOGGER
from reid_lib.core.parallel import map_in_threads
from reid_lib.core.paths import cache_root
from reid_lib.embed.embedding_set import EmbeddingSet
from reid_lib.embed.extract import Way, extract_views
from reid_lib.embed.views import MIRRORED, ONE, VIEWS, WHOLE, average_views, describe_view

if TYPE_CHECKING:
    from reid_lib.nets.network import ReidModel

FORMAT = 2  # raised whenever the same key would mean other embeddings
LIMIT_SHARE = 0.1  # of the disk; see `cache.make_room`
HASHED_AT_ONCE = 64  # images


def embed_images(
    model: "ReidModel",
    pixels: np.ndarray,
    rows: pd.DataFrame,
    *,
    where: np.ndarray | None = None,
    views: str = ONE,
    mirrored: np.ndarray | None = None,
    way: Way | None = None,
    apart: str = "",
    progress: bool = False,
    **how,
) -> EmbeddingSet:
    """Embed images as `extract.extract` does, those that this network has embedded before from the cache.

    Args:
        model, pixels, rows, where: see `extract.extract`.
        views: "one", "flip" or "crops": an embedding is the normalised mean over these views of an image (`views`).
        mirrored: (N,) bool, the images of which "flip" also takes the mirror image; all when left out.
        way: see `extract.extract`.
        apart: name of a separate file of the cache. A file is always written whole, so adding a few images to one with
            many is slow.
        progress: show bars, and say how many embeddings came from the cache.
        how: `batch_size`, `device`, `precision`, `torch_compile` of `extract.extract`.

    Returns:
        EmbeddingSet of the images of `where`; the cache holds them all afterwards, each view on its own.
    """
    positions = np.arange(len(rows)) if where is None else np.flatnonzero(where)
    device, precision = how.pop("device", "cpu"), how.pop("precision", "fp32")
    # By the number of all images, not of the missing ones, so that embeddings do not depend on what is in the cache.
    way = way or Way.of(len(positions), device=device, **{"batch_size": 64} | how)
    images = fingerprint_images(pixels, positions, progress=progress)
    of = dict.fromkeys(VIEWS[views], np.arange(len(positions)))
    if MIRRORED in of and mirrored is not None:
        of[MIRRORED] = np.flatnonzero(np.asarray(mirrored)[positions])
    computed = {"device": device, "precision": precision, "way": way}
    stores = {view: Store.of(model, **computed, apart=apart, view=view) for view in of}
    found = {view: stores[view].get(images[some], model.embedding_dim) for view, some in of.items()}
    missing = {view: some[~found[view][1]] for view, some in of.items()}
    lacking = len(np.unique(np.concatenate(list(missing.values()))))
    if progress and lacking < len(images):
        LOGGER.info(f"{len(images) - lacking} of {len(images)} images were embedded by this network before")
    if wanted := {view: positions[some] for view, some in missing.items() if len(some)}:
        for view, fresh in extract_views(model, pixels, wanted, **computed, progress=progress).items():
            features, there = found[view]
            features[~there] = fresh
            stores[view].add(images[missing[view]], fresh)
    return EmbeddingSet(average_views([(of[v], found[v][0]) for v in of], len(positions)), rows.iloc[positions])


def fingerprint_images(pixels: np.ndarray, positions: np.ndarray, *, progress: bool = False) -> np.ndarray:
    """The keys of images in the cache: (n,) S32, half the SHA-256 of each one's pixels in hexadecimal digits.

    Args:
        pixels: (N, s, s, 3) uint8, as the network takes them.
        positions: (n,) int, which of them.
        progress: show a bar.
    """

    def some(begin: int) -> list[str]:
        chosen = positions[begin : begin + HASHED_AT_ONCE]
        return [hashlib.sha256(np.ascontiguousarray(pixels[k])).hexdigest()[:32] for k in chosen]

    begins = range(0, len(positions), HASHED_AT_ONCE)
    found = map_in_threads(some, begins, title="looking for embeddings", unit="part", progress=progress)
    return np.array([name for names in found for name in names], dtype="S32")


class Store:
    """The embeddings of one network in one view: a file of the cache.

    Args:
        path: an .npz file whose name is a hash of everything that embeddings depend on beside the image.
    """

    def __init__(self, path: Path):
        self.path = path

    @classmethod
    def of(
        cls, model: "ReidModel", *, device: str, precision: str, way: Way, apart: str = "", view: str = WHOLE
    ) -> "Store":
        """The store for these weights, this preparation of images, this view, and everything that decides on rounding:
        device, precision, way (`extract.Way`), versions of torch and timm, processor and number of threads.

        Args:
            model: its weights and `config` count.
            device, precision, way: see `extract.extract`.
            apart: see `embed_images`.
            view: see `views.cut_views`.
        """
        from reid_lib.nets.device import describe_rounding
        from reid_lib.nets.network import weights_sha256

        libraries = {name: version(name) for name in ("torch", "timm")}
        computed = [device, precision, asdict(way), describe_rounding(device)]
        described = [FORMAT, model.config, weights_sha256(model), computed, libraries]
        described += describe_view(view)
        digest = hashlib.sha256(json.dumps(described, sort_keys=True).encode()).hexdigest()
        return cls(cache_root() / "embeddings" / f"{digest[:32]}{apart and '-' + apart}.npz")

    def get(self, images: np.ndarray, dim: int) -> tuple[np.ndarray, np.ndarray]:
        """The embeddings of images, where they are stored.

        Args:
            images: (n,) from `fingerprint_images`.
            dim: d, length of an embedding.

        Returns:
            features: (n, d) float32, zero where the image is not there.
            there: (n,) bool.
        """
        names, stored = self._read(dim)
        place = {name: k for k, name in enumerate(names.tolist())}
        at = np.array([place.get(name, -1) for name in images.tolist()], dtype=np.int64)
        features = np.zeros((len(images), dim), dtype=np.float32)
        features[at >= 0] = stored[at[at >= 0]]
        return features, at >= 0

    def add(self, images: np.ndarray, features: np.ndarray) -> None:
        """Store more embeddings. On a disk without room that is noted, and they are computed again another time.

        Args:
            images: (n,) from `fingerprint_images`.
            features: (n, d) float32.
        """
        names, stored = self._read(features.shape[1])
        fresh = ~np.isin(images, names)
        # Of two processes that add at once the later one wins; what the other one added is then computed again.
        names, stored = np.concatenate([names, images[fresh]]), np.concatenate([stored, features[fresh]])
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            make_room(self.path, names.nbytes + stored.nbytes, share=LIMIT_SHARE)
            with files.atomic(self.path) as temporary, open(temporary, "wb") as file:
                np.savez(file, images=names, features=stored)
        except (OSError, RunError) as error:
            LOGGER.warning(f"embeddings are not kept for another time ({error})")

    def remove(self) -> None:
        """Delete the file, where that is possible."""
        with contextlib.suppress(OSError):
            self.path.unlink(missing_ok=True)

    def _read(self, dim: int) -> tuple[np.ndarray, np.ndarray]:
        nothing = np.empty(0, dtype="S32"), np.empty((0, dim), dtype=np.float32)
        try:
            names, features = read_arrays(self.path, ("images", "features")).values()
            known, numbers = names.dtype == "S32" and names.ndim == 1, features.dtype == np.float32
            if not known or not numbers or features.shape != (len(names), dim):
                raise ValueError(f"it holds {features.shape} {features.dtype} for {names.shape} images of {dim}")
            if not np.isfinite(features).all():
                raise ValueError("an embedding is not finite")
        except FileNotFoundError:
            return nothing
        except (OSError, ValueError) as error:
            LOGGER.warning(f"{self.path} is damaged ({error}): these images are embedded again")
            return nothing
        with contextlib.suppress(OSError):  # used last: removed last
            os.utime(self.path)
        return names, features
