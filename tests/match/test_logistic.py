"""Logistic regression against scikit-learn's, and what scikit-learn's lacks against a general optimiser."""

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.special import expit
from sklearn.linear_model import LogisticRegression

from reid_lib.core.errors import ParameterError
from reid_lib.match.logistic import fit_logistic, log_loss, smooth_targets


def drawn(n=400, d=3, seed=0):
    rng = np.random.default_rng(seed)
    inputs = rng.normal(size=(n, d))
    return inputs, rng.random(n) < expit(inputs @ [1.0, -0.5, 0.2][:d] - 1), rng.integers(1, 4, n).astype(float)


def test_a_ridge_equals_scikit_learns():
    inputs, target, weight = drawn()
    slopes, intercept = fit_logistic(inputs, target, weight=weight, precision=2.0)
    other = LogisticRegression(C=0.5, tol=1e-10, max_iter=1000).fit(inputs, target, sample_weight=weight)
    np.testing.assert_allclose(slopes, other.coef_[0], atol=1e-5)
    np.testing.assert_allclose(intercept, other.intercept_[0], atol=1e-5)


def test_prior_bounds_offset_and_soft_targets_equal_a_general_optimiser():
    inputs, target, weight = drawn(seed=1)
    target, offset, centre, precision = (
        smooth_targets(target, weight),
        inputs[:, 1] / 2,
        np.array([1, 0.5, 2]),
        [3, 1, 2],
    )

    def loss(w):
        odds = inputs @ w[:3] + w[3] + offset
        cross = target * np.log1p(np.exp(-odds)) + (1 - target) * np.log1p(np.exp(odds))
        return (weight * cross).sum() + (precision * (w[:3] - centre) ** 2).sum() / 2

    found = minimize(loss, np.ones(4), method="SLSQP", bounds=[(0, None)] * 3 + [(None, None)], tol=1e-13).x
    slopes, intercept = fit_logistic(
        inputs, target, weight=weight, centre=centre, precision=precision, lowest=0.0, offset=offset
    )
    np.testing.assert_allclose(np.append(slopes, intercept), found, atol=2e-4)
    assert slopes[1] == 0, "the bound holds where the data pull below it"


def test_a_weight_of_two_counts_as_two():
    inputs, target, weight = drawn(seed=2)
    twice = np.repeat(np.arange(len(target)), weight.astype(int))
    np.testing.assert_allclose(
        fit_logistic(inputs, target, weight=weight, precision=1.0)[0],
        fit_logistic(inputs[twice], target[twice], precision=1.0)[0],
        atol=1e-6,
    )


def test_nothing_to_learn_from_leaves_the_prior():
    slopes, intercept = fit_logistic(np.empty((0, 2)), np.empty(0), centre=[1.0, -1.0], precision=1.0, lowest=0.0)
    assert slopes.tolist() == [1, 0] and intercept == 0
    slopes, intercept = fit_logistic(np.zeros((5, 1)), smooth_targets(np.zeros(5, bool)), centre=0.7, precision=1.0)
    assert slopes[0] == pytest.approx(0.7) and expit(intercept) == pytest.approx(1 / 7, abs=1e-4)


def test_smoothed_targets_are_platts():
    np.testing.assert_allclose(smooth_targets(np.array([True, True, False])), [3 / 4, 3 / 4, 1 / 3])
    np.testing.assert_allclose(smooth_targets(np.array([True, False]), np.array([3.0, 1.0])), [4 / 5, 1 / 3])


def test_log_loss_is_that_of_what_happened():
    odds, target = np.array([2.0, 2.0, -800.0]), np.array([True, False, False])
    np.testing.assert_allclose(log_loss(odds, target), [-np.log(expit(2)), -np.log(1 - expit(2)), 0], atol=1e-12)


def test_numbers_that_are_none_are_refused():
    with pytest.raises(ParameterError, match="finite"):
        fit_logistic(np.array([[np.nan]]), np.array([True]))
