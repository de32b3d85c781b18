"""Figures: what is drawn, read back from the artists. Pixels only where a file is written."""

import subprocess
import sys
from types import SimpleNamespace

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from reid_lib import plots
from reid_lib.names import (
    DATASET,
    ENCOUNTER,
    GALLERY,
    IDENTITY,
    IMAGE_ID,
    INDIVIDUAL,
    KNOWN,
    N_RANKS,
    NEW_INDIVIDUAL,
    ORIENTATION,
    PREDICTED,
    ROLE,
    SCORE,
    TEST,
    ranked,
)
from reid_lib.photographs import ROW_HEIGHT, SHOWN_PX, examples, outcomes
from reid_lib.plotstyle import COLOURS, percent, threshold_for


@pytest.fixture(autouse=True)
def no_figure_is_left():
    plt.close("all")
    yield
    plt.close("all")


def predictions_of(rows):
    """Rows of (image_id, dataset, identity, known, nearest identity, score, predicted); further ranks are invented."""
    columns = [IMAGE_ID, DATASET, IDENTITY, KNOWN, ranked(IDENTITY, 1), SCORE, PREDICTED]
    frame = pd.DataFrame(rows, columns=columns).astype({KNOWN: "boolean"})
    frame[INDIVIDUAL] = frame[DATASET] + "/" + frame[IDENTITY]
    for rank in range(1, N_RANKS + 1):
        if rank > 1:
            frame[ranked(IDENTITY, rank)] = f"other{rank}"
        frame[ranked(SCORE, rank)] = frame[SCORE] - 0.1 * (rank - 1)
        frame[ranked("image", rank)] = "g-" + frame[ranked(IDENTITY, rank)]
    return frame


HAND = predictions_of(
    [
        ("q0", "newts", "a", True, "a", 0.9, "a"),  # named rightly
        ("q1", "newts", "a", True, "a", 0.8, "a"),  # named rightly
        ("q2", "newts", "b", True, "a", 0.7, "a"),  # named wrongly
        ("q3", "newts", "b", True, "b", 0.3, NEW_INDIVIDUAL),  # refused, though the nearest is right
        ("q4", "newts", "c", True, "b", 0.2, NEW_INDIVIDUAL),  # refused
        ("q5", "seals", "x", False, "y", 0.6, "y"),  # named, though unknown
        ("q6", "seals", "x", False, "y", 0.1, NEW_INDIVIDUAL),  # called new, rightly
        ("q7", "seals", "z", False, "y", 0.15, NEW_INDIVIDUAL),  # called new, rightly
        ("q8", "seals", None, None, "y", 0.5, "y"),  # not labelled
    ]
)


def many(n=400, seed=0, datasets=("newts", "seals")):
    rng = np.random.default_rng(seed)
    rows = []
    for i in range(n):
        known, nearest = bool(rng.random() < 0.7), f"k{rng.integers(8)}"
        identity = (nearest if rng.random() < 0.6 else f"k{rng.integers(8)}") if known else f"u{rng.integers(8)}"
        score = float(rng.normal(0.6 if identity == nearest else 0.4, 0.1))
        dataset = datasets[int(rng.integers(len(datasets)))]
        named = nearest if score > 0.5 else NEW_INDIVIDUAL
        rows.append((f"q{i:04d}", dataset, identity, known, nearest, score, named))
    return predictions_of(rows)


def history_of(**columns):
    n = len(next(iter(columns.values())))
    return pd.DataFrame({"epoch": np.arange(1, n + 1), **columns})


CURVE = pd.DataFrame(
    {
        DATASET: ["", "", "", "", "newts", "newts"],
        "threshold": [0.2, 0.4, 0.6, np.inf, 0.1, 0.3],
        "baks": [0.9, 0.8, 0.5, 0.0, 1.0, 0.5],
        "baus": [0.1, 0.5, 0.9, 1.0, 0.0, 1.0],
        "geometric_mean": [0.3, 0.63, 0.67, 0.0, 0.0, 0.71],
    }
)


