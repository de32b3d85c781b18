"""Groups laid out in columns: every row has one, and the highest of each group is found from them."""

import numpy as np
import pytest
import torch

from reid_lib.match.groups import Groups
from reid_lib.match.on_device import DeviceArrays
from reid_lib.match.similarity import Arrays

FIRST = np.array([0, 1, 4, 5, 11])  # sizes 1, 3, 1, 6, 2


@pytest.mark.parametrize("first", [FIRST, np.array([0]), np.arange(13)])
def test_every_row_has_a_column_of_its_own(first):
    groups = Groups(first, 13)
    assert sorted(groups.column.tolist()) == list(range(13))
    np.testing.assert_array_equal(groups.column[groups.row], np.arange(13))


@pytest.mark.parametrize("first", [FIRST, np.array([0]), np.arange(13)])
@pytest.mark.parametrize("arrays", [Arrays(), DeviceArrays("cpu")])
def test_maxima_are_those_of_the_rows_of_each_group(first, arrays):
    values = np.random.default_rng(0).normal(size=(4, 13))
    groups = Groups(first, 13)
    by_column = values[:, groups.row]
    found = groups.maxima(by_column if type(arrays) is Arrays else torch.from_numpy(by_column), arrays)
    np.testing.assert_array_equal(arrays.host(found), np.maximum.reduceat(values, first, axis=1))


def test_members_are_all_rows_of_the_groups_asked_for():
    which, row = Groups(FIRST, 13).members(np.array([4, 1, 4]))
    assert which.tolist() == [0, 0, 1, 1, 1, 2, 2] and row.tolist() == [11, 12, 1, 2, 3, 11, 12]
