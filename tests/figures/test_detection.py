"""CMC and DET curves: against scikit-learn, by hand, and what is drawn."""

import matplotlib
import numpy as np
import pytest
from drawn import HAND, by_gid, many, words
from scipy.stats import norm
from sklearn import metrics

from reid_lib.core.names import RANK
from reid_lib.figures.detection import cmc_curve, det_curve, det_rates, detection_panels
from reid_lib.openset.answers import Answers

matplotlib.use("Agg")

pytestmark = pytest.mark.usefixtures("no_figure_is_left")
RANKS = [1, 1, 3, 1, 2, np.nan, np.nan, np.nan, np.nan]  # of HAND: five known queries, three unknown, one without label


def test_the_rates_of_refused_animals_are_those_of_scikit_learn():
    answers = Answers.of(many(n=150)).labelled_only
    score = np.round(answers.score, 2)  # with ties
    false_alarms, misses = det_rates(score, answers.named, answers.known)
    theirs = metrics.det_curve(answers.known, score, drop_intermediate=False)
    ours = {(round(a, 12), round(b, 12)) for a, b in zip(false_alarms, misses["refused"], strict=True)}
    assert {(round(a, 12), round(b, 12)) for a, b in zip(*theirs[:2], strict=True)} <= ours
    assert len(ours) > 20 and (misses["missed"] >= misses["refused"] - 1e-12).all()


def test_the_rates_by_hand():
    known, named = np.array([True, True, False, True]), np.array([True, False, False, True])
    false_alarms, misses = det_rates(np.array([0.9, 0.8, 0.7, np.nan]), named, known)
    np.testing.assert_allclose(false_alarms, [0, 0, 0, 1, 1])
    np.testing.assert_allclose(misses["refused"], [1, 2 / 3, 1 / 3, 1 / 3, 0], atol=1e-12)
    np.testing.assert_allclose(misses["missed"], [1, 2 / 3, 2 / 3, 2 / 3, 1 / 3])


def test_cmc_by_hand_and_never_found_counts_as_never():
    ax = cmc_curve(HAND.assign(**{RANK: RANKS}))
    (line,) = by_gid(ax, "cmc all")
    np.testing.assert_allclose(line.get_ydata(), [60, 80, 100, 100, 100])  # ranks 1 1 3 1 2 of five known queries
    lost = cmc_curve(HAND.assign(**{RANK: [np.nan, *RANKS[1:]]}))
    np.testing.assert_allclose(by_gid(lost, "cmc all")[0].get_ydata()[-1], 80)
    assert "100 % of the photographs of known animals" in words(ax)


def test_several_data_sets_have_a_line_each_and_their_mean_is_that_of_all():
    rows = HAND.assign(**{RANK: RANKS})
    rows.loc[rows["image_id"] == "q2", "dataset"] = "seals"
    ax = cmc_curve(rows)
    newts, seals, both = (by_gid(ax, f"cmc {name}")[0].get_ydata() for name in ("newts", "seals", "all"))
    assert newts[0] == 75 and seals[0] == 0 and both[0] == 60
    assert len(ax.get_legend().get_texts()) == 3


def test_the_frozen_threshold_is_marked_where_its_errors_are():
    ax = det_curve(HAND, 0.55)
    # Accepted: q0, q1, q2 (wrongly named) of five known ones, q5 of three unknown ones.
    (mark,) = by_gid(ax, "threshold")
    np.testing.assert_allclose(norm.cdf(mark.get_xdata()), [1 / 3] * 2)
    np.testing.assert_allclose(norm.cdf(mark.get_ydata()), [0.4, 0.6])
    said = "names 33 % of the photographs of unknown animals, and calls 40 % of known ones new"
    assert said in words(ax).replace("\n", " ")


def test_scores_count_from_the_threshold_of_their_data_set_where_these_differ():
    rows = many(n=120)
    ax = det_curve(rows, {"newts": 0.5, "seals": None})
    assert "without 1 data set" in ax.get_xlabel()
    own, part = det_curve(rows, {"newts": 0.5, "seals": 0.3}), rows[rows["dataset"] == "newts"]
    alone = det_curve(part, 0.5)
    np.testing.assert_allclose(*(by_gid(a, "threshold")[0].get_xdata() for a in (ax, alone)))
    assert by_gid(own, "threshold")[0].get_xdata()[0] != by_gid(alone, "threshold")[0].get_xdata()[0]


@pytest.mark.parametrize("rows", [HAND.iloc[:0], HAND.iloc[5:]])
def test_without_known_animals_a_sentence_says_so(rows):
    figure = detection_panels(rows.assign(**{RANK: np.nan}), 0.4)
    left, right = figure.axes
    assert "no labelled photographs of known animals" in words(left) and "it takes photographs of known" in words(right)
