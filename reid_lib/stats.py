"""From predictions to numbers with intervals: per data set, then averaged.

Intervals are 95 % percentile intervals of a bootstrap over individuals, known and unknown ones drawn apart, within each
data set. They are conditional on the trained model, its gallery and the threshold: they say how far a result would move
with other animals, not with another training. Of few individuals a bootstrap knows too little: there the intervals are
widened to those of `bounds`, which cover however few they are.
"""

import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import pandas as pd

from reid_lib import bounds, metrics
from reid_lib.errors import ParameterError
from reid_lib.names import (
    AVERAGE_PRECISION,
    DATASET,
    IDENTITY,
    IMAGE_ID,
    KNOWN,
    NEW_INDIVIDUAL,
    ORIENTATION,
    PREDICTED,
    RANK,
    SCORE,
    TEST,
    VAL,
)
from reid_lib.openset import MATCH_ORIENTATION, SAME_ORIENTATION, individual_keys, labelled

ON_VAL = "on val (the test has no labels)"
_CHUNK_BYTES = 2**25  # of weights at a time: bounds the memory of the bootstrap


@dataclass(frozen=True)
class _Queries:
    """The labelled queries of one data set as arrays (n,), by descending score, equal ones by image_id."""

    known: np.ndarray
    individual: np.ndarray
    score: np.ndarray
    named: np.ndarray
    rank: np.ndarray
    average_precision: np.ndarray
    correct: np.ndarray | None = None  # no decision was taken
    same_flank: np.ndarray | None = None  # has its individual a gallery image of its flank: 1, 0, NaN where not known
    crossed: np.ndarray | None = None  # does the best match show another flank: 1, 0, NaN where not known

    def n_individuals(self, among: np.ndarray) -> int:
        return len(np.unique(self.individual[among]))


class _Drawn:
    """Queries and how often each was drawn: weights (B, n), or None for once each."""

    def __init__(self, queries: _Queries, weights: np.ndarray | None):
        self.q, self.weights = queries, weights

    @cached_property
    def curves(self) -> metrics.OperatingCurves:
        """By image; sorted and summed up once for all the metrics that need it."""
        return metrics.OperatingCurves.of(self.q.score, self.q.named, self.q.known, weights=self.weights)

    def of_decision(self, metric: Callable):
        return metric(self.q.correct, self.q.known, self.q.individual, weights=self.weights)

    def share(self, holds: np.ndarray, among: np.ndarray):
        return metrics.share(holds, among, weights=self.weights)

    def area(self):
        q = self.q
        return metrics.baks_baus_area(q.score, q.named, q.known, q.individual, weights=self.weights)

    def best_geometric_mean(self) -> float:
        """At the best threshold in hindsight."""
        q = self.q
        _, baks, baus = metrics.baks_baus_curve(q.score, q.named, q.known, q.individual)
        return float(np.sqrt(baks * baus).max())

    def top1_individual(self):
        return metrics.top1_individual(self.q.rank, self.q.known, self.q.individual, weights=self.weights)

    def mean_average_precision(self):
        return metrics.mean_average_precision(self.q.average_precision, self.q.known, weights=self.weights)


def _known(q: _Queries) -> np.ndarray:
    return q.known


def _unknown(q: _Queries) -> np.ndarray:
    return ~q.known


def _all(q: _Queries) -> np.ndarray:
    return np.ones(len(q.known), dtype=bool)


def _right(q: _Queries) -> np.ndarray:
    return q.named & ~np.isnan(q.crossed)


@dataclass(frozen=True)
class _Metric:
    """A metric of one data set: how it is computed, and over which queries it averages."""

    compute: Callable[[_Drawn], np.ndarray]
    among: Callable[[_Queries], np.ndarray]
    by_individual: bool = False
    needs: str = ""  # the attribute of the queries without which it is left out
    lower_is_better: bool = False
    # What queries of the best or the worst imaginable individual need so that the metric counts them; see `bounds`.
    imagined: Callable[[bool], dict] = lambda best: {}
    average: Callable | None = None  # over data sets, undefined ones among them; None: the mean of those defined


