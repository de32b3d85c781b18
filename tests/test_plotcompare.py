"""Figures of several runs: what is drawn, read back from the artists; hand-made tables whose answer is plain."""

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from reid_lib import plotcompare, plots
from reid_lib.errors import ParameterError
from reid_lib.plotimpact import comparable
from reid_lib.plotperformance import by_performance, reference_of

LONG = "dataset-demo-small_num_epochs-1_loss-triplet_margin-0.3_seed-"


@pytest.fixture(autouse=True)
def no_figure_is_left():
    plt.close("all")
    yield
    plt.close("all")


def history(val, train=None, **columns):
    epochs = np.arange(len(val))
    return pd.DataFrame({"epoch": epochs, "val_loss": val, "train_loss": train or [np.nan] * len(val), **columns})


def run(name, value, *, low=None, high=None, metric="baks", **params):
    """A row of the table of all runs; its interval is 0.1 to either side where none is given."""
    low, high = (value - 0.1 if low is None else low), (value + 0.1 if high is None else high)
    own = {"run": name, metric: value, f"{metric}_low": low, f"{metric}_high": high, "test_fingerprint": "t"}
    return own | {f"param_{key}": entry for key, entry in params.items()}


def table(*rows):
    return pd.DataFrame(list(rows))


def line(ax, gid):
    found = [artist for artist in ax.get_lines() if artist.get_gid() == gid]
    return np.column_stack(found[0].get_data()) if found else np.empty((0, 2))


def texts(ax):
    return [text.get_text() for text in ax.texts if text.get_text()]


def drawn(ax):
    """Draws everything, so that an artist that cannot be drawn fails here."""
    ax.figure.canvas.draw()
    return ax


# -- lines by epoch


def test_losses_of_two_runs_are_told_apart_and_named_at_their_ends():
    runs = {"a": history([3, 2, 1.5], [np.nan, 1.5, 1.0]), "b": history([3, 1, 2], [np.nan, 2.0, 1.5])}
    ax = drawn(plotcompare.loss_comparison(runs))
    assert line(ax, "val a").tolist() == [[0, 3], [1, 2], [2, 1.5]]
    assert line(ax, "train a").tolist() == [[1, 1.5], [2, 1.0]]
    assert line(ax, "val b").tolist() == [[0, 3], [1, 1], [2, 2]]
    assert ax.get_title("left") == "Loss while training, on validation photographs"  # no interval: no winner
    assert set(texts(ax)) == {"a", "b"}
    val = {artist.get_gid(): artist for artist in ax.get_lines() if str(artist.get_gid()).startswith("val")}
    assert len({(artist.get_color(), artist.get_marker()) for artist in val.values()}) == 2
    assert len({artist.get_marker() for artist in val.values()}) == 2  # in grey, too
    assert "minimise the same" in ax.get_xlabel()


def test_losses_that_are_not_one_are_named_and_said_not_to_compare():
    runs = {"a": history([3, 2]), "b": history([0.3, 0.2]), "c": history([np.nan])}
    ax = drawn(plotcompare.loss_comparison(runs, losses={"a": "arcface", "b": "triplet", "c": "none"}))
    assert set(texts(ax)) == {"a (arcface)", "b (triplet)"} and "not their heights" in ax.get_xlabel()
    assert "lowest" not in ax.get_title("left")
    ax = drawn(plotcompare.loss_comparison(runs, losses={"a": "arcface", "b": "arcface", "c": "none"}))
    assert set(texts(ax)) == {"a", "b"} and "minimise the same" in ax.get_xlabel()


def test_of_one_run_the_title_says_its_best_epoch_and_when_that_is_before_training():
    title = plotcompare.loss_comparison({"a": history([3, 1, 2])}).get_title("left")
    assert title == "Loss while training: on validation photographs lowest at epoch 1 (1)"
    title = plotcompare.history_lines({"a": history([1, 1], val_score=[0.6, 0.3])}, "val_score").get_title("left")
    assert title == "Val score: highest before training, at epoch 0 (0.6)"


def test_epochs_without_a_value_are_bridged_and_runs_without_any_are_counted():
    runs = {"a": history([3, np.nan, 1]), "none": history([np.nan, np.nan]), "early": pd.DataFrame({"epoch": []})}
    ax = drawn(plotcompare.loss_comparison(runs))
    assert line(ax, "val a").tolist() == [[0, 3], [2, 1]]
    assert "2 runs without a value" in ax.get_xlabel()


