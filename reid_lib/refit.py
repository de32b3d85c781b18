"""The threshold of `openset.fit_threshold` and the rates at a threshold, for many draws of individuals at once."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from reid_lib import metrics

_TIE = 1e-12  # as in `openset`: geometric means closer than this are equal


@dataclass(frozen=True)
class WeightedQueries:
    """Queries by falling score, those without one last.

    Attributes:
        individual: (n,) column of the draws.
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
    def of(cls, score, named, known, individual) -> "WeightedQueries":
        scored = score[~np.isnan(score)]
        ends = np.append(np.flatnonzero(scored[1:] != scored[:-1]) + 1, len(scored)) if len(scored) else []
        _, code, count = np.unique(individual, return_inverse=True, return_counts=True)
        share = 1 / count[code.ravel()]
        is_known = np.unique(individual[known])
        return cls(individual, scored, share * (known & named), share * ~known, is_known, np.asarray(ends, dtype=int))

    def _accepted(self, drawn: np.ndarray) -> tuple[np.ndarray, ...]:
        """Mass of those named rightly and of the unknown among the first 1, 2, ... n queries (b, n), the known (b,)."""
        times = np.take(drawn, self.individual, axis=1)
        unknown = times * self.unknown
        times *= self.named
        return times.cumsum(axis=1, out=times), unknown.cumsum(axis=1, out=unknown), drawn[:, self.is_known].sum(axis=1)

    def best_threshold(self, drawn: np.ndarray) -> np.ndarray:
        """(b,) the threshold of `openset.fit_threshold` on the queries as drawn; -inf where nothing is refused."""
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

    def _between(self, drawn, draw, accepted) -> tuple[np.ndarray, np.ndarray]:
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

    def _drawn_one(self, drawn, draw, at, *, step: int) -> np.ndarray:
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
        baus = 1 - metrics._ratio(wrong, unknown[:, -1])
        return metrics._ratio(right, n_known), np.maximum(baus, 0)
