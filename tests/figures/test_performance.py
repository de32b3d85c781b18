"""Figures of several runs: what is drawn, read back from the artists; hand-made tables whose answer is plain."""

import numpy as np
import pandas as pd
import pytest
from drawn import texts
from figure_cases import SWEEP, drawn, line, run, table

from reid_lib.figures import performance
from reid_lib.figures.performance import by_performance, reference_of

LONG = "dataset-demo-small_num_epochs-1_loss-triplet_margin-0.3_seed-"


pytestmark = pytest.mark.usefixtures("no_figure_is_left")


def test_lower_is_better_for_false_positives():
    runs = table(
        *(run(f"r{lr}", 1 - lr, metric="fpr_at_95_tpr", low=0.99 - lr, high=1.01 - lr, lr=lr) for lr in (0.1, 0.2, 0.3))
    )
    ax = performance.performance_bars(runs, "fpr_at_95_tpr")
    assert ax.get_yticklabels()[0].get_text() == "lr 0.3"
    assert ax.get_title("left") == "FPR at 95 % TPR by run, lowest first"
    assert performance.performance_heatmap(runs, ["fpr_at_95_tpr"]).get_title("left").endswith("lowest first")


# -- tables of runs


def test_runs_are_sorted_with_undefined_ones_last():
    runs = table(run("c", np.nan), run("b", 0.5), run("a", 0.5), run("d", 0.9))
    assert by_performance(runs, "baks")["run"].tolist() == ["d", "a", "b", "c"]
    ax = drawn(performance.performance_bars(runs, "baks"))
    assert line(ax, "baks").tolist() == [[0.9, 0], [0.5, 1], [0.5, 2]]
    assert texts(ax) == ["undefined"]
    intervals = next(artist for artist in ax.collections if artist.get_gid() == "intervals baks")
    np.testing.assert_allclose(intervals.get_paths()[0].vertices, [[0.8, 0], [1.0, 0]])


@pytest.mark.parametrize("values", [(0.9, 0.3, 0.2), (0.9, 0.75, 0.2)])
def test_without_a_verdict_the_title_of_the_bars_names_no_winner(values):
    runs = table(*(run(f"r{i}", value) for i, value in enumerate(values)))
    assert performance.performance_bars(runs, "baks").get_title("left") == "BAKS by run, highest first"
    assert "best" not in performance.performance_heatmap(runs, ["baks"]).get_title("left")


def test_the_title_of_the_bars_repeats_the_verdicts_and_no_more():
    runs = table(*(run(name, 0.5) for name in ("plain", "up", "down", "same", "also")))
    verdicts = {"up": "better", "down": "worse", "same": "not distinguishable", "also": "too few"}
    ax = performance.performance_bars(runs, "baks", reference="plain", verdicts=verdicts | {"not here": "better"})
    title = ax.get_title("left").replace("\n", " ")
    assert title == "BAKS against plain: better up; worse down; 1 not distinguishable; 1 with too few animals to say"
    many = performance.performance_bars(runs, "baks", reference="plain", verdicts=dict.fromkeys(runs["run"], "better"))
    assert many.get_title("left") == "BAKS against plain: better are 5 runs"
    seeds = performance.performance_bars(runs, "baks", reference="plain", verdicts=verdicts, against="seed by seed")
    assert seeds.get_title("left").startswith("BAKS against plain, seed by seed: better up")
    assert (
        performance.performance_bars(runs, "baks", reference="plain", verdicts={}).get_title("left").endswith("first")
    )


def test_runs_of_other_test_photographs_are_hollow_in_the_bars_and_not_ranked_in_the_heatmap():
    runs = table(run("a", 0.9), run("b", 0.5), run("c", 0.4)).assign(test_fingerprint=["other", "t", "t"])
    ax, heat = performance.performance_bars(runs, "baks"), performance.performance_heatmap(runs, ["baks"])
    drawn(ax), drawn(heat)
    assert line(ax, "baks").tolist() == [[0.5, 1], [0.4, 2]] and line(ax, "other queries baks").tolist() == [[0.9, 0]]
    assert heat.get_images()[0].get_array().mask.ravel().tolist() == [True, False, False]
    for each in (ax, heat):
        assert "asked other test photographs" in each.get_xlabel()
    marked = drawn(
        performance.performance_bars(runs, "baks", reference="a")
    )  # its queries are then the ones that count
    assert line(marked, "baks").tolist() == [[0.9, 0]]


def test_the_reference_is_marked_in_bars_and_heatmap():
    runs = SWEEP.assign(reference=["mid-0"] * 4 + [None] * 2)
    for ax in (performance.performance_bars(runs, "baks"), performance.performance_heatmap(runs, ["baks"])):
        bold = [label.get_text() for label in drawn(ax).get_yticklabels() if label.get_fontweight() == "bold"]
        assert bold == ["lr 1e-3, seed 0, loss arcface  (reference)"]
    assert reference_of(runs, "low-0") == "low-0"
    assert reference_of(runs, "") is None
    assert reference_of(runs, "gone") is None


def test_several_metrics_have_a_marker_each():
    ax = drawn(performance.performance_bars(SWEEP.assign(baus=0.5, top1=0.6), ["baks", "baus", "top1"]))
    found = {artist.get_gid(): artist.get_marker() for artist in ax.get_lines() if artist.get_gid()}
    assert len(set(found.values())) == 3
    assert len(ax.get_legend().get_texts()) == 3


def test_every_value_of_the_heatmap_is_printed_and_the_colour_ranks_within_its_column():
    runs = table(run("a", 0.2) | {"fpr_at_95_tpr": 0.9}, run("b", 0.4) | {"fpr_at_95_tpr": 0.1}, run("c", np.nan))
    ax = drawn(performance.performance_heatmap(runs, ["baks", "fpr_at_95_tpr"]))
    assert texts(ax) == ["0.40", "0.10", "0.20", "0.90", "–", "–"]
    shade = ax.get_images()[0].get_array()
    np.testing.assert_allclose(shade[:2], [[1, 1], [0, 0]])  # fewer false positives are better
    assert shade.mask[2].all()
    assert not [text for text in ax.texts if text.get_fontweight() == "bold"]  # a higher value is no verdict
    assert ax.get_xticklabels()[1].get_text() == "FPR at 95 % TPR ↓"


def test_fifty_runs_can_be_read():
    runs = table(*(run(f"{LONG}{i}", i / 50) for i in range(50)))
    for ax in (performance.performance_bars(runs, ["baks"]), performance.performance_heatmap(runs, ["baks"])):
        boxes = [label.get_window_extent() for label in drawn(ax).get_yticklabels()]
        boxes.sort(key=lambda box: box.y0)
        assert len(boxes) == 50
        assert all(above.y0 > below.y1 - 2 for below, above in zip(boxes, boxes[1:], strict=False))


@pytest.mark.parametrize("runs", [pd.DataFrame(columns=["run", "reference"]), table(run("a", np.nan)), SWEEP.head(1)])
def test_no_run_one_run_and_nothing_defined(runs):
    ax, heat = performance.performance_bars(runs, "baks"), performance.performance_heatmap(runs, ["baks", "gone"])
    drawn(ax), drawn(heat)
    if runs.empty:
        assert texts(ax) == texts(heat) == ["no run is finished yet"]
