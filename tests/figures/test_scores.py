"""Figures of scores and thresholds, read back from the artists."""

from types import SimpleNamespace

import numpy as np
import pytest
from drawn import CURVE, HAND, by_gid, line_at, many, texts, words

from reid_lib.core.names import DATASET, SCORE
from reid_lib.figures.scores import score_distributions, score_panels, threshold_curve, threshold_panels
from reid_lib.openset import outcomes
from reid_lib.openset.answers import Answers
from reid_lib.openset.threshold import threshold_for

pytestmark = pytest.mark.usefixtures("no_figure_is_left")


def test_each_group_sums_to_a_hundred_per_cent_and_holds_every_score():
    frame = many()
    ax = score_distributions(frame, 0.5)
    low, high = ax.get_xlim()
    for group, scores in outcomes.group_scores(Answers.of(frame)).items():
        if not len(scores):
            continue
        (steps,) = by_gid(ax, group)
        values, edges, _ = steps.get_data()
        assert values.sum() == pytest.approx(100)
        assert values == pytest.approx(100 * np.histogram(scores, edges)[0] / len(scores))
        assert low <= scores.min() and scores.max() <= high
        assert f"({len(scores)})" in steps.get_label()


def test_few_photographs_get_a_tick_each_below_zero():
    ax = score_distributions(HAND, 0.4)
    (rug,) = by_gid(ax, "rug unknown")
    assert rug.get_xdata().tolist() == [0.1, 0.15, 0.6]
    assert (rug.get_ydata() < 0).all() and (rug.get_ydata() > ax.get_ylim()[0]).all()
    assert min(ax.get_yticks()) >= 0


def test_groups_differ_by_line_style_as_well_as_colour():
    from reid_lib.figures.scores import GROUPS

    assert len({style for _, _, style in GROUPS.values()}) == len(GROUPS) == len({c for _, c, _ in GROUPS.values()})


def test_threshold_is_drawn_at_its_value_with_the_value_beside():
    ax = score_distributions(HAND, 0.4321)
    assert line_at(ax, "threshold") == 0.4321
    assert "threshold 0.432" in texts(ax)


def test_no_threshold_draws_no_line():
    ax = score_distributions(HAND, None)
    assert by_gid(ax, "threshold") == [] and not any("threshold" in text for text in texts(ax))


@pytest.mark.parametrize(("value", "what"), [(np.inf, "every query is called new"), (-np.inf, "every query is named")])
def test_infinite_threshold_is_said_in_words(value, what):
    ax = score_distributions(HAND, value)
    assert by_gid(ax, "threshold") == [] and what in words(ax)
    assert np.isfinite(ax.get_xlim()).all()


def test_thresholds_that_differ_are_pooled_by_distance_to_the_own_one():
    ax = score_distributions(HAND, {"newts": 0.5, "seals": 0.2})
    (rug,) = by_gid(ax, "rug unknown")
    assert rug.get_xdata() == pytest.approx([-0.1, -0.05, 0.4])
    assert line_at(ax, "threshold") == 0
    assert "minus the threshold of the data set" in ax.get_xlabel()


def test_data_set_without_threshold_is_left_out_of_the_pooled_figure_and_said():
    ax = score_distributions(HAND, {"newts": 0.5, "seals": None})
    assert by_gid(ax, "unknown") == []
    assert "1 without one left out" in ax.get_xlabel()


def test_equal_thresholds_keep_the_cosine_axis():
    ax = score_distributions(HAND, {"newts": 0.5, "seals": 0.5})
    assert line_at(ax, "threshold") == 0.5 and "minus" not in ax.get_xlabel()


def test_data_set_whose_threshold_accepts_everything_is_left_out_of_the_pooled_figure():
    ax = score_distributions(HAND, {"newts": 0.5, "seals": -np.inf})
    assert by_gid(ax, "unknown") == [] and np.isfinite(ax.get_xlim()).all()
    assert "1 without one left out" in ax.get_xlabel()


def test_panels_carry_each_data_sets_own_threshold_and_cut_nothing_off():
    frame = many(datasets=("newts", "seals", "lynxes", "owls", "bats"))
    values = {"newts": 0.5, "seals": 0.55, "lynxes": None, "owls": 0.45, "bats": 0.4}
    figure = score_panels(frame, values)
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
    figure = score_panels(frame, {"newts": -0.05, "seals": 0.75})
    figure.canvas.draw()
    for ax in figure.axes:
        (label,) = (text for text in ax.texts if text.get_text().startswith("threshold"))
        box, panel = label.get_window_extent(), ax.get_window_extent()
        assert panel.x0 <= box.x0 and box.x1 <= panel.x1


