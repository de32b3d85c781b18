"""Patterns of the demo animals: each belongs to one flank of one animal, and lies on its body."""

import numpy as np
import pytest
from demo_cases import same

from reid_lib.data.demo.patterns import KINDS, draw_pattern


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_a_pattern_belongs_to_one_flank_of_one_animal(kind):
    flank = kind.flanks[0]
    pattern = draw_pattern(kind, 0, 3, flank)
    assert same(pattern, draw_pattern(kind, 0, 3, flank))
    others = [draw_pattern(kind, 0, 4, flank), draw_pattern(kind, 1, 3, flank)]
    others += [draw_pattern(kind, 0, 3, other) for other in kind.flanks[1:]]
    assert not any(same(pattern, other) for other in others)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_marks_lie_on_the_body(kind):
    for animal in range(10):
        for polygon, tone in draw_pattern(kind, 0, animal, kind.flanks[0]):
            along, across = polygon.T
            assert np.all(np.abs(across) <= kind.half_width(along) + 1e-12)
            assert 0 <= tone < len(kind.tones)
