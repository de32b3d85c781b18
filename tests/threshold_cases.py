"""Predictions made by hand, and their BAKS and BAUS by a slow loop, for the tests of thresholds."""

import numpy as np
import pandas as pd

from reid_lib.core.names import DATASET, IDENTITY, IMAGE_ID, KNOWN, ROLE, SCORE, TEST, ranked_column


def drawn_answers(rows, role=TEST) -> pd.DataFrame:
    """Predictions from (identity, known, best identity, score)."""
    made = pd.DataFrame(rows, columns=[IDENTITY, KNOWN, ranked_column(IDENTITY, 1), SCORE])
    made[KNOWN] = made[KNOWN].astype("boolean")
    return made.assign(**{IMAGE_ID: [f"i{k:03d}" for k in range(len(made))], DATASET: "d", ROLE: role})


def loop(rows: pd.DataFrame, at: float) -> tuple[float, float]:
    """BAKS and BAUS where a query is named from `at` on, by going through the animals."""
    shares = {True: [], False: []}
    for _, own in rows[rows[KNOWN].notna()].groupby(IDENTITY):
        named = (own[SCORE] >= at).to_numpy()  # NaN reaches no threshold
        known = bool(own[KNOWN].iloc[0])
        right = named & (own[ranked_column(IDENTITY, 1)] == own[IDENTITY]).to_numpy() if known else ~named
        shares[known].append(right.mean())
    return tuple(float(np.mean(shares[kind])) if shares[kind] else np.nan for kind in (True, False))
