"""`reid sweep`: planned, told, and refused with the cure."""

import pytest

from reid_lib.cli.main import main


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
