"""Two ways of answering the same queries, side by side: the paired difference of each metric, and a line that says it.

A run compares its fused scores with each score alone, and its trained network with the same network before training.
"""

import math

import pandas as pd

from reid_lib.core.errors import ParameterError
from reid_lib.core.names import TEST
from reid_lib.openset.answers import Answers
from reid_lib.openset.difference import BETTER, EQUAL, FEW, UNDEFINED, WORSE, Difference, measure_difference
from reid_lib.openset.measures import METRICS
from reid_lib.openset.resample import resample
from reid_lib.openset.summary import describe_value

COMPARED = ("geometric_mean", "top1", "auroc")
STORED = ("value", "low", "high", "p", "verdict")


def compare_answers(
    answers: Answers,
    others: Answers,
    *,
    role: str = TEST,
    min_individuals: int = 10,
) -> dict[str, Difference]:
    """The paired differences of the metrics of `COMPARED`, `answers` minus `others`; see `measure_difference`.

    Args:
        answers, others: of the same queries of val and test; the thresholds are fitted on the val queries of each.
        role: whose queries are judged.
        min_individuals: as in `threshold.fit_threshold`.

    Returns:
        metric -> Difference; a metric that these queries do not allow (no unknown animals, no labels) is left out.

    Raises:
        ParameterError: they do not answer the same queries.
    """
    found = {}
    for metric in COMPARED:
        try:
            pair = [resample(a, metric=metric, role=role, min_individuals=min_individuals) for a in (answers, others)]
        except ParameterError:  # no labelled queries of this role, or none to fit a threshold on
            continue
        difference = measure_difference([(pair[0], pair[1])])
        if difference.verdict != UNDEFINED:
            found[metric] = difference
    return found


def to_entry(difference: Difference) -> dict:
    """What metrics.json keeps of a difference: value, 95 % interval, p and verdict."""
    return {name: getattr(difference, name) for name in STORED}


def describe_differences(entries: dict[str, dict], *, what: str, than: str) -> str:
    """One line: does `what` answer better than `than`? With each difference and its interval.

    Args:
        entries: metric -> `to_entry`.
        what, than: names of the two ways, such as "trained" and "frozen".

    Example:
        >>> entry = {"value": 0.25, "low": 0.1, "high": 0.4, "p": 0.001, "verdict": "better"}
        >>> describe_differences({"top1": entry}, what="trained", than="its frozen start")
        'trained is better than its frozen start in top-1: +0.250 (+0.100 to +0.400)'
    """
    if not entries:
        return f"{what} and {than} cannot be compared: no labelled queries that both answer"
    told = {
        BETTER: f"is better than {than} in",
        WORSE: f"is worse than {than} in",
        EQUAL: f"cannot be told from {than} in",
        FEW: f"has too few animals to be told from {than} in",
    }
    parts = []
    for verdict, words in told.items():
        of_it = [_say(metric, entry) for metric, entry in entries.items() if entry["verdict"] == verdict]
        if of_it:
            parts.append(f"{words} {', '.join(of_it)}")
    return f"{what} {', and '.join(parts)}"


def tabulate_scores(metrics: dict) -> pd.DataFrame:
    """Each score alone beside the fused answer, from metrics.json, for a person to read.

    Returns:
        One row per score, the fused one first: the metrics of `COMPARED`, "value (low to high)" on the judged role, and
        for each "fused minus ..." the paired difference with its interval and verdict.
    """
    role = next(iter(metrics["than_alone"].values()))["role"]
    parts = {"fused": (metrics[role]["overall"], {})}
    for name, alone in metrics["alone"].items():
        parts[name] = alone[role], metrics["than_alone"][name]["differences"]
    rows = {}
    for name, (overall, differences) in parts.items():
        rows[name] = {METRICS[m].word: describe_value(overall[m]) for m in COMPARED if m in overall}
        rows[name] |= {
            f"fused minus this, {METRICS[m].word}": f"{_interval(e)}: {e['verdict']}" for m, e in differences.items()
        }
    return pd.DataFrame.from_dict(rows, orient="index").fillna("").rename_axis(f"score, on {role}")


def _say(metric: str, entry: dict) -> str:
    return f"{METRICS[metric].word}: {_interval(entry)}"


def _interval(entry: dict) -> str:
    interval = "" if math.isnan(entry["low"]) else f" ({entry['low']:+z.3f} to {entry['high']:+z.3f})"
    return f"{entry['value']:+z.3f}{interval}"