METRICS: dict[str, _Metric] = {
    "geometric_mean": _Metric(
        lambda d: d.of_decision(metrics.geometric_mean),
        _all,
        by_individual=True,
        needs="correct",
        average=metrics.animalclef2025_average,
    ),
    "baks": _Metric(lambda d: d.of_decision(metrics.baks), _known, True, "correct"),
    "baus": _Metric(lambda d: d.of_decision(metrics.baus), _unknown, True, "correct"),
    "baks_baus_area": _Metric(lambda d: d.area(), _all, True),
    "top1": _Metric(lambda d: d.share(d.q.rank <= 1, d.q.known), _known),
    "top5": _Metric(lambda d: d.share(d.q.rank <= 5, d.q.known), _known),
    "top1_individual": _Metric(lambda d: d.top1_individual(), _known, True),
    "mean_average_precision": _Metric(lambda d: d.mean_average_precision(), _known),
    "auroc": _Metric(lambda d: d.curves.auroc(), _all),
    "fpr_at_95_tpr": _Metric(lambda d: d.curves.fpr_at_95_tpr(), _all, lower_is_better=True),
    "oscr": _Metric(lambda d: d.curves.oscr(), _all),
    "dir_at_1": _Metric(lambda d: d.curves.detection_identification_rate(0.01), _all),
    "dir_at_10": _Metric(lambda d: d.curves.detection_identification_rate(0.10), _all),
    # Top-1 of known queries whose individual was enrolled from the same flank, and of those where only another was.
    "top1_same_orientation": _Metric(
        lambda d: d.share(d.q.named, d.q.same_flank == 1),
        lambda q: q.same_flank == 1,
        needs="same_flank",
        imagined=lambda best: {"same_flank": 1.0},
    ),
    "top1_other_orientation": _Metric(
        lambda d: d.share(d.q.named, d.q.same_flank == 0),
        lambda q: q.same_flank == 0,
        needs="same_flank",
        imagined=lambda best: {"same_flank": 0.0},
    ),
    # Of the right answers, the share whose best gallery image shows another flank than the query.
    "right_from_other_orientation": _Metric(
        lambda d: d.share(d.q.crossed == 1, _right(d.q)),
        _right,
        needs="crossed",
        imagined=lambda best: {"named": True, "crossed": float(best)},
    ),
}


def summarise(predictions: pd.DataFrame, *, repetitions: int = 1000, seed: int = 0) -> dict:
    """Every metric per data set and averaged over data sets, with its 95 % interval.

    The average leaves out data sets where a metric is undefined; `geometric_mean` alone counts them as 0: it is
    `metrics.animalclef2025_score`. What is undefined in every data set is NaN. Metrics that the columns do not allow
    (no `predicted`, no orientations) are left out.

    Args:
        predictions: queries of one role, from `openset.score_individuals`, with `predicted` from `openset.decide`.
            Unlabelled rows take part in nothing.
        repetitions: of the bootstrap; 0 for no intervals.
        seed: of the bootstrap. A data set's resamples do not depend on which others there are.

    Returns:
        "datasets": data set -> metric -> {"value", "low", "high", "n"}; n counts the individuals or queries averaged.
            The interval is NaN where only one individual of a kind is there to draw from.
        "overall": metric -> the same averaged; n summed over, and "datasets" counting, those averaged.
        "counts": data set ("": together) -> n_known_individuals, n_unknown_individuals, n_known_queries,
            n_unknown_queries, n_unlabelled_queries.
    """
    parts = _datasets(predictions)
    tables = {name: _evaluate(q, METRICS, repetitions, _seeds(seed, name)) for name, q in parts.items()}
    # With nothing labelled every metric is there, undefined, over no data set.
    averaged = list(tables.values()) or [_evaluate(_arrays(labelled(predictions)), METRICS, 0, _seeds(seed, ""))]
    overall = {metric: _average([part[metric] for part in averaged], metric) for metric in averaged[0]}
    if not np.isnan(overall.get("geometric_mean", _UNDEFINED).value):
        overall["geometric_mean"] = replace(overall["geometric_mean"], value=_headline_score(parts))
    return {
        "overall": {metric: estimate.entry() for metric, estimate in overall.items()},
        "datasets": {name: {m: e.entry() for m, e in table.items()} for name, table in tables.items()},
        "counts": _counts(predictions, parts),
    }


