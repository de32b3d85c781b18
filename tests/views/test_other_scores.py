"""compare.ipynb with runs whose scores are of different units side by side: a cosine, and a fused probability."""

import json

import pytest
from made_runs import make_runs
from widgets_cases import ROWS, words

from reid_lib import views
from reid_lib.compare.comparison import Comparison
from reid_lib.core.names import METRICS_JSON, SCORE, TEST


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """The fused run is the better one; of an evaluation there is no history of training."""
    runs = {"alone": {"skill": 1.0}, "fused": {"skill": 2.0, "unit": "probability"}}
    root = make_runs(tmp_path_factory.mktemp("units"), ROWS, runs, reference="alone")
    (root / "fused" / "history.csv").unlink()
    return root


def test_every_view_says_which_unit_is_whose(folder, monkeypatch, tmp_path):
    monkeypatch.setenv("REID_CACHE", str(tmp_path / "cache"))
    picker = views.RunPicker(Comparison(folder))
    picker.choose("alone", "fused")
    units = {name: picker.comparison.run(name).unit for name in ("alone", "fused")}
    assert units == {"alone": "cosine", "fused": "probability"}

    table = views.MetricsTable(picker)
    stored = json.loads((folder / "fused" / METRICS_JSON).read_text())["test"]["overall"]["top1"]["value"]
    said = " ".join(words(child.value) for child in _leaves(table) if hasattr(child, "value") and child.value)
    assert f"{stored:.3f}" in said and "of alone" in said  # the paired difference needs no common unit

    slider, browser = views.ThresholdSlider(picker), views.Mistakes(picker)
    for name in ("alone", "fused"):
        slider.run.value = browser.run.value = name
        scores = picker.comparison.run(name).predictions[SCORE]
        assert scores.min() - 0.2 <= slider.slider.min < slider.slider.max <= scores.max() + 0.2
        browser.kind.value, browser.role.value = "unknown wrong", TEST
        assert f"{units[name]} 0." in words(browser.shown.value)

    assert views.Curves(picker).plot.spec["marks"] and views.Figures(picker).image.value
    views.EmbeddingView(picker)
    export = views.Export(picker, table)
    export.name.value = "units"
    export.button.click()
    assert "Written" in export.said.value


def _leaves(widget):
    children = getattr(widget, "children", ())
    return [leaf for child in children for leaf in _leaves(child)] if children else [widget]
