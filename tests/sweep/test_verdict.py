"""How a sweep ended: on validation, against the reference, and what to do next."""

from functools import partial

import pytest
from made_runs import catalogue, make_runs

from reid_lib.compare.replicates import cached_resample
from reid_lib.runs import table
from reid_lib.sweep.plan import Plan, Variant
from reid_lib.sweep.verdict import describe_verdict

QUICK = {"repetitions": 5}


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    rows = catalogue(n_known=22, n_unknown=20, images=2, datasets=("a",))
    runs = {
        "plain": {**QUICK, "skill": 1.0},
        "wide": {**QUICK, "skill": 2.5, "margin": 0.5},
        "poor": {**QUICK, "skill": 0.4, "margin": 0.1},
    }
    return make_runs(tmp_path_factory.mktemp("v"), rows, runs)


@pytest.fixture(autouse=True)
def root(made, monkeypatch):
    monkeypatch.setenv("REID_RUNS", str(made))
    monkeypatch.setenv("REID_CACHE", str(made.parent / "cache"))
    monkeypatch.setattr("reid_lib.compare.promote.cached_resample", partial(cached_resample, repetitions=150))
    yield made
    (made / "reference.json").unlink(missing_ok=True)


def plan(root, *names) -> Plan:
    return Plan(root, "the reference", tuple(Variant(name, {}, "a change") for name in names))


def test_a_better_variant_is_named_with_what_promotes_it(root):
    table.promote("plain")
    told = describe_verdict(plan(root, "wide", "poor", "not-begun"))
    first, *_ = told.splitlines()[1:]
    assert "geometric mean on val" in told and first.split()[0] == "wide" and "not-begun" not in told
    assert "better than plain on val: wide; " in told and "reid runs promote --best" in told
    assert told.endswith("on test, as a page: reid compare wide plain poor")


def test_where_none_is_better_it_says_so(root):
    table.promote("wide")
    assert "none is better than wide on val beyond chance" in describe_verdict(plan(root, "plain", "poor"))


def test_without_a_reference_or_a_finished_run_nothing_is_judged(root):
    assert "wide is the highest on val; nothing is judged" in describe_verdict(plan(root, "wide", "plain"))
    assert describe_verdict(plan(root, "not-begun")) == "no run of this plan is finished"
