"""The one fit of a threshold: the highest sqrt(BAKS * BAUS), exactly, over all distinct scores of the queries.

The threshold fitted on val, the best one in hindsight on test (metrics.json and the slider of compare.ipynb) and the
refit in each draw of the bootstrap are all `WeightedQueries.best_threshold`. Queries of equal score are accepted
together. A query without a score is accepted by no threshold and counts with its individual. A threshold lies midway
between two neighbouring scores, so that rounding it changes no decision; of equally good ones, the one with the larger
sum BAKS + BAUS, then the one in the widest gap, then the highest.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from reid_lib.openset import metrics
from reid_lib.openset.answers import Answers

_TIE = 1e-12  # geometric means of sums of shares: closer than this is equal
RATES = ("baks", "baus", "geometric_mean")


@dataclass(frozen=True, eq=False)
class ThresholdFit:
    """What every threshold gives on some queries, and the best of them; made by `fit_best_threshold`.

    Attributes:
        answers: the labelled queries it was fitted on.
        scores: (m,) distinct scores, ascending.
        threshold, baks, baus, geometric_mean: (m + 1,), entry i for accepting all but the i lowest distinct scores; see
            `metrics.baks_baus_curve`.
        n_known, n_unknown: individuals.
        best: the threshold that is best, -inf or +inf where accepting or refusing every query is; None where no known
            or no unknown individual was asked for.
        edge: what is suspicious about it, or "".
    """

    answers: Answers
    scores: np.ndarray
    threshold: np.ndarray
    baks: np.ndarray
    baus: np.ndarray
    geometric_mean: np.ndarray
    n_known: int
    n_unknown: int
    best: float | None
    edge: str

    def rates(self, threshold: float | None) -> dict[str, float]:
        """BAKS, BAUS and their geometric mean where a query is named from `threshold` on: one that equals it is named.

        Args:
            threshold: in the unit of the scores; None accepts everything that has a score.
        """
        place = 0 if threshold is None else int(np.searchsorted(self.scores, threshold))
        return {rate: float(getattr(self, rate)[place]) for rate in RATES}


def fit_best_threshold(answers: Answers) -> ThresholdFit:
    """Fit the threshold on the labelled queries among these."""
    answers = answers.labelled_only
    curve = metrics.baks_baus_curve(answers.score, answers.named, answers.known, answers.individual)
    both = np.sqrt(curve[1] * curve[2])
    n_known, n_unknown = (answers.count_individuals(kind) for kind in (answers.known, ~answers.known))
    best, edge = None, ""
    if n_known and n_unknown:
        best = WeightedQueries.of(answers).as_is
        if both.max() <= _TIE:
            edge = "the geometric mean is 0 at every threshold"
        elif not np.isfinite(best):
            edge = "accepting every query is best" if best < 0 else "refusing every query is best"
    scores = np.unique(answers.score[np.isfinite(answers.score)])
    return ThresholdFit(answers, scores, *curve, both, n_known, n_unknown, best, edge)


@dataclass(frozen=True)
class WeightedQueries:
    """Queries by falling score, those without one last.

    Attributes:
        individual: (n,) int, column of the draws.
        score: (n_scored,) of those that have one.
        named, unknown: (n,) what a query adds to BAKS when it is accepted, and takes from BAUS: its share among the
            queries of its individual.
        is_known: individuals that BAKS averages over.
        ends: (m,) queries accepted when the m distinct scores are accepted one by one.
    """

    individual: np.ndarray
    score: np.ndarray
    named: np.ndarray
    unknown: np.ndarray
    is_known: np.ndarray
    ends: np.ndarray

    @classmethod
    def of(cls, answers: Answers) -> "WeightedQueries":
        """Labelled queries; their individuals are the columns of the draws."""
        known, individual = answers.known, answers.individual
        scored = answers.score[np.isfinite(answers.score)]
        ends = np.append(np.flatnonzero(scored[1:] != scored[:-1]) + 1, len(scored)) if len(scored) else []
        _, code, count = np.unique(individual, return_inverse=True, return_counts=True)
        share = 1 / count[code.ravel()]
        columns = (share * (known & answers.named), share * ~known, np.unique(individual[known]))
        return cls(individual, scored, *columns, np.asarray(ends, dtype=int))

    def _accepted(self, drawn: np.ndarray) -> tuple[np.ndarray, ...]:
        """Mass of those named rightly and of the unknown among the first 1, 2, ... n queries (b, n), the known (b,)."""
        times = np.take(drawn, self.individual, axis=1)
        unknown = times * self.unknown
        times *= self.named
        return times.cumsum(axis=1, out=times), unknown.cumsum(axis=1, out=unknown), drawn[:, self.is_known].sum(axis=1)

    def best_threshold(self, drawn: np.ndarray) -> np.ndarray:
        """(b,) the best threshold of the queries as drawn; -inf where there is nobody known or unknown among them.

        Args:
            drawn: (b, n_individuals) float, how often each individual was drawn: 0 leaves its queries out.
        """
        named, unknown, n_known = self._accepted(drawn)
        n_unknown = unknown[:, -1].copy()
        possible = (n_known > 0) & (n_unknown > 0)
        if not possible.any():
            return np.full(len(drawn), -np.inf)
        if len(self.ends) < named.shape[1]:
            named, unknown = named[:, self.ends - 1], unknown[:, self.ends - 1]
        product = named * (n_unknown[:, None] - unknown)  # (b, m) the squared geometric mean, but for a factor
        scale = np.where(possible, n_known * n_unknown, 1.0)
        best = product.max(axis=1, initial=0)
        cut = np.maximum(np.sqrt(best / scale) - _TIE, 0) ** 2 * scale
        draw, place = np.nonzero(product >= cut[:, None])
        total = named[draw, place] / np.maximum(n_known, 1)[draw] - unknown[draw, place] / scale[draw] * n_known[draw]
        # Refusing every query, too, is as good where nothing is better than 0.
        none = np.flatnonzero(cut <= 0)
        draw, total = np.concatenate([draw, none]), np.concatenate([total, np.zeros(len(none))])
        accepted = np.concatenate([self.ends[place], np.zeros(len(none), dtype=int)])
        threshold, gap = self._between(drawn, draw, accepted)
        order = np.lexsort((threshold, gap, total.round(12), draw))
        last = np.searchsorted(draw[order], np.arange(len(drawn)), side="right") - 1
        return np.where(possible, threshold[order][last], -np.inf)

    def _between(self, drawn: np.ndarray, draw: np.ndarray, accepted: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Midway between the lowest accepted and the highest refused score of the queries drawn, and how far they are
        apart; +inf above all, -inf below all, where the gap counts as 0."""
        above = self._drawn_one(drawn, draw, accepted - 1, step=-1)
        below = self._drawn_one(drawn, draw, accepted, step=1)
        none, everything = above < 0, below >= len(self.score)
        padded = np.append(self.score, np.nan)
        high, low = padded[np.where(none, -1, above)], padded[np.where(everything, -1, below)]
        middle = (low + high) / 2
        middle = np.where(middle > low, middle, high)  # neighbours in float64 have no number between
        threshold = np.where(none, np.inf, np.where(everything, -np.inf, middle))
        return threshold, np.where(none | everything, 0.0, high - low)

    def _drawn_one(self, drawn: np.ndarray, draw: np.ndarray, at: np.ndarray, *, step: int) -> np.ndarray:
        """The nearest query from `at` on, in steps, that was drawn; -1 or n_scored where there is none."""
        at, left = at.copy(), np.arange(len(at))
        while len(left):
            left = left[(at[left] >= 0) & (at[left] < len(self.score))]
            left = left[drawn[draw[left], self.individual[at[left]]] == 0]
            at[left] += step
        return at

    @cached_property
    def as_is(self) -> float:
        """The threshold of the queries as they are."""
        return float(self.best_threshold(np.ones((1, self.individual.max() + 1)))[0])

    def rates(self, drawn: np.ndarray, threshold: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """BAKS and BAUS (k, b) of b draws at k thresholds each, (k, b); NaN where there is nobody to average over."""
        named, unknown, n_known = self._accepted(drawn)
        accepted = np.searchsorted(-self.score, -threshold, side="right")
        row, some = np.arange(len(drawn)), accepted > 0
        right = np.where(some, named[row, accepted - 1], 0.0)
        wrong = np.where(some, unknown[row, accepted - 1], 0.0)
        baus = 1 - metrics.divide(wrong, unknown[:, -1])
        return metrics.divide(right, n_known), np.maximum(baus, 0)
