"""The second calibration: what is true of answers is recovered, the ranking within a query stays."""

import numpy as np
import pytest
from scipy.special import expit

from reid_lib.match.answer import HIGHEST_MARGIN, AnswerFit, fit_answers
from reid_lib.match.evidence import Folds
from reid_lib.match.reliability import expected_calibration_error


def drawn(slope, margin, intercept, n=4000, seed=0):
    """Queries whose best individual is right with known probability."""
    rng = np.random.default_rng(seed)
    best = rng.normal(-1, 2, n)
    rival = best - rng.exponential(2, n)
    right = rng.random(n) < expit(slope * best + margin * (best - rival) + intercept)
    individual = np.arange(n) // 4
    names = [str(k) for k in np.unique(individual)]
    return best, rival, right, individual, Folds.deal(np.unique(individual), np.ones(len(names), bool), names, 5)


@pytest.mark.parametrize("truth", [(1.0, 0.0, 0.0), (0.6, 0.0, -1.0), (0.5, 0.8, -2.0)])
def test_known_coefficients_are_recovered(truth):
    found = fit_answers(*drawn(*truth))
    np.testing.assert_allclose([found.slope, found.margin, found.intercept], truth, atol=0.12)
    assert (found.margin > 0) == (truth[1] > 0), "the margin is taken where it says something"
    best, rival, right, *_ = drawn(*truth, seed=1)
    assert expected_calibration_error(expit(found.log_odds(best, rival)), right) < 0.03
    assert found.n_right + found.n_wrong == 4000


def test_the_order_within_a_query_stays():
    rng = np.random.default_rng(0)
    odds = np.sort(rng.normal(0, 3, (50, 8)), axis=1)[:, ::-1]
    rival = np.repeat(odds[:, :1], 8, axis=1)
    rival[:, 0] = odds[:, 1]
    for fit in (AnswerFit(slope=0.05, margin=2.0), AnswerFit(slope=0.7), fit_answers(*drawn(0.5, 0.8, 0.0))):
        assert (np.diff(fit.log_odds(odds, rival), axis=1) < 0).all()


def test_an_individual_without_a_rival_is_far_ahead_and_what_is_not_compared_stays_so():
    fit = AnswerFit(slope=1.0, margin=0.5, intercept=1.0)
    found = fit.log_odds(np.array([0.0, -np.inf]), np.array([-np.inf, -np.inf]))
    assert found[0] == 1 + 0.5 * HIGHEST_MARGIN and found[1] == -np.inf


def test_few_queries_stay_near_the_prior_and_none_is_the_prior():
    best, rival, right, individual, folds = drawn(1.0, 0.0, 0.0, n=8)
    assert 0.4 < fit_answers(best, rival, right, individual, folds).slope < 1.6
    nothing = np.zeros(0)
    assert fit_answers(nothing, nothing, nothing.astype(bool), nothing.astype(int), folds) == AnswerFit()
    nobody = fit_answers(best, rival, np.zeros(8, bool), individual, folds)
    assert expit(nobody.log_odds(best, rival)).mean() < 0.2
    assert fit_answers(np.full(8, -np.inf), rival, right, individual, folds) == AnswerFit()
