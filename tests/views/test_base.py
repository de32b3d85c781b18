"""The views of compare.ipynb without a browser: choose runs, move the slider, select a point; what is shown follows."""

import shutil

import pytest
from made_runs import history
from plain_runs import make_plain

from reid_lib.compare.comparison import Comparison
from reid_lib.core.errors import RunError
from reid_lib.views import base, numbers, threshold
from reid_lib.views.curves import Curves


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("REID_CACHE", str(tmp_path / "cache"))


def noting(picker, follows: tuple[str, ...]) -> list:
    """The choices with which a view that follows these things is drawn from now on."""
    drawn = []

    class Noting(base.View):
        FOLLOWS = follows

        def refresh(self):
            drawn.append(self.chosen.runs)

    Noting(picker, [], [])
    drawn.clear()
    return drawn


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
    assert picker.take.disabled
    picker.filter.value = ""
    assert not picker.take.disabled
    assert "no column" not in picker.note.value


def test_all_runs_are_compared_with_one_of_those_shown(folder):
    picker = base.RunPicker(Comparison(folder))
    picker.choose("plain", "triplet")
    drawn = noting(picker, ("runs", "table"))
    assert [value for _, value in picker.baseline.options] == ["", "plain", "triplet"]
    picker.baseline.value = "triplet"
    assert picker.comparison.reference == "triplet" and drawn == [("plain", "triplet")]
    lines = dict((value, label) for label, value in picker.runs.options)
    assert lines["triplet"].startswith("★") and not lines["plain"].startswith("★")
    picker.choose("plain")  # the baseline is offered, and holds, also where it is not shown
    assert picker.baseline.value == "triplet" == picker.comparison.baseline
    picker.baseline.value = ""
    assert picker.comparison.reference == "plain"


def test_a_look_finds_new_runs_and_the_curves_of_one_in_training_move(folder, tmp_path, monkeypatch):
    copy = shutil.copytree(folder, tmp_path / "runs")
    (copy / "wide").rename(tmp_path / "wide")
    monkeypatch.setenv("REID_RUNS", str(copy))
    picker = base.RunPicker(Comparison(copy))
    assert not picker.follow.by_itself.value  # nothing moves
    choices, tables, epochs = (noting(picker, (what,)) for what in ("runs", "table", "epochs"))
    curves = Curves(picker)
    assert picker.look() == "" and not choices + tables + epochs
    shutil.move(tmp_path / "wide", copy)
    assert picker.look() == "finished: wide" and "wide" in listed(picker)
    assert not choices and len(tables) == 1  # what is looked at stays as it is
    busy = make_plain("busy", finish=False)
    history(1.0, epochs=2).to_csv(busy.path("history.csv"), index=False)
    before = curves.plot.spec
    assert picker.look() == "in training: busy" and picker.chosen.training == ("busy",)
    assert "busy" in listed(picker) and curves.names == ("plain", "triplet", "busy") and curves.plot.spec != before
    before = curves.plot.spec
    history(1.0, epochs=4).to_csv(busy.path("history.csv"), index=False)
    assert picker.look() == "in training: busy" and curves.plot.spec != before
    assert not choices and len(epochs) == 1
    picker.runs.value = ("plain",)
    picker.look()
    assert curves.names == ("plain",) and base.RunPicker(Comparison(copy)).follow.by_itself.value
    (copy / "plain" / "metrics.json").touch()
    choices.clear()
    assert picker.look() == "made anew: plain" and picker.chosen.anew == 1


def test_from_no_run_at_all_to_the_first_curve_and_the_first_result(folder, tmp_path, monkeypatch):
    monkeypatch.setenv("REID_RUNS", str(tmp_path / "runs"))
    picker = base.RunPicker(Comparison())
    curves, table = Curves(picker), numbers.MetricsTable(picker)
    assert "make train" in picker.note.value and "Choose a run" in curves.trouble.value
    history(1.0).to_csv(make_plain("busy", finish=False).path("history.csv"), index=False)
    picker.look()
    assert curves.trouble.value == "" and curves.plot.spec and "Choose a run" in table.trouble.value
    shutil.copytree(folder / "plain", tmp_path / "runs" / "plain")
    picker.look()
    table.wait()
    assert picker.chosen.runs == ("plain",) and "plain" in table.html.value and table.judged.options


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
    copy = shutil.copytree(folder, tmp_path / "runs")
    (copy / "wide" / "predictions.csv").unlink()
    picker = base.RunPicker(Comparison(copy))
    assert "wide is left out: predictions.csv cannot be read (is missing)" in picker.note.value
    with pytest.raises(RunError, match="copy the run again"):
        picker.choose("wide")
    assert "wide" not in picker.chosen.runs and picker.chosen.runs


def test_files_that_vanish_after_the_list_was_made_are_told_in_the_view(folder, tmp_path):
    copy = shutil.copytree(folder, tmp_path / "runs")
    picker = base.RunPicker(Comparison(copy))
    picker.choose("wide")
    (copy / "wide" / "predictions.csv").unlink()
    view = threshold.ThresholdSlider(picker)
    assert "predictions.csv" in view.trouble.value and "copy the run again" in view.trouble.value