def texts(ax):
    return [text.get_text() for text in ax.texts if text.get_text()]


def words(ax):
    """Everything that can be read in the axes."""
    return "\n".join([ax.get_title(loc="left"), ax.get_xlabel(), ax.get_ylabel(), *texts(ax)])


def by_gid(ax, gid):
    return [artist for artist in ax.get_children() if artist.get_gid() == gid]


def line_at(ax, gid):
    (line,) = by_gid(ax, gid)
    return line.get_xdata()[0]


def photo(image_id):
    """A picture that differs by its id, twice as wide as high."""
    return np.full((300, 600, 3), sum(str(image_id).encode()) % 256, dtype=np.uint8)


def content(ax):
    """What the artists hold, independent of the order of equal ones."""
    lines = sorted((str(line.get_gid()), line.get_xydata().tolist()) for line in ax.lines)
    patches = sorted((str(p.get_gid()), str(p.get_path().vertices.round(9).tolist())) for p in ax.patches)
    boxes = sorted(str(p.get_window_extent().bounds) for p in ax.patches)
    return sorted((t.get_text(), *np.round(t.get_position(), 9)) for t in ax.texts), lines, patches, boxes, words(ax)


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


# --- Scores -----------------------------------------------------------------------------------------------------------


def test_queries_are_grouped_by_the_nearest_individual_before_any_threshold():
    groups = {group: scores.tolist() for group, scores in plots.score_groups(HAND).items()}
    assert groups == {
        "known_right": [0.3, 0.8, 0.9],
        "known_wrong": [0.2, 0.7],
        "unknown": [0.1, 0.15, 0.6],
        "unlabelled": [0.5],
    }


def test_query_without_a_score_is_left_out_of_the_scores():
    frame = HAND.copy()
    frame.loc[0, SCORE] = np.nan
    assert plots.score_groups(frame)["known_right"].tolist() == [0.3, 0.8]


@pytest.mark.parametrize("dtype", ["bool", "object", "boolean"])
def test_known_of_any_dtype_gives_the_same_groups(dtype):
    labelled = HAND.dropna(subset=[KNOWN])
    again = labelled.assign(**{KNOWN: labelled[KNOWN].to_numpy(dtype="bool").astype("object")})
    again[KNOWN] = again[KNOWN].astype(dtype)
    for group, scores in plots.score_groups(labelled).items():
        assert plots.score_groups(again)[group].tolist() == scores.tolist()


def test_each_group_sums_to_a_hundred_per_cent_and_holds_every_score():
    frame = many()
    ax = plots.score_distributions(frame, 0.5)
    low, high = ax.get_xlim()
    for group, scores in plots.score_groups(frame).items():
        if not len(scores):
            continue
        (steps,) = by_gid(ax, group)
        values, edges, _ = steps.get_data()
        assert values.sum() == pytest.approx(100)
        assert values == pytest.approx(100 * np.histogram(scores, edges)[0] / len(scores))
        assert low <= scores.min() and scores.max() <= high
        assert f"({len(scores)})" in steps.get_label()


def test_few_photographs_get_a_tick_each_below_zero():
    ax = plots.score_distributions(HAND, 0.4)
    (rug,) = by_gid(ax, "rug unknown")
    assert rug.get_xdata().tolist() == [0.1, 0.15, 0.6]
    assert (rug.get_ydata() < 0).all() and (rug.get_ydata() > ax.get_ylim()[0]).all()
    assert min(ax.get_yticks()) >= 0


def test_groups_differ_by_line_style_as_well_as_colour():
    from reid_lib.plotscores import GROUPS

    assert len({style for _, _, style in GROUPS.values()}) == len(GROUPS) == len({c for _, c, _ in GROUPS.values()})


def test_threshold_is_drawn_at_its_value_with_the_value_beside():
    ax = plots.score_distributions(HAND, 0.4321)
    assert line_at(ax, "threshold") == 0.4321
    assert "threshold 0.432" in texts(ax)