def _headline_score(parts: dict[str, _Queries]) -> float:
    """The very function that is tested against the competition's scorer, on the decisions of all data sets."""
    columns = ("correct", "known", "individual")
    joined = (np.concatenate([getattr(q, column) for q in parts.values()]) for column in columns)
    return metrics.animalclef2025_score(*joined, np.repeat(list(parts), [len(q.known) for q in parts.values()]))


def val_score(val_predictions: pd.DataFrame) -> float:
    """What the best epoch is chosen by: the highest geometric mean that any threshold gives on val, averaged over data
    sets, each at its own threshold; higher is better.

    A data set without unknown individuals counts with its top-1 averaged over individuals, one without known ones not
    at all; NaN when none is left. No threshold and no `predicted` is needed. In simulations it picks epochs better than
    top-1 and than the last epoch, and never worse than the area under the BAKS–BAUS curve (benchmarks/val_score.py).
    """
    scores = []
    for q in _datasets(val_predictions).values():
        drawn = _Drawn(q, None)
        if q.known.any():
            scores.append(drawn.top1_individual() if q.known.all() else drawn.best_geometric_mean())
    return float(np.mean(scores)) if scores else float("nan")


def paired_difference(
    pred_a: pd.DataFrame,
    pred_b: pd.DataFrame,
    *,
    metric: str = "geometric_mean",
    repetitions: int = 1000,
    seed: int = 0,
) -> dict:
    """Metric of a minus metric of b on the same queries, with the 95 % interval of a paired bootstrap.

    Both are resampled alike, so what the two have in common (easy and hard animals) cancels.

    Args:
        pred_a, pred_b: predictions of two runs for the same queries, in any order.
        metric: a key of `METRICS`; averaged over data sets as in `summarise`.

    Returns:
        {"difference", "low", "high"}

    Raises:
        ParameterError: the labelled queries or their labels differ, or the metric is unknown or not to be had.
    """
    if metric not in METRICS:
        raise ParameterError(f"unknown metric {metric!r}: expected one of {', '.join(METRICS)}")
    keys = [labelled(p)[[IMAGE_ID, DATASET, IDENTITY, KNOWN]].astype(str) for p in (pred_a, pred_b)]
    if not np.array_equal(keys[0].to_numpy(dtype=object), keys[1].to_numpy(dtype=object)):
        raise ParameterError(
            f"not the same queries ({len(keys[0])} and {len(keys[1])} labelled ones): a paired difference needs "
            "the same images with the same labels, known in both or in neither; compare runs of the same split"
        )
    pair = []
    for predictions in (pred_a, pred_b):
        tables = [
            _evaluate(q, {metric: METRICS[metric]}, repetitions, _seeds(seed, name))
            for name, q in _datasets(predictions).items()
        ]
        if not tables or not all(metric in table for table in tables):
            raise ParameterError(f"{metric!r} needs labelled predictions with {METRICS[metric].needs or 'scores'}")
        pair.append(_average([table[metric] for table in tables], metric))
    a, b = pair
    low, high = _interval(a.replicates - b.replicates) if a.spread else (np.nan, np.nan)
    return {"difference": a.value - b.value, "low": low, "high": high}


