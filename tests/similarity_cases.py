"""A similarity that is no cosine: how many points of two photographs were matched."""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from reid_lib.core.names import DATASET, IDENTITY, IMAGE_ID, INDIVIDUAL, ROLE, VAL


class Matches:
    """Counts (q, g), with data sets of the queries, and (data set, identity) of the gallery.

    Args:
        identity: of the queries; None where unlabelled.
    """

    unit = "matches"

    def __init__(self, counts, datasets: list, enrolled: list[tuple], identity: list | None = None):
        self.counts = np.array(counts)
        self.queries = pd.DataFrame({IMAGE_ID: [f"q{k:04}" for k in range(len(datasets))], DATASET: datasets})
        self.queries[IDENTITY] = pd.Series(identity or [None] * len(datasets), dtype=object)
        named = zip(datasets, self.queries[IDENTITY], strict=True)
        self.queries[INDIVIDUAL] = [None if pd.isna(who) else f"{dataset}/{who}" for dataset, who in named]
        self.queries[ROLE] = VAL
        self.gallery = pd.DataFrame(enrolled, columns=[DATASET, IDENTITY])
        self.gallery[IMAGE_ID] = [f"g{k:04}" for k in range(len(enrolled))]

    def blocks(self, *, max_bytes: int = 2**28) -> Iterator[tuple[int, int, np.ndarray]]:
        rows = max(1, max_bytes // (8 * len(self.gallery)))
        for start in range(0, len(self.counts), rows):
            block = self.counts[start : start + rows].copy()
            yield start, start + len(block), block
