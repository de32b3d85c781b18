"""Calibration: known curves are recovered, the order is kept, WildFusion's recipe is met."""

import json

import numpy as np
import pytest
from scipy.interpolate import PchipInterpolator
from scipy.special import expit, logit
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression

from reid_lib.core.errors import ParameterError
from reid_lib.match.calibrate import Calibration

KINDS = ("logistic", "beta", "isotonic")
CURVES = {
    "logistic": lambda x: expit(6 * x - 4),
    "beta": lambda x: expit(1.5 * np.log(x) - 0.7 * np.log1p(-x) - 1),
    "steps": lambda x: np.select([x < 0.3, x < 0.7], [0.02, 0.3], 0.85),
}


def drawn(curve, n, seed=0):
    rng = np.random.default_rng(seed)
    score = rng.beta(1.2, 1.5, n)
    return score, rng.random(n) < CURVES[curve](score)


@pytest.mark.parametrize(
    ("curve", "kind", "off"),
    [
        ("logistic", "logistic", 0.01),
        ("logistic", "beta", 0.03),
        ("logistic", "isotonic", 0.02),
        ("beta", "beta", 0.015),
        ("beta", "isotonic", 0.02),
        ("steps", "isotonic", 0.02),
        ("steps", "auto", 0.02),
    ],
)
def test_known_curves_are_recovered(curve, kind, off):
    found = Calibration.fit(*drawn(curve, 20_000), kind=kind)
    score, _ = drawn(curve, 5000, seed=1)
    assert np.mean(np.abs(found.probability(score) - CURVES[curve](score))) < off


def test_the_kind_follows_from_the_number_of_positive_pairs():
    few, many = Calibration.fit(*drawn("logistic", 400)), Calibration.fit(*drawn("logistic", 2000))
    assert few.n_same < 200 <= many.n_same
    assert few.kind == "logistic" and many.kind == "isotonic"
    rng = np.random.default_rng(0)
    counts = rng.lognormal(0, 2, 900)  # a power of the score, which is no logistic curve
    same = rng.random(900) < expit(1.5 * np.log(counts) - 4)
    assert same.sum() < 200 and Calibration.fit(counts, same).kind == "beta"


@pytest.mark.parametrize("n", [0, 1, 30, 2000])
@pytest.mark.parametrize("kind", KINDS)
def test_every_curve_rises_strictly_also_beyond_what_was_seen(kind, n):
    found = Calibration.fit(*drawn("steps", n), kind=kind)
    odds = found.log_odds(np.linspace(-3, 4, 3001))
    assert (np.diff(odds) > 0).all() and np.isfinite(odds).all()
    probability = found.probability(np.linspace(-3, 4, 3001))
    assert (np.diff(probability) > 0).all() and 0 < probability.min() and probability.max() < 1
    assert found.probability(np.array([1e3]))[0] < 1, "a thousand times any score seen is not certain"


@pytest.mark.parametrize("kind", KINDS)
def test_the_mean_probability_is_the_share_of_positive_pairs(kind):
    score, same = drawn("steps", 5000)
    assert Calibration.fit(score, same, kind=kind).probability(score).mean() == pytest.approx(same.mean(), abs=0.005)


def test_the_logistic_curve_is_scikit_learns_where_the_prior_does_not_count():
    score, same = drawn("logistic", 50_000)
    other = LogisticRegression(C=1e6, tol=1e-10).fit(score[:, None], same).predict_proba(score[:, None])[:, 1]
    np.testing.assert_allclose(Calibration.fit(score, same, kind="logistic").probability(score), other, atol=1e-3)


@pytest.mark.parametrize("kind", [*KINDS, "wildfusion"])
def test_a_weight_of_two_counts_as_two(kind):
    score, same = drawn("beta", 500)
    weight = np.random.default_rng(0).integers(1, 4, 500)
    twice = np.repeat(np.arange(500), weight)
    once, other = (
        Calibration.fit(score, same, kind=kind, weight=weight.astype(float)),
        Calibration.fit(score[twice], same[twice], kind=kind),
    )
    np.testing.assert_allclose(once.probability(score), other.probability(score), atol=1e-5)


@pytest.mark.parametrize("kind", [*KINDS, "auto"])
@pytest.mark.parametrize("outcome", [True, False])
def test_one_outcome_alone_gives_a_rising_curve_at_its_level(kind, outcome):
    score = np.linspace(0, 1, 50)
    probability = Calibration.fit(score, np.full(50, outcome), kind=kind).probability(score)
    assert (np.diff(probability) > 0).all()
    assert np.median(probability if not outcome else 1 - probability) < 0.05


@pytest.mark.parametrize("kind", [*KINDS, "auto", "wildfusion"])
def test_equal_scores_give_the_prevalence(kind):
    same = np.arange(40) < 10
    found = Calibration.fit(np.full(40, 3.0), same, kind=kind).probability(np.array([3.0]))
    assert found[0] == pytest.approx(0.25, abs=0.03)


@pytest.mark.parametrize("kind", [*KINDS, "wildfusion"])
def test_a_pair_without_a_score_is_left_out_and_has_no_evidence(kind):
    score, same = drawn("steps", 300)
    with_gaps = np.append(score, [np.nan] * 50), np.append(same, [True] * 50)
    found = Calibration.fit(*with_gaps, kind=kind)
    assert found == Calibration.fit(score, same, kind=kind)
    assert np.isnan(found.probability(np.array([np.nan]))[0]) and found.evidence(np.array([np.nan]))[0] == 0
    np.testing.assert_allclose(found.evidence(score), found.log_odds(score) - logit(found.prevalence))


def test_noise_has_hardly_any_evidence():
    rng = np.random.default_rng(0)
    found = Calibration.fit(rng.normal(size=3000), rng.random(3000) < 0.02)
    assert np.abs(found.evidence(rng.normal(size=100))).mean() < 0.3


def test_wildfusions_curve_equals_a_transcription_of_it():
    """wildlife-tools, similarity/calibration.py, IsotonicCalibration with its defaults."""
    score, same = drawn("steps", 700)
    score *= 50
    isotonic = IsotonicRegression(out_of_bounds="clip").fit(score, same)
    centres = isotonic.X_thresholds_
    x = np.sort(np.concatenate([(centres[:-1] + centres[1:]) / 2, [score.min(), score.max()]]))
    spline = PchipInterpolator(x, isotonic.predict(x))
    asked = np.linspace(-10, 60, 2000)
    y = spline(asked)
    y = np.where(asked < score.min(), same.min(), y)
    y = np.where(asked > score.max(), same.max(), y)
    found = Calibration.fit(score, same, kind="wildfusion")
    np.testing.assert_array_equal(found.probability(asked), y + asked * np.finfo(float).eps)


@pytest.mark.parametrize("kind", [*KINDS, "wildfusion"])
def test_a_curve_goes_through_json_and_comes_back_to_the_last_bit(kind):
    score, same = drawn("beta", 300)
    found = Calibration.fit(score, same, kind=kind)
    again = Calibration.from_dict(json.loads(json.dumps(found.to_dict(), allow_nan=False)))
    assert again == found
    np.testing.assert_array_equal(again.probability(score), found.probability(score))


def test_bad_input_is_refused_in_words():
    with pytest.raises(ParameterError, match="infinite"):
        Calibration.fit([1.0, np.inf], [True, False])
    with pytest.raises(ParameterError, match="one score, label and weight"):
        Calibration.fit([1.0, 2.0], [True])
    with pytest.raises(ParameterError, match="'cubic' is not one of auto, logistic"):
        Calibration.fit([1.0, 2.0], [True, False], kind="cubic")
