"""Flanks: what is compared with what, and what an encounter joins. See test_individuals for both in clusters."""

import numpy as np
import pandas as pd

from reid_lib.discover.flanks import find_other_flanks, join_flanks, list_comparable
from reid_lib.match.pairs import PairTable

ROWS = pd.DataFrame(
    {"image_id": list("abcd"), "dataset": "d", "identity": None, "orientation": ["left", " Right", None, "top"]}
)


def test_what_can_be_compared_shows_no_two_flanks_and_every_comparable_pair_is_in_a_part():
    assert [part.tolist() for part in list_comparable(ROWS)] == [[0, 2, 3], [1, 2, 3]]
    assert [part.tolist() for part in list_comparable(ROWS[1:])] == [[0, 1, 2]]
    first, second = np.triu_indices(4, 1)
    other = find_other_flanks(PairTable(ROWS, ROWS, first, second))
    assert [(a, b) for a, b, o in zip(first, second, other, strict=True) if o] == [(0, 1)]


def test_encounters_that_nobody_told_join_nothing():
    rows = pd.DataFrame({"orientation": ["left", "right"], "encounter": [None, None]})
    assert join_flanks(rows, np.array([0, 1])).tolist() == [0, 1]
