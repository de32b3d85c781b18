"""Keypoints: where in a photograph something is, and what it looks like there; and who finds them.

An `Extractor` finds them (RootSIFT: `sift`; networks: `nets`), a `Masker` says which belong to the animal, and a
`KeypointSet` keeps those of many photographs with their rows, as an `EmbeddingSet` keeps embeddings.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from reid_lib.core.names import IMAGE_ID

NAME_BYTES = 32  # of a photograph's name by content: half a SHA-256 in hexadecimal digits
KINDS = {"xy": np.float32, "scale": np.float32, "angle": np.float32, "strength": np.float32}


@dataclass(frozen=True)
class Keypoints:
    """The keypoints of one photograph; none at all (black, tiny, masked away) is no error.

    Attributes:
        xy: (n, 2) float32, x to the right and y down, in px of the photograph as it was handed to the extractor: cut to
            its bbox, its long side at most `Extractor.max_side_px`. The middle of the first pixel is 0, 0.
        scale: (n,) float32, diameter in px of what is described; 0 where the extractor has none.
        angle: (n,) float32, orientation in radians, clockwise as seen; 0 where it has none.
        strength: (n,) float32, the extractor's own response, descending.
        descriptors: (n, d) uint8 (RootSIFT) or float16 (networks).
        size: width and height in px of that photograph.

    Raises:
        ValueError: arrays differ in length, or have another shape or dtype.
    """

    xy: np.ndarray
    scale: np.ndarray
    angle: np.ndarray
    strength: np.ndarray
    descriptors: np.ndarray
    size: tuple[int, int]

    def __post_init__(self):
        n = len(self.descriptors)
        for name, kind in KINDS.items():
            values, shape = getattr(self, name), (n, 2) if name == "xy" else (n,)
            if values.shape != shape or values.dtype != kind:
                raise ValueError(f"{name} must be {shape} float32 beside {n} descriptors, got {_told(values)}")
        if self.descriptors.ndim != 2 or self.descriptors.dtype not in (np.uint8, np.float16):
            raise ValueError(f"descriptors must be (n, d) uint8 or float16, got {_told(self.descriptors)}")

    def __len__(self) -> int:
        return len(self.descriptors)

    @classmethod
    def none(cls, size: tuple[int, int], dim: int, kind: type = np.uint8) -> "Keypoints":
        """Of a photograph of that size that has none, with descriptors of `dim` numbers of that dtype."""
        xy, flat = np.empty((0, 2), np.float32), np.empty(0, np.float32)
        return cls(xy, flat, flat, flat, np.empty((0, dim), kind), size)

    def take(self, positions: ArrayLike) -> "Keypoints":
        """Some of them, by position or by a mask (n,), in that order."""
        at = np.asarray(positions)
        at = at if at.dtype == bool else at.astype(np.int64)
        return Keypoints(*(getattr(self, name)[at] for name in (*KINDS, "descriptors")), self.size)

    def on(self, mask: np.ndarray) -> "Keypoints":
        """Those whose place is true in `mask` (height, width) bool, the size of the photograph.

        Raises:
            ValueError: the mask has another size.
        """
        width, height = self.size
        if mask.shape != (height, width):
            raise ValueError(f"a mask must have the size of its photograph, {(height, width)}, got {mask.shape}")
        x, y = np.rint(self.xy).astype(np.int64).T
        return self.take(mask[np.clip(y, 0, height - 1), np.clip(x, 0, width - 1)].astype(bool))


class Extractor(Protocol):
    """Finds keypoints.

    Attributes:
        key: all that its result depends on beside the photograph: method, settings, SHA-256 of weights, versions of
            libraries that matter. Part of the cache's key.
        max_side_px: photographs are handed over with their long side at most this, smaller ones as they are.
        at_once: how many photographs to hand over at a time.
        threads: may several threads call `extract` at once?
    """

    key: str
    max_side_px: int
    at_once: int
    threads: bool

    def extract(self, photos: list[np.ndarray], masks: list[np.ndarray | None]) -> list[Keypoints]:
        """Keypoints of each photograph.

        Args:
            photos: RGB uint8 (h, w, 3), each of its own size.
            masks: (h, w) bool, or None. Keypoints off it are dropped after detection, before the strongest are taken.
        """
        ...


class Masker(Protocol):
    """Finds the animal in photographs.

    Attributes:
        key: all that its result depends on beside the photograph. Part of the cache's key.
    """

    key: str

    def find(self, photos: list[np.ndarray]) -> list[np.ndarray]:
        """(h, w) bool of each photograph (h, w, 3) RGB uint8: true where the animal is."""
        ...


@dataclass(frozen=True)
class KeypointSet:
    """Keypoints of many photographs and the rows they belong to: `set[i]` are those of `rows.iloc[i]`.

    Those of all photographs lie one behind the other: 5 million of RootSIFT (10,000 photographs) take 0.75 GB.

    Attributes:
        xy, scale, angle, strength, descriptors: (N, ...), as in `Keypoints`.
        first: (n + 1,) int64: those of photograph i are `first[i]` ... `first[i + 1]` - 1.
        sizes: (n, 2) int32, width and height in px of each photograph.
        rows: n rows with a unique `image_id`; the index is reset to 0 ... n-1.
        images: (n,) S32, each photograph's name by content: what its keypoints depend on, extractor and mask included.

    Raises:
        ValueError: lengths differ, or ids repeat.
    """

    xy: np.ndarray
    scale: np.ndarray
    angle: np.ndarray
    strength: np.ndarray
    descriptors: np.ndarray
    first: np.ndarray
    sizes: np.ndarray
    rows: pd.DataFrame
    images: np.ndarray

    def __post_init__(self):
        n = len(self.rows)
        if not len(self.first) - 1 == len(self.sizes) == len(self.images) == n:
            raise ValueError(f"{len(self.images)} names and {len(self.sizes)} sizes for {n} rows")
        if self.first[0] != 0 or self.first[-1] != len(self.descriptors) or (np.diff(self.first) < 0).any():
            raise ValueError(f"`first` must ascend from 0 to {len(self.descriptors)}, the number of descriptors")
        if self.rows[IMAGE_ID].duplicated().any():
            twice = self.rows.loc[self.rows[IMAGE_ID].duplicated(), IMAGE_ID].iloc[0]
            raise ValueError(f"image_id {twice!r} stands twice in one set of keypoints")
        object.__setattr__(self, "rows", self.rows.reset_index(drop=True))

    @classmethod
    def of(cls, found: Sequence[Keypoints], rows: pd.DataFrame, images: ArrayLike) -> "KeypointSet":
        """Keypoints of photographs, one behind the other.

        Args:
            found: of each row; at least one.
            rows: with `image_id`.
            images: (n,) names by content, at most 32 bytes each.

        Raises:
            ValueError: descriptors differ in length or dtype, or the lengths do.
        """
        kinds = {(keypoints.descriptors.shape[1], keypoints.descriptors.dtype) for keypoints in found}
        if len(kinds) != 1:
            raise ValueError(f"descriptors of one length and dtype are needed, got {sorted(map(str, kinds))}")
        arrays = [np.concatenate([getattr(k, name) for k in found]) for name in (*KINDS, "descriptors")]
        first = np.concatenate([[0], np.cumsum([len(keypoints) for keypoints in found])]).astype(np.int64)
        sizes = np.array([keypoints.size for keypoints in found], dtype=np.int32)
        return cls(*arrays, first, sizes, rows, np.asarray(images, dtype=f"S{NAME_BYTES}"))

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, i: int) -> Keypoints:
        i = range(len(self))[i]
        part = slice(self.first[i], self.first[i + 1])
        width, height = self.sizes[i].tolist()
        return Keypoints(*(getattr(self, name)[part] for name in (*KINDS, "descriptors")), (width, height))

    @property
    def counts(self) -> np.ndarray:
        """(n,) int64: how many each photograph has."""
        return np.diff(self.first)

    def take(self, positions: ArrayLike) -> "KeypointSet":
        """The photographs at `positions` (m,), in that order, with their rows."""
        positions = np.asarray(positions, dtype=np.int64)
        counts = self.counts[positions]
        first = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
        at = np.repeat(self.first[:-1][positions] - first[:-1], counts) + np.arange(first[-1])
        arrays = (getattr(self, name)[at] for name in (*KINDS, "descriptors"))
        return KeypointSet(*arrays, first, self.sizes[positions], self.rows.iloc[positions], self.images[positions])

    def where(self, mask: ArrayLike) -> "KeypointSet":
        """The photographs where `mask` (n,) is true, keypoints and rows together."""
        return self.take(np.flatnonzero(np.asarray(mask, dtype=bool)))


def _told(values: np.ndarray) -> str:
    return f"{values.shape} {values.dtype}"
