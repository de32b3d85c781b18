"""HDBSCAN on a sparse graph, against scikit-learn's on the whole matrix of distances."""

import numpy as np
import pytest
from scipy.sparse.csgraph import connected_components
from sklearn.cluster import HDBSCAN
from sklearn.metrics import adjusted_rand_score

from reid_lib.core.errors import ParameterError
from reid_lib.discover.density import DensityTree


def some_pairs(seed: int, n_individuals: int = 15, each: int = 4):
    rng = np.random.default_rng(seed)
    who = np.repeat(np.arange(n_individuals), each)
    first, second = np.triu_indices(len(who), 1)
    same = who[first] == who[second]
    kept = rng.random(len(first)) < np.where(same, 0.8, 0.15)
    probability = np.where(same, rng.beta(4, 2, len(first)), rng.beta(1, 8, len(first)))
    return (first[kept], second[kept], probability[kept]), who


def dense(pairs, n: int, threshold: float) -> np.ndarray:
    """scikit-learn's HDBSCAN where what is not listed is further than 1, each at another distance; cut by components,
    since what is joined there is nothing but noise."""
    distance = 1.5 + 0.1 * np.random.default_rng(0).random((n, n))
    distance = np.minimum(distance, distance.T)
    near = pairs[2] >= threshold
    for a, b in (pairs[:2], pairs[1::-1]):
        distance[a[near], b[near]] = 1 - pairs[2][near]
    np.fill_diagonal(distance, 0)
    labels = HDBSCAN(min_cluster_size=2, min_samples=1, metric="precomputed", copy=True).fit(distance).labels_
    labels = np.where(labels < 0, -1 - np.arange(n), labels)
    return connected_components(distance < 1)[1] * 10 * n + labels


@pytest.mark.parametrize("seed", range(5))
def test_clusters_are_those_of_the_whole_matrix(seed):
    pairs, who = some_pairs(seed)
    tree = DensityTree.of(*pairs, len(who))
    for threshold in (0.01, 0.1, 0.3, 0.6, 0.9):
        found = tree.cut(threshold)
        assert adjusted_rand_score(found, dense(pairs, len(who), threshold)) == 1
        assert found[0] == 0 and set(found) == set(range(found.max() + 1))


def test_animals_are_found_and_thresholds_that_are_tried_fall():
    pairs, who = some_pairs(0)
    tree = DensityTree.of(*pairs, len(who))
    assert max(adjusted_rand_score(who, tree.cut(t)) for t in tree.height) > 0.8
    assert (np.diff(tree.height) < 0).all() and len(tree.height) <= 20


@pytest.mark.parametrize("n", [0, 1, 2, 3])
def test_few_images_and_no_pair(n):
    tree = DensityTree.of([], [], [], n)
    assert tree.cut(0.5).tolist() == tree.cut(None).tolist() == list(range(n)) and not len(tree.height)


def test_two_images_and_a_cut_that_is_refused():
    tree = DensityTree.of([1], [0], [1.0], 2)
    with pytest.raises(ParameterError, match="0.01"):
        tree.cut(0.0)
    assert len(tree.cut(0.5)) == 2
