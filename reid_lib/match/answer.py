"""From pairs to the answer for a query: the probability that its best individual is the right one.

Why a second calibration. The probability of a pair is right on average over all pairs with such scores. An answer takes
the highest of tens of pairs, and so the luckiest: where no pair stands out, the maximum is too sure (the winner's
curse); where an individual has ten photographs that all look somewhat alike, one pair alone knows too little. And what
the pair cannot know is how near the best other individual comes. So log odds of the answer are

    slope * own + margin * (own - rival) + intercept

with the log odds of the individual's best pair, and of the best pair of any other one. They are fitted on val on "is
the best individual the right one", where a query of an unknown individual has none, by cross-fitted log odds of pairs.
`slope` is positive and `margin` not negative, so the ranking within a query stays as the pairs have it; between
queries, which is what the threshold sees, the margin counts. It is taken only if it lowers the cross-validated log
loss by more than its standard error over individuals.
"""

from collections.abc import Iterator

import numpy as np

from reid_lib.match.evidence import Folds
from reid_lib.match.logistic import fit_logistic, log_loss, smooth_targets
from reid_lib.match.stack import is_less
from reid_lib.match.stored import Stored

HIGHEST_MARGIN = 20.0  # log odds; an individual without any rival is this far ahead
_PRECISION = 4.0  # of the priors: slope about 1, margin about 0
_LEAST_SLOPE = 0.05


class AnswerFit(Stored):
    """Log odds of an answer from those of pairs; see the module. Made by `fit_answers`.

    Attributes:
        slope, margin, intercept: see the module.
        n_right, n_wrong: queries it was fitted on, by whether their best individual was the right one.
    """

    slope: float = 1.0
    margin: float = 0.0
    intercept: float = 0.0
    n_right: int = 0
    n_wrong: int = 0

    def log_odds(self, odds: np.ndarray, rival: np.ndarray) -> np.ndarray:
        """Log odds of answers from those of pairs, and those of the best other individual of the same query.

        Args:
            odds, rival: of one shape, float; `-inf` where two images are not compared, or there is no other individual.
        """
        found = self.slope * odds + self.intercept
        if self.margin:
            with np.errstate(invalid="ignore"):
                ahead = np.clip(odds - rival, -HIGHEST_MARGIN, HIGHEST_MARGIN)
            found += self.margin * np.where(np.isneginf(odds), 0.0, ahead)
        return found


def fit_answers(
    best: np.ndarray, rival: np.ndarray, right: np.ndarray, individual: np.ndarray, folds: Folds
) -> AnswerFit:
    """Fit the second calibration.

    Args:
        best: (q,) log odds of each query's best individual, by a fit that did not see its own.
        rival: (q,) those of the best other individual; -inf where there is none.
        right: (q,) bool, is the best individual the query's own?
        individual: (q,) int, code of the query's own.
        folds: of individuals, for the cross-validation of the margin.
    """
    there = np.isfinite(best)
    best, rival, right, individual = best[there], rival[there], right[there], individual[there]
    margin = np.clip(best - rival, 0.0, HIGHEST_MARGIN)
    inputs, fold = np.stack([best, margin], axis=1), folds.of(individual)

    def losses(columns: int) -> np.ndarray:
        found = np.zeros(len(best))
        for rows in _folds(fold):
            slopes, intercept = _fit(inputs[~rows, :columns], right[~rows])
            found[rows] = log_loss(inputs[rows, :columns] @ slopes + intercept, right[rows])
        return found

    if not len(best):
        return AnswerFit()
    columns = 2 if is_less(losses(2), losses(1), individual) else 1
    slopes, intercept = _fit(inputs[:, :columns], right)
    return AnswerFit(
        slope=float(slopes[0]),
        margin=float(slopes[1]) if columns == 2 else 0.0,
        intercept=intercept,
        n_right=int(right.sum()),
        n_wrong=int((~right).sum()),
    )


def _folds(fold: np.ndarray) -> Iterator[np.ndarray]:
    for one in np.unique(fold):
        yield fold == one


def _fit(inputs: np.ndarray, right: np.ndarray) -> tuple[np.ndarray, float]:
    if not len(inputs):
        return np.array([1.0, 0.0])[: inputs.shape[1]], 0.0
    # The slope of the pairs' log odds is bounded below by a shift of what is fitted: slope = least + weight.
    least = _LEAST_SLOPE * inputs[:, 0]
    centre = np.array([1.0 - _LEAST_SLOPE, 0.0])[: inputs.shape[1]]
    slopes, intercept = fit_logistic(
        inputs, smooth_targets(right), centre=centre, precision=_PRECISION, lowest=0.0, offset=least
    )
    slopes[0] += _LEAST_SLOPE
    return slopes, intercept
