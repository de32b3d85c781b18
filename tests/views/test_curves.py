"""The views of compare.ipynb without a browser: choose runs, move the slider, select a point; what is shown follows."""

import pytest

from reid_lib.compare.comparison import Comparison
from reid_lib.views import base, embeddings, export, mistakes, numbers, threshold
from reid_lib.views.curves import AS_FIGURE, COLUMNS, Curves, Figures

PNG = b"\x89PNG"


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("REID_CACHE", str(tmp_path / "cache"))


@pytest.mark.parametrize("column", COLUMNS)
def test_curves_are_drawn_for_every_choice(picker, column):
    curves = Curves(picker)
    curves.column.value = column
    assert curves.plot in curves.body.children and curves.trouble.value == ""
    assert {mark["whole"] for mark in curves.plot.spec["marks"]} == set(picker.chosen.runs)
    assert curves.plot.spec["said"] in dict(curves.column.options)


def test_curves_follow_the_choice_of_runs_and_can_be_had_as_a_figure(picker):
    curves = Curves(picker)
    picker.choose("wide")
    assert {mark["whole"] for mark in curves.plot.spec["marks"]} == {"wide"}
    curves.shown.value = AS_FIGURE
    (image,) = curves.body.children
    assert image.value[:4] == PNG


def test_figures_change_with_what_is_asked_for(picker):
    figures = Figures(picker)
    seen = set()
    for kind in figures.KINDS:
        figures.kind.value = kind
        assert figures.image.value[:4] == PNG and figures.trouble.value == ""
        seen.add(bytes(figures.image.value))
        assert bool(figures.image.spots) == (kind != "embeddings side by side")
    assert len(seen) == len(figures.KINDS)
    figures.kind.value = "impact of a parameter"
    assert set(figures.parameter.options) >= {"margin", "lr", "loss"} and "batch_size" not in figures.parameter.options
    before = bytes(figures.image.value)
    figures.parameter.value, figures.metric.value = "loss", "auroc"
    assert bytes(figures.image.value) != before


def test_without_runs_every_view_says_what_to_do(tmp_path):
    picker = base.RunPicker(Comparison(tmp_path))
    assert "make train" in picker.note.value
    table = numbers.MetricsTable(picker)
    views = [table, Curves(picker), Figures(picker), threshold.ThresholdSlider(picker)]
    views += [embeddings.EmbeddingView(picker), mistakes.Mistakes(picker), export.Export(picker, table)]
    for view in views:
        assert "Choose a run" in view.trouble.value
