"""What became of each query: right, wrong or refused, among the known and the unknown."""

import numpy as np
import pandas as pd

from reid_lib.core.names import IDENTITY, KNOWN, NEW_INDIVIDUAL, PREDICTED, SCORE, ranked

OUTCOME = "outcome"
# Outcomes (`outcomes.outcomes`) that are mistakes -> what a person calls them.
MISTAKES = {
    "known wrong": "known animals given another one's name",
    "unknown wrong": "unknown animals given a name",
    "known refused": "known animals called new",
}


def known_masks(frame: pd.DataFrame, column: str):
    """Boolean arrays (n,) (known, unknown); an unlabelled row is neither."""
    known = frame[column].astype("boolean")
    return known.fillna(False).to_numpy(bool), (~known).fillna(False).to_numpy(bool)


def score_groups(predictions: pd.DataFrame) -> dict[str, np.ndarray]:
    """Best similarities (cosine, -1 to 1) of the queries by group: known_right, known_wrong, unknown, unlabelled.

    Right or wrong is the nearest individual, before any threshold. Queries without a score (a data set without gallery)
    are left out. Empty groups are kept.
    """
    known, unknown = known_masks(predictions, KNOWN)
    right = _equal(predictions[ranked(IDENTITY, 1)], predictions[IDENTITY])
    score = predictions[SCORE].to_numpy(dtype=float)
    masks = {
        "known_right": known & right,
        "known_wrong": known & ~right,
        "unknown": unknown,
        "unlabelled": ~known & ~unknown,
    }
    return {group: np.sort(score[mask & np.isfinite(score)]) for group, mask in masks.items()}


def _equal(a: pd.Series, b: pd.Series) -> np.ndarray:
    return (a.astype("string") == b.astype("string")).fillna(False).to_numpy(bool)


def confusion_counts(predictions: pd.DataFrame) -> pd.DataFrame:
    """Queries by what they are (rows: known, unknown) and what became of them (columns: right, wrong, new).

    right: named as the individual it is; wrong: named as another; new: called `new_individual`. Unlabelled queries are
    left out. Integers; an unknown query can never be named rightly.
    """
    known, unknown = known_masks(predictions, KNOWN)
    new = (predictions[PREDICTED].astype("string") == NEW_INDIVIDUAL).fillna(False).to_numpy(bool)
    right = _equal(predictions[PREDICTED], predictions[IDENTITY]) & ~new & known
    table = [[int((of & what).sum()) for what in (right, ~right & ~new, new)] for of in (known, unknown)]
    return pd.DataFrame(table, index=["known", "unknown"], columns=["right", "wrong", "new"])


def outcomes(predictions: pd.DataFrame) -> pd.Series:
    """What became of each query: "known right", "known wrong", "known refused", "unknown right", "unknown wrong" or
    "unlabelled"; index as in `predictions`."""
    known, unknown = known_masks(predictions, KNOWN)
    predicted = predictions[PREDICTED].astype("string")
    new = (predicted == NEW_INDIVIDUAL).fillna(False).to_numpy(bool)
    same = (predicted == predictions[IDENTITY].astype("string")).fillna(False).to_numpy(bool)
    cases = [known & new, known & same, known, unknown & new, unknown]
    names = ["known refused", "known right", "known wrong", "unknown right", "unknown wrong"]
    return pd.Series(np.select(cases, names, default="unlabelled"), index=predictions.index)
