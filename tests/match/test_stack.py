"""Fusion of calibrated scores: independent evidence adds up, noise adds nothing, the mean stands by."""

import json

import numpy as np
import pytest
from scipy.special import expit, logit
from sklearn.isotonic import IsotonicRegression

from reid_lib.core.errors import ParameterError
from reid_lib.match.calibrate import Calibration
from reid_lib.match.evidence import Evidence, Folds
from reid_lib.match.logistic import fit_logistic, log_loss, smooth_targets
from reid_lib.match.stack import LEAST_TO_WEIGH, Curves, PairFusion, fit_pairs, is_less


def drawn(shifts: dict, n=3000, seed=0, rate=0.1) -> tuple[Evidence, Folds]:
    """Pairs whose scores are normal, `shifts` apart between positive and negative ones: log odds are known exactly."""
    rng = np.random.default_rng(seed)
    same = rng.random(n) < rate
    scores = np.stack([rng.normal(shift * same) for shift in shifts.values()], axis=1)
    asked = rng.integers(0, 40, n)
    enrolled = np.where(same, asked, 100 + rng.integers(0, 40, n))
    evidence = Evidence(tuple(shifts), scores, same, np.ones(n), np.arange(n), asked, enrolled)
    return evidence, Folds.deal(np.arange(40), np.ones(40, bool), [str(k) for k in range(40)], 5)


def true_log_odds(evidence: Evidence, shifts: dict, rate=0.1) -> np.ndarray:
    return logit(rate) + sum(s * evidence.scores[:, k] - s**2 / 2 for k, s in enumerate(shifts.values()))


def named(evidence: Evidence) -> dict:
    return dict(zip(evidence.names, evidence.scores.T, strict=True))


@pytest.mark.parametrize("shifts", [{"a": 2.0, "b": 1.5}, {"a": 2.0, "noise": 0.0}, {"a": 1.0, "b": 1.0, "c": 1.0}])
def test_log_odds_of_independent_scores_are_recovered(shifts):
    evidence, folds = drawn(shifts, n=8000)
    fusion, _ = fit_pairs(evidence, folds, curves=Curves("logistic"))
    fresh, _ = drawn(shifts, seed=1)
    expected = true_log_odds(fresh, shifts)
    off = expit(fusion.log_odds(named(fresh))) - expit(expected)
    assert np.abs(off).mean() < 0.01
    assert fusion.kind == "logistic"
    assert fusion.weights["a"] == pytest.approx(1, abs=0.15)
    np.testing.assert_allclose(fusion.probability(named(fresh)), expit(fusion.log_odds(named(fresh))))


def test_weights_equal_a_transcription_of_the_nested_fit():
    evidence, folds = drawn({"a": 2.0, "b": 0.5}, n=500)
    fusion, odds = fit_pairs(evidence, folds, kind="logistic", curves=Curves("logistic"))
    inputs = np.zeros((500, 2))
    for members in folds.members:
        mine = np.isin(evidence.asked, members)
        for k in range(2):
            curve = Calibration.fit(evidence.scores[~mine, k], evidence.same[~mine], kind="logistic")
            inputs[mine, k] = curve.log_odds(evidence.scores[mine, k]) - logit(curve.prevalence)
    prior = {"centre": 0.5, "precision": 4.0, "lowest": 0.0}
    weights, intercept = fit_logistic(inputs, smooth_targets(evidence.same), **prior)
    np.testing.assert_allclose([*fusion.weights.values(), fusion.intercept], [*weights, intercept], atol=1e-9)
    mine = np.isin(evidence.asked, folds.members[3])
    weights, intercept = fit_logistic(inputs[~mine], smooth_targets(evidence.same)[~mine], **prior)
    np.testing.assert_allclose(odds[mine], inputs[mine] @ weights + intercept, atol=1e-9)


def test_the_same_score_twice_is_not_believed_twice():
    evidence, folds = drawn({"a": 2.0, "copy": 0.0})
    evidence.scores[:, 1] = evidence.scores[:, 0]
    fusion, _ = fit_pairs(evidence, folds)
    assert sum(fusion.weights.values()) == pytest.approx(1, abs=0.15)


def test_a_cue_stays_only_where_it_helps():
    evidence, folds = drawn({"a": 1.0, "cue": 1.0, "useless": 0.0})
    fusion, odds = fit_pairs(evidence, folds, cues=["cue", "useless"])
    assert list(fusion.weights) == ["a", "cue"]
    assert fusion.loss["with cue"] == pytest.approx(log_loss(odds, evidence.same).mean())
    assert set(fusion.loss) == {"mean", "logistic", "with cue", "with useless"}


