"""Random predictions of val and test, for the tests of resampling."""

import numpy as np
import pandas as pd

from reid_lib.core.names import (
    AVERAGE_PRECISION,
    DATASET,
    IDENTITY,
    IMAGE_ID,
    KNOWN,
    RANK,
    ROLE,
    SCORE,
    TEST,
    VAL,
    ranked_column,
)


def random_answers(seed, *, n=150, n_individuals=30, dataset="a", digits=6, skill=0.6):
    """Predictions of val and test: known animals have queries in both, unknown ones in one."""
    rng = np.random.default_rng(seed)
    who = rng.integers(0, n_individuals, n)
    known = who % 3 > 0
    role = np.where(np.where(known, rng.random(n) < 0.5, who % 2), VAL, TEST)
    right = known & (rng.random(n) < skill)
    columns = {IMAGE_ID: [f"{dataset}{i:04d}" for i in range(n)], DATASET: dataset, IDENTITY: who.astype(str)}
    columns |= {KNOWN: pd.array(known, dtype="boolean"), ROLE: role}
    columns |= {ranked_column(IDENTITY, 1): np.where(right, who, who + 1).astype(str)}
    columns |= {SCORE: rng.normal(np.where(known, 0.6, 0.45), 0.1).round(digits)}
    columns |= {RANK: np.where(known, np.where(right, 1.0, rng.integers(2, 9, n)), np.nan)}
    columns |= {AVERAGE_PRECISION: np.where(known, rng.random(n), np.nan)}
    return pd.DataFrame(columns)
