"""From predictions to numbers with intervals: per data set, then averaged.

Intervals are 95 % percentile intervals of a bootstrap over individuals, known and unknown ones drawn apart, within each
data set. They are conditional on the trained model, its gallery and the threshold: they say how far a result would move
with other animals, not with another training. Of few individuals a bootstrap knows too little: there the intervals are
widened to those of `bounds`, which cover however few they are.
"""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pandas as pd

from reid_lib.core.messages import counted
from reid_lib.core.names import HEADLINE, KNOWN, TEST, VAL
from reid_lib.openset import bounds, metrics
from reid_lib.openset.answers import Answers
from reid_lib.openset.bootstrap import Stratum, Weigh, count_draws, draw_individuals
from reid_lib.openset.fitting import fit_best_threshold
from reid_lib.openset.measures import METRICS, Estimate, Metric, WeightedAnswers, average_datasets

ON_VAL = "on val (the test has no labels)"
COUNTS = (
    "n_known_individuals",
    "n_unknown_individuals",
    "n_known_queries",
    "n_unknown_queries",
    "n_unlabelled_queries",
)
_CHUNK_BYTES = 2**25  # of weights at a time: bounds the memory of the bootstrap


def summarise(answers: Answers, *, repetitions: int = 1000, seed: int = 0) -> dict:
    """Every metric per data set and averaged over data sets, with its 95 % interval.

    The average leaves out data sets where a metric is undefined; `geometric_mean` alone counts them as 0: it is
    `metrics.animalclef2025_score`. What is undefined in every data set is NaN. Metrics that the columns do not allow
    (no `predicted`, no orientations) are left out.

    Args:
        answers: queries of one role, with the decisions of `threshold.decide`. Unlabelled ones take part in nothing.
        repetitions: of the bootstrap; 0 for no intervals.
        seed: of the bootstrap. A data set's resamples do not depend on which others there are.

    Returns:
        "datasets": data set -> metric -> {"value", "low", "high", "n"}; n counts the individuals or queries averaged.
            The interval is NaN where only one individual of a kind is there to draw from.
        "overall": metric -> the same averaged; n summed over, and "datasets" counting, those averaged.
        "counts": data set ("": together) -> n_known_individuals, n_unknown_individuals, n_known_queries,
            n_unknown_queries, n_unlabelled_queries.
    """
    parts = answers.by_dataset
    tables = {name: estimate_metrics(q, METRICS, repetitions=repetitions, seed=seed) for name, q in parts.items()}
    # With nothing labelled every metric is there, undefined, over no data set.
    averaged = list(tables.values()) or [estimate_metrics(answers.labelled_only, METRICS, repetitions=0, seed=seed)]
    overall = {name: average_datasets([part[name] for part in averaged], METRICS[name].average) for name in averaged[0]}
    if not np.isnan(overall.get("geometric_mean", _UNDEFINED).value):
        overall["geometric_mean"] = replace(overall["geometric_mean"], value=_headline_score(answers.labelled_only))
    return {
        "overall": {metric: estimate.entry() for metric, estimate in overall.items()},
        "datasets": {name: {m: e.entry() for m, e in table.items()} for name, table in tables.items()},
        "counts": _count_queries(answers),
    }


def _headline_score(answers: Answers) -> float:
    """The very function that is tested against the competition's scorer, on the decisions of all data sets."""
    dataset = answers.dataset.astype(str)
    return metrics.animalclef2025_score(answers.correct, answers.known, answers.individual, dataset)


def val_score(val: Answers) -> float:
    """What the best epoch is chosen by: the highest geometric mean that any threshold gives on val, averaged over data
    sets, each at its own threshold; higher is better.

    A data set without unknown individuals counts with its top-1 averaged over individuals, one without known ones not
    at all; NaN when none is left. No threshold and no `predicted` is needed. In simulations it picks epochs better than
    top-1 and than the last epoch, and never worse than the area under the BAKS–BAUS curve (benchmarks/val_score.py).
    """
    scores = []
    for q in val.by_dataset.values():
        if q.known.all():
            scores.append(WeightedAnswers(q, None).top1_individual())
        elif q.known.any():
            scores.append(float(fit_best_threshold(q).geometric_mean.max()))
    return float(np.mean(scores)) if scores else float("nan")


_UNDEFINED = Estimate(float("nan"), np.empty(0), False, 0)


def estimate_metrics(
    answers: Answers, wanted: dict[str, Metric], *, repetitions: int, seed: int
) -> dict[str, Estimate]:
    """Values and bootstrap replicates of the labelled queries of one data set; what its columns do not allow is left
    out."""
    wanted = {
        n: metric for n, metric in wanted.items() if not metric.needs or getattr(answers, metric.needs) is not None
    }
    replicates = {name: np.full(repetitions, np.nan) for name in wanted}
    for start, weights in _draw_weights(answers, repetitions, seed):
        drawn = WeightedAnswers(answers, weights)
        for name, metric in wanted.items():
            replicates[name][start : start + len(weights)] = metric.compute(drawn)
    estimates, once, few = {}, WeightedAnswers(answers, None), {}
    for name, metric in wanted.items():
        among = metric.among(answers)
        kinds = [answers.count_individuals(among & kind) for kind in (answers.known, ~answers.known)]
        n = sum(kinds) if metric.by_individual else int(among.sum())
        spread = repetitions > 0 and 1 not in kinds
        estimates[name] = Estimate(float(np.ravel(metric.compute(once))[0]), replicates[name], spread, n)
        if not np.isnan(estimates[name].value):
            few[name] = tuple(0 < count < bounds.MANY for count in kinds)
    return estimates | {
        name: replace(estimates[name], lowered=ends[0], raised=ends[1])
        for name, ends in _widened(answers, wanted, few, repetitions, seed).items()
    }


