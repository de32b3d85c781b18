"""Draws of individuals: with replacement, in strata of their own streams."""

import numpy as np
import pytest

from reid_lib.openset.bootstrap import Stratum, draw_individuals
from reid_lib.openset.bounds import draw_dirichlet

STRATA = [Stratum("a", 0, np.array([0, 2, 5])), Stratum("a", 1, np.array([1])), Stratum("b", 0, np.array([3, 4]))]


def draws(strata=STRATA, **options) -> np.ndarray:
    given = {"repetitions": 50, "seed": 3, "at_once": 50} | options
    return np.concatenate([drawn for _, drawn in draw_individuals(strata, **given)])


def test_each_stratum_keeps_its_size():
    for stratum in STRATA:
        assert (draws()[:, stratum.members].sum(axis=1) == len(stratum.members)).all()


@pytest.mark.parametrize("weigh", [None, draw_dirichlet])
def test_neither_memory_nor_other_strata_change_a_draw(weigh):
    options = {} if weigh is None else {"weigh": weigh}
    expected = draws(**options)
    np.testing.assert_array_equal(draws(at_once=7, **options), expected)
    np.testing.assert_array_equal(draws(at_once=0, **options), expected)  # one at a time at least
    alone = [Stratum("b", 0, np.array([0, 1]))]
    np.testing.assert_array_equal(draws(alone, **options), expected[:, [3, 4]])


def test_another_seed_another_data_set_and_another_kind_draw_otherwise():
    alone = [Stratum("b", 0, np.arange(5))]
    first = draws(alone)
    for strata, seed in ((alone, 4), ([Stratum("c", 0, np.arange(5))], 3), ([Stratum("b", 1, np.arange(5))], 3)):
        assert (draws(strata, seed=seed) != first).any()


def test_each_individual_is_drawn_once_on_average():
    drawn = draws([Stratum("a", 0, np.arange(10))], repetitions=4000, at_once=4000)
    assert np.abs(drawn.mean(axis=0) - 1).max() < 0.08