def test_no_threshold_draws_no_line():
    ax = plots.score_distributions(HAND, None)
    assert by_gid(ax, "threshold") == [] and not any("threshold" in text for text in texts(ax))


@pytest.mark.parametrize(("value", "what"), [(np.inf, "every query is called new"), (-np.inf, "every query is named")])
def test_infinite_threshold_is_said_in_words(value, what):
    ax = plots.score_distributions(HAND, value)
    assert by_gid(ax, "threshold") == [] and what in words(ax)
    assert np.isfinite(ax.get_xlim()).all()


def test_thresholds_that_differ_are_pooled_by_distance_to_the_own_one():
    ax = plots.score_distributions(HAND, {"newts": 0.5, "seals": 0.2})
    (rug,) = by_gid(ax, "rug unknown")
    assert rug.get_xdata() == pytest.approx([-0.1, -0.05, 0.4])
    assert line_at(ax, "threshold") == 0
    assert "minus the threshold of the data set" in ax.get_xlabel()


def test_data_set_without_threshold_is_left_out_of_the_pooled_figure_and_said():
    ax = plots.score_distributions(HAND, {"newts": 0.5, "seals": None})
    assert by_gid(ax, "unknown") == []
    assert "1 without one left out" in ax.get_xlabel()


def test_equal_thresholds_keep_the_cosine_axis():
    ax = plots.score_distributions(HAND, {"newts": 0.5, "seals": 0.5})
    assert line_at(ax, "threshold") == 0.5 and "minus" not in ax.get_xlabel()


def test_data_set_whose_threshold_accepts_everything_is_left_out_of_the_pooled_figure():
    ax = plots.score_distributions(HAND, {"newts": 0.5, "seals": -np.inf})
    assert by_gid(ax, "unknown") == [] and np.isfinite(ax.get_xlim()).all()
    assert "1 without one left out" in ax.get_xlabel()


def test_panels_carry_each_data_sets_own_threshold_and_cut_nothing_off():
    frame = many(datasets=("newts", "seals", "lynxes", "owls", "bats"))
    values = {"newts": 0.5, "seals": 0.55, "lynxes": None, "owls": 0.45, "bats": 0.4}
    figure = plots.score_panels(frame, values)
    shown = [ax for ax in figure.axes if ax.get_visible()]
    assert [ax.get_title(loc="left").split()[0] for ax in shown] == sorted(values)
    for ax in shown:
        name = ax.get_title(loc="left").split()[0]
        scores = frame.loc[frame[DATASET] == name, SCORE]
        assert f"(n = {len(scores)})" in ax.get_title(loc="left")
        assert ax.get_xlim()[0] <= scores.min() and scores.max() <= ax.get_xlim()[1]
        if values[name] is None:
            assert by_gid(ax, "threshold") == []
        else:
            assert line_at(ax, "threshold") == values[name]


def test_labels_of_thresholds_in_panels_stay_in_their_panel():
    frame = many(datasets=("newts", "seals"))
    frame.loc[frame[DATASET] == "newts", SCORE] -= 0.6  # far left on the axis that both share
    figure = plots.score_panels(frame, {"newts": -0.05, "seals": 0.75})
    figure.canvas.draw()
    for ax in figure.axes:
        (label,) = (text for text in ax.texts if text.get_text().startswith("threshold"))
        box, panel = label.get_window_extent(), ax.get_window_extent()
        assert panel.x0 <= box.x0 and box.x1 <= panel.x1


def test_of_forty_data_sets_the_largest_twelve_are_shown_and_that_is_said():
    frame = many(900, datasets=tuple(f"d{i:02d}" for i in range(40)))
    figure = plots.score_panels(frame, 0.5)
    counts = frame[DATASET].value_counts()
    shown = [ax.get_title(loc="left").split()[0] for ax in figure.axes if ax.get_visible()]
    assert len(shown) == 12
    assert min(counts[shown]) >= max(counts.drop(shown))
    assert "12 largest of 40" in figure.legends[0].get_title().get_text().replace("\n", " ")


