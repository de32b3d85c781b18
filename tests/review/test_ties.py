"""Encounters and pictures hold photographs together; by hand."""

import numpy as np
import pandas as pd

from reid_lib.review.ties import TIED, hold_clusters, keep_ties, tie_flanks


def test_flanks_are_tied_by_encounters_that_show_one_cluster():
    rows = [  # encounter, flank, cluster
        ("a", "left", 0), ("a", "right", 0), ("a", "right", 0), ("a", "left", 0),
        ("b", "left", 0), ("b", "right", 1),  # two animals, as far as is known
        ("c", "left", 2), ("c", "right", 2), ("c", "right", 3),
        ("d", "left", 4), ("d", None, 4),  # one flank alone
        (None, "left", 5), (None, "right", 5),
    ]  # fmt: skip
    photographs = pd.DataFrame(rows, columns=["encounter", "orientation", "cluster"]).assign(dataset="d")
    cluster = photographs["cluster"].to_numpy()
    assert tie_flanks(photographs, cluster).tolist() == [[0, 1], [0, 2], [3, 1]]
    assert tie_flanks(photographs.drop(columns="encounter"), cluster).shape == (0, 2)
    assert tie_flanks(photographs.drop(columns="orientation"), cluster).shape == (0, 2)
    two = pd.concat([photographs[:1], photographs[1:2].assign(dataset="e")])
    assert not len(tie_flanks(two, np.zeros(2, dtype=int))), "an encounter is of a data set"


def test_ties_give_way_to_what_is_different_also_through_others():
    pairs = np.array([[0, 1], [2, 3], [0, 2], [4, 5]])
    none = np.empty((0, 2), dtype=int)
    assert keep_ties(6, none, none, pairs).tolist() == pairs.tolist()
    assert keep_ties(6, none, np.array([[1, 3]]), pairs).tolist() == [[0, 1], [2, 3], [4, 5]]
    assert keep_ties(6, np.array([[3, 1]]), np.array([[4, 5]]), pairs).tolist() == [[0, 1], [2, 3], [0, 2]]
    assert keep_ties(6, none, np.array([[1, 0]]), pairs).tolist() == [[2, 3], [0, 2], [4, 5]]


def test_a_cluster_is_held_by_a_spanning_tree_ties_first():
    members, cluster = np.array([10, 11, 12, 13]), np.array([0, 0, 0, 1])
    listed = np.array([0, 0, 1]), np.array([1, 2, 3]), np.array([0.2, 0.6, 0.9])
    held = hold_clusters(members, cluster, listed, np.array([[1, 2]]))
    assert [(one.pair, one.probability, one.weight) for one in held] == [((11, 12), TIED, 0), ((10, 12), 0.6, 0)]
