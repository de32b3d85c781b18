"""The views of compare.ipynb without a browser: choose runs, move the slider, select a point; what is shown follows."""

import asyncio

import pytest

from reid_lib.compare.comparison import Comparison
from reid_lib.core.errors import RunError
from reid_lib.views import base, threshold


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("REID_CACHE", str(tmp_path / "cache"))


def listed(picker) -> list[str]:
    return [value for _, value in picker.runs.options]


def test_picker_marks_the_reference_and_starts_with_it(picker):
    labels = dict((value, label) for label, value in picker.runs.options)
    assert labels["plain"].startswith("★") and not labels["wide"].startswith("★")
    assert picker.chosen.runs[0] == "plain" and set(picker.runs.value) == set(picker.chosen.runs)


def test_picker_searches_names_and_parameters_and_keeps_what_is_chosen(picker):
    picker.choose("plain")
    picker.search.value = "loss=triplet"
    assert set(listed(picker)) == {"plain", "triplet"}
    picker.search.value = "TRIPLET"
    assert set(listed(picker)) == {"plain", "triplet"}
    assert picker.chosen.runs == ("plain",)
    picker.runs.value = ("plain", "triplet")
    assert picker.chosen.runs == ("plain", "triplet")


def test_picker_filters_by_an_expression_and_chooses_all_that_match(picker):
    picker.choose("triplet")
    picker.filter.value = 'lr >= 1e-3 and loss == "arcface"'
    assert set(listed(picker)) == {"plain", "wide", "triplet"}  # the chosen one stays, whatever the filter says
    assert "2 of 3 finished runs match" in picker.note.value
    picker.take.click()
    assert set(picker.chosen.runs) == {"plain", "wide"} == set(listed(picker))
    picker.search.value = "wide"
    picker.take.click()
    assert picker.chosen.runs == ("wide",)


def test_a_wrong_filter_is_told_and_leaves_no_run_out(picker):
    picker.filter.value = "learning_rate < 1e-3"
    assert "there is no column &#39;learning_rate&#39;" in picker.note.value and len(listed(picker)) == 3
    picker.filter.value = ""
    assert "no column" not in picker.note.value


def test_runs_are_called_by_what_differs_and_by_their_whole_names_on_hover(picker):
    picker.choose("plain", "triplet")
    view = threshold.ThresholdSlider(picker)
    assert view.run.options == (("loss arcface, lr 1e-3", "plain"), ("loss triplet, lr 3e-4", "triplet"))
    assert view.run.tooltip == "plain"
    view.run.value = "triplet"
    assert view.run.tooltip == "triplet"
    lines = dict((value, line) for line, value in picker.runs.options)
    assert lines["wide"].startswith("loss arcface, margin 0.5, lr 1e-3   (val")
    assert "Chosen: loss arcface, lr 1e-3: plain; loss triplet, lr 3e-4: triplet" in picker.note.value


def test_picker_sorts_by_validation_and_by_name(picker):
    by_val = picker.comparison.table["val_geometric_mean"]
    assert listed(picker) == by_val.sort_values(ascending=False).index.tolist()
    picker.order.value = "run"
    assert listed(picker) == sorted(by_val.index)


def test_a_run_whose_files_are_gone_is_told_and_left_out(folder, tmp_path):
    import shutil

    copy = shutil.copytree(folder, tmp_path / "runs")
    (copy / "wide" / "predictions.csv").unlink()
    picker = base.RunPicker(Comparison(copy))
    assert "wide is left out: predictions.csv cannot be read (is missing)" in picker.note.value
    with pytest.raises(RunError, match="copy the run again"):
        picker.choose("wide")
    assert "wide" not in picker.chosen.runs and picker.chosen.runs


def test_files_that_vanish_after_the_list_was_made_are_told_in_the_view(folder, tmp_path):
    import shutil

    copy = shutil.copytree(folder, tmp_path / "runs")
    picker = base.RunPicker(Comparison(copy))
    picker.choose("wide")
    (copy / "wide" / "predictions.csv").unlink()
    view = threshold.ThresholdSlider(picker)
    assert "predictions.csv" in view.trouble.value and "copy the run again" in view.trouble.value


def test_in_a_kernel_views_are_redrawn_one_after_the_other_and_once_for_the_last_choice(picker):
    drawn = []

    class Noting(base.View):
        def refresh(self):
            drawn.append((id(self), self.chosen.runs))

    views = [Noting(picker, [], []) for _ in range(2)]
    first, second = picker.comparison.names[:2]
    drawn.clear()

    async def kernel():
        picker.choose(first)
        picker.choose(second)
        assert drawn == []  # the picker has answered, the views have not begun
        await asyncio.sleep(0)
        assert drawn == [(id(views[0]), (second,))]  # other messages get their turn in between
        await asyncio.sleep(0)

    asyncio.run(kernel())
    assert drawn == [(id(view), (second,)) for view in views]
    picker.choose(first)
    assert drawn[2:] == [(id(view), (first,)) for view in views]