def _widened(answers: Answers, wanted: dict, few: dict, repetitions: int, seed: int) -> dict[str, np.ndarray]:
    """Metric of which few known or unknown individuals are there -> (2, repetitions) draws with imaginary ones,
    downwards and upwards. Metrics that want the same imaginary individuals share their draws."""
    ends = {name: np.full((2, repetitions), np.nan) for name, kinds in few.items() if any(kinds)}
    together: dict[tuple, list] = {}
    for name in ends:
        for up in (False, True):
            best = up != wanted[name].lower_is_better
            together.setdefault((few[name], best, *wanted[name].imagined(best).items()), []).append((name, int(up)))
    for ((known, unknown), best, *columns), metrics_of in together.items():
        more = bounds.with_imaginary(answers, known=known, unknown=unknown, best=best, **dict(columns))
        dataset = answers.dataset[0]  # the streams are those of the data set, apart from those of the bootstrap
        for start, weights in _draw_weights(more, repetitions, seed, dataset, bounds.draw_dirichlet, kinds=(2, 3)):
            drawn = WeightedAnswers(more, weights)
            for name, up in metrics_of:
                ends[name][up, start : start + len(weights)] = wanted[name].compute(drawn)
    return ends


def _draw_weights(
    answers: Answers,
    repetitions: int,
    seed: int,
    dataset: str = "",
    weigh: Weigh = count_draws,
    kinds: tuple[int, int] = (0, 1),
) -> Iterator[tuple[int, np.ndarray]]:
    """(first, (b, n)) weights of the queries, some repetitions at a time: known and unknown individuals drawn apart."""
    # The imaginary individuals of both kinds have one code.
    individual, code = np.unique(2 * answers.individual + ~answers.known, return_inverse=True)
    members = (np.flatnonzero(individual % 2 == 0), np.flatnonzero(individual % 2))
    name = dataset or (answers.dataset[0] if len(answers) else "")
    strata = [Stratum(name, kind, own) for kind, own in zip(kinds, members, strict=True)]
    at_once = _CHUNK_BYTES // (8 * max(len(answers), 1))
    for start, drawn in draw_individuals(strata, repetitions=repetitions, seed=seed, at_once=at_once, weigh=weigh):
        yield start, np.take(drawn, code.ravel(), axis=1)


def _count_queries(answers: Answers) -> dict:
    counts = {}
    for name in sorted(set(answers.dataset)):
        q = answers.of_dataset(name)
        unknown = q.labelled & ~q.known
        counts[name] = {
            "n_known_individuals": q.count_individuals(q.known),
            "n_unknown_individuals": q.count_individuals(unknown),
            "n_known_queries": int(q.known.sum()),
            "n_unknown_queries": int(unknown.sum()),
            "n_unlabelled_queries": int((~q.labelled).sum()),
        }
    return {"": {key: sum(entry[key] for entry in counts.values()) for key in COUNTS}} | counts


def tabulate_summary(summary: dict) -> pd.DataFrame:
    """The metrics of `summarise` for reading: one row per metric, one column per data set, "value (low to high)"."""
    columns = {"average": summary["overall"]} | (summary["datasets"] if len(summary["datasets"]) > 1 else {})
    return pd.DataFrame(
        {name: {m: describe_value(entry) for m, entry in column.items()} for name, column in columns.items()}
    )


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
    said = ", ".join(f"{METRICS[name].word} {describe_value(overall[name])}" for name in HEADLINE if name in overall)
    datasets = counted(len(results[role]["datasets"]), "data set")
    return (
        f"{role if role == TEST else ON_VAL}: {said}; {counts['n_known_individuals']} known and "
        f"{counts['n_unknown_individuals']} unknown individuals, {datasets}; "
        f"{'each query an encounter; ' if results.get('query_unit') == 'encounter' else ''}"
        f"{_too_few(counts)}95 % intervals over individuals, for this model and threshold"
        + ("" if role == TEST else ", which was fitted on these very queries")
        + (f"; {results['left_out']['why']}" if "left_out" in results else "")
    )


def _too_few(counts: dict) -> str:
    """A clause for the headline where there are fewer individuals of a kind than a verdict takes."""
    numbers = {kind: counts[f"n_{kind}_individuals"] for kind in (KNOWN, "unknown")}
    lacking = [f"{kind} ones ({n})" for kind, n in numbers.items() if 0 < n < bounds.ENOUGH]
    return f"too few {' and '.join(lacking)} to tell runs apart, which takes {bounds.ENOUGH}; " if lacking else ""


def describe_value(entry: dict) -> str:
    """An entry of `summarise` for a person: "value (low to high)"."""
    if np.isnan(entry["value"]):
        return "undefined"
    return f"{entry['value']:.3f}" + ("" if np.isnan(entry["low"]) else f" ({entry['low']:.3f} to {entry['high']:.3f})")