def test_a_pair_that_one_matcher_did_not_score_counts_by_the_other():
    evidence, folds = drawn({"a": 2.0, "b": 1.5})
    evidence.scores[::2, 1] = np.nan
    fusion, _ = fit_pairs(evidence, folds, curves=Curves("logistic"))
    alone = fusion.log_odds({"a": np.array([1.0]), "b": np.array([np.nan])})
    weight, curve = fusion.weights["a"], fusion.calibrations["a"]
    assert alone[0] == pytest.approx(fusion.intercept + weight * curve.evidence(np.array([1.0]))[0])


@pytest.mark.parametrize("kind", ["mean", "wildfusion"])
def test_the_mean_weighs_all_the_same(kind):
    evidence, folds = drawn({"a": 2.0, "b": 0.0})
    fusion, _ = fit_pairs(evidence, folds, kind=kind)
    assert fusion.kind == kind and set(fusion.weights.values()) == {0.5}


def test_wildfusion_is_the_mean_of_isotonic_probabilities():
    """wildlife-tools, similarity/wildfusion.py: np.mean of the calibrated scores; what is missing counts -inf."""
    evidence, folds = drawn({"a": 2.0, "b": 1.0})
    fusion, odds = fit_pairs(evidence, folds, kind="wildfusion")
    curves = [Calibration.fit(column, evidence.same, kind="wildfusion") for column in evidence.scores.T]
    expected = np.mean([curve.probability(s) for curve, s in zip(curves, evidence.scores.T, strict=True)], axis=0)
    found = fusion.probability(named(evidence))
    np.testing.assert_array_equal(found, expected)
    assert (np.argsort(odds, kind="stable") == np.argsort(expected, kind="stable")).mean() > 0.99
    steps = [IsotonicRegression().fit(s, evidence.same).predict(s) for s in evidence.scores.T]
    assert np.abs(np.mean(steps, axis=0) - found).mean() < 0.02, "but for the spline, the mean of the steps"
    assert np.isnan(fusion.probability({"a": np.array([1.0]), "b": np.array([np.nan])})).all()


def test_auto_takes_the_mean_where_fitted_weights_are_no_better():
    fusions = [fit_pairs(*drawn({"a": 1.0, "b": 1.0}, n=200, seed=seed))[0] for seed in range(8)]
    assert {"mean", "logistic"} == {fusion.kind for fusion in fusions}
    for fusion in fusions:
        assert (fusion.kind == "mean") == (fusion.loss["mean"] <= fusion.loss["logistic"])
    evidence, folds = drawn({"a": 1.0, "b": 3.0}, n=300)
    few = np.cumsum(evidence.same) < LEAST_TO_WEIGH
    assert fit_pairs(evidence.where(few), folds)[0].kind == "mean", "too few to tell"


def test_nothing_to_learn_from_is_the_sum_of_what_the_priors_say():
    evidence, folds = drawn({"a": 2.0, "b": 1.0}, n=50, rate=0.0)
    fusion, _ = fit_pairs(evidence, folds)
    low, high = (fusion.log_odds({"a": np.array([x]), "b": np.array([x])})[0] for x in (-1.0, 2.0))
    assert low < high < 0
    nothing = evidence.where(np.zeros(50, bool))
    fusion, odds = fit_pairs(nothing, folds)
    assert len(odds) == 0 and np.isfinite(fusion.log_odds({"a": np.array([1.0]), "b": np.array([1.0])})).all()


def test_it_goes_through_json():
    fusion, _ = fit_pairs(*drawn({"a": 2.0, "b": 1.0}, n=300), cues=["b"])
    assert PairFusion.from_dict(json.loads(json.dumps(fusion.to_dict(), allow_nan=False))) == fusion


def test_a_missing_score_is_named():
    fusion, _ = fit_pairs(*drawn({"a": 2.0, "b": 1.0}, n=300))
    with pytest.raises(ParameterError, match="fitted on b"):
        fusion.log_odds({"a": np.zeros(3)})
    evidence, folds = drawn({"a": 2.0}, n=30)
    with pytest.raises(ParameterError, match="no score to fuse"):
        fit_pairs(evidence, folds, cues=["a"])


def test_losses_are_compared_by_individual():
    better, worse = np.zeros(40), np.ones(40)
    assert is_less(better, worse, np.arange(40)) and not is_less(worse, better, np.arange(40))
    assert not is_less(better, worse, np.zeros(40)), "one individual says nothing of others"
    mixed = np.where(np.arange(40) < 21, 0.0, 2.0)  # of forty, twenty-one are better: chance
    assert not is_less(mixed, worse, np.arange(40))
