"""Trees of groups against scikit-learn's average linkage and against looking at every join."""

import numpy as np
import pytest
from sklearn.cluster import AgglomerativeClustering

from reid_lib.review.tree import LINKED, grow_tree


def draw(m: int, seed: int):
    rng = np.random.default_rng(seed)
    first, second = np.triu_indices(m, 1)
    some = rng.random(len(first)) < 0.6
    return first[some], second[some], rng.random(some.sum())


def groups(labels: np.ndarray) -> set:
    return {frozenset(np.flatnonzero(labels == k).tolist()) for k in np.unique(labels)}


@pytest.mark.parametrize("m", [2, 3, 8, 40])
def test_the_tree_is_average_linkage(m):
    first, second, alike = draw(m, m)
    tree, apart = grow_tree(m, first, second, alike), np.ones((m, m))
    apart[first, second] = apart[second, first] = 1 - alike
    for n in range(1, m + 1):
        found = AgglomerativeClustering(n, metric="precomputed", linkage="average").fit_predict(apart)
        assert groups(tree.parts(np.arange(m - n, m - 1))) == groups(found)


@pytest.mark.parametrize("most", [100, 1])
def test_where_two_photographs_meet(most):
    first, second, alike = draw(20, 0)
    tree = grow_tree(20, first, second, alike, most=most)
    one, other = np.triu_indices(20, 1)
    met = tree.meet(one, other)
    for k in range(19):
        after, before = tree.parts(np.arange(k + 1, 19)), tree.parts(np.arange(k, 19))
        joined = (after[one] == after[other]) & (before[one] != before[other])
        assert set(np.flatnonzero(joined)) == set(np.flatnonzero(met == k))
        assert joined.sum() == tree.sizes[k].prod()


def test_single_linkage_where_there_are_too_many():
    first, second, alike = draw(30, 1)
    tree = grow_tree(30, first, second, alike, most=10)
    apart = np.ones((30, 30))
    apart[first, second] = apart[second, first] = 1 - alike
    for n in range(1, 31):
        found = AgglomerativeClustering(n, metric="precomputed", linkage="single").fit_predict(apart)
        assert groups(tree.parts(np.arange(30 - n, 29))) == groups(found)
    lone = grow_tree(5, np.array([0]), np.array([1]), np.array([0.5]), most=1)
    assert groups(lone.parts(np.arange(1, 4))) == {frozenset([0, 1]), *map(frozenset, ([2], [3], [4]))}


def test_undoing_a_join_undoes_what_lies_above():
    first, second, alike = np.array([0, 2, 1]), np.array([1, 3, 2]), np.array([0.9, 0.8, 0.7])
    tree = grow_tree(4, first, second, alike)
    assert groups(tree.parts(np.array([0]))) == {frozenset([0]), frozenset([1]), frozenset([2, 3])}
    assert groups(tree.parts(np.array([], dtype=int))) == {frozenset(range(4))}


def test_what_was_decided_the_same_is_joined_first():
    tree = grow_tree(3, np.array([0, 0, 1]), np.array([1, 2, 2]), np.array([1.0, LINKED, 0.0]))
    assert tree.meet(np.array([0]), np.array([2])).tolist() == [0]
    assert len(grow_tree(1, *np.empty((2, 0), dtype=int), np.empty(0)).parts(np.empty(0, dtype=int))) == 1