def test_a_column_is_drawn_with_its_unit_and_its_best_run():
    runs = {"a": history([1, 1], val_score=[0.2, 0.4]), "b": history([1, 1], val_score=[0.6, 0.3])}
    ax = drawn(plotcompare.history_lines(runs, "val_score"))
    assert ax.get_title("left") == "Val score"
    noted = plotcompare.history_lines(runs, "val_score", note="other photographs")
    assert noted.get_xlabel() == "epoch\nother photographs"
    assert "(0 to 1)" in ax.get_ylabel()
    speed = {"a": history([1, 1], images_per_s=[np.nan, 90.0])}
    ax = drawn(plotcompare.history_lines(speed, "images_per_s"))
    assert ax.get_ylabel() == "speed (photographs per second)"
    assert line(ax, "a").tolist() == [[1, 90]]
    assert ax.get_lines()[0].get_marker() not in ("", "None")  # one point is a line of no length


def test_a_column_of_ones_own_has_no_better_direction():
    ax = plotcompare.history_lines({"a": history([1, 1], my_column=[1, 2])}, "my_column")
    assert (ax.get_ylabel(), ax.get_title("left")) == ("my column", "My column")


def test_of_fifty_runs_the_eight_best_are_named():
    runs = {f"{LONG}{i}": history([2 + i, 1 + i]) for i in range(50)}
    ax = drawn(plotcompare.loss_comparison(dict(reversed(runs.items()))))
    short = plotcompare.shortened(runs)
    assert set(texts(ax)) == {short[f"{LONG}{i}"] for i in range(8)}
    assert "grey: 42 more runs" in ax.get_xlabel()
    assert len({artist.get_gid() for artist in ax.get_lines() if str(artist.get_gid()).startswith("val")}) == 50


@pytest.mark.parametrize("histories", [{}, {"a": pd.DataFrame({"epoch": []})}])
def test_without_an_epoch_a_sentence_says_so(histories):
    for ax in (plotcompare.loss_comparison(histories), plotcompare.history_lines(histories, "lr")):
        assert texts(drawn(ax)) == ["no epoch has been finished yet" if histories else "no run was given"]


# -- names


def test_long_names_lose_their_middle_and_stay_different():
    names = [f"{LONG}{i}" for i in range(12)] + ["short"]
    short = plotcompare.shortened(names)
    assert short["short"] == "short"
    assert len(set(short.values())) == len(names)
    assert all(len(name) <= 30 and "…" in name for name in short.values() if name != "short")
    middle = plotcompare.shortened([f"{'a' * 60}{i}{'b' * 60}" for i in range(3)])
    assert len(set(middle.values())) == 3  # what tells them apart stands in the middle


# -- the impact of a parameter


SWEEP = table(
    run("low-0", 0.30, lr=1e-4, seed=0, loss="arcface"),
    run("low-1", 0.40, lr=1e-4, seed=1, loss="arcface"),
    run("mid-0", 0.70, lr=1e-3, seed=0, loss="arcface"),
    run("mid-1", 0.80, lr=1e-3, seed=1, loss="arcface"),
    run("high-0", 0.50, lr=1e-2, seed=0, loss="arcface"),
    run("other", 0.90, lr=1e-3, seed=0, loss="cosface"),
)


def test_points_means_and_intervals_of_a_sweep_by_hand():
    ax = drawn(plotcompare.parameter_impact(SWEEP, "lr", "baks"))
    assert ax.get_xscale() == "log"
    means = line(ax, "means")
    np.testing.assert_allclose(means, [[1e-4, 0.35], [1e-3, 0.75], [1e-2, 0.5]], rtol=0.02)
    assert sorted(line(ax, "alike")[:, 1]) == [0.3, 0.4, 0.5, 0.7, 0.8]
    intervals = next(
        artist for artist in ax.collections if artist.get_gid() == "intervals" and len(artist.get_paths()) > 1
    )
    heights = sorted(tuple(path.vertices[:, 1].round(6)) for path in intervals.get_paths())
    assert heights == [(0.2, 0.4), (0.3, 0.5), (0.4, 0.6), (0.6, 0.8), (0.7, 0.9)]
    assert ax.get_title("left") == "BAKS by lr: 5 runs that differ in nothing else but the seed"


