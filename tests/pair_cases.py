"""Tables of pairs made by hand, for the tests of pairs, calibration and fusion."""

import numpy as np
import pandas as pd

from reid_lib.core.names import DATASET, ENCOUNTER, IDENTITY, IMAGE_ID


class Dense:
    """A similarity (q, g) of given numbers and rows."""

    unit = "numbers"

    def __init__(self, values, queries: pd.DataFrame, gallery: pd.DataFrame):
        self.values, self.queries, self.gallery = np.array(values, dtype=float), queries, gallery

    def blocks(self, *, max_bytes: int = 2**28):
        rows = max(1, max_bytes // (8 * max(len(self.gallery), 1)))
        for start in range(0, len(self.values), rows):
            block = self.values[start : start + rows].copy()
            yield start, start + len(block), block


def rows_of(prefix: str, identity: list, *, dataset="d", encounter=None) -> pd.DataFrame:
    """Rows of images, named by their number; `dataset` of all, or one each."""
    n = len(identity)
    rows = pd.DataFrame({IMAGE_ID: [f"{prefix}{k:04}" for k in range(n)]})
    rows[DATASET] = dataset
    rows[IDENTITY] = pd.Series(identity, dtype=object)
    if encounter is not None:
        rows[ENCOUNTER] = pd.Series(encounter, dtype=object)
    return rows
