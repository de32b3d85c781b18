"""`reid sweep`: planned, told, and refused with the cure."""

import json

import pytest

from reid_lib.cli.main import main
from reid_lib.core.errors import ReidError


@pytest.fixture(autouse=True)
def planned(clean_dirs, monkeypatch, capsys):
    """A plan of two variants beside its reference, among variants of this test's own."""
    monkeypatch.setattr("reid_lib.sweep.plan.variants_root", lambda: clean_dirs / "variants")
    assert main(["sweep", "plan", "--vary", "margin=0.2,0.4"]) == 0
    return capsys.readouterr().out


def test_a_plan_lists_its_runs_and_how_to_run_them(planned):
    assert "margin=0.2" in planned.replace("margin 0.2", "margin=0.2") and "reid sweep run" in planned


def test_status_shows_every_run_of_the_plan(capsys):
    assert main(["sweep", "status"]) == 0
    assert capsys.readouterr().out.count("planned") >= 2


def test_a_variant_is_named_by_its_number_and_another_number_is_refused(capsys):
    assert main(["sweep", "variant", "0"]) == 0
    assert capsys.readouterr().out.strip()
    assert main(["sweep", "variant", "99"]) == 1
    assert "expected 0 to" in capsys.readouterr().err


@pytest.fixture
def ran(monkeypatch):
    """A sweep whose runs end at once; returns those that failed."""
    failed = {}
    monkeypatch.setattr("reid_lib.sweep.runner.Sweep.run", lambda self: failed)
    return failed


def test_a_sweep_ends_with_its_verdict_also_where_a_run_failed(capsys, ran, monkeypatch):
    monkeypatch.setattr("reid_lib.sweep.verdict.describe_verdict", lambda plan: f"verdict of {plan.name}")
    assert main(["sweep", "run"]) == 0
    assert capsys.readouterr().out.endswith("verdict of sweep\n")
    ran["margin-0.2"] = "out of luck"
    assert main(["sweep", "run"]) == 1
    told = capsys.readouterr()
    assert "verdict of sweep" in told.out and "margin-0.2: out of luck" in told.err
    assert main(["sweep", "run", "--only", "0"]) == 1 and "verdict" not in capsys.readouterr().out


def test_a_verdict_that_cannot_be_said_fails_no_sweep(capsys, ran, monkeypatch):
    def damaged(plan):
        raise ReidError("predictions.csv cannot be read")

    monkeypatch.setattr("reid_lib.sweep.verdict.describe_verdict", damaged)
    assert main(["sweep", "run"]) == 0
    assert "note: no verdict: predictions.csv" in capsys.readouterr().err


def test_status_as_json_has_a_row_for_each_run(capsys):
    assert main(["sweep", "status", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["plan"] == "sweep" and {run["state"] for run in told["runs"]} == {"planned"}
