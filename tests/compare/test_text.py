"""The table of a comparison for a terminal: the numbers of `judge`, and in words why a run has none."""

from functools import partial

import pytest
from made_runs import catalogue, make_runs

from reid_lib.compare.comparison import Comparison
from reid_lib.compare.replicates import cached_resample
from reid_lib.compare.text import tabulate_text
from reid_lib.compare.verdicts import tabulate_differences
from reid_lib.core.errors import RunError
from reid_lib.core.names import VAL
from reid_lib.runs import table

METRIC = "geometric_mean"

QUICK = {"repetitions": 5}


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Three variants and a second seed of the first; none is the reference."""
    rows = catalogue(n_known=22, n_unknown=20, images=2, datasets=("a",))
    runs = {
        "plain": {**QUICK, "skill": 1.0},
        "plain-1": {**QUICK, "skill": 1.0, "seed": 1},
        "wide": {**QUICK, "skill": 2.5, "margin": 0.5},
    }
    return make_runs(tmp_path_factory.mktemp("text"), rows, runs | {"same": {**QUICK, "skill": 1.0, "margin": 0.4}})


@pytest.fixture(autouse=True)
def root(made, monkeypatch, tmp_path_factory):
    monkeypatch.setenv("REID_RUNS", str(made))
    monkeypatch.setenv("REID_CACHE", str(made.parent / "cache"))
    monkeypatch.setattr("reid_lib.compare.promote.cached_resample", partial(cached_resample, repetitions=120))
    return made


def lines(comparison: Comparison, names: list[str], role: str = "test") -> list[str]:
    found = tabulate_differences(comparison, names, METRIC, role=role)
    return tabulate_text(comparison, names, found, METRIC, role).splitlines()


def test_without_a_reference_nothing_is_judged_and_the_cure_is_said():
    told = lines(Comparison(), ["plain", "wide"])
    assert told[1].endswith("no reference yet") and "reid runs promote RUN" in told[-1]


def test_a_baseline_stands_for_the_reference(root):
    comparison = Comparison(baseline="plain")
    told = lines(comparison, ["plain", "plain-1", "wide", "same"])
    assert told[1].split()[:2] == ["*", "plain"] and told[1].rstrip().endswith("the reference")
    assert told[2].rstrip().endswith("the reference, another seed")
    found = tabulate_differences(comparison, ["wide"], METRIC)
    assert f"{found.loc['wide', 'difference']:+.3f}" in told[3] and told[3].split()[-2:] == ["better", "plain"]
    assert "corrected for 2 comparisons (Holm)" in told[-1] and any("wide − plain" in line for line in told)
    assert table.read_reference() is None
    with pytest.raises(RunError, match="no finished run 'nobody'"):
        Comparison(baseline="nobody")


def test_val_is_judged_by_val_alone():
    comparison = Comparison(baseline="plain")
    of_val, of_test = (lines(comparison, ["plain", "wide"], role) for role in (VAL, "test"))
    assert f"on {VAL}" in of_val[0] and of_val[2] != of_test[2]
    value = comparison.run("wide").metrics[VAL]["overall"][METRIC]["value"]
    assert f"{value:.3f}" in of_val[2]
