"""What the score of a candidate is worth: the probability that it is the query's individual, learnt on val."""

import numpy as np
import pandas as pd

from reid_lib.core.errors import ParameterError
from reid_lib.core.names import DATASET, IDENTITY, N_RANKS, ROLE, SCORE, VAL, ranked_column
from reid_lib.match.calibrate import Calibration
from reid_lib.match.stored import Stored
from reid_lib.openset.answers import is_right_candidate

ALMOST, PROBABLE = 0.95, 0.75  # least probability that is called so
CERTAINLY, PROBABLY, PERHAPS = "almost certainly", "probably", "perhaps"
MIN_POSITIVE = 20  # queries named rightly that a data set needs for curves of its own, as in `match.fuse`


class CandidateCurves(Stored):
    """Curves from scores to probabilities.

    Attributes:
        first: that the best candidate is the right one, by its score.
        others: that a further one is, where the best is not, by its own score.
    """

    first: Calibration
    others: Calibration


def calibrate_candidates(predictions: pd.DataFrame) -> dict[str, CandidateCurves]:
    """Fit curves on the candidates of val as they are shown: the best individuals of each labelled query.

    The best candidate has a curve of its own: the same score is worth less where another individual has a higher one.
    A data set with at least `MIN_POSITIVE` queries named rightly has curves of its own.

    Args:
        predictions: of val, as `score_individuals` gives them, with a column `role`.

    Returns:
        data set -> curves; "": all together, in force where a data set has none of its own.

    Raises:
        ParameterError: a query is not of role val.
    """
    if (predictions[ROLE] != VAL).any():
        raise ParameterError(f"candidates are calibrated on queries of role {VAL!r} only: others must not reach it")
    val = predictions[predictions[IDENTITY].notna() & np.isfinite(predictions[ranked_column(SCORE, 1)].astype(float))]
    curves = {"": _fit(val)}
    for name, own in val.groupby(DATASET):
        if is_right_candidate(own).sum() >= MIN_POSITIVE:
            curves[str(name)] = _fit(own)
    return curves


def _fit(val: pd.DataFrame) -> CandidateCurves:
    right = is_right_candidate(val)
    first = Calibration.fit(val[ranked_column(SCORE, 1)].to_numpy(float), right)
    wrong, scores, same = val[~right], [np.empty(0)], [np.empty(0, dtype=bool)]
    for rank in range(2, N_RANKS + 1):
        score = wrong[ranked_column(SCORE, rank)].to_numpy(float)
        there = np.isfinite(score)
        scores.append(score[there])
        same.append(is_right_candidate(wrong, rank)[there])
    return CandidateCurves(first=first, others=Calibration.fit(np.concatenate(scores), np.concatenate(same)))


def estimate_probabilities(predictions: pd.DataFrame, curves: dict[str, CandidateCurves]) -> np.ndarray:
    """(n, 5) probability of each candidate, none above that of the best one; NaN where there is none.

    Args:
        predictions: as `score_individuals` gives them.
        curves: of `calibrate_candidates`; empty: the scores are probabilities.
    """
    scores = predictions[[ranked_column(SCORE, rank) for rank in range(1, N_RANKS + 1)]].to_numpy(dtype=float)
    scores = np.where(np.isfinite(scores), scores, np.nan)
    if not curves:
        return scores
    found, dataset = np.full(scores.shape, np.nan), predictions[DATASET].astype(str).to_numpy()
    for name in np.unique(dataset):
        rows, own = dataset == name, curves.get(name, curves[""])
        first = own.first.probability(scores[rows, 0])[:, None]
        others = own.others.probability(scores[rows, 1:].ravel()).reshape(-1, N_RANKS - 1)
        found[rows] = np.concatenate([first, np.minimum((1 - first) * others, first)], axis=1)
    return found


def say_how_sure(probability: float) -> str:
    """How sure a statement of this probability is: "almost certainly", "probably" or "perhaps"."""
    return CERTAINLY if probability >= ALMOST else PROBABLY if probability >= PROBABLE else PERHAPS
