"""Which flank of an animal a photograph shows: what a left and a right one show is never compared."""

import numpy as np
import pandas as pd

from reid_lib.core.names import ORIENTATION

LEFT, RIGHT = "left", "right"


def find_flanks(rows: pd.DataFrame) -> np.ndarray:
    """(n,) "left", "right", or "" where it is neither, or not known."""
    if ORIENTATION not in rows:
        return np.full(len(rows), "", dtype=str)
    flank = rows[ORIENTATION].astype(str).str.strip().str.lower()
    return flank.where(flank.isin([LEFT, RIGHT]), "").to_numpy(dtype=str)
