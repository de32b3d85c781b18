"""How a sweep ended: on validation, against the reference, and what to do next (the numbers: tests of compare)."""

from types import SimpleNamespace

import pandas as pd
import pytest

from reid_lib.core.names import VAL
from reid_lib.openset.difference import BETTER, EQUAL, WORSE
from reid_lib.sweep import verdict
from reid_lib.sweep.plan import Plan, Variant


@pytest.fixture
def judged(monkeypatch):
    """Call it with the reference and each run's verdict, best on val first; a run without one is the reference."""

    def judge(reference, **verdicts):
        def tabulate_differences(comparison, names, metric, *, role):
            assert role == VAL and metric == "geometric_mean", "nothing of the test decides"
            return pd.DataFrame(
                {"verdict_holm": {name: verdicts[name] for name in names if verdicts[name]}}, dtype=object
            )

        comparison = SimpleNamespace(reference=reference, ordered=lambda column: list(verdicts))
        monkeypatch.setattr(verdict, "Comparison", lambda: comparison)
        monkeypatch.setattr(verdict, "tabulate_differences", tabulate_differences)
        monkeypatch.setattr(verdict, "tabulate_text", lambda comparison, names, *_: f"table of {', '.join(names)}")

    return judge


def plan(tmp_path, *names) -> Plan:
    return Plan(tmp_path, "the reference", tuple(Variant(name, {}, "a change") for name in names))


def test_a_better_variant_is_named_with_what_promotes_it(judged, tmp_path):
    judged("plain", wide=BETTER, plain=None, other=BETTER, poor=WORSE)
    told = verdict.describe_verdict(plan(tmp_path, "wide", "poor", "not-begun")).splitlines()
    assert told[0] == "table of wide, plain, poor", "the reference beside the plan's finished runs"
    assert told[1].startswith("better than plain on val: wide; ") and told[1].endswith("reid runs promote --best")
    assert told[2] == "on test, as a page: reid compare wide plain poor"


def test_where_none_is_better_it_says_so(judged, tmp_path):
    judged("wide", wide=None, plain=EQUAL, poor=WORSE)
    told = verdict.describe_verdict(plan(tmp_path, "plain", "poor"))
    assert "none is better than wide on val beyond chance" in told


def test_without_a_reference_or_a_finished_run_nothing_is_judged(judged, tmp_path):
    judged(None, wide=None, plain=None)
    assert "wide is the highest on val; nothing is judged" in verdict.describe_verdict(plan(tmp_path, "wide", "plain"))
    assert verdict.describe_verdict(plan(tmp_path, "not-begun")) == "no run of this plan is finished"
