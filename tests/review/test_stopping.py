"""The stopping rule by hand, and what it promises of an even rate."""

import numpy as np
import pandas as pd

from reid_lib.review.stopping import ENOUGH_DOUBT, PATIENCE, WINDOW, chance_of_change


def test_about_72_fruitless_answers_in_a_row_end_it():
    needed = next(k for k in range(200) if chance_of_change([True] * 30 + [False] * k, 10_000) < ENOUGH_DOUBT)
    assert 70 <= needed <= 75
    assert chance_of_change([], 10) == 1 and chance_of_change([], 0) == 0
    assert chance_of_change([False] * 72 + [True], 1000) > 0.9


def test_the_average_is_that_of_pandas():
    changed = (np.random.default_rng(0).random(300) < 0.05).tolist()
    rate = pd.Series([1.0, *changed]).ewm(span=WINDOW, adjust=False).mean().iloc[-1]
    assert np.isclose(chance_of_change(changed, 10_000), 1 - (1 - rate) ** PATIENCE)
    assert np.isclose(chance_of_change(changed, 3), 1 - (1 - rate) ** 3)