def test_a_run_that_differs_in_more_is_hollow_and_in_no_mean():
    ax = drawn(plotcompare.parameter_impact(SWEEP, "lr", "baks"))
    assert line(ax, "others")[:, 1].tolist() == [0.9]
    assert "1 hollow run differs in more than lr and the seed" in ax.get_xlabel()
    hollow = next(artist for artist in ax.get_lines() if artist.get_gid() == "others")
    assert hollow.get_markerfacecolor() == "white"
    alone = plotcompare.parameter_impact(SWEEP.head(5), "lr", "baks")
    assert "hollow" not in alone.get_xlabel() and len(line(alone, "others")) == 0


def test_the_reference_decides_which_runs_are_comparable():
    ax = drawn(plotcompare.parameter_impact(SWEEP, "lr", "baks", reference="other"))
    assert line(ax, "alike")[:, 1].tolist() == [0.9]
    assert line(ax, "reference")[0, 1] == 0.9
    assert line(ax, "reference")[0, 0] == line(ax, "alike")[0, 0]
    assert ax.get_title("left") == "BAKS by lr: all comparable runs have 0.001"


def test_comparable_runs_agree_in_all_but_the_parameter_the_seed_and_what_changes_no_result():
    runs = table(
        run("a", 0.5, lr=1, seed=0, margin=np.nan, device="cpu", run_name="a", batch_size=8),
        run("b", 0.5, lr=2, seed=1, margin=np.nan, device="cuda", run_name="b", batch_size=8.0),
        run("c", 0.5, lr=2, seed=1, margin=0.3, device="cpu", run_name="c", batch_size=8),
    )
    assert comparable(runs, "lr").tolist() == [True, True, False]
    assert comparable(runs, "margin").tolist() == [False, True, True]
    assert comparable(runs, "lr", "c").tolist() == [False, False, True]


@pytest.mark.parametrize("interval", [0.3, 0.01])
def test_the_title_of_an_impact_names_no_best_value_however_narrow_the_intervals(interval):
    runs = SWEEP.assign(baks_low=SWEEP["baks"] - interval, baks_high=SWEEP["baks"] + interval)
    title = plotcompare.parameter_impact(runs, "lr", "baks").get_title("left")
    assert not any(word in title for word in ("highest", "lowest", "best"))


def test_lower_is_better_for_false_positives():
    runs = table(
        *(run(f"r{lr}", 1 - lr, metric="fpr_at_95_tpr", low=0.99 - lr, high=1.01 - lr, lr=lr) for lr in (0.1, 0.2, 0.3))
    )
    ax = plotcompare.performance_bars(runs, "fpr_at_95_tpr")
    assert ax.get_yticklabels()[0].get_text() == "r0.3"
    assert ax.get_title("left") == "FPR at 95 % TPR by run, lowest first"
    assert plotcompare.performance_heatmap(runs, ["fpr_at_95_tpr"]).get_title("left").endswith("lowest first")


@pytest.mark.parametrize(
    "values, labels",
    [
        (["cosface", "arcface", "triplet"], ["arcface", "cosface", "triplet"]),
        ([True, False, True], ["False", "True"]),
        ([np.nan, 0.5, 0.25], ["not set", "0.25", "0.5"]),
        ([0, 0.001, 1.0], ["0", "0.001", "1"]),
        ([10, 9, "x"], ["9", "10", "x"]),
    ],
    ids=["words", "switch", "missing", "zero on a long scale", "mixed"],
)
def test_what_is_no_scale_stands_side_by_side_in_order(values, labels):
    runs = table(*(run(f"r{i}", 0.5 + 0.1 * i, p=value, seed=i) for i, value in enumerate(values)))
    ax = drawn(plotcompare.parameter_impact(runs, "p", "baks"))
    assert [label.get_text() for label in ax.get_xticklabels()] == labels
    assert ax.get_xscale() == "linear"


@pytest.mark.parametrize("values, scale", [((1, 10, 20), "linear"), ((1, 21), "log"), ((-1, 0, 100), "linear")])
def test_a_long_range_is_logarithmic(values, scale):
    runs = table(*(run(f"r{value}", 0.5, p=value) for value in values))
    ax = drawn(plotcompare.parameter_impact(runs, "p", "baks"))
    assert ax.get_xscale() == scale
    np.testing.assert_allclose(line(ax, "means")[:, 0], values, rtol=1e-9)


