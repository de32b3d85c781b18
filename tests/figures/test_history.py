"""Figures: what is drawn, read back from the artists. Pixels only where a file is written."""

import subprocess
import sys

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from drawn import (
    CURVE,
    HAND,
    LEAK,
    by_gid,
    catalogue_rows,
    content,
    history_of,
    line_at,
    many,
    photo,
    plane_of,
    texts,
    words,
)
from matplotlib.figure import Figure

from reid_lib.core.names import KNOWN
from reid_lib.figures import intervals, planes, scores, sheets
from reid_lib.figures.history import loss_curves, val_scores

matplotlib.use("Agg")

pytestmark = pytest.mark.usefixtures("no_figure_is_left")


EVERY = {
    "loss": lambda ax: loss_curves(history_of(train_loss=[3.0, 2.0], val_loss=[3.0, 2.5]), 2, ax=ax),
    "val": lambda ax: val_scores(history_of(val_score=[0.3, 0.4], val_top1=[0.5, 0.6]), 2, ax=ax),
    "scores": lambda ax: scores.score_distributions(HAND, 0.4, ax=ax),
    "curve": lambda ax: scores.threshold_curve(CURVE, 0.5, ax=ax),
    "projection": lambda ax: planes.projection(plane_of(50), ax=ax),
    "confusion": lambda ax: scores.confusion(HAND, ax=ax),
    "bars": lambda ax: intervals.bars({"baks": {"value": 0.5, "low": 0.4, "high": 0.6}}, title="t", ax=ax),
    "leak": lambda ax: intervals.leak(LEAK, ax=ax),
    "retrieval": lambda ax: sheets.retrieval(HAND, photo, n=2, ax=ax),
    "photographs": lambda ax: sheets.photographs(catalogue_rows(), photo, ax=ax),
}


@pytest.mark.parametrize("name", EVERY)
def test_with_ax_it_draws_only_there_and_without_pyplot(name):
    figure = Figure()
    mine, other = figure.subplots(1, 2)
    before, settings = content(other), dict(matplotlib.rcParams)
    assert EVERY[name](mine) is mine
    assert content(other) == before
    assert plt.get_fignums() == []
    assert dict(matplotlib.rcParams) == settings


@pytest.mark.parametrize("name", EVERY)
def test_without_ax_a_notebook_gets_one_new_figure_and_no_setting_changes(name):
    settings = dict(matplotlib.rcParams)
    ax = EVERY[name](None)
    assert plt.get_fignums() == [ax.figure.number]
    assert dict(matplotlib.rcParams) == settings
    assert ax.get_title(loc="left")
    ax.figure.canvas.draw()