@dataclass(frozen=True)
class _Estimate:
    value: float
    replicates: np.ndarray  # (repetitions,)
    spread: bool  # are there at least two individuals of each kind to draw from?
    n: int
    datasets: int = 0
    lowered: np.ndarray | None = None  # (repetitions,) draws with an imaginary individual, of which the lower end
    raised: np.ndarray | None = None  # and the upper end are taken where those are lower or higher; None: nobody is few

    @property
    def downwards(self) -> np.ndarray:
        return self.replicates if self.lowered is None else self.lowered

    @property
    def upwards(self) -> np.ndarray:
        return self.replicates if self.raised is None else self.raised

    def entry(self) -> dict:
        low, high = _interval(self.replicates) if self.spread else (np.nan, np.nan)
        if self.spread and self.lowered is not None:
            low, high = min(low, _interval(self.lowered)[0]), max(high, _interval(self.raised)[1])
        entry = {"value": self.value, "low": low, "high": high, "n": self.n}
        return entry | {"datasets": self.datasets} if self.datasets else entry


_UNDEFINED = _Estimate(float("nan"), np.empty(0), False, 0)


def _interval(replicates: np.ndarray) -> tuple[float, float]:
    defined = replicates[~np.isnan(replicates)]
    low, high = np.quantile(defined, [0.025, 0.975]) if len(defined) else (np.nan, np.nan)
    return float(low), float(high)


def _evaluate(q: _Queries, wanted: dict[str, _Metric], repetitions: int, seeds: tuple) -> dict[str, _Estimate]:
    """Values and bootstrap replicates of one data set."""
    wanted = {
        name: metric for name, metric in wanted.items() if not metric.needs or getattr(q, metric.needs) is not None
    }
    replicates = {name: np.full(repetitions, np.nan) for name in wanted}
    for start, weights in _draws(q, repetitions, seeds, _as_often_as_drawn):
        drawn = _Drawn(q, weights)
        for name, metric in wanted.items():
            replicates[name][start : start + len(weights)] = metric.compute(drawn)
    estimates, once, few = {}, _Drawn(q, None), {}
    for name, metric in wanted.items():
        among = metric.among(q)
        kinds = [q.n_individuals(among & kind) for kind in (q.known, ~q.known)]
        n = sum(kinds) if metric.by_individual else int(among.sum())
        spread = repetitions > 0 and 1 not in kinds
        estimates[name] = _Estimate(float(np.ravel(metric.compute(once))[0]), replicates[name], spread, n)
        if not np.isnan(estimates[name].value):
            few[name] = tuple(0 < count < bounds.FEW for count in kinds)
    return estimates | {
        name: replace(estimates[name], lowered=ends[0], raised=ends[1])
        for name, ends in _widened(q, wanted, few, repetitions, seeds).items()
    }


def _widened(q: _Queries, wanted: dict, few: dict, repetitions: int, seeds: tuple) -> dict[str, np.ndarray]:
    """Metric of which few known or unknown individuals are there -> (2, repetitions) draws with imaginary ones,
    downwards and upwards. Metrics that want the same imaginary individuals share their draws."""
    ends = {name: np.full((2, repetitions), np.nan) for name, kinds in few.items() if any(kinds)}
    together: dict[tuple, list] = {}
    for name in ends:
        for up in (False, True):
            best = up != wanted[name].lower_is_better
            together.setdefault((few[name], best, *wanted[name].imagined(best).items()), []).append((name, int(up)))
    seeds = tuple([*seed[:-1], seed[-1] + 2] for seed in seeds)  # apart from those of the bootstrap
    for ((known, unknown), best, *columns), metrics_of in together.items():
        more = bounds.with_imaginary(q, known=known, unknown=unknown, best=best, **dict(columns))
        for start, weights in _draws(more, repetitions, seeds, bounds.flat_dirichlet):
            drawn = _Drawn(more, weights)
            for name, up in metrics_of:
                ends[name][up, start : start + len(weights)] = wanted[name].compute(drawn)
    return ends


