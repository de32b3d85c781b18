"""Two runs on the same queries, for tests of their difference."""

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


def pair_of_runs(seed, *, better=0.0, n_known=40, n_unknown=30):
    """Two runs on the same queries; the first sees the right animal `better` more similar."""
    rng, images = np.random.default_rng(seed), 2  # of each animal, in val and in test
    groups = [(r, k, n) for r in (VAL, TEST) for k, n in ((True, n_known), (False, n_unknown))]
    role = np.concatenate([np.full(n * images, r) for r, _, n in groups])
    known = np.concatenate([np.full(n * images, k) for _, k, n in groups])
    name = np.concatenate([[f"{'k' if k else r}{i // images}" for i in range(n * images)] for r, k, n in groups])
    hard, runs = rng.normal(0, 0.1, len(name)), []
    for shift in (better, 0.0):
        own, other = 0.6 + shift + hard + rng.normal(0, 0.05, len(name)), rng.normal(0.5, 0.06, len(name))
        named = known & (own > other)
        columns = {IMAGE_ID: [f"i{i:04d}" for i in range(len(name))], DATASET: "d", IDENTITY: name}
        columns |= {KNOWN: pd.array(known, dtype="boolean"), ROLE: role}
        columns |= {ranked_column(IDENTITY, 1): np.where(named, name, "another")}
        columns |= {SCORE: np.where(known, np.maximum(own, other), other)}
        columns |= {RANK: np.where(known, np.where(named, 1.0, 3.0), np.nan), AVERAGE_PRECISION: np.nan}
        runs.append(pd.DataFrame(columns))
    return runs
