"""Mutual nearest cells against a loop."""

import numpy as np
import pytest

from reid_lib.match.cells import match_cells


def by_loop(first, second):
    """{(position of a cell in the first, in the second): cosine} of those nearest to each other."""
    ours, theirs = (cells.reshape(-1, cells.shape[2]).astype(float) for cells in (first, second))
    cosine = [[a @ b / np.linalg.norm(a) / np.linalg.norm(b) for b in theirs] for a in ours]
    pairs = {}
    for i, row in enumerate(cosine):
        j = int(np.argmax(row))
        if int(np.argmax([other[j] for other in cosine])) == i and row[j] > 0:
            pairs[i, j] = row[j]
    return pairs


def places(shares, shape):
    column, row = np.rint(shares * shape[1::-1] - 0.5).astype(int).T
    return (row * shape[1] + column).tolist()


@pytest.mark.parametrize("seed", range(4))
def test_they_are_those_of_a_loop(seed):
    rng = np.random.default_rng(seed)
    first, second = rng.normal(size=(4, 6, 8)), rng.normal(size=(5, 3, 8))
    ours, theirs, worth = match_cells(first, second)
    expected = by_loop(first, second)
    found = list(zip(places(ours, first.shape), places(theirs, second.shape), strict=True))
    assert set(found) == set(expected) and len(found) == len(expected) > 2
    lengths = [np.linalg.norm(cells, axis=2).ravel() for cells in (first, second)]
    raw = np.array([expected[i, j] * np.sqrt(lengths[0][i] * lengths[1][j]) for i, j in found])
    np.testing.assert_allclose(worth, raw / raw.max())
    assert (np.diff(worth) <= 0).all()


def test_a_moved_map_is_found_cell_by_cell():
    first = np.random.default_rng(0).normal(size=(5, 5, 16)).astype(np.float32)
    ours, theirs, _ = match_cells(first, np.roll(first, 1, axis=1))
    assert len(ours) == 25
    np.testing.assert_allclose(np.mod(theirs[:, 0] - ours[:, 0], 1), 0.2)
    np.testing.assert_allclose(theirs[:, 1], ours[:, 1])


def test_cells_that_are_empty_or_opposite_match_nothing():
    some = np.ones((2, 2, 3))
    assert len(match_cells(np.zeros((2, 2, 3)), some)[0]) == 0
    assert len(match_cells(some, -some)[0]) == 0
    half = some.copy()
    half[0] = 0
    ours, _, worth = match_cells(half, some)
    assert (ours[:, 1] == 0.75).all() and np.isfinite(worth).all()
