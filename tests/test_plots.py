"""Figures: what is drawn, read back from the artists. Pixels only where a file is written."""

import subprocess
import sys

import matplotlib

matplotlib.use("Agg")

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
    predictions_of,
    texts,
    words,
)
from matplotlib.figure import Figure

from reid_lib import plots
from reid_lib.names import (
    GALLERY,
    INDIVIDUAL,
    KNOWN,
    ROLE,
)
from reid_lib.plotstyle import percent

pytestmark = pytest.mark.usefixtures("no_figure_is_left")


EVERY = {
    "loss": lambda ax: plots.loss_curves(history_of(train_loss=[3.0, 2.0], val_loss=[3.0, 2.5]), 2, ax=ax),
    "val": lambda ax: plots.val_scores(history_of(val_score=[0.3, 0.4], val_top1=[0.5, 0.6]), 2, ax=ax),
    "scores": lambda ax: plots.score_distributions(HAND, 0.4, ax=ax),
    "curve": lambda ax: plots.threshold_curve(CURVE, 0.5, oracle=0.55, ax=ax),
    "projection": lambda ax: plots.projection(plane_of(50), ax=ax),
    "confusion": lambda ax: plots.confusion(HAND, ax=ax),
    "bars": lambda ax: plots.bars({"baks": {"value": 0.5, "low": 0.4, "high": 0.6}}, title="t", ax=ax),
    "leak": lambda ax: plots.leak(LEAK, ax=ax),
    "retrieval": lambda ax: plots.retrieval(HAND, photo, n=2, ax=ax),
    "photographs": lambda ax: plots.photographs(catalogue_rows(), photo, ax=ax),
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
    code = "import sys, reid_lib.plots, reid_lib.project; print([m for m in sys.modules if m in %r])"
    heavy = ("torch", "matplotlib.pyplot", "sklearn")
    done = subprocess.run([sys.executable, "-c", code % (heavy,)], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


# --- Training ---------------------------------------------------------------------------------------------------------


def test_losses_are_drawn_at_their_epochs_and_bridge_epochs_without_evaluation():
    history = history_of(train_loss=[4.0, 3.0, 2.0, 1.0], val_loss=[np.nan, 3.5, np.nan, 2.5])
    ax = plots.loss_curves(history.sample(frac=1, random_state=1))
    lines = {line.get_label(): line.get_xydata().tolist() for line in ax.lines}
    assert lines["in training (augmented)"] == [[1, 4], [2, 3], [3, 2], [4, 1]]
    assert lines["validation photographs"] == [[2, 3.5], [4, 2.5]]
    assert "lowest at epoch 4" in words(ax)


def test_best_epoch_is_marked_where_it_is():
    ax = plots.val_scores(history_of(val_score=[0.2, 0.5, 0.4]), 2)
    assert line_at(ax, "best_epoch") == 2
    assert "epoch 2 is kept" in words(ax)


def test_names_of_lines_that_end_together_do_not_overlap():
    ax = plots.val_scores(history_of(**{f"val_{m}": [0.5, 0.6] for m in ("score", "top1", "auroc", "baks_baus_area")}))
    ax.figure.canvas.draw()
    boxes = sorted((t.get_window_extent().y0, t.get_window_extent().y1) for t in ax.texts)
    assert len(boxes) == 4
    assert all(lower[1] <= upper[0] for lower, upper in zip(boxes[:-1], boxes[1:], strict=True))


def test_names_of_losses_that_all_end_at_the_bottom_do_not_hang_below_the_axes():
    names = ("train_loss", "train_eval_loss", "val_loss")
    ax = plots.loss_curves(history_of(**{name: [30.0, 0.1] for name in names}))
    assert len(ax.texts) == 3 and min(text.get_position()[1] for text in ax.texts) >= 0


def test_without_a_kept_epoch_the_title_names_the_highest_score():
    ax = plots.val_scores(history_of(val_score=[0.2, 0.5, 0.4]))
    assert "highest at epoch 2" in words(ax) and by_gid(ax, "best_epoch") == []


def test_training_that_does_not_beat_its_frozen_start_is_said_in_the_title():
    history = pd.DataFrame({"epoch": [0, 1, 2], "val_score": [0.6, 0.5, 0.4], "val_loss": [1.0, 2.0, 3.0]})
    axes = [plots.val_scores(history), plots.val_scores(history, 0), plots.loss_curves(history)]
    said = [ax.get_title("left").replace("\n", " ") for ax in (*axes, plots.val_scores(history, 1))]
    assert "highest at epoch 0 (before training)" in said[0]
    assert "epoch 0 (before training) is kept" in said[1]
    assert "lowest at epoch 0 (before training)" in said[2]
    assert "before training" not in said[3]


def test_names_of_lines_stay_inside_the_axes_when_all_end_at_the_top():
    ax = plots.val_scores(history_of(**{f"val_{m}": [0.9, 1.0] for m in ("score", "top1", "auroc", "baks_baus_area")}))
    ax.figure.canvas.draw()
    top = ax.get_window_extent().y1
    assert all(t.get_window_extent().y1 <= top + t.get_window_extent().height for t in ax.texts)


def test_one_epoch_shows_points_on_a_whole_epoch():
    ax = plots.loss_curves(history_of(train_loss=[4.0], val_loss=[5.0]), 1)
    low, high = ax.get_xlim()
    assert [tick for tick in ax.get_xticks() if low <= tick <= high] == [1]
    assert all(line.get_marker() not in ("", "None") for line in ax.lines if line.get_gid() is None)


def test_score_that_is_never_defined_is_named_instead_of_drawn():
    ax = plots.val_scores(history_of(val_score=[0.2, 0.3], val_auroc=[np.nan, np.nan], val_top1=[0.4, 0.5]))
    assert len(ax.lines) == 2
    assert "not defined here: AUROC known/unknown, BAKS–BAUS area" in words(ax)


@pytest.mark.parametrize("draw", [plots.loss_curves, plots.val_scores])
def test_history_without_rows_says_so(draw):
    assert "no epoch has been finished yet" in words(draw(history_of(train_loss=[], val_score=[])))


def test_infinite_loss_does_not_break_the_axis():
    ax = plots.loss_curves(history_of(train_loss=[3.0, np.inf], val_loss=[2.0, 1.0]))
    assert np.isfinite(ax.get_ylim()).all()


# --- Confusion --------------------------------------------------------------------------------------------------------


def test_confusion_counts_equal_a_hand_count():
    counts = plots.confusion_counts(HAND)
    assert counts.loc["known"].to_dict() == {"right": 2, "wrong": 1, "new": 2}
    assert counts.loc["unknown"].to_dict() == {"right": 0, "wrong": 1, "new": 2}


def test_confusion_shows_counts_and_shares_in_their_cells():
    ax = plots.confusion(HAND)
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


def test_individual_of_the_same_name_in_no_gallery_is_never_named_rightly():
    """An unknown query whose name happens to be predicted (another data set's "01") is not a right answer."""
    frame = predictions_of([("q", "newts", "a", False, "a", 0.9, "a")])
    assert plots.confusion_counts(frame).loc["unknown"].to_dict() == {"right": 0, "wrong": 1, "new": 0}


def test_no_unknown_queries_leave_their_row_undefined_instead_of_zero():
    ax = plots.confusion(HAND[HAND[KNOWN].fillna(False)])
    assert texts(ax).count("none to judge") == 2
    assert "unknown" not in ax.get_title(loc="left").lower()


def test_a_share_is_never_rounded_to_none_or_all():
    assert [percent(x) for x in (0, 0.001, 0.004, 0.5, 0.996, 1)] == ["0 %", "<1 %", "<1 %", "50 %", ">99 %", "100 %"]


# --- Bars -------------------------------------------------------------------------------------------------------------


def test_bars_reach_their_value_and_carry_the_ends_of_the_interval():
    values = {
        "baks": {"value": 0.5, "low": 0.4, "high": 0.65, "n": 7},
        "auroc": {"value": 0.8, "low": 0.7, "high": 0.9},
    }
    ax = plots.bars(values, title="t", n_of="individuals")
    assert [patch.get_width() for patch in ax.patches] == [0.5, 0.8]
    (interval,) = by_gid(ax, "interval baks")
    assert interval.get_xdata().tolist() == [0.4, 0.65] and interval.get_ydata().tolist() == [0, 0]
    assert by_gid(ax, "interval auroc")[0].get_ydata().tolist() == [1, 1]
    assert "0.50  (0.40 to 0.65)  n = 7 individuals" in texts(ax)
    assert ax.get_ylim()[0] > ax.get_ylim()[1]  # the first on top


def test_undefined_metric_has_no_bar_and_says_so():
    ax = plots.bars({"baus": {"value": float("nan"), "n": 0}, "baks": {"value": 0.2}}, title="t", n_of="individuals")
    assert len(ax.patches) == 1
    assert " undefined  n = 0 individuals" in texts(ax)


def test_leak_says_both_results_in_its_title():
    ax = plots.leak(LEAK)
    assert "90 % (random), 40 % (encounter)" in ax.get_title(loc="left")
    assert by_gid(ax, "interval encounter")[0].get_xdata().tolist() == [0.3, 0.5]


def test_leak_without_a_value_claims_nothing():
    ax = plots.leak(LEAK.assign(value=[np.nan, 0.4]))
    assert ax.get_title(loc="left") == "The same data, split two ways"


def test_every_headline_metric_is_written_out():
    from reid_lib.stats import METRICS

    assert set(METRICS) <= set(plots.METRIC_LABELS)


# --- Projection -------------------------------------------------------------------------------------------------------


def points(ax):
    """Drawn points by group name."""
    drawn = {}
    for collection in ax.collections:
        drawn.setdefault(collection.get_gid().rsplit(" (", 1)[0], []).extend(collection.get_offsets().tolist())
    return drawn


@pytest.mark.parametrize("n", [30, 5001])
def test_every_photograph_is_one_point_of_its_group(n):
    frame = plane_of(n)
    drawn = points(plots.projection(frame))
    gallery = frame[ROLE] == GALLERY
    masks = {
        "gallery": gallery,
        "known, queried": ~gallery & frame[KNOWN],
        "unknown, queried": ~gallery & ~frame[KNOWN],
    }
    assert set(drawn) == set(masks)
    for name, mask in masks.items():
        assert sorted(drawn[name]) == sorted(frame.loc[mask, ["x", "y"]].to_numpy().tolist())


def test_individuals_with_most_photographs_are_coloured_and_the_others_counted():
    frame = plane_of(300)
    counts = frame[INDIVIDUAL].value_counts()
    drawn = points(plots.projection(frame, colour_by=INDIVIDUAL))
    named = {name: len(xy) for name, xy in drawn.items() if name != "12 others"}
    assert len(named) == 8 and all(counts[name] == n for name, n in named.items())
    assert min(named.values()) >= max(counts.drop(list(named)))
    assert len(drawn["12 others"]) == 300 - sum(named.values())


def test_projection_of_nothing_says_so():
    assert "no photographs" in words(plots.projection(plane_of(0)))


# --- Order, files -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "draw",
    [
        lambda frame: plots.score_distributions(frame, {"newts": 0.5, "seals": 0.45}),
        lambda frame: plots.confusion(frame),
        lambda frame: plots.retrieval(frame, photo, n=4),
    ],
)
def test_order_of_the_rows_changes_nothing(draw):
    frame = many(120)
    shuffled = frame.sample(frac=1, random_state=3)
    assert content(draw(frame)) == content(draw(shuffled))


def test_order_of_the_rows_changes_nothing_in_the_sheet():
    rows = catalogue_rows()
    assert content(plots.photographs(rows, photo)) == content(plots.photographs(rows.iloc[::-1], photo))


def test_figure_is_written_as_png_from_figure_or_axes_and_nothing_else_is_left(tmp_path):
    ax = plots.confusion(HAND)
    for name, what in (("a.png", ax), ("folder/b", ax.figure)):
        path = plots.save_figure(what, tmp_path / name)
        assert path.read_bytes().startswith(b"\x89PNG")
        assert [p.name for p in path.parent.iterdir() if p.is_file()] == [path.name]


def test_failure_while_drawing_keeps_the_older_file(tmp_path, monkeypatch):
    ax = plots.confusion(HAND)
    path = plots.save_figure(ax, tmp_path / "a.png")
    before = path.read_bytes()
    monkeypatch.setattr(ax.figure, "savefig", lambda *_, **__: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        plots.save_figure(ax, path)
    assert path.read_bytes() == before


def test_failure_while_writing_keeps_the_older_file_and_no_temporary_one(tmp_path, monkeypatch):
    ax = plots.confusion(HAND)
    path = plots.save_figure(ax, tmp_path / "a.png")
    before = path.read_bytes()

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.replace", full)
    with pytest.raises(Exception, match="space|disk"):
        plots.save_figure(ax, path)
    assert path.read_bytes() == before and [p.name for p in tmp_path.iterdir()] == ["a.png"]