def test_queries_none_of_which_has_a_score_say_so():
    assert "no query has a score" in words(plots.score_distributions(HAND.assign(**{SCORE: np.nan}), 0.5))


# --- Threshold --------------------------------------------------------------------------------------------------------


def test_threshold_comes_from_a_number_a_mapping_or_a_fitted_threshold():
    fitted = SimpleNamespace(values={"newts": 0.3, "seals": None}, overall=0.4)
    assert (threshold_for(0.2, "newts"), threshold_for(np.float32(0.25), "newts")) == (0.2, 0.25)
    assert threshold_for({"newts": 0.3}, "newts") == threshold_for(fitted, "newts") == 0.3
    assert threshold_for(fitted, "") == threshold_for(fitted, "owls") == 0.4
    assert threshold_for({"values": {"newts": 0.6}, "geometric_mean": 0.5}, "newts") == 0.6  # openset.oracle
    for none in (None, float("nan"), {"newts": None}, {}, {"values": {}}):
        assert threshold_for(none, "newts") is None
    assert threshold_for(fitted, "seals") is None


@pytest.mark.parametrize("empty", ["", np.nan])
def test_curve_of_all_data_sets_is_drawn_as_it_came_also_after_csv(empty):
    ax = plots.threshold_curve(CURVE.replace({DATASET: {"": empty}}).sample(frac=1, random_state=2), 0.5)
    drawn = {gid: by_gid(ax, gid)[0].get_xydata() for gid in ("baks", "baus", "geometric_mean")}
    assert drawn["baks"] == pytest.approx(np.array([[0.2, 0.9], [0.4, 0.8], [0.6, 0.5]]))
    assert drawn["baus"] == pytest.approx(np.array([[0.2, 0.1], [0.4, 0.5], [0.6, 0.9]]))
    assert line_at(ax, "threshold") == 0.5


def test_curve_of_one_data_set_takes_its_rows_and_its_threshold():
    fitted = SimpleNamespace(values={"newts": 0.3}, overall=0.5)
    ax = plots.threshold_curve(CURVE, fitted, dataset="newts")
    assert by_gid(ax, "baks")[0].get_xdata().tolist() == [0.1, 0.3]
    assert line_at(ax, "threshold") == 0.3


def test_oracle_is_dashed_and_labelled_as_not_used():
    ax = plots.threshold_curve(CURVE, 0.4, oracle=0.55)
    (oracle,) = by_gid(ax, "oracle")
    assert oracle.get_xdata()[0] == 0.55 and oracle.get_linestyle() == "--"
    assert "best in hindsight 0.550 (not used)" in texts(ax)
    assert by_gid(ax, "threshold")[0].get_linestyle() == "-"


def test_curve_for_a_data_set_that_is_not_there_names_those_that_are():
    with pytest.raises(ValueError, match="'owls'.*'', 'newts'"):
        plots.threshold_curve(CURVE, 0.4, dataset="owls")


def test_curve_without_unknown_individuals_says_that_no_threshold_can_be_chosen():
    ax = plots.threshold_curve(CURVE.assign(baus=np.nan, geometric_mean=np.nan), None)
    assert "No threshold can be chosen" in words(ax) and "not defined: BAUS" in words(ax)
    assert by_gid(ax, "baus") == [] and by_gid(ax, "threshold") == []


def test_threshold_panels_leave_the_overall_curve_out():
    figure = plots.threshold_panels(CURVE, {"newts": 0.25}, oracle={"newts": 0.3})
    (ax,) = figure.axes
    assert ax.get_title(loc="left") == "newts"
    assert (line_at(ax, "threshold"), line_at(ax, "oracle")) == (0.25, 0.3)


def test_curve_of_all_data_sets_alone_is_the_only_panel():
    figure = plots.threshold_panels(CURVE[CURVE[DATASET] == ""], {"": 0.5})
    assert line_at(figure.axes[0], "threshold") == 0.5


