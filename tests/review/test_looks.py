"""Which answers are worth a second look, and how much, by hand."""

import numpy as np
import pytest

from reid_lib.review.graph import Decided, log_odds
from reid_lib.review.grouping import Grouping
from reid_lib.review.looks import SecondLooks

ERROR = 0.05
PAIRS = {(0, 1): 0.99, (2, 3): 0.99, (0, 2): 0.02, (1, 3): 0.1, (0, 3): 0.3, (1, 2): 0.4}


def look() -> SecondLooks:
    """Two clusters of two photographs each that hardly look alike."""
    first, second = np.array(list(PAIRS)).T
    grouping = Grouping(np.array([0, 0, 1, 1]), first, second, np.array(list(PAIRS.values())))
    return SecondLooks(grouping, {pair: float(log_odds(p)) for pair, p in PAIRS.items()}, error=ERROR)


def decide(looks: SecondLooks, pair: tuple[int, int], same: bool, weight: int = 1) -> None:
    one = Decided(pair, same, weight, PAIRS[pair], ERROR)
    looks.update(looks.grouping.decide({pair: one})[0])


def test_a_same_that_the_pictures_speak_against_is_looked_at_again_until_two_looks_agree():
    looks = look()
    decide(looks, (0, 2), True)
    wrong = ERROR * 0.98 / (ERROR * 0.98 + 0.95 * 0.02)
    assert looks.chance == {(0, 2): pytest.approx(wrong)}
    assert looks.worth == {(0, 2): pytest.approx((wrong - ERROR**2) * 4)}, (
        "the four pairs across that it holds together"
    )
    decide(looks, (0, 2), True, weight=2)
    assert not looks.worth and not looks.chance


def test_an_answer_that_agrees_with_the_pictures_or_moves_nothing_is_not():
    looks = look()
    decide(looks, (0, 1), True)
    decide(looks, (0, 2), False)
    assert not looks.worth


def test_what_is_left_out_comes_back_while_one_more_answer_would_turn_the_scale():
    looks = look()
    decide(looks, (0, 2), True)
    decide(looks, (1, 3), False)
    assert looks.grouping.left_out == {(0, 2)}, "one against one: the pictures decide"
    assert set(looks.worth) == {(0, 2)}
    decide(looks, (1, 3), False, weight=2)
    assert looks.grouping.left_out == {(0, 2)} and set(looks.worth) == {(0, 2)}
    decide(looks, (0, 2), True, weight=2)
    assert not looks.worth, "two looks agree"