def test_of_forty_data_sets_the_largest_twelve_are_shown_and_that_is_said():
    frame = many(900, datasets=tuple(f"d{i:02d}" for i in range(40)))
    figure = score_panels(frame, 0.5)
    counts = frame[DATASET].value_counts()
    shown = [ax.get_title(loc="left").split()[0] for ax in figure.axes if ax.get_visible()]
    assert len(shown) == 12
    assert min(counts[shown]) >= max(counts.drop(shown))
    assert "12 largest of 40" in figure.legends[0].get_title().get_text().replace("\n", " ")


def test_queries_none_of_which_has_a_score_say_so():
    assert "no query has a score" in words(score_distributions(HAND.assign(**{SCORE: np.nan}), 0.5))


# --- Threshold --------------------------------------------------------------------------------------------------------


def test_threshold_comes_from_a_number_a_mapping_or_a_fitted_threshold():
    fitted = SimpleNamespace(values={"newts": 0.3, "seals": None}, overall=0.4)
    assert (threshold_for(0.2, "newts"), threshold_for(np.float32(0.25), "newts")) == (0.2, 0.25)
    assert threshold_for({"newts": 0.3}, "newts") == threshold_for(fitted, "newts") == 0.3
    assert threshold_for(fitted, "") == threshold_for(fitted, "owls") == 0.4
    assert threshold_for({"values": {"newts": 0.6}, "geometric_mean": 0.5}, "newts") == 0.6  # openset.fit_oracle
    for none in (None, float("nan"), {"newts": None}, {}, {"values": {}}):
        assert threshold_for(none, "newts") is None
    assert threshold_for(fitted, "seals") is None


@pytest.mark.parametrize("empty", ["", np.nan])
def test_curve_of_all_data_sets_is_drawn_as_it_came_also_after_csv(empty):
    ax = threshold_curve(CURVE.replace({DATASET: {"": empty}}).sample(frac=1, random_state=2), 0.5)
    drawn = {gid: by_gid(ax, gid)[0].get_xydata() for gid in ("baks", "baus", "geometric_mean")}
    assert drawn["baks"] == pytest.approx(np.array([[0.2, 0.9], [0.4, 0.8], [0.6, 0.5]]))
    assert drawn["baus"] == pytest.approx(np.array([[0.2, 0.1], [0.4, 0.5], [0.6, 0.9]]))
    assert line_at(ax, "threshold") == 0.5


def test_curve_of_one_data_set_takes_its_rows_and_its_threshold():
    fitted = SimpleNamespace(values={"newts": 0.3}, overall=0.5)
    ax = threshold_curve(CURVE, fitted, dataset="newts")
    assert by_gid(ax, "baks")[0].get_xdata().tolist() == [0.1, 0.3]
    assert line_at(ax, "threshold") == 0.3


def test_curve_for_a_data_set_that_is_not_there_names_those_that_are():
    with pytest.raises(ValueError, match="'owls'.*'', 'newts'"):
        threshold_curve(CURVE, 0.4, dataset="owls")


def test_curve_without_unknown_individuals_says_that_no_threshold_can_be_chosen():
    ax = threshold_curve(CURVE.assign(baus=np.nan, geometric_mean=np.nan), None)
    assert "No threshold can be chosen" in words(ax) and "not defined: BAUS" in words(ax)
    assert by_gid(ax, "baus") == [] and by_gid(ax, "threshold") == []


def test_threshold_panels_leave_the_overall_curve_out():
    figure = threshold_panels(CURVE, {"newts": 0.25})
    (ax,) = figure.axes
    assert ax.get_title(loc="left") == "newts"
    assert line_at(ax, "threshold") == 0.25


def test_curve_of_all_data_sets_alone_is_the_only_panel():
    figure = threshold_panels(CURVE[CURVE[DATASET] == ""], {"": 0.5})
    assert line_at(figure.axes[0], "threshold") == 0.5


@pytest.mark.parametrize("figure", [lambda: threshold_panels(CURVE.iloc[:0]), lambda: score_panels(HAND.iloc[:0])])
def test_panels_of_nothing_say_so(figure):
    assert "nothing to show" in words(figure().axes[0])
