"""Two ways of answering the same queries: paired differences of several metrics, and what is said of them."""

import numpy as np
import pandas as pd
import pytest
from paired_cases import pair_of_runs

from reid_lib.core.errors import ParameterError
from reid_lib.core.names import IMAGE_ID, KNOWN, ROLE, TEST, VAL
from reid_lib.openset.answers import Answers
from reid_lib.openset.difference import EQUAL, measure_difference
from reid_lib.openset.paired import COMPARED, compare_answers, describe_differences, to_entry
from reid_lib.openset.resample import resample


def compare(a: pd.DataFrame, b: pd.DataFrame, **options):
    return compare_answers(Answers.of(a), Answers.of(b), **options)


def entry(value, low, high, verdict):
    return {"value": value, "low": low, "high": high, "p": 0.01, "verdict": verdict}


def test_each_metric_is_the_one_paired_difference():
    a, b = pair_of_runs(0, better=0.1)
    found = compare(a, b)
    assert list(found) == list(COMPARED)
    for metric, difference in found.items():
        pair = tuple(resample(Answers.of(run), metric=metric) for run in (a, b))
        assert difference == measure_difference([pair])


def test_what_is_better_is_said_with_its_direction():
    a, b = pair_of_runs(2, better=0.3)
    line = describe_differences({m: to_entry(d) for m, d in compare(a, b).items()}, what="fused", than="embedding")
    assert line.startswith("fused is better than embedding in geometric mean: +0.")
    line = describe_differences({m: to_entry(d) for m, d in compare(b, a).items()}, what="embedding", than="fused")
    assert line.startswith("embedding is worse than fused in geometric mean: -0.")


def test_what_rounds_to_nothing_has_no_sign_of_a_loss():
    entry = {"value": -1e-9, "low": -1e-9, "high": 0.1, "verdict": EQUAL}
    told = describe_differences({"top1": entry}, what="this", than="that")
    assert "+0.000 (+0.000 to +0.100)" in told and "-0.000" not in told


def test_a_difference_within_noise_is_not_called_better():
    line = describe_differences({"top1": entry(0.05, -0.01, 0.11, "not distinguishable")}, what="a", than="b")
    assert line == "a cannot be told from b in top-1: +0.050 (-0.010 to +0.110)"


def test_better_in_one_and_worse_in_another_are_both_said():
    entries = {"top1": entry(0.2, 0.1, 0.3, "better"), "auroc": entry(-0.2, -0.3, -0.1, "worse")}
    line = describe_differences(entries, what="a", than="b")
    assert line == (
        "a is better than b in top-1: +0.200 (+0.100 to +0.300), "
        "and is worse than b in AUROC: -0.200 (-0.300 to -0.100)"
    )


def test_few_animals_have_no_verdict():
    a, b = pair_of_runs(0, better=0.3, n_known=6, n_unknown=6)
    line = describe_differences({m: to_entry(d) for m, d in compare(a, b).items()}, what="a", than="b")
    assert line.startswith("a has too few animals to be told from b in ")


def test_metrics_that_the_queries_do_not_allow_are_left_out():
    a, b = (run[run[KNOWN].to_numpy(bool)] for run in pair_of_runs(0, better=0.1))
    assert "top1" in compare(a, b) and "auroc" not in compare(a, b)
    nothing = [run.assign(**{KNOWN: pd.array([None] * len(run), dtype="boolean")}) for run in pair_of_runs(0)]
    assert compare(*nothing) == {}
    assert describe_differences({}, what="a", than="b").startswith("a and b cannot be compared")


def test_the_test_says_nothing_of_val():
    """Differences on val do not look at test at all."""
    a, b = pair_of_runs(1, better=0.2)
    val = compare(a, b, role=VAL)
    shuffled = a.copy()
    at = shuffled[ROLE] == TEST
    shuffled.loc[at, "score"] = np.random.default_rng(0).permutation(shuffled.loc[at, "score"])
    assert compare(shuffled, b, role=VAL) == val


def test_other_queries_are_refused():
    a, b = pair_of_runs(0)
    with pytest.raises(ParameterError, match="not the same queries"):
        compare(a, b.assign(**{IMAGE_ID: "x" + b[IMAGE_ID]}))
