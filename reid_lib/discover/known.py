"""Which photographs are surely of an animal of the gallery: only these are taken out before the others are clustered.

To the threshold of a run, an unknown animal that is named is as bad as a known one that is called new. For clusters the
first mistake is the worse one: all unknown animals that are taken for one known animal end in one cluster.
"""

import numpy as np
import pandas as pd

from reid_lib.core.names import DATASET, IDENTITY, KNOWN, NEW_INDIVIDUAL, PREDICTED, SCORE

PRECISE = 0.95  # share of the named photographs of val that have to be named rightly


def fit_sure(val: pd.DataFrame, *, min_individuals: int) -> dict[str, float | None]:
    """The lowest score from which on upwards nearly all names on val are right.

    Args:
        val: answers to val with dataset, identity, known, predicted, score; those without an identity teach nothing.
        min_individuals: known ones that a data set needs in val for a score of its own.

    Returns:
        data set, and "" for all others -> score; None: no name is sure.
    """
    val = val[val[IDENTITY].notna()]
    found = {"": _lowest(val)}
    for name, part in val.groupby(val[DATASET].astype(str)):
        if part.loc[part[KNOWN].fillna(False).astype(bool), IDENTITY].nunique() >= min_individuals:
            found[str(name)] = _lowest(part)
    return found


def keep_sure(answers: pd.DataFrame, sure: dict[str, float | None]) -> pd.DataFrame:
    """The answers, with `new_individual` in place of names that are not sure.

    Args:
        answers: with dataset, predicted and score.
        sure: of `fit_sure`.
    """
    least = answers[DATASET].astype(str).map(lambda name: sure.get(name, sure[""])).astype(float)
    kept = (answers[SCORE] >= least.fillna(np.inf)).to_numpy()
    return answers.assign(**{PREDICTED: answers[PREDICTED].where(kept, NEW_INDIVIDUAL)})


def _lowest(val: pd.DataFrame) -> float | None:
    """The lowest score from which on upwards `PRECISE` of the names are right; None where no score is enough."""
    named = val[(val[PREDICTED] != NEW_INDIVIDUAL) & val[SCORE].notna()].sort_values(SCORE, ascending=False)
    right = (named[PREDICTED].astype(str) == named[IDENTITY].astype(str)).to_numpy()
    score = named[SCORE].to_numpy(dtype=float)
    last = np.append(score[1:] < score[:-1], True) if len(score) else np.empty(0, dtype=bool)  # of equals
    precise = np.flatnonzero((np.cumsum(right) / np.arange(1, len(right) + 1) >= PRECISE) & last)
    return float(score[precise[-1]]) if len(precise) else None
