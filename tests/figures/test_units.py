"""The unit of a score in words."""

import pytest

from reid_lib.figures.units import SIMILARITY, THRESHOLD, in_unit


@pytest.mark.parametrize(
    ("what", "unit", "says"),
    [
        (THRESHOLD, "cosine", "threshold (cosine similarity)"),
        (SIMILARITY, "cosine", "similarity to the nearest known individual (cosine)"),
        (THRESHOLD, "matches", "threshold (matches)"),
        (SIMILARITY, "probability", "similarity to the nearest known individual (probability)"),
    ],
)
def test_a_unit_is_said_once(what, unit, says):
    assert in_unit(what, unit) == says
