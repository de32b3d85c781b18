"""Photographs as they are compared: embeddings, keypoints and small grey pictures, with their rows."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from reid_lib.core.names import (
    BBOX,
    CONTENT,
    DATASET,
    DATE,
    ENCOUNTER,
    GROUP,
    IDENTITY,
    IMAGE_ID,
    INDIVIDUAL,
    ORIENTATION,
    PATH,
    ROOT,
    SPECIES,
)
from reid_lib.data.near_copies import SIDE
from reid_lib.embed.embedding_set import EmbeddingSet
from reid_lib.match.keypoints import KINDS, KeypointSet

REQUIRED = (IMAGE_ID, ROOT, PATH, DATASET, IDENTITY, INDIVIDUAL)
OPTIONAL = (ENCOUNTER, DATE, ORIENTATION, BBOX, SPECIES, CONTENT, GROUP)
_OF_A_KEYPOINT = (*KINDS, "descriptors")


@dataclass(frozen=True, eq=False)
class Photographs:
    """Photographs of one network and one set of local features, by position.

    Attributes:
        embeddings: with rows of `REQUIRED` and `OPTIONAL` columns, all text or missing: `path` lies below `root`,
            `content` is what the file is known by (`FileStates.contents`), `group` the label of the group of new
            animals in which it was accepted.
        keypoints: local feature -> those of the same rows; empty where the embedding answers alone.
        greys: (n, 32, 32) uint8 as `near_copies.shrink_to_grey` makes them; all 0 where the photograph was not there.

    Raises:
        ValueError: lengths or rows differ, or a column is missing.
    """

    embeddings: EmbeddingSet
    keypoints: Mapping[str, KeypointSet] = field(default_factory=dict)
    greys: np.ndarray = field(default_factory=lambda: np.empty((0, SIDE, SIDE), np.uint8))

    def __post_init__(self):
        missing = [column for column in REQUIRED if column not in self.rows]
        if missing:
            raise ValueError(f"the rows lack {', '.join(missing)}")
        if self.greys.shape != (len(self), SIDE, SIDE):
            raise ValueError(f"greys of {len(self)} photographs must be (n, {SIDE}, {SIDE}), got {self.greys.shape}")
        for name, found in self.keypoints.items():
            if found.rows[IMAGE_ID].tolist() != self.rows[IMAGE_ID].tolist():
                raise ValueError(f"keypoints {name!r} are of other photographs than the embeddings")

    def __len__(self) -> int:
        return len(self.embeddings)

    @property
    def rows(self) -> pd.DataFrame:
        """Those of the embeddings."""
        return self.embeddings.rows

    def where(self, mask: ArrayLike) -> "Photographs":
        """Those where `mask` (n,) is true."""
        mask = np.asarray(mask, dtype=bool)
        if mask.all():
            return self
        keypoints = {name: found.where(mask) for name, found in self.keypoints.items()}
        return Photographs(self.embeddings.where(mask), keypoints, self.greys[mask])

    def with_rows(self, rows: pd.DataFrame) -> "Photographs":
        """The same photographs with other rows (n), in their order."""
        keypoints = {name: with_rows(found, rows) for name, found in self.keypoints.items()}
        return Photographs(EmbeddingSet(self.embeddings.features, rows), keypoints, self.greys)


def join_photographs(parts: list[Photographs]) -> Photographs:
    """Several as one, in order; their image ids must not overlap, their local features must be the same.

    Args:
        parts: at least one.
    """
    if len(parts) == 1:
        return parts[0]
    rows = pd.concat([part.rows for part in parts], ignore_index=True)
    features = np.concatenate([part.embeddings.features for part in parts])
    keypoints = {name: _join_keypoints([part.keypoints[name] for part in parts], rows) for name in parts[0].keypoints}
    return Photographs(EmbeddingSet(features, rows), keypoints, np.concatenate([part.greys for part in parts]))


def _join_keypoints(parts: list[KeypointSet], rows: pd.DataFrame) -> KeypointSet:
    arrays = [np.concatenate([getattr(part, name) for part in parts]) for name in _OF_A_KEYPOINT]
    first = np.concatenate([[0], np.cumsum(np.concatenate([part.counts for part in parts]))]).astype(np.int64)
    sizes, images = (np.concatenate([getattr(part, name) for part in parts]) for name in ("sizes", "images"))
    return KeypointSet(*arrays, first, sizes, rows, images)


def with_rows(found: KeypointSet, rows: pd.DataFrame) -> KeypointSet:
    """The same keypoints with other rows (n), in their order."""
    arrays = (getattr(found, name) for name in _OF_A_KEYPOINT)
    return KeypointSet(*arrays, found.first, found.sizes, rows, found.images)


def select_columns(rows: pd.DataFrame) -> pd.DataFrame:
    """The columns that a gallery keeps, in its order; empty where the rows lack one. `individual` is made anew."""
    kept = {name: rows[name] if name in rows else pd.Series(None, index=rows.index) for name in (*REQUIRED, *OPTIONAL)}
    frame = pd.DataFrame(kept).astype(object)
    frame = frame.where(frame.notna(), None)
    frame[INDIVIDUAL] = (frame[DATASET] + "/" + frame[IDENTITY]).where(frame[IDENTITY].notna(), None)
    return frame.reset_index(drop=True)