def test_seeds_of_one_value_stand_apart_and_never_reach_the_next_value():
    runs = table(*(run(f"{p}-{s}", 0.5, p=p, seed=s) for p in (1, 2, 10) for s in range(20)))
    x = line(plotcompare.parameter_impact(runs, "p", "baks"), "alike")[:, 0]
    assert len(set(x.round(9))) == 60
    assert x[:20].max() < 1.5 < x[20:40].min()


def test_metrics_on_val_have_no_interval_and_undefined_ones_are_left_out():
    runs = table(run("a", 0.5, metric="val_baks", p=1), run("b", np.nan, metric="val_baks", p=2))
    ax = drawn(plotcompare.parameter_impact(runs.drop(columns=["val_baks_low", "val_baks_high"]), "p", "val_baks"))
    assert line(ax, "alike")[:, 1].tolist() == [0.5]
    assert not [artist for artist in ax.collections if len(artist.get_paths())]


def test_runs_of_other_test_photographs_are_hollow_in_no_mean_and_said():
    ax = drawn(plotcompare.parameter_impact(SWEEP.head(5).assign(test_fingerprint=list("ttttu")), "lr", "baks"))
    assert "1 of them: other test photographs" in ax.get_xlabel()
    assert line(ax, "others")[:, 1].tolist() == [0.5]
    np.testing.assert_allclose(line(ax, "means")[:, 1], [0.35, 0.75])


@pytest.mark.parametrize("runs", [pd.DataFrame(columns=["run", "reference"]), SWEEP.assign(baks=np.nan)])
def test_without_a_run_a_sentence_says_so(runs):
    ax = drawn(plotcompare.parameter_impact(runs, "lr", "baks"))
    assert texts(ax) == ["no run has both lr and BAKS"]


# -- tables of runs


def test_runs_are_sorted_with_undefined_ones_last():
    runs = table(run("c", np.nan), run("b", 0.5), run("a", 0.5), run("d", 0.9))
    assert by_performance(runs, "baks")["run"].tolist() == ["d", "a", "b", "c"]
    ax = drawn(plotcompare.performance_bars(runs, "baks"))
    assert line(ax, "baks").tolist() == [[0.9, 0], [0.5, 1], [0.5, 2]]
    assert texts(ax) == ["undefined"]
    intervals = next(artist for artist in ax.collections if artist.get_gid() == "intervals baks")
    np.testing.assert_allclose(intervals.get_paths()[0].vertices, [[0.8, 0], [1.0, 0]])


@pytest.mark.parametrize("values", [(0.9, 0.3, 0.2), (0.9, 0.75, 0.2)])
def test_without_a_verdict_the_title_of_the_bars_names_no_winner(values):
    runs = table(*(run(f"r{i}", value) for i, value in enumerate(values)))
    assert plotcompare.performance_bars(runs, "baks").get_title("left") == "BAKS by run, highest first"
    assert "best" not in plotcompare.performance_heatmap(runs, ["baks"]).get_title("left")


def test_the_title_of_the_bars_repeats_the_verdicts_and_no_more():
    runs = table(*(run(name, 0.5) for name in ("plain", "up", "down", "same", "also")))
    verdicts = {"up": "better", "down": "worse", "same": "not distinguishable", "also": "not distinguishable"}
    ax = plotcompare.performance_bars(runs, "baks", reference="plain", verdicts=verdicts | {"not here": "better"})
    title = ax.get_title("left").replace("\n", " ")
    assert title == "BAKS against plain: better up; worse down; 2 not distinguishable"
    many = plotcompare.performance_bars(runs, "baks", reference="plain", verdicts=dict.fromkeys(runs["run"], "better"))
    assert many.get_title("left") == "BAKS against plain: better are 5 runs"
    seeds = plotcompare.performance_bars(
        runs, "baks", reference="plain", verdicts=verdicts, against="plain, seed by seed"
    )
    assert seeds.get_title("left").startswith("BAKS against plain, seed by seed: better up")
    assert (
        plotcompare.performance_bars(runs, "baks", reference="plain", verdicts={}).get_title("left").endswith("first")
    )


