"""Plots as plain values: what is drawn is what the runs say, finite, bounded, and the same in notebook and page."""

import json

import numpy as np
import pandas as pd
import pytest

from reid_lib.core.names import IMAGE_ID, INDIVIDUAL, KNOWN, ROLE, TEST
from reid_lib.openset.outcomes import OUTCOME
from reid_lib.pages import plots
from reid_lib.pages.comparison_page import CURVES

RUNS = ["plain", "wide"]


@pytest.mark.parametrize("column", CURVES)
def test_every_curve_holds_the_values_of_its_run_and_can_be_written_as_json(comparison, column):
    spec = plots.plot_curves(comparison, RUNS, column)
    json.dumps(spec, allow_nan=False)
    called = comparison.labels(RUNS)
    for run in RUNS:
        history = comparison.run(run).history
        own = [mark for mark in spec["marks"] if mark["whole"] == run]
        assert {mark["name"] for mark in own} == {called[run]}
        drawn = ["val_loss", "train_loss"] if column == "loss" else [column]
        for mark, name in zip(own, drawn, strict=True):
            rows = history[history[name].notna()]
            assert mark["x"] == rows["epoch"].tolist() and np.allclose(mark["y"], rows[name], rtol=1e-5)
    assert spec["x"] == "epoch" and spec["y"] and spec["said"]


def test_curves_that_do_not_compare_say_so(comparison, monkeypatch):
    assert "not their heights" in plots.plot_curves(comparison, RUNS, "loss")["note"]
    for others in ("arcface", "none"):  # an evaluation beside a training has no curve
        monkeypatch.setattr(type(comparison), "loss", lambda self, name, o=others: "arcface" if name == RUNS[0] else o)
        assert "minimise the same one" in plots.plot_curves(comparison, RUNS, "loss")["note"]
    comparison.table.loc["wide", "test_fingerprint"] = "other"
    assert "Not all were asked the same" in plots.plot_curves(comparison, RUNS, "val_score")["note"]
    assert plots.plot_curves(comparison, RUNS, "lr")["note"] == ""


def test_a_long_history_is_thinned_and_keeps_its_ends(comparison):
    epochs = np.arange(5 * plots.MOST_EPOCHS)
    comparison.run("plain").__dict__["history"] = pd.DataFrame({"epoch": epochs, "lr": 1 / (1 + epochs)})
    (mark,) = plots.plot_curves(comparison, ["plain"], "lr")["marks"]
    assert len(mark["x"]) == plots.MOST_EPOCHS and (mark["x"][0], mark["x"][-1]) == (0, epochs[-1])


def test_a_run_without_the_column_is_counted(comparison):
    comparison.run("wide").__dict__["history"] = pd.DataFrame({"epoch": []})
    spec = plots.plot_curves(comparison, RUNS, "lr")
    assert [mark["whole"] for mark in spec["marks"]] == ["plain"] and "1 run without a value" in spec["note"]


def test_known_and_unknown_differ_in_shape_and_every_point_is_its_photograph(comparison):
    specs, photographs, left_out = plots.plot_planes(comparison, RUNS)
    json.dumps([specs, photographs], allow_nan=False)
    assert len({mark["shape"] for mark in specs[0]["marks"] if "queried" in mark["name"]}) == 2
    for run, spec in zip(RUNS, specs, strict=True):
        frame = comparison.run(run).projection.set_index(IMAGE_ID)
        assert sum(len(mark["x"]) for mark in spec["marks"]) == len(frame)
        for mark in spec["marks"]:
            for x, y, of in zip(mark["x"], mark["y"], mark["of"], strict=True):
                image_id, who, what = photographs[of]["words"]
                row = frame.loc[image_id]
                assert np.allclose([x, y], [row["x"], row["y"]], rtol=1e-4, atol=1e-6) and who == row[INDIVIDUAL]
                if "queried" in mark["name"]:
                    assert mark["name"].startswith("known") == bool(row[KNOWN]) == what.endswith(", known")
    assert all(photograph["address"].startswith("data:image/jpeg") for photograph in photographs)
    assert "are drawn" not in left_out and "has the pictures" not in left_out


def test_points_and_photographs_are_bounded_mistakes_on_test_come_first_and_the_rest_is_told(comparison, monkeypatch):
    monkeypatch.setattr(plots, "MOST_POINTS", 60)
    monkeypatch.setattr(plots, "MOST_PHOTOS", 12)
    specs, photographs, left_out = plots.plot_planes(comparison, RUNS)
    assert len(photographs) <= 60 and all(sum(len(m["x"]) for m in spec["marks"]) <= 60 for spec in specs)
    pictured = {p["words"][0] for p in photographs if "address" in p}
    assert len(pictured) == 12
    wrong = set()
    for run in RUNS:
        frame = comparison.run(run).projection
        failed = frame[OUTCOME].astype(str).str.contains("wrong|refused") & (frame[ROLE] == TEST)
        wrong |= set(frame.loc[failed, IMAGE_ID])
    drawn_wrong = wrong & {p["words"][0] for p in photographs}
    assert drawn_wrong and (drawn_wrong <= pictured or pictured <= drawn_wrong)
    assert "photographs are drawn" in left_out and "pictures of 12 of them" in left_out


def test_a_run_that_is_not_laid_out_says_so(comparison):
    frame = comparison.run("plain").projection.assign(x=np.nan)
    comparison.run("plain").__dict__["projection"] = frame
    (spec,), photographs, _ = plots.plot_planes(comparison, ["plain"])
    assert spec["marks"] == [] and photographs == [] and "projection.txt" in spec["note"]


def test_the_browsers_half_brings_nothing_from_elsewhere_and_makes_no_html():
    script = plots.plot_script()
    assert "function drawPlot" in script and "innerHTML" not in script and "</script" not in script
    assert "http" not in script + plots.plot_style()