@pytest.mark.parametrize(
    "figure", [lambda: plots.threshold_panels(CURVE.iloc[:0]), lambda: plots.score_panels(HAND.iloc[:0])]
)
def test_panels_of_nothing_say_so(figure):
    assert "nothing to show" in words(figure().axes[0])


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


LEAK = pd.DataFrame({"split": ["random", "encounter"], "value": [0.9, 0.4], "low": [0.8, 0.3], "high": [0.95, 0.5]})


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


def plane_of(n, seed=0):
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(rng.normal(size=(n, 2)), columns=["x", "y"])
    frame[ROLE] = rng.choice([GALLERY, TEST], n)
    frame[KNOWN] = rng.random(n) < 0.6
    frame[INDIVIDUAL] = [f"newts/{i}" for i in rng.integers(20, size=n)]
    return frame


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


# --- Photographs ------------------------------------------------------------------------------------------------------


def test_outcomes_by_hand():
    assert outcomes(HAND).tolist() == [
        "known right",
        "known right",
        "known wrong",
        "known refused",
        "known refused",
        "unknown wrong",
        "unknown right",
        "unknown right",
        "unlabelled",
    ]


def test_examples_show_every_kind_of_outcome_before_any_kind_twice():
    chosen = examples(many(), n=5)
    assert sorted(outcomes(chosen)) == [
        "known refused",
        "known right",
        "known wrong",
        "unknown right",
        "unknown wrong",
    ]
    assert len(examples(HAND, n=100)) == len(HAND)


def frames(ax):
    """The verdicts of the gallery photographs, row by row, left to right."""
    found = [p for p in ax.patches if str(p.get_gid()).startswith("frame ")]
    found.sort(key=lambda p: (int(p.get_y() / ROW_HEIGHT), p.get_x()))
    return [p.get_gid().removeprefix("frame ") for p in found]


def test_strip_marks_the_own_individual_right_and_every_other_wrong():
    ax = plots.retrieval(HAND, photo, image_ids=["q0", "q2", "q5", "q8"])
    wrong = ["wrong"] * 5
    assert frames(ax) == ["right", *wrong[1:], *wrong, *wrong, *["unlabelled"] * 5]
    marks = [text for text in texts(ax) if text in "✓✗?"]
    assert (marks.count("✓"), marks.count("✗"), marks.count("?")) == (1, 14, 5)


def test_frames_of_right_and_wrong_have_their_colours():
    ax = plots.retrieval(HAND, photo, image_ids=["q0"])
    for patch in ax.patches:
        if str(patch.get_gid()).startswith("frame "):
            verdict = patch.get_gid().removeprefix("frame ")
            assert matplotlib.colors.same_color(patch.get_edgecolor(), COLOURS[verdict])


def test_unknown_query_whose_name_happens_to_stand_in_the_gallery_gets_no_right_mark():
    frame = predictions_of([("q", "newts", "a", False, "a", 0.9, "a")])
    assert frames(plots.retrieval(frame, photo)) == ["wrong"] * 5


def test_own_individual_further_down_is_marked_where_it_stands():
    frame = HAND.assign(**{ranked(IDENTITY, 3): "b"})
    assert frames(plots.retrieval(frame, photo, image_ids=["q2"])) == ["wrong", "wrong", "right", "wrong", "wrong"]


@pytest.mark.parametrize(
    ("image_id", "decision", "truth"),
    [
        ("q0", "✓ named a", "is a"),
        ("q2", "✗ named a", "is b"),
        ("q3", "✗ called new", "is b"),
        ("q5", "✗ named y", "is not in the gallery"),
        ("q6", "✓ called new", "is not in the gallery"),
        ("q8", "? named y", "true name not known"),
    ],
)
def test_decision_and_truth_stand_beside_the_query(image_id, decision, truth):
    ax = plots.retrieval(HAND, photo, image_ids=[image_id])
    assert decision in texts(ax) and truth in texts(ax)