def test_importing_plots_loads_neither_torch_nor_pyplot():
    code = "import sys, reid_lib.figures.history, reid_lib.embed.projection; print([m for m in sys.modules if m in %r])"
    heavy = ("torch", "matplotlib.pyplot", "sklearn")
    done = subprocess.run([sys.executable, "-c", code % (heavy,)], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


# --- Training ---------------------------------------------------------------------------------------------------------


def test_losses_are_drawn_at_their_epochs_and_bridge_epochs_without_evaluation():
    history = history_of(train_loss=[4.0, 3.0, 2.0, 1.0], val_loss=[np.nan, 3.5, np.nan, 2.5])
    ax = loss_curves(history.sample(frac=1, random_state=1))
    lines = {line.get_label(): line.get_xydata().tolist() for line in ax.lines}
    assert lines["in training (augmented)"] == [[1, 4], [2, 3], [3, 2], [4, 1]]
    assert lines["validation photographs"] == [[2, 3.5], [4, 2.5]]
    assert "lowest at epoch 4" in words(ax)


def test_best_epoch_is_marked_where_it_is():
    ax = val_scores(history_of(val_score=[0.2, 0.5, 0.4]), 2)
    assert line_at(ax, "best_epoch") == 2
    assert "epoch 2 is kept" in words(ax)


def test_names_of_lines_that_end_together_do_not_overlap():
    ax = val_scores(history_of(**{f"val_{m}": [0.5, 0.6] for m in ("score", "top1", "auroc", "baks_baus_area")}))
    ax.figure.canvas.draw()
    boxes = sorted((t.get_window_extent().y0, t.get_window_extent().y1) for t in ax.texts)
    assert len(boxes) == 4
    assert all(lower[1] <= upper[0] for lower, upper in zip(boxes[:-1], boxes[1:], strict=True))


def test_names_of_losses_that_all_end_at_the_bottom_do_not_hang_below_the_axes():
    names = ("train_loss", "train_eval_loss", "val_loss")
    ax = loss_curves(history_of(**{name: [30.0, 0.1] for name in names}))
    assert len(ax.texts) == 3 and min(text.get_position()[1] for text in ax.texts) >= 0


def test_without_a_kept_epoch_the_title_names_the_highest_score():
    ax = val_scores(history_of(val_score=[0.2, 0.5, 0.4]))
    assert "highest at epoch 2" in words(ax) and by_gid(ax, "best_epoch") == []


def test_training_that_does_not_beat_its_frozen_start_is_said_in_the_title():
    history = pd.DataFrame({"epoch": [0, 1, 2], "val_score": [0.6, 0.5, 0.4], "val_loss": [1.0, 2.0, 3.0]})
    axes = [val_scores(history), val_scores(history, 0), loss_curves(history)]
    said = [ax.get_title("left").replace("\n", " ") for ax in (*axes, val_scores(history, 1))]
    assert "highest at epoch 0 (before training)" in said[0]
    assert "epoch 0 (before training) is kept" in said[1]
    assert "lowest at epoch 0 (before training)" in said[2]
    assert "before training" not in said[3]


def test_names_of_lines_stay_inside_the_axes_when_all_end_at_the_top():
    ax = val_scores(history_of(**{f"val_{m}": [0.9, 1.0] for m in ("score", "top1", "auroc", "baks_baus_area")}))
    ax.figure.canvas.draw()
    top = ax.get_window_extent().y1
    assert all(t.get_window_extent().y1 <= top + t.get_window_extent().height for t in ax.texts)


def test_one_epoch_shows_points_on_a_whole_epoch():
    ax = loss_curves(history_of(train_loss=[4.0], val_loss=[5.0]), 1)
    low, high = ax.get_xlim()
    assert [tick for tick in ax.get_xticks() if low <= tick <= high] == [1]
    assert all(line.get_marker() not in ("", "None") for line in ax.lines if line.get_gid() is None)


def test_score_that_is_never_defined_is_named_instead_of_drawn():
    ax = val_scores(history_of(val_score=[0.2, 0.3], val_auroc=[np.nan, np.nan], val_top1=[0.4, 0.5]))
    assert len(ax.lines) == 2
    assert "not defined here: AUROC, BAKS–BAUS area" in words(ax)


@pytest.mark.parametrize("draw", [loss_curves, val_scores])
def test_history_without_rows_says_so(draw):
    assert "no epoch has been finished yet" in words(draw(history_of(train_loss=[], val_score=[])))


def test_infinite_loss_does_not_break_the_axis():
    ax = loss_curves(history_of(train_loss=[3.0, np.inf], val_loss=[2.0, 1.0]))
    assert np.isfinite(ax.get_ylim()).all()


def test_confusion_shows_counts_and_shares_in_their_cells():
    ax = scores.confusion(HAND)
    at = {}
    for text in ax.texts:
        x, y = text.get_position()
        at.setdefault((int(y), int(x)), []).append(text.get_text())
    assert at[0, 0] == ["2", "✓ 40 %"]
    assert at[0, 1] == ["1", "✗ 20 %"]
    assert at[0, 2] == ["2", "✗ 40 %"]
    assert at[1, 0] == ["cannot happen"]
    assert at[1, 1] == ["1", "✗ 33 %"]
    assert at[1, 2] == ["2", "✓ 67 %"]
    assert "want of a label: 1 photograph" in ax.get_xlabel()
    assert [tick.get_text().split("\n")[1] for tick in ax.get_yticklabels()] == ["5 photographs", "3 photographs"]


def test_no_unknown_queries_leave_their_row_undefined_instead_of_zero():
    ax = scores.confusion(HAND[HAND[KNOWN].fillna(False)])
    assert texts(ax).count("none to judge") == 2
    assert "unknown" not in ax.get_title(loc="left").lower()


# --- Order, files -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "draw",
    [
        lambda frame: scores.score_distributions(frame, {"newts": 0.5, "seals": 0.45}),
        lambda frame: scores.confusion(frame),
        lambda frame: sheets.retrieval(frame, photo, n=4),
    ],
)
def test_order_of_the_rows_changes_nothing(draw):
    frame = many(120)
    shuffled = frame.sample(frac=1, random_state=3)
    assert content(draw(frame)) == content(draw(shuffled))


def test_order_of_the_rows_changes_nothing_in_the_sheet():
    rows = catalogue_rows()
    assert content(sheets.photographs(rows, photo)) == content(sheets.photographs(rows.iloc[::-1], photo))
