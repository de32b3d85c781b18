"""Probabilities of candidates: learnt on val alone, of the candidates as they are shown."""

import numpy as np
import pandas as pd
import pytest

from reid_lib.core.errors import ParameterError
from reid_lib.core.names import DATASET, IDENTITY, N_RANKS, ROLE, SCORE, ranked_column
from reid_lib.openset.probability import calibrate_candidates, estimate_probabilities


def predictions(n: int = 400, *, dataset: str = "d", shift: float = 0.0, role: str = "val", seed: int = 0):
    """Queries whose own animal stands first with a chance that rises with the score, else second or third."""
    rng = np.random.default_rng(seed)
    score = rng.uniform(0, 1, n)
    own = np.where(rng.uniform(0, 1, n) < 1 / (1 + np.exp(-12 * (score - 0.5))), 1, rng.integers(2, 4, n))
    columns = {ROLE: role, DATASET: dataset, IDENTITY: "own"}
    for rank in range(1, N_RANKS + 1):
        columns[ranked_column(SCORE, rank)] = score - 0.1 * (rank - 1) + shift
        columns[ranked_column(IDENTITY, rank)] = np.where(own == rank, "own", f"other {rank}")
    return pd.DataFrame(columns)


def test_of_candidates_said_to_be_right_with_seventy_percent_seventy_percent_are():
    curves = calibrate_candidates(predictions())
    asked = predictions(4000, seed=1)
    found = estimate_probabilities(asked, curves)
    right = np.stack([asked[ranked_column(IDENTITY, rank)] == "own" for rank in range(1, N_RANKS + 1)], axis=1)
    for some_ranks in (slice(0, 1), slice(1, None)):  # the best candidates, and all further ones together
        said, is_right = found[:, some_ranks].ravel(), right[:, some_ranks].ravel()
        for low, high in ((0.0, 0.1), (0.1, 0.3), (0.3, 0.7), (0.7, 0.95)):
            some = (said > low) & (said < high)
            # So many queries of val leave a standard error of about 0.05.
            assert some.sum() < 50 or abs(is_right[some].mean() - said[some].mean()) < 0.15, (some_ranks, low)
    order = np.argsort(asked[ranked_column(SCORE, 1)])
    assert (np.diff(found[order, 0]) > -1e-12).all()  # never another order than that of the scores
    assert (found[:, 1:] <= found[:, :1]).all()


def test_a_data_set_with_enough_candidates_has_its_own_curve():
    val = pd.concat([predictions(), predictions(dataset="e", shift=5.0), predictions(6, dataset="few")])
    curves = calibrate_candidates(val)
    assert set(curves) == {"", "d", "e"}
    asked = predictions(3, dataset="few")
    found = estimate_probabilities(asked, curves)[:, 0]
    assert (found == curves[""].first.probability(asked["score_1"].to_numpy())).all()


def test_without_curves_the_scores_are_the_probabilities_and_what_is_not_there_has_none():
    asked = predictions(2).assign(**{ranked_column(SCORE, 5): [np.nan, -np.inf]})
    found = estimate_probabilities(asked, {})
    assert np.isnan(found[:, 4]).all() and (found[:, 0] == asked[ranked_column(SCORE, 1)]).all()


def test_test_queries_must_not_reach_a_curve():
    with pytest.raises(ParameterError, match="role 'val' only"):
        calibrate_candidates(predictions(role="test"))


def test_without_one_right_candidate_there_is_a_low_curve_all_the_same():
    val = predictions(40).assign(**{IDENTITY: "nobody"})
    assert (estimate_probabilities(val, calibrate_candidates(val))[:, 0] < 0.1).all()