def test_runs_of_other_test_photographs_are_hollow_in_the_bars_and_not_ranked_in_the_heatmap():
    runs = table(run("a", 0.9), run("b", 0.5), run("c", 0.4)).assign(test_fingerprint=["other", "t", "t"])
    ax, heat = plotcompare.performance_bars(runs, "baks"), plotcompare.performance_heatmap(runs, ["baks"])
    drawn(ax), drawn(heat)
    assert line(ax, "baks").tolist() == [[0.5, 1], [0.4, 2]] and line(ax, "other queries baks").tolist() == [[0.9, 0]]
    assert heat.get_images()[0].get_array().mask.ravel().tolist() == [True, False, False]
    for each in (ax, heat):
        assert "asked other test photographs" in each.get_xlabel()
    marked = drawn(
        plotcompare.performance_bars(runs, "baks", reference="a")
    )  # its queries are then the ones that count
    assert line(marked, "baks").tolist() == [[0.9, 0]]


def test_the_reference_is_marked_in_bars_and_heatmap():
    runs = SWEEP.assign(reference=["mid-0"] * 4 + [None] * 2)
    for ax in (plotcompare.performance_bars(runs, "baks"), plotcompare.performance_heatmap(runs, ["baks"])):
        bold = [label.get_text() for label in drawn(ax).get_yticklabels() if label.get_fontweight() == "bold"]
        assert bold == ["mid-0  (reference)"]
    assert reference_of(runs, "low-0") == "low-0"
    assert reference_of(runs, "") is None
    assert reference_of(runs, "gone") is None


def test_several_metrics_have_a_marker_each():
    ax = drawn(plotcompare.performance_bars(SWEEP.assign(baus=0.5, top1=0.6), ["baks", "baus", "top1"]))
    found = {artist.get_gid(): artist.get_marker() for artist in ax.get_lines() if artist.get_gid()}
    assert len(set(found.values())) == 3
    assert len(ax.get_legend().get_texts()) == 3


def test_every_value_of_the_heatmap_is_printed_and_the_colour_ranks_within_its_column():
    runs = table(run("a", 0.2) | {"fpr_at_95_tpr": 0.9}, run("b", 0.4) | {"fpr_at_95_tpr": 0.1}, run("c", np.nan))
    ax = drawn(plotcompare.performance_heatmap(runs, ["baks", "fpr_at_95_tpr"]))
    assert texts(ax) == ["0.40", "0.10", "0.20", "0.90", "–", "–"]
    shade = ax.get_images()[0].get_array()
    np.testing.assert_allclose(shade[:2], [[1, 1], [0, 0]])  # fewer false positives are better
    assert shade.mask[2].all()
    assert not [text for text in ax.texts if text.get_fontweight() == "bold"]  # a higher value is no verdict
    assert ax.get_xticklabels()[1].get_text() == "FPR at 95 % TPR ↓"


def test_fifty_runs_can_be_read():
    runs = table(*(run(f"{LONG}{i}", i / 50) for i in range(50)))
    for ax in (plotcompare.performance_bars(runs, ["baks"]), plotcompare.performance_heatmap(runs, ["baks"])):
        boxes = [label.get_window_extent() for label in drawn(ax).get_yticklabels()]
        boxes.sort(key=lambda box: box.y0)
        assert len(boxes) == 50
        assert all(above.y0 > below.y1 - 2 for below, above in zip(boxes, boxes[1:], strict=False))


@pytest.mark.parametrize("runs", [pd.DataFrame(columns=["run", "reference"]), table(run("a", np.nan)), SWEEP.head(1)])
def test_no_run_one_run_and_nothing_defined(runs):
    ax, heat = plotcompare.performance_bars(runs, "baks"), plotcompare.performance_heatmap(runs, ["baks", "gone"])
    drawn(ax), drawn(heat)
    if runs.empty:
        assert texts(ax) == texts(heat) == ["no run is finished yet"]


# -- projections


def projection(n=6):
    rows = [("gallery", True), ("test", True), ("test", False), ("test", None), ("val", True), ("val", False)]
    frame = pd.DataFrame(rows[:n], columns=["role", "known"]).astype({"known": "boolean"})
    frame = frame.assign(image_id=[f"i{k}" for k in range(n)], x=np.arange(n) * 1.0, y=0.0)
    return frame.assign(individual=["n/a", "n/a", "n/b", None, "n/a", "n/c"][:n])


