"""Calibration errors against plain loops and scikit-learn."""

import numpy as np
import pytest
from sklearn.calibration import calibration_curve
from sklearn.metrics import brier_score_loss

from reid_lib.core.errors import ParameterError
from reid_lib.match.reliability import (
    bin_reliability,
    brier_score,
    expected_calibration_error,
    summarise_reliability,
)


def drawn(n=500, seed=0):
    rng = np.random.default_rng(seed)
    probability = rng.random(n) ** 2
    return probability, rng.random(n) < probability**1.5


def slow_error(probability, happened, n_bins):
    """As netcal's ECE with equal bins: confidence and frequency of each bin, one at a time."""
    total = 0.0
    for k in range(n_bins):
        low, high = k / n_bins, (k + 1) / n_bins
        mine = [i for i, p in enumerate(probability) if (low < p or (k == 0 and p == 0)) and p <= high]
        if mine:
            confidence = sum(probability[i] for i in mine) / len(mine)
            frequency = sum(bool(happened[i]) for i in mine) / len(mine)
            total += len(mine) / len(probability) * abs(confidence - frequency)
    return total


@pytest.mark.parametrize("n_bins", [1, 7, 15])
def test_the_error_equals_a_loop(n_bins):
    probability, happened = drawn()
    found = expected_calibration_error(probability, happened, n_bins=n_bins)
    assert found == pytest.approx(slow_error(probability, happened, n_bins), abs=1e-12)


def test_the_bins_are_scikit_learns():
    probability, happened = drawn()
    observed, predicted = calibration_curve(happened, probability, n_bins=10)
    bins = bin_reliability(probability, happened, n_bins=10)
    np.testing.assert_allclose(bins["observed"], observed)
    np.testing.assert_allclose(bins["predicted"], predicted)
    assert bins["n"].sum() == 500 and bins["low"][0] == 0 and bins["high"].iloc[-1] == 1


def test_the_brier_score_is_scikit_learns():
    probability, happened = drawn()
    assert brier_score(probability, happened) == pytest.approx(brier_score_loss(happened, probability), abs=1e-12)


def test_by_hand():
    bins = bin_reliability(np.array([0.0, 0.5, 0.6, 1.0]), np.array([0, 1, 0, 1], bool), n_bins=2)
    assert bins["n"].tolist() == [2, 2] and bins["predicted"].tolist() == [0.25, 0.8]
    assert bins["observed"].tolist() == [0.5, 0.5]
    assert expected_calibration_error([0.0, 0.5, 0.6, 1.0], [False, True, False, True], n_bins=2) == pytest.approx(
        0.275
    )


def test_empty_bins_and_no_probabilities_at_all():
    bins = bin_reliability(np.array([0.9]), np.array([True]), n_bins=3)
    assert bins["n"].tolist() == [0, 0, 1] and np.isnan(bins["observed"][0])
    nothing = summarise_reliability(np.empty(0), np.empty(0, bool))
    assert nothing["n"] == 0 and np.isnan([nothing[key] for key in ("ece", "brier", "rate")]).all()


def test_a_summary_holds_them():
    probability, happened = drawn()
    found = summarise_reliability(probability, happened)
    assert found == {
        "ece": expected_calibration_error(probability, happened),
        "brier": brier_score(probability, happened),
        "n": 500,
        "rate": happened.mean(),
    }


@pytest.mark.parametrize("probability", [[0.5, 1.5], [0.5, np.nan], [0.5]])
def test_what_is_no_probability_is_refused(probability):
    with pytest.raises(ParameterError):
        brier_score(np.array(probability), np.array([True, False]))
