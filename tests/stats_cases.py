"""Predictions made by hand or at random, for the tests of metrics."""

import numpy as np
import pandas as pd

from reid_lib.core.names import (
    AVERAGE_PRECISION,
    DATASET,
    IDENTITY,
    IMAGE_ID,
    KNOWN,
    NEW_INDIVIDUAL,
    PREDICTED,
    RANK,
    SCORE,
    ranked_column,
)

COLUMNS = [DATASET, IDENTITY, KNOWN, ranked_column(IDENTITY, 1), SCORE, PREDICTED]


def answers(*rows):
    """Predictions from (dataset, identity, known, best identity, score, answer)."""
    frame = pd.DataFrame(rows, columns=COLUMNS)
    frame[KNOWN] = frame[KNOWN].astype("boolean")
    known = frame[KNOWN].fillna(False).to_numpy(dtype=bool)
    right = (frame[IDENTITY] == frame[ranked_column(IDENTITY, 1)]).to_numpy(dtype=bool)
    frame[RANK] = np.where(known, np.where(right, 1.0, 7.0), np.nan)
    frame[AVERAGE_PRECISION] = np.where(known, np.where(right, 0.5, 0.1), np.nan)
    frame.insert(0, IMAGE_ID, [f"image {i:04d}" for i in range(len(frame))])
    return frame


def random_answers(seed, *, datasets=("a", "b"), n=120, n_individuals=20, skill=0.6):
    rng = np.random.default_rng(seed)
    rows = []
    for k in range(n):
        which = k % n_individuals if k < 2 * n_individuals else rng.integers(0, n_individuals)
        known = which % 3 > 0
        best = which if known and rng.random() < skill else 1
        score = round(float(rng.normal(0.6 if known else 0.4, 0.15)), 2)
        answer = str(best) if score > 0.5 else NEW_INDIVIDUAL
        rows.append((datasets[k // n_individuals % len(datasets)], str(which), known, str(best), score, answer))
    return answers(*rows)


def value(summary, metric, dataset=None):
    return (summary["datasets"][dataset] if dataset else summary["overall"])[metric]["value"]
