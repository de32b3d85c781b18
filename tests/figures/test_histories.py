"""Figures of several runs: what is drawn, read back from the artists; hand-made tables whose answer is plain."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from drawn import texts
from figure_cases import SWEEP, drawn, line

from reid_lib.figures import impact, labels, performance, saving
from reid_lib.figures.histories import history_lines, loss_comparison

LONG = "dataset-demo-small_num_epochs-1_loss-triplet_margin-0.3_seed-"


pytestmark = pytest.mark.usefixtures("no_figure_is_left")


def history(val, train=None, **columns):
    epochs = np.arange(len(val))
    return pd.DataFrame({"epoch": epochs, "val_loss": val, "train_loss": train or [np.nan] * len(val), **columns})


# -- lines by epoch


def test_losses_of_two_runs_are_told_apart_and_named_at_their_ends():
    runs = {"a": history([3, 2, 1.5], [np.nan, 1.5, 1.0]), "b": history([3, 1, 2], [np.nan, 2.0, 1.5])}
    ax = drawn(loss_comparison(runs))
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
    ax = drawn(loss_comparison(runs, losses={"a": "arcface", "b": "triplet", "c": "none"}))
    assert set(texts(ax)) == {"a (arcface)", "b (triplet)"} and "not their heights" in ax.get_xlabel()
    assert "lowest" not in ax.get_title("left")
    ax = drawn(loss_comparison(runs, losses={"a": "arcface", "b": "arcface", "c": "none"}))
    assert set(texts(ax)) == {"a", "b"} and "minimise the same" in ax.get_xlabel()


def test_of_one_run_the_title_says_its_best_epoch_and_when_that_is_before_training():
    title = loss_comparison({"a": history([3, 1, 2])}).get_title("left")
    assert title == "Loss while training: on validation photographs lowest at epoch 1 (1)"
    title = history_lines({"a": history([1, 1], val_score=[0.6, 0.3])}, "val_score").get_title("left")
    assert title == "Val score: highest before training, at epoch 0 (0.6)"


def test_epochs_without_a_value_are_bridged_and_runs_without_any_are_counted():
    runs = {"a": history([3, np.nan, 1]), "none": history([np.nan, np.nan]), "early": pd.DataFrame({"epoch": []})}
    ax = drawn(loss_comparison(runs))
    assert line(ax, "val a").tolist() == [[0, 3], [2, 1]]
    assert "2 runs without a value" in ax.get_xlabel()


def test_a_column_is_drawn_with_its_unit_and_its_best_run():
    runs = {"a": history([1, 1], val_score=[0.2, 0.4]), "b": history([1, 1], val_score=[0.6, 0.3])}
    ax = drawn(history_lines(runs, "val_score"))
    assert ax.get_title("left") == "Val score"
    noted = history_lines(runs, "val_score", note="other photographs")
    assert noted.get_xlabel() == "epoch\nother photographs"
    assert "(0 to 1)" in ax.get_ylabel()
    speed = {"a": history([1, 1], images_per_s=[np.nan, 90.0])}
    ax = drawn(history_lines(speed, "images_per_s"))
    assert ax.get_ylabel() == "speed (photographs per second)"
    assert line(ax, "a").tolist() == [[1, 90]]
    assert ax.get_lines()[0].get_marker() not in ("", "None")  # one point is a line of no length


def test_a_column_of_ones_own_has_no_better_direction():
    ax = history_lines({"a": history([1, 1], my_column=[1, 2])}, "my_column")
    assert (ax.get_ylabel(), ax.get_title("left")) == ("my column", "My column")


def test_of_fifty_runs_the_eight_best_are_named():
    runs = {f"{LONG}{i}": history([2 + i, 1 + i]) for i in range(50)}
    ax = drawn(loss_comparison(dict(reversed(runs.items()))))
    short = labels.wrap_names(runs)
    assert set(texts(ax)) == {short[f"{LONG}{i}"] for i in range(8)}
    assert "grey: 42 more runs" in ax.get_xlabel()
    assert len({artist.get_gid() for artist in ax.get_lines() if str(artist.get_gid()).startswith("val")}) == 50


def test_long_labels_of_lines_that_end_together_do_not_overlap_and_no_value_is_cut():
    start = "loss triplet, margin 0.2, embedding size 256"
    runs = {f"{start}, lr {k}e-4": history([2, 1 + k / 1000]) for k in range(1, 5)}
    ax = drawn(loss_comparison(runs, losses=dict.fromkeys(runs, "triplet, margin 0.2")))
    assert {words.replace("\n", " ") for words in texts(ax)} == set(runs)
    boxes = sorted((text.get_window_extent() for text in ax.texts), key=lambda box: box.y0)
    assert all(low.y1 <= high.y0 + 1 for low, high in zip(boxes, boxes[1:], strict=False))


@pytest.mark.parametrize("histories", [{}, {"a": pd.DataFrame({"epoch": []})}])
def test_without_an_epoch_a_sentence_says_so(histories):
    for ax in (loss_comparison(histories), history_lines(histories, "lr")):
        assert texts(drawn(ax)) == [
            "nothing was trained, or no epoch has been finished yet" if histories else "no run was given"
        ]


# -- all of them


def test_with_axes_given_nothing_else_is_made_and_a_png_is_written(tmp_path):
    histories = {"a": history([2, 1], val_score=[0.1, 0.2])}
    calls = [
        lambda ax: loss_comparison(histories, ax=ax),
        lambda ax: history_lines(histories, "val_score", ax=ax),
        lambda ax: impact.parameter_impact(SWEEP, "lr", "baks", ax=ax),
        lambda ax: performance.performance_bars(SWEEP, "baks", ax=ax),
        lambda ax: performance.performance_heatmap(SWEEP, ["baks"], ax=ax),
    ]
    for i, call in enumerate(calls):
        _, ax = plt.subplots()
        assert call(ax) is ax
        assert len(plt.get_fignums()) == i + 1
        saving.save_figure(ax, tmp_path / f"{i}.png")
        assert (tmp_path / f"{i}.png").stat().st_size > 1000


def test_what_is_given_is_not_changed():
    before, given = SWEEP.copy(), {"a": history([2, 1])}
    impact.parameter_impact(SWEEP, "lr", "baks")
    performance.performance_bars(SWEEP, "baks")
    loss_comparison(given)
    pd.testing.assert_frame_equal(SWEEP, before)
    pd.testing.assert_frame_equal(given["a"], history([2, 1]))
