"""Embeddings with the rows they belong to, in memory and on disk."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from reid_lib.core.arrays import read_arrays
from reid_lib.core.errors import RunError
from reid_lib.core.names import IMAGE_ID


@dataclass(frozen=True)
class EmbeddingSet:
    """Features and the rows they belong to, by position: `features[i]` is the embedding of `rows.iloc[i]`.

    Args:
        features: (n, d) float32, each row of length 1 (not checked), so that a dot product is the cosine similarity.
        rows: n rows with a unique `image_id`; the index is reset to 0 ... n-1.

    Raises:
        ValueError: `features` is not (n, d), the lengths differ, ids repeat, or a feature is not finite.
    """

    features: np.ndarray
    rows: pd.DataFrame

    def __post_init__(self):
        features = np.ascontiguousarray(self.features, dtype=np.float32)
        if features.ndim != 2:
            raise ValueError(f"features must be (n, d), got shape {features.shape}")
        if len(features) != len(self.rows):
            raise ValueError(f"{len(features)} features for {len(self.rows)} rows: every image needs exactly one")
        if self.rows[IMAGE_ID].duplicated().any():
            twice = self.rows.loc[self.rows[IMAGE_ID].duplicated(), IMAGE_ID].iloc[0]
            raise ValueError(f"image_id {twice!r} stands twice in one embedding set")
        if not np.isfinite(features).all():
            bad = self.rows[IMAGE_ID].iloc[int(np.flatnonzero(~np.isfinite(features).all(axis=1))[0])]
            raise ValueError(f"the embedding of image {bad!r} is not finite")
        object.__setattr__(self, "features", features)
        object.__setattr__(self, "rows", self.rows.reset_index(drop=True))

    def __len__(self) -> int:
        return len(self.features)

    def where(self, mask: ArrayLike) -> "EmbeddingSet":
        """The images where `mask` (n,) bool is true, features and rows together."""
        mask = np.asarray(mask, dtype=bool)
        return EmbeddingSet(self.features[mask], self.rows[mask])

    def joined(self, other: "EmbeddingSet") -> "EmbeddingSet":
        """Both sets as one, these images first.

        Raises:
            ValueError: an image id is in both, or the lengths of their embeddings differ.
        """
        return EmbeddingSet(
            np.concatenate([self.features, other.features]), pd.concat([self.rows, other.rows], ignore_index=True)
        )

    def save(self, path: Path) -> None:
        """Write features and image ids to `path` (.npz, no pickle); all other columns of the rows are not stored."""
        with open(path, "wb") as file:
            np.savez(file, features=self.features, image_id=self.rows[IMAGE_ID].to_numpy(dtype=str))

    @classmethod
    def load(cls, path: Path, rows: pd.DataFrame) -> "EmbeddingSet":
        """Read what `save` wrote and join the rows to it by image id.

        Args:
            path: of the file.
            rows: any frame with a unique `image_id`; rows that are not in the file are left out, the order is the
                file's.

        Raises:
            KeyError: an image of the file is missing from `rows`.
            RunError: the file is missing or damaged.
        """
        try:
            features, ids = read_arrays(path, ("features", "image_id")).values()
        except (OSError, ValueError) as error:
            raise RunError(
                f"{path} cannot be read ({error}): run the notebook of its run again, or copy it again"
            ) from error
        return cls(features, rows.set_index(IMAGE_ID, drop=False).loc[ids])
