"""The table of a comparison as HTML: a star at the reference, a verdict once it is computed."""

from reid_lib.compare.verdicts import tabulate_differences
from reid_lib.pages.verdict_table import render_verdicts


def test_the_reference_has_the_star_and_is_not_judged(comparison):
    found = tabulate_differences(comparison, ["plain", "wide"], "geometric_mean")
    shown = render_verdicts(comparison, ["plain", "wide"], found)
    assert (
        '★ <b title="plain">own margin</b>' in shown
        and '<b title="wide">margin 0.5</b>' in shown
        and shown.count("★") == 1
        and "reference" in shown
    )


def test_parameters_that_differ_are_columns(comparison):
    assert ">margin</th>" in render_verdicts(comparison, ["plain", "wide"], None)


def test_what_an_evaluation_does_not_have_is_a_dash_not_its_own(comparison, monkeypatch):
    assert "its own" in render_verdicts(comparison, ["plain", "wide"], None)
    monkeypatch.setattr(type(comparison), "loss", lambda self, name: "none")
    assert "its own" not in render_verdicts(comparison, ["plain", "wide"], None)


def test_before_the_differences_are_there_the_table_says_so(comparison):
    assert "being computed" in render_verdicts(comparison, ["plain", "wide"], None)
