"""The seam: what a similarity has to give, and what is refused."""

import numpy as np
import pytest
from similarity_cases import Matches

from reid_lib.core.errors import ParameterError
from reid_lib.match.similarity import Arrays, Estimable, check_block


def test_whole_numbers_are_a_block_and_nan_is_refused_with_the_cure():
    assert check_block(np.array([[1, 2]]), 0, "matches").dtype == np.float64
    assert check_block(np.array([[1, -np.inf]], dtype=np.float32), 0, "matches").dtype == np.float32
    with pytest.raises(ParameterError, match=r"in 'matches' gives no number \(NaN\) for query 8: give -inf"):
        check_block(np.array([[1.0, 2.0], [0.0, np.nan]]), 7, "matches")


def test_a_similarity_of_blocks_alone_is_no_estimable_one():
    assert not isinstance(Matches([[1]], ["d"], [("d", "ann")]), Estimable)


def test_indices_of_what_is_true_are_those_of_nonzero():
    mask = np.random.default_rng(0).random((7, 11)) < 0.3
    for found, expected in zip(Arrays().where(mask), np.nonzero(mask), strict=True):
        np.testing.assert_array_equal(found, expected)