def points(ax):
    return {c.get_gid(): c.get_offsets()[:, 0].tolist() for c in ax.collections}


def test_one_panel_per_run_with_the_same_groups():
    figure = plotcompare.projections({"one": projection(), LONG: projection().iloc[::-1]})
    figure.canvas.draw()
    first, second = figure.axes
    expected = {"gallery": [0], "known, queried": [1, 4], "unknown, queried": [2, 5], "not labelled": [3]}
    assert points(first) == expected
    assert {gid: sorted(x) for gid, x in points(second).items()} == expected
    assert first.get_title("left") == "one" and "…" in second.get_title("left")
    assert [text.get_text() for text in figure.legends[0].get_texts()] == list(expected)


def test_outcomes_are_joined_by_image():
    answers = {"i5": ("c", "c"), "i1": ("a", "a"), "i2": ("b", "new_individual"), "i4": ("a", "b")}
    known = {"i1": True, "i2": False, "i4": True, "i5": False}
    predictions = pd.DataFrame(
        [{"image_id": i, "identity": a, "predicted": b, "known": known[i]} for i, (a, b) in answers.items()]
    ).astype({"known": "boolean"})
    figure = plotcompare.projections({"one": projection()}, {"one": predictions}, colour="outcome")
    assert points(figure.axes[0]) == {
        "gallery, or not asked": [0, 3],
        "known, named rightly": [1],
        "unknown, called new": [2],
        "known, named wrongly": [4],
        "unknown, named": [5],
    }
    with pytest.raises(ParameterError, match="'one' are missing"):
        plotcompare.projections({"one": projection()}, colour="outcome")


def test_an_individual_has_one_colour_in_all_runs():
    figure = plotcompare.projections({"one": projection(), "two": projection().iloc[[2, 5]]}, colour="individual")
    colours = [{c.get_gid(): tuple(c.get_facecolor()[0][:3]) for c in ax.collections} for ax in figure.axes]
    assert colours[0].keys() == {"without a name", "n/a", "n/b", "n/c"}
    assert colours[1].keys() == {"n/b", "n/c"}
    assert {name: colours[0][name] for name in colours[1]} == colours[1]


@pytest.mark.parametrize("n", [0, 1, 4, 14])
def test_any_number_of_runs(n):
    figure = plotcompare.projections({f"r{i}": projection() for i in range(n)})
    figure.canvas.draw()
    assert sum(ax.get_visible() for ax in figure.axes) == max(1, min(n, 12))
    if n == 14:
        assert "(12 of 14 runs)" in figure.legends[0].get_title().get_text()


def test_a_run_without_photographs_says_so():
    figure = plotcompare.projections({"one": projection(), "empty": projection(0)})
    assert texts(figure.axes[1]) == ["no photographs"]


# -- all of them


def test_with_axes_given_nothing_else_is_made_and_a_png_is_written(tmp_path):
    histories = {"a": history([2, 1], val_score=[0.1, 0.2])}
    calls = [
        lambda ax: plotcompare.loss_comparison(histories, ax=ax),
        lambda ax: plotcompare.history_lines(histories, "val_score", ax=ax),
        lambda ax: plotcompare.parameter_impact(SWEEP, "lr", "baks", ax=ax),
        lambda ax: plotcompare.performance_bars(SWEEP, "baks", ax=ax),
        lambda ax: plotcompare.performance_heatmap(SWEEP, ["baks"], ax=ax),
    ]
    for i, call in enumerate(calls):
        _, ax = plt.subplots()
        assert call(ax) is ax
        assert len(plt.get_fignums()) == i + 1
        plots.save_figure(ax, tmp_path / f"{i}.png")
        assert (tmp_path / f"{i}.png").stat().st_size > 1000


def test_what_is_given_is_not_changed():
    before, given = SWEEP.copy(), {"a": history([2, 1])}
    plotcompare.parameter_impact(SWEEP, "lr", "baks")
    plotcompare.performance_bars(SWEEP, "baks")
    plotcompare.loss_comparison(given)
    pd.testing.assert_frame_equal(SWEEP, before)
    pd.testing.assert_frame_equal(given["a"], history([2, 1]))