def _as_often_as_drawn(rng: np.random.Generator, repetitions: int, n: int) -> np.ndarray:
    """(repetitions, n) how often each of n individuals is drawn, with replacement."""
    return rng.multinomial(n, np.full(n, 1 / n), size=repetitions)


def _draws(q: _Queries, repetitions: int, seeds: tuple, weigh: Callable) -> Iterator[tuple[int, np.ndarray]]:
    """(first, (b, n)) weights of a few repetitions at a time: `weigh` gives those of the individuals of a kind."""
    at_once = max(1, _CHUNK_BYTES // (8 * max(len(q.known), 1)))
    kinds = []
    for kind, seed in zip((q.known, ~q.known), seeds, strict=True):
        names, code = np.unique(q.individual[kind], return_inverse=True)
        kinds.append((kind, len(names), code.ravel(), np.random.default_rng(seed)))
    for start in range(0, repetitions, at_once):
        weights = np.zeros((min(at_once, repetitions - start), len(q.known)))
        for kind, n, code, rng in kinds:
            if n:
                weights[:, kind] = weigh(rng, len(weights), n)[:, code]
        yield start, weights


def _seeds(seed: int, dataset: str) -> tuple:
    """One seed for the known and one for the unknown individuals of a data set."""
    return tuple([seed, zlib.crc32(dataset.encode()), kind] for kind in (0, 1))


def _average(estimates: list[_Estimate], metric: str) -> _Estimate:
    """Over the data sets where the metric is defined (or as the metric says), replicate by replicate."""
    values = np.array([e.value for e in estimates])
    if np.isnan(values).all():
        return _Estimate(float("nan"), estimates[0].replicates, False, 0)
    average = METRICS[metric].average
    used = estimates if average else [e for e in estimates if not np.isnan(e.value)]
    average = average or _mean_of_defined
    columns = ("value", "replicates", "downwards", "upwards")
    value, replicates, *ends = (average(np.array([getattr(e, what) for e in used])) for what in columns)
    lowered, raised = ends if any(e.lowered is not None for e in used) else (None, None)
    spread = any(e.spread for e in used)
    return _Estimate(float(value), replicates, spread, sum(e.n for e in used), len(used), lowered, raised)


def _mean_of_defined(values: np.ndarray) -> np.ndarray:
    """Mean over the first axis, without NaN; NaN where nothing else is there."""
    defined = ~np.isnan(values)
    total, n = np.where(defined, values, 0).sum(axis=0), defined.sum(axis=0)
    return np.divide(total, n, out=np.full(np.shape(total), np.nan), where=n > 0)


def _datasets(predictions: pd.DataFrame) -> dict[str, _Queries]:
    """Data set -> its labelled queries; a data set without any is left out."""
    rows = labelled(predictions).sort_values(SCORE, ascending=False, kind="stable")
    return {str(name): _arrays(own) for name, own in rows.groupby(DATASET, sort=True)}


def _arrays(rows: pd.DataFrame) -> _Queries:
    known, more = rows[KNOWN].to_numpy(dtype=bool), {}
    if PREDICTED in rows:
        truth = np.where(known, rows[IDENTITY].astype(str).to_numpy(dtype=object), NEW_INDIVIDUAL)
        more["correct"] = rows[PREDICTED].astype(str).to_numpy(dtype=object) == truth
    if SAME_ORIENTATION in rows and ORIENTATION in rows and MATCH_ORIENTATION in rows:
        same = rows[SAME_ORIENTATION].astype("boolean").astype("Float64")
        more["same_flank"] = same.to_numpy(dtype=float, na_value=np.nan)
        comparable = rows[[ORIENTATION, MATCH_ORIENTATION]].notna().all(axis=1).to_numpy()
        other = (rows[ORIENTATION].astype(str) != rows[MATCH_ORIENTATION].astype(str)).to_numpy()
        more["crossed"] = np.where(comparable, other, np.nan)
    score, rank, precision = (rows[column].to_numpy(dtype=float) for column in (SCORE, RANK, AVERAGE_PRECISION))
    return _Queries(known, individual_keys(rows), score, rows["named"].to_numpy(dtype=bool), rank, precision, **more)


def _counts(predictions: pd.DataFrame, parts: dict[str, _Queries]) -> dict:
    unlabelled = predictions[predictions[KNOWN].isna()][DATASET].value_counts()
    counts = {}
    for name in sorted(predictions[DATASET].unique()):
        q = parts.get(name)
        known = np.zeros(0, dtype=bool) if q is None else q.known
        counts[name] = {
            "n_known_individuals": q.n_individuals(known) if q else 0,
            "n_unknown_individuals": q.n_individuals(~known) if q else 0,
            "n_known_queries": int(known.sum()),
            "n_unknown_queries": int((~known).sum()),
            "n_unlabelled_queries": int(unlabelled.get(name, 0)),
        }
    keys = (
        "n_known_individuals",
        "n_unknown_individuals",
        "n_known_queries",
        "n_unknown_queries",
        "n_unlabelled_queries",
    )
    return {"": {key: sum(entry[key] for entry in counts.values()) for key in keys}} | counts


def table(summary: dict) -> pd.DataFrame:
    """The metrics of `summarise` for reading: one row per metric, one column per data set, "value (low to high)"."""
    columns = {"average": summary["overall"]} | (summary["datasets"] if len(summary["datasets"]) > 1 else {})
    return pd.DataFrame({name: {m: _say(entry) for m, entry in column.items()} for name, column in columns.items()})


def judged_role(results: dict) -> str:
    """The role whose queries say how good a run is: test, or val where no test query has a label (a competition)."""
    counts = {role: results[role]["counts"][""] for role in (TEST, VAL) if role in results}
    labels = {role: n["n_known_queries"] + n["n_unknown_queries"] for role, n in counts.items()}
    return VAL if labels.get(VAL) and not labels[TEST] and counts[TEST]["n_unlabelled_queries"] else TEST


def headline(results: dict) -> str:
    """One line for a person from {"test": `summarise`(...), "val": ...}: the result, its interval, what it rests on.

    It is that of val where the test has no labels, and says so.
    """
    role = judged_role(results)
    overall, counts = results[role]["overall"], results[role]["counts"][""]
    shown = {"geometric_mean": "geometric mean", "baks": "BAKS", "baus": "BAUS", "top1": "top-1", "auroc": "AUROC"}
    said = ", ".join(f"{label} {_say(overall[name])}" for name, label in shown.items() if name in overall)
    return (
        f"{role if role == TEST else ON_VAL}: {said}; {counts['n_known_individuals']} known and "
        f"{counts['n_unknown_individuals']} unknown individuals, {len(results[role]['datasets'])} data sets; "
        f"{_too_few(counts)}95 % intervals over individuals, for this model and threshold"
        + ("" if role == TEST else ", which was fitted on these very queries")
        + (f"; {results['left_out']['why']}" if "left_out" in results else "")
    )


def _too_few(counts: dict) -> str:
    """A clause for the headline where there are fewer individuals of a kind than a verdict takes."""
    numbers = {kind: counts[f"n_{kind}_individuals"] for kind in (KNOWN, "unknown")}
    lacking = [f"{kind} ones ({n})" for kind, n in numbers.items() if 0 < n < bounds.TOO_FEW]
    return f"too few {' and '.join(lacking)} to tell runs apart, which takes {bounds.TOO_FEW}; " if lacking else ""


def _say(entry: dict) -> str:
    if np.isnan(entry["value"]):
        return "undefined"
    return f"{entry['value']:.3f}" + ("" if np.isnan(entry["low"]) else f" ({entry['low']:.3f} to {entry['high']:.3f})")
