"""The metrics of a run: how each is computed, which queries it counts, and its words for people.

Figures, pages, views and tables take the words from here (`figures.labels` adds the role). Every metric is a share from
0 to 1.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from reid_lib.openset import metrics
from reid_lib.openset.answers import Answers


class WeightedAnswers:
    """Labelled answers and how often each was drawn: weights (B, n), or None for once each."""

    def __init__(self, answers: Answers, weights: np.ndarray | None):
        self.q, self.weights = answers, weights

    @cached_property
    def curves(self) -> metrics.OperatingCurves:
        """By image; sorted and summed up once for all the metrics that need it."""
        return metrics.OperatingCurves.of(self.q.score, self.q.named, self.q.known, weights=self.weights)

    def of_decision(self, metric: Callable) -> float | np.ndarray:
        """A metric of what was decided, such as `metrics.baks`."""
        return metric(self.q.correct, self.q.known, self.q.individual, weights=self.weights)

    def share(self, holds: np.ndarray, among: np.ndarray) -> float | np.ndarray:
        """See `metrics.share`."""
        return metrics.share(holds, among, weights=self.weights)

    def area(self) -> float | np.ndarray:
        """See `metrics.baks_baus_area`."""
        q = self.q
        return metrics.baks_baus_area(q.score, q.named, q.known, q.individual, weights=self.weights)

    def top1_individual(self) -> float | np.ndarray:
        """See `metrics.top1_individual`."""
        return metrics.top1_individual(self.q.rank, self.q.known, self.q.individual, weights=self.weights)

    def mean_average_precision(self) -> float | np.ndarray:
        """See `metrics.mean_average_precision`."""
        return metrics.mean_average_precision(self.q.average_precision, self.q.known, weights=self.weights)


def _known(q: Answers) -> np.ndarray:
    return q.known


def _unknown(q: Answers) -> np.ndarray:
    return ~q.known


def _all(q: Answers) -> np.ndarray:
    return np.ones(len(q.known), dtype=bool)


def _right(q: Answers) -> np.ndarray:
    return q.named & ~np.isnan(q.crossed)


@dataclass(frozen=True)
class Metric:
    """A metric of one data set: how it is computed, over which queries it averages, and what it is called.

    Args:
        label: what a reader should see where there is room, as on an axis.
        word: the same in few words, for a title, a column or a list.
    """

    label: str
    word: str
    compute: Callable[[WeightedAnswers], np.ndarray]
    among: Callable[[Answers], np.ndarray]
    by_individual: bool = False
    needs: str = ""  # the attribute of the answers without which it is left out
    lower_is_better: bool = False
    # What queries of the best or the worst imaginable individual need so that the metric counts them; see `bounds`.
    imagined: Callable[[bool], dict] = lambda best: {}
    average: Callable | None = None  # over data sets, undefined ones among them; None: the mean of those defined

    def counts(self, *, known: bool) -> bool:
        """Does it average over individuals of this kind?"""
        return self.among is not _unknown if known else self.among in (_all, _unknown)


METRICS: dict[str, Metric] = {
    "geometric_mean": Metric(
        "geometric mean of BAKS and BAUS",
        "geometric mean",
        lambda d: d.of_decision(metrics.geometric_mean),
        _all,
        by_individual=True,
        needs="correct",
        average=metrics.animalclef2025_average,
    ),
    "baks": Metric(
        "BAKS: known individuals named rightly", "BAKS", lambda d: d.of_decision(metrics.baks), _known, True, "correct"
    ),
    "baus": Metric(
        "BAUS: unknown individuals called new", "BAUS", lambda d: d.of_decision(metrics.baus), _unknown, True, "correct"
    ),
    "baks_baus_area": Metric("area under the BAKS–BAUS curve", "BAKS–BAUS area", lambda d: d.area(), _all, True),
    "top1": Metric(
        "top-1: nearest individual is right",
        "top-1",
        lambda d: d.share(d.q.rank <= 1, d.q.known),
        _known,
        needs="rank",
    ),
    "top5": Metric(
        "top-5: right one among five nearest",
        "top-5",
        lambda d: d.share(d.q.rank <= 5, d.q.known),
        _known,
        needs="rank",
    ),
    "top1_individual": Metric(
        "top-1, averaged over individuals", "top-1 by individual", lambda d: d.top1_individual(), _known, True, "rank"
    ),
    "mean_average_precision": Metric(
        "mean average precision",
        "mAP",
        lambda d: d.mean_average_precision(),
        _known,
        needs="average_precision",
    ),
    "auroc": Metric("AUROC known against unknown", "AUROC", lambda d: d.curves.auroc(), _all),
    "fpr_at_95_tpr": Metric(
        "FPR at 95 % TPR (lower is better)",
        "FPR at 95 % TPR",
        lambda d: d.curves.fpr_at_95_tpr(),
        _all,
        lower_is_better=True,
    ),
    "oscr": Metric("OSCR", "OSCR", lambda d: d.curves.oscr(), _all),
    "dir_at_1": Metric(
        "identified at 1 % false alarms",
        "found at 1 % alarms",
        lambda d: d.curves.detection_identification_rate(0.01),
        _all,
    ),
    "dir_at_10": Metric(
        "identified at 10 % false alarms",
        "found at 10 % alarms",
        lambda d: d.curves.detection_identification_rate(0.10),
        _all,
    ),
    # Top-1 of known queries whose individual was enrolled from the same flank, and of those where only another was.
    "top1_same_orientation": Metric(
        "top-1 where the same flank is enrolled",
        "top-1, same flank",
        lambda d: d.share(d.q.named, d.q.same_flank == 1),
        lambda q: q.same_flank == 1,
        needs="same_flank",
        imagined=lambda best: {"same_flank": 1.0},
    ),
    "top1_other_orientation": Metric(
        "top-1 where only another flank is",
        "top-1, other flank",
        lambda d: d.share(d.q.named, d.q.same_flank == 0),
        lambda q: q.same_flank == 0,
        needs="same_flank",
        imagined=lambda best: {"same_flank": 0.0},
    ),
    # Of the right answers, the share whose best gallery image shows another flank than the query.
    "right_from_other_orientation": Metric(
        "right answers found by another flank",
        "by another flank",
        lambda d: d.share(d.q.crossed == 1, _right(d.q)),
        _right,
        needs="crossed",
        imagined=lambda best: {"named": True, "crossed": float(best)},
    ),
}


@dataclass(frozen=True)
class Estimate:
    """A metric with what its interval is made of.

    Attributes:
        replicates: (repetitions,) float64, the metric of each draw.
        spread: False where a kind has a single individual to draw from, or nothing was drawn: there is no interval.
        n: individuals or queries that it averages over.
        datasets: data sets that it averages over; 0 for that of one data set.
        lowered, raised: (repetitions,) float64, the metric of draws with an imaginary individual as bad, or as good, as
            can be (`bounds`). Their lower and upper ends widen the interval; None: individuals are not few.
    """

    value: float
    replicates: np.ndarray
    spread: bool
    n: int
    datasets: int = 0
    lowered: np.ndarray | None = None
    raised: np.ndarray | None = None

    @property
    def downwards(self) -> np.ndarray:
        """(repetitions,) draws of which the lower end may be taken."""
        return self.replicates if self.lowered is None else self.lowered

    @property
    def upwards(self) -> np.ndarray:
        """(repetitions,) draws of which the upper end may be taken."""
        return self.replicates if self.raised is None else self.raised

    def entry(self) -> dict:
        """What metrics.json keeps: value, low, high, n, and datasets where it averages over several."""
        low, high = find_interval(self.replicates) if self.spread else (np.nan, np.nan)
        if self.spread and self.lowered is not None:
            low, high = min(low, find_interval(self.lowered)[0]), max(high, find_interval(self.raised)[1])
        entry = {"value": self.value, "low": low, "high": high, "n": self.n}
        return entry | {"datasets": self.datasets} if self.datasets else entry


def find_interval(replicates: np.ndarray) -> tuple[float, float]:
    """The 95 % percentile interval (low, high) of replicates (n,), undefined ones left out; NaN where none is left."""
    defined = replicates[~np.isnan(replicates)]
    low, high = np.quantile(defined, [0.025, 0.975]) if len(defined) else (np.nan, np.nan)
    return float(low), float(high)


def average_datasets(estimates: list[Estimate], average: Callable[[np.ndarray], np.ndarray] | None = None) -> Estimate:
    """One metric of several data sets, averaged over those where it is defined, replicate by replicate.

    Args:
        estimates: of each data set; at least one.
        average: over the first axis, undefined values among them (`Metric.average`); None: the mean of defined ones.
    """
    values = np.array([e.value for e in estimates])
    if np.isnan(values).all():
        return Estimate(float("nan"), estimates[0].replicates, False, 0)
    used = estimates if average else [e for e in estimates if not np.isnan(e.value)]
    average = average or _mean_of_defined
    columns = ("value", "replicates", "downwards", "upwards")
    value, replicates, *ends = (average(np.array([getattr(e, what) for e in used])) for what in columns)
    lowered, raised = ends if any(e.lowered is not None for e in used) else (None, None)
    spread = any(e.spread for e in used)
    return Estimate(float(value), replicates, spread, sum(e.n for e in used), len(used), lowered, raised)


def _mean_of_defined(values: np.ndarray) -> np.ndarray:
    """Mean over the first axis, without NaN; NaN where nothing else is there."""
    defined = ~np.isnan(values)
    total, n = np.where(defined, values, 0).sum(axis=0), defined.sum(axis=0)
    return np.divide(total, n, out=np.full(np.shape(total), np.nan), where=n > 0)
