"""Sparse linkage, against scipy's dense one on the whole matrix."""

import numpy as np
import pytest
from scipy.cluster.hierarchy import fcluster, linkage
from scipy.spatial.distance import squareform
from sklearn.metrics import adjusted_rand_score

from reid_lib.core.errors import ParameterError
from reid_lib.discover.linkage import link

DENSE = {"average": "average", "complete": "complete", "components": "single"}


def some_pairs(n: int, share: float, seed: int):
    """Pairs of n images, a share of all of them, with probabilities; and the matrix they stand for."""
    rng = np.random.default_rng(seed)
    first, second = np.triu_indices(n, 1)
    kept = rng.random(len(first)) < share
    first, second = first[kept], second[kept]
    probability = rng.random(len(first))
    matrix = np.zeros((n, n))
    matrix[first, second] = matrix[second, first] = probability
    return (first, second, probability), matrix


@pytest.mark.parametrize("method", DENSE)
@pytest.mark.parametrize(("share", "seed"), [(1.0, 0), (0.4, 1), (0.1, 2), (0.02, 3)])
def test_clusters_are_those_of_the_dense_method_with_zeros_for_pairs_that_are_not_listed(method, share, seed):
    pairs, matrix = some_pairs(60, share, seed)
    tree = link(*pairs, 60, method=method)
    distance = 1 - matrix
    np.fill_diagonal(distance, 0)
    dense = linkage(squareform(distance), DENSE[method])
    wanted = 1 - dense[:, 2]
    np.testing.assert_allclose(tree.height, wanted[wanted >= 0.01], atol=1e-9)
    for threshold in (0.9, 0.6, 0.3, 0.1, 0.02):
        found = tree.cut(threshold)
        assert adjusted_rand_score(found, fcluster(dense, 1 - threshold, "distance")) == 1


def test_three_links_by_hand():
    """0-1 at 0.9, 1-2 at 0.6, 0-2 not listed: on average 2 is alike to {0, 1} by 0.3, at worst by 0, at best by 0.6."""
    pairs = [0, 2], [1, 1], [0.9, 0.6]
    heights = {method: link(*pairs, 3, method=method).height.round(9).tolist() for method in DENSE}
    assert heights == {"average": [0.9, 0.3], "complete": [0.9], "components": [0.9, 0.6]}
    tree = link(*pairs, 3, method="average")
    assert tree.cut(0.9).tolist() == [0, 0, 1] and tree.cut(0.3).tolist() == [0, 0, 0]
    assert tree.cut(None).tolist() == [0, 1, 2]


def test_the_direction_of_a_pair_is_nothing():
    (first, second, probability), _ = some_pairs(30, 0.3, 5)
    one, other = (
        link(first, second, probability, 30, method="average"),
        link(second, first, probability, 30, method="average"),
    )
    assert one.cut(0.3).tolist() == other.cut(0.3).tolist()


def test_no_pair_leaves_every_image_alone():
    assert link([], [], [], 3, method="average").cut(0.5).tolist() == [0, 1, 2]


@pytest.mark.parametrize(
    ("pairs", "words"),
    [
        (([0, 1], [1, 0], [0.5, 0.5]), "once"),
        (([0], [0], [0.5]), "with itself"),
        (([0], [3], [0.5]), "0 to 2"),
        (([0], [1], [np.nan]), "between 0 and 1"),
        (([0], [1, 2], [0.5]), "two images and one probability"),
    ],
)
def test_bad_pairs_are_refused(pairs, words):
    with pytest.raises(ParameterError, match=words):
        link(*pairs, 3, method="average")


def test_an_unknown_method_and_a_cut_below_the_tree_are_refused():
    with pytest.raises(ParameterError, match="average, complete, components"):
        link([0], [1], [0.5], 2, method="ward")
    with pytest.raises(ParameterError, match="0.01"):
        link([0], [1], [0.5], 2, method="average").cut(0)
