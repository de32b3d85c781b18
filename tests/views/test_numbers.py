"""The views of compare.ipynb without a browser: choose runs, move the slider, select a point; what is shown follows."""

import threading

import pytest
from widgets_cases import words

from reid_lib.compare import verdicts
from reid_lib.views import numbers


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("REID_CACHE", str(tmp_path / "cache"))


def test_table_shows_the_chosen_runs_their_differences_and_only_the_parameters_that_differ(picker):
    picker.choose("plain", "wide")
    table = numbers.MetricsTable(picker)
    table.wait()
    shown = words(table.html.value)
    value = picker.comparison.table.loc["wide", "geometric_mean"]
    assert f"{value:.3f}" in shown and "margin" in shown and "triplet" not in shown and "lr" not in shown.split()
    difference = value - picker.comparison.table.loc["plain", "geometric_mean"]
    assert f"{difference:+.3f}" in shown.replace("−", "-")
    assert "too few" in shown  # 16 known and 12 unknown individuals
    picker.choose("plain", "triplet")
    table.wait()
    assert "triplet" in words(table.html.value) and "lr" in words(table.html.value)


def test_numbers_are_there_before_the_differences_and_a_late_answer_to_an_old_question_is_dropped(picker, monkeypatch):
    go, compute = threading.Event(), verdicts.tabulate_differences
    monkeypatch.setattr(numbers, "PATIENCE_S", 0.01)
    monkeypatch.setattr(verdicts, "tabulate_differences", lambda *a: (go.wait(20), compute(*a))[1])
    picker.choose("plain", "wide")
    table = numbers.MetricsTable(picker)
    first = table._work
    assert "being computed" in words(table.html.value)
    assert f"{picker.comparison.table.loc['wide', 'geometric_mean']:.3f}" in words(table.html.value)
    picker.choose("plain", "triplet")
    go.set()
    first.join()
    table.wait()
    assert "being computed" not in words(table.html.value) and "wide" not in words(table.html.value)
