"""Open-set identification metrics on plain arrays; each takes weights, so that a bootstrap is one call.

Common arguments, all of length n, one entry per *labelled* query (unlabelled ones take part in no metric):

    known       bool: the query's individual is in the gallery
    individual  int or str labels; the same animal has the same label, different data sets never share one
    correct     bool, of the decision: a known query named rightly, an unknown one called new
    named       bool: the best individual, before any threshold, is the right one (False for unknown queries)
    score       float: similarity of the best individual; NaN (nothing to compare with) counts as the lowest of all
    weights     None, (n,) or (B, n), not negative: how many times each query was drawn

A query is accepted at threshold t when score >= t, so queries of equal score are accepted together. Results are in
[0, 1]: a float, or (B,) for weights (B, n). What is undefined (no query to average over) is NaN.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

_NEGLIGIBLE = 1e-12  # sums of shares such as 1/3 are rounded: a rate this close to its limit has reached it


def baks(
    correct: ArrayLike, known: ArrayLike, individual: ArrayLike, *, weights: ArrayLike | None = None
) -> float | np.ndarray:
    """Balanced accuracy on known samples: mean over known individuals of the share of their queries named rightly.

    Source: AnimalCLEF 2025 (https://imageclef.org/AnimalCLEF2025); `wildlife_datasets.metrics.BAKS`.

    Example: two queries of "a", one right, and a right one of "b" give (1/2 + 1) / 2.
        >>> baks([True, False, True], [True, True, True], ["a", "a", "b"])
        0.75
    """
    return _mean(correct, _shares(individual, known), weights)


def baus(
    correct: ArrayLike, known: ArrayLike, individual: ArrayLike, *, weights: ArrayLike | None = None
) -> float | np.ndarray:
    """Balanced accuracy on unknown samples: mean over unknown individuals of the share of their queries called new.

    Source: as `baks`; `wildlife_datasets.metrics.BAUS`.
    """
    return _mean(correct, _shares(individual, ~_bools(known)), weights)


def geometric_mean(
    correct: ArrayLike, known: ArrayLike, individual: ArrayLike, *, weights: ArrayLike | None = None
) -> float | np.ndarray:
    """sqrt(BAKS * BAUS) of one data set; NaN where either is."""
    known_part, unknown_part = (f(correct, known, individual, weights=weights) for f in (baks, baus))
    return _plain(np.sqrt(known_part * unknown_part), weights)


def animalclef2025_score(
    correct: ArrayLike, known: ArrayLike, individual: ArrayLike, dataset: ArrayLike, *, weights: ArrayLike | None = None
) -> float | np.ndarray:
    """sqrt(BAKS * BAUS) per data set, undefined counted as 0, averaged over the data sets: the headline of a run.

    Source: the competition's scorer (AnimalCLEF 2025, Kaggle), which replaces an undefined BAKS or BAUS by 0.

    Args:
        dataset: (n,) the data set of each query.
    """
    dataset = np.asarray(dataset)
    if not len(dataset):
        return _mean([], np.zeros(0), weights)
    parts = []
    for name in np.unique(dataset):
        own = dataset == name
        some = None if weights is None else np.asarray(weights, dtype=float)[..., own]
        arrays = (np.asarray(a)[own] for a in (correct, known, individual))
        parts.append(geometric_mean(*arrays, weights=some))
    return _plain(animalclef2025_average(parts), weights)


def animalclef2025_average(geometric_means: ArrayLike) -> np.ndarray:
    """Geometric means of the data sets, (n_datasets,) or (n_datasets, B), averaged over them; NaN counts as 0."""
    return np.mean(np.nan_to_num(np.asarray(geometric_means, dtype=float), nan=0.0), axis=0)


def share(holds: ArrayLike, among: ArrayLike, *, weights: ArrayLike | None = None) -> float | np.ndarray:
    """Share of the queries `among` (bool) for which something `holds` (bool), by image (each query counts the same)."""
    return _mean(_bools(holds), _bools(among).astype(float), weights)


def top1_individual(
    rank: ArrayLike, known: ArrayLike, individual: ArrayLike, *, weights: ArrayLike | None = None
) -> float | np.ndarray:
    """Top-1 of the known queries, averaged over individuals: BAKS without a threshold."""
    return _mean(np.asarray(rank, dtype=float) <= 1, _shares(individual, known), weights)


def mean_average_precision(
    average_precision: ArrayLike, known: ArrayLike, *, weights: ArrayLike | None = None
) -> float | np.ndarray:
    """Mean of the average precisions of the known queries, by image.

    Args:
        average_precision: (n,) per query over its gallery images (see `predictions.score_individuals`).
    """
    known = _bools(known)
    return _mean(np.where(known, np.asarray(average_precision, dtype=float), 0.0), known.astype(float), weights)


def baks_baus_area(
    score: ArrayLike, named: ArrayLike, known: ArrayLike, individual: ArrayLike, *, weights: ArrayLike | None = None
) -> float | np.ndarray:
    """Area under BAKS as a function of BAUS over all thresholds: OSCR by individual instead of by image.

    The chance that a query of a random known individual is named rightly *and* scores above a query of a random unknown
    individual (ties half).
    """
    return _plain(OperatingCurves.of(score, named, known, individual=individual, weights=weights).oscr(), weights)


@dataclass(frozen=True)
class OperatingCurves:
    """What is accepted as the threshold falls, for m distinct scores, and the metrics of it, computed from one sort.

    Attributes:
        known, named, unknown: (B, m + 1) mass of the accepted known queries, of those named rightly, and of the
            accepted unknown ones; the first column is 0 (all rejected), the last everything.
        n_unknown: unknown queries, however often drawn.
    """

    known: np.ndarray
    named: np.ndarray
    unknown: np.ndarray
    n_unknown: int

    @classmethod
    def of(
        cls,
        score: ArrayLike,
        named: ArrayLike,
        known: ArrayLike,
        *,
        individual: ArrayLike | None = None,
        weights: ArrayLike | None = None,
    ) -> "OperatingCurves":
        """Curves by image, or with `individual` by individual; arguments as above."""
        known = _bools(known)
        if individual is None:
            known_mass, unknown_mass = known.astype(float), (~known).astype(float)
        else:
            known_mass, unknown_mass = _shares(individual, known), _shares(individual, ~known)
        masses = (known_mass, known_mass * _bools(named), unknown_mass)
        return cls(*_accepted(score, weights, masses), int((~known).sum()))

    def auroc(self) -> np.ndarray:
        """(B,) area under the ROC curve of known (positive) against unknown queries; ties count half."""
        return self._area(self.known)

    def oscr(self) -> np.ndarray:
        """(B,) open-set classification rate: area under correct classification rate against false positive rate.

        The correct classification rate at t is the share of known queries named rightly with score >= t; the false
        positive rate the share of unknown queries with score >= t. Equals the AUROC when every known query is named
        rightly.

        Source: Dhamija, Günther, Boult, "Reducing Network Agnostophobia", NeurIPS 2018 (arXiv:1811.04110); ties half,
        as in the ROC curve.
        """
        return self._area(self.named)

    def fpr_at_95_tpr(self) -> np.ndarray:
        """(B,) share of unknown queries accepted at the highest threshold that accepts 95 % of the known ones; lower is
        better.

        Source: Liang, Li, Srikant, "Enhancing the reliability of out-of-distribution image detection" (ODIN), ICLR
        2018; the first point of the ROC curve with TPR >= 0.95, without interpolation.
        """
        reached = divide(self.known, self.known[:, -1:]) >= 0.95 - _NEGLIGIBLE
        rate = divide(_at(self.unknown, reached.argmax(axis=1)), self.unknown[:, -1])
        return np.where(self.known[:, -1] > 0, rate, np.nan)

    def detection_identification_rate(self, false_alarm_rate: float, *, min_unknown: int = 100) -> np.ndarray:
        """(B,) share of known queries named rightly at the lowest threshold that keeps false alarms within a rate.

        The false alarm rate is the share of unknown queries with score >= t. The threshold is read off these very
        queries: it describes the scores, it is not the frozen operating point.

        Source: Phillips, Grother, Micheals, "Evaluation Methods in Face Recognition" (Handbook of Face Recognition),
        open-set identification at rank 1; ISO/IEC 19795-1.

        Args:
            false_alarm_rate: 0 ... 1.
            min_unknown: NaN with fewer unknown queries than this: 1 % of fewer than 100 is less than one query.
        """
        if self.n_unknown < max(min_unknown, 1):
            return np.full(len(self.known), np.nan)
        allowed = divide(self.unknown, self.unknown[:, -1:]) <= false_alarm_rate + _NEGLIGIBLE
        lowest = np.maximum(allowed.sum(axis=1) - 1, 0)  # rates only rise, from 0 where all are rejected
        return divide(_at(self.named, lowest), self.known[:, -1])

    def _area(self, hit) -> np.ndarray:
        """Area under `hit` against `unknown`, both as shares, by trapezoids: ties count half."""
        area = (np.diff(self.unknown, axis=1) * (hit[:, 1:] + hit[:, :-1])).sum(axis=1) / 2
        return divide(area, self.known[:, -1] * self.unknown[:, -1])


def baks_baus_curve(
    score: ArrayLike, named: ArrayLike, known: ArrayLike, individual: ArrayLike
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """BAKS and BAUS at every threshold that makes a difference.

    Returns:
        threshold: (m + 1,) float, ascending, for m distinct scores: -inf accepts every query that has a score, +inf
            none, the others lie midway between neighbouring distinct scores.
        baks, baus: (m + 1,) float, each NaN throughout where there is no query of its kind.
    """
    known, score = _bools(known), np.asarray(score, dtype=float)
    distinct = np.unique(score[np.isfinite(score)])
    between = (distinct[:-1] + distinct[1:]) / 2
    between = np.where(between > distinct[:-1], between, distinct[1:])  # neighbours in float64 have no number between
    curves = OperatingCurves.of(score, named, known, individual=individual)
    named_rightly = divide(curves.named, curves.known[:, -1:])[0]
    called_new = 1 - divide(curves.unknown, curves.unknown[:, -1:])[0]
    order = np.arange(len(distinct), -1, -1)  # from accepting all with a score to accepting none
    threshold = np.concatenate([[-np.inf] if len(distinct) else [], between, [np.inf]])
    return threshold, named_rightly[order], np.clip(called_new[order], 0, 1)


def _bools(values) -> np.ndarray:
    return np.asarray(values, dtype=bool)


def _plain(values, weights):
    """(B,) for weights (B, n), a float otherwise."""
    return values if np.ndim(weights) == 2 else float(np.ravel(values)[0])


def _shares(individual, mask) -> np.ndarray:
    """What a query counts where individuals count the same: 1 / (its individual's queries in `mask`), 0 outside."""
    mask, individual = _bools(mask), np.asarray(individual)
    share = np.zeros(len(mask))
    if mask.any():
        _, code, count = np.unique(individual[mask], return_inverse=True, return_counts=True)
        share[mask] = 1 / count[code.ravel()]
    return share


def _mean(values, share, weights):
    """Mean of `values` (n,) with weights `share` (n,) times how often each query was drawn; NaN over nothing."""
    values, share = np.asarray(values, dtype=float), np.asarray(share, dtype=float)
    drawn = np.ones(len(share)) if weights is None else np.asarray(weights, dtype=float)
    return _plain(divide(drawn @ (values * share), drawn @ share), weights)


def divide(above: ArrayLike, below: ArrayLike) -> np.ndarray:
    """Quotient, NaN where `below` is 0."""
    above, below = np.broadcast_arrays(np.asarray(above, dtype=float), np.asarray(below, dtype=float))
    return np.divide(above, below, out=np.full(above.shape, np.nan), where=below > 0)


def _accepted(score, weights, columns) -> list[np.ndarray]:
    """Mass of each column (n,) among the accepted queries, as the threshold falls: (B, m + 1) each."""
    score = np.nan_to_num(np.asarray(score, dtype=float), nan=-np.inf)
    order = np.argsort(-score, kind="stable")
    falling = score[order]
    last_of_ties = np.append(np.flatnonzero(falling[1:] != falling[:-1]), len(score) - 1) if len(score) else order
    drawn = np.ones((1, len(score))) if weights is None else np.atleast_2d(np.asarray(weights, dtype=float))
    drawn = drawn if (order[1:] > order[:-1]).all() else drawn[:, order]  # the copy is what costs
    curves = []
    for column in columns:
        total = np.cumsum(drawn * np.asarray(column, dtype=float)[order], axis=1)
        total = total if len(last_of_ties) == len(score) else total[:, last_of_ties]
        curves.append(np.concatenate([np.zeros((len(total), 1)), total], axis=1))
    return curves


def _at(curve, column) -> np.ndarray:
    return curve[np.arange(len(curve)), column]