def test_strip_loads_the_query_and_its_five_photographs_and_names_them_with_scores():
    loaded = []
    ax = plots.retrieval(HAND, lambda image_id: loaded.append(image_id) or photo(image_id), image_ids=["q0"])
    assert loaded == ["q0", "g-a", "g-other2", "g-other3", "g-other4", "g-other5"]
    assert [text for text in texts(ax) if "0." in text] == [
        "a  0.90",
        "other2  0.80",
        "other3  0.70",
        "other4  0.60",
        "other5  0.50",
    ]
    assert len(ax.images) == 6


def test_gallery_with_fewer_individuals_leaves_places_empty():
    frame = HAND.assign(**{ranked(what, rank): None for what in (IDENTITY, "image") for rank in (4, 5)})
    ax = plots.retrieval(frame, photo, image_ids=["q0"])
    assert len(ax.images) == 4 and texts(ax).count("no more\nanimals") == 2


def test_photographs_keep_their_shape_and_are_shrunk():
    ax = plots.retrieval(HAND, photo, image_ids=["q0"])
    for image in ax.images:
        left, right, bottom, top = image.get_extent()
        assert (right - left) / (bottom - top) == pytest.approx(2)
        assert max(image.get_array().shape[:2]) == SHOWN_PX


def test_whole_strip_is_within_the_axes():
    ax = plots.retrieval(HAND, photo, n=9)
    (left, right), (bottom, top) = ax.get_xlim(), ax.get_ylim()
    for image in ax.images:
        x0, x1, y1, y0 = image.get_extent()
        assert left <= x0 and x1 <= right and top <= y0 and y1 <= bottom


def test_unknown_query_id_is_refused():
    with pytest.raises(ValueError, match="no prediction for image_id 'nope'"):
        plots.retrieval(HAND, photo, image_ids=["nope"])


def test_no_queries_make_an_empty_strip_that_says_so():
    assert "no queries" in words(plots.retrieval(HAND.iloc[:0], photo))


def catalogue_rows():
    rows = [
        ("i1", "a", "newts", "e2", "left"),
        ("i2", "a", "newts", "e1", "right"),
        ("i3", "a", "newts", "e1", "left"),
        ("i4", "b", "newts", "e3", None),
        ("i5", "a", "seals", "e4", "left"),
        ("i6", "a", "seals", "e5", "left"),
        ("i7", None, "seals", "e6", "left"),
    ]
    frame = pd.DataFrame(rows, columns=[IMAGE_ID, IDENTITY, DATASET, ENCOUNTER, ORIENTATION])
    frame[INDIVIDUAL] = (frame[DATASET] + "/" + frame[IDENTITY]).where(frame[IDENTITY].notna())
    return frame


def test_sheet_shows_one_photograph_of_each_encounter_of_each_individual():
    loaded = []
    ax = plots.photographs(catalogue_rows(), lambda image_id: loaded.append(image_id) or photo(image_id))
    assert loaded == ["i2", "i1", "i4", "i5", "i6"]
    assert [t.get_text() for t in by_gid(ax, "individual")] == ["a", "b", "a"]
    assert "e1, right" in texts(ax) and "e3" in texts(ax) and "newts\n3 photographs" in texts(ax)


def test_encounter_nine_comes_before_encounter_ten():
    rows, loaded = catalogue_rows().head(3).copy(), []
    rows[ENCOUNTER] = ["e10", "e9", "e9"]
    plots.photographs(rows, lambda image_id: loaded.append(image_id) or photo(image_id))
    assert loaded == ["i2", "i1"]


def test_sheet_takes_data_sets_in_turn_and_the_individuals_with_most_encounters():
    loaded = []
    plots.photographs(catalogue_rows(), lambda i: loaded.append(i) or photo(i), individuals=2, columns=1)
    assert loaded == ["i2", "i5"]


def test_sheet_without_encounters_shows_photographs():
    ax = plots.photographs(catalogue_rows().drop(columns=[ENCOUNTER, ORIENTATION]), photo)
    assert len(ax.images) == 6 and "another photograph" in ax.get_title(loc="left")


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
