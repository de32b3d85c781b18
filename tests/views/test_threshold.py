"""The views of compare.ipynb without a browser: choose runs, move the slider, select a point; what is shown follows."""

import re

import pytest
from on_tables import at

from reid_lib.core.names import TEST, UNIT
from reid_lib.views import threshold


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("REID_CACHE", str(tmp_path / "cache"))


def test_slider_starts_frozen_and_its_numbers_follow(picker):
    picker.choose("wide", "plain")
    view = threshold.ThresholdSlider(picker)
    run = picker.comparison.run("wide")
    assert view.run.value == "wide" and view.slider.value == pytest.approx(run.threshold.values["a"], abs=6e-4)
    view.slider.value = 0.61
    found = at(run.threshold_fit(TEST, "a"), view.slider.value)
    row = next(r for r in re.findall(r"<tr>.*?</tr>", view.numbers.value) if "test: this" in r)
    cells = re.findall(r"<td[^>]*>([^<]*)</td>", row)
    assert cells[2:5] == [f"{found[name]:.3f}" for name in ("baks", "baus", "geometric_mean")]
    counts = ("named rightly", "named wrongly", "known refused", "unknown refused", "unknown accepted")
    assert cells[5:] == [str(found[name]) for name in counts]
    view.dataset.value = "b"
    assert view.slider.value == pytest.approx(run.threshold.values["b"], abs=6e-4)


def test_scores_of_another_unit_are_said_in_it(picker, monkeypatch):
    """And those of runs made before metrics.json had a unit are cosines."""
    axes = []
    monkeypatch.setattr(threshold, "dress", lambda ax, **words: axes.append(words["x"]))
    slider = threshold.ThresholdSlider(picker)
    run = picker.comparison.run(slider.run.value)
    run.metrics.pop(UNIT, None)
    slider.refresh()
    run.metrics[UNIT] = "matches"
    slider.refresh()
    assert axes[-4:] == 2 * ["threshold (cosine similarity)"] + 2 * ["threshold (matches)"]


def test_slider_line_lies_where_the_threshold_is_in_both_panels(picker):
    view = threshold.ThresholdSlider(picker)
    for share in (0.0, 0.5, 1.0):
        view.slider.value = view.slider.min + share * (view.slider.max - view.slider.min)
        places = [float(x) / 100 for x in re.findall(r"left:([\d.]+)%", view.curves.value)]
        expected = [low + share * (high - low) for low, high in threshold.PANELS.values()]
        assert places == pytest.approx(expected, abs=2e-3)


def test_other_runs_keep_a_run_of_the_slider_only_while_it_is_chosen(picker):
    picker.choose("plain", "wide")
    view = threshold.ThresholdSlider(picker)
    view.run.value = "wide"
    picker.choose("triplet", "wide")
    assert view.run.value == "wide"
    picker.choose("triplet", "plain")
    assert view.run.value == "triplet"
