"""Figures of several runs: what is drawn, read back from the artists; hand-made tables whose answer is plain."""

import numpy as np
import pandas as pd
import pytest
from drawn import texts
from figure_cases import SWEEP, drawn, line, run, table

from reid_lib.figures import impact
from reid_lib.figures.impact import comparable, has_impact

pytestmark = pytest.mark.usefixtures("no_figure_is_left")


def test_points_means_and_intervals_of_a_sweep_by_hand():
    ax = drawn(impact.parameter_impact(SWEEP, "lr", "baks"))
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
    ax = drawn(impact.parameter_impact(SWEEP, "lr", "baks"))
    assert line(ax, "others")[:, 1].tolist() == [0.9]
    assert "1 hollow run differs in more than lr and the seed" in ax.get_xlabel()
    hollow = next(artist for artist in ax.get_lines() if artist.get_gid() == "others")
    assert hollow.get_markerfacecolor() == "white"
    alone = impact.parameter_impact(SWEEP.head(5), "lr", "baks")
    assert "hollow" not in alone.get_xlabel() and len(line(alone, "others")) == 0


def test_of_the_seed_it_is_said_once():
    ax = drawn(impact.parameter_impact(SWEEP, "seed", "baks"))
    assert "more than the seed" in ax.get_xlabel() and "seed and the seed" not in ax.get_xlabel()
    assert "but the seed" not in ax.get_title("left")


def test_the_reference_decides_which_runs_are_comparable():
    ax = drawn(impact.parameter_impact(SWEEP, "lr", "baks", reference="other"))
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
    assert has_impact(runs, "lr", "baks") and not has_impact(runs, "lr", "baks", reference="c")
    assert not has_impact(runs, "dropout", "baks") and not has_impact(runs.head(0), "lr", "baks")


@pytest.mark.parametrize("interval", [0.3, 0.01])
def test_the_title_of_an_impact_names_no_best_value_however_narrow_the_intervals(interval):
    runs = SWEEP.assign(baks_low=SWEEP["baks"] - interval, baks_high=SWEEP["baks"] + interval)
    title = impact.parameter_impact(runs, "lr", "baks").get_title("left")
    assert not any(word in title for word in ("highest", "lowest", "best"))


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
    ax = drawn(impact.parameter_impact(runs, "p", "baks"))
    assert [label.get_text() for label in ax.get_xticklabels()] == labels
    assert ax.get_xscale() == "linear"


@pytest.mark.parametrize("values, scale", [((1, 10, 20), "linear"), ((1, 21), "log"), ((-1, 0, 100), "linear")])
def test_a_long_range_is_logarithmic(values, scale):
    runs = table(*(run(f"r{value}", 0.5, p=value) for value in values))
    ax = drawn(impact.parameter_impact(runs, "p", "baks"))
    assert ax.get_xscale() == scale
    np.testing.assert_allclose(line(ax, "means")[:, 0], values, rtol=1e-9)


def test_seeds_of_one_value_stand_apart_and_never_reach_the_next_value():
    runs = table(*(run(f"{p}-{s}", 0.5, p=p, seed=s) for p in (1, 2, 10) for s in range(20)))
    x = line(impact.parameter_impact(runs, "p", "baks"), "alike")[:, 0]
    assert len(set(x.round(9))) == 60
    assert x[:20].max() < 1.5 < x[20:40].min()


def test_metrics_on_val_have_no_interval_and_undefined_ones_are_left_out():
    runs = table(run("a", 0.5, metric="val_baks", p=1), run("b", np.nan, metric="val_baks", p=2))
    ax = drawn(impact.parameter_impact(runs.drop(columns=["val_baks_low", "val_baks_high"]), "p", "val_baks"))
    assert line(ax, "alike")[:, 1].tolist() == [0.5]
    assert not [artist for artist in ax.collections if len(artist.get_paths())]


def test_runs_of_other_test_photographs_are_hollow_in_no_mean_and_said():
    ax = drawn(impact.parameter_impact(SWEEP.head(5).assign(test_fingerprint=list("ttttu")), "lr", "baks"))
    assert "1 of them: other test photographs" in ax.get_xlabel()
    assert line(ax, "others")[:, 1].tolist() == [0.5]
    np.testing.assert_allclose(line(ax, "means")[:, 1], [0.35, 0.75])


@pytest.mark.parametrize("runs", [pd.DataFrame(columns=["run", "reference"]), SWEEP.assign(baks=np.nan)])
def test_without_a_run_a_sentence_says_so(runs):
    ax = drawn(impact.parameter_impact(runs, "lr", "baks"))
    assert texts(ax) == ["no run has both lr and BAKS"]
