"""Agglomerative clustering of a sparse graph: average linkage, complete linkage, connected components."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from reid_lib.core.errors import ParameterError

Linkage = Literal["average", "complete", "components"]
LOWEST = 0.01  # no cut lies lower: two clusters this unlike are never joined


@dataclass(frozen=True, eq=False)
class Tree:
    """What was joined, the most alike first.

    Attributes:
        n: images, the leaves.
        first, second: (m,) int, an image of each of both clusters that were joined.
        height: (m,) float64, how alike they were, never rising.
    """

    n: int
    first: np.ndarray
    second: np.ndarray
    height: np.ndarray

    def cut(self, threshold: float | None) -> np.ndarray:
        """(n,) int: clusters at a threshold, numbered in the order in which they appear; None: every image alone.

        Raises:
            ParameterError: the threshold is below `LOWEST`, where the tree ends.
        """
        from scipy.sparse import coo_array
        from scipy.sparse.csgraph import connected_components

        check_threshold(threshold)
        if threshold is None:
            return np.arange(self.n)
        m = int(np.searchsorted(-self.height, -threshold, side="right"))
        edges = coo_array((np.ones(m, dtype=bool), (self.first[:m], self.second[:m])), shape=(self.n, self.n))
        return pd.factorize(connected_components(edges, directed=False)[1])[0]


def check_threshold(threshold: float | None) -> None:
    """Refuse a threshold below `LOWEST`, where the tree ends; None, which joins nothing, is allowed.

    Raises:
        ParameterError: it is below.
    """
    if threshold is not None and not threshold >= LOWEST:
        raise ParameterError(f"clusters are joined from a probability of {LOWEST} on; got threshold {threshold}")


def link(first: np.ndarray, second: np.ndarray, probability: np.ndarray, n: int, *, method: Linkage) -> Tree:
    """Join the two clusters that are most alike, again and again.

    Two clusters are as alike as the mean of the probabilities of all pairs between them ("average"), the lowest of them
    ("complete"), or the highest ("components"). A pair that is not listed counts as 0. The result is that of the dense
    method on the whole matrix, to rounding and but for the order of equals, down to the height `LOWEST`. Memory grows
    with the listed pairs, never with the square of the images: scipy's and scikit-learn's linkages either take all
    pairs, or take a missing one for forbidden, not for 0.

    None of the three makes a joined cluster more alike to a third than the more alike of its parts was (Bruynooghe
    1978). So two clusters that are each other's most alike stay so, whatever else is joined first: all such couples are
    joined at once (Sumengen et al. 2021, "Scaling hierarchical agglomerative clustering to billion-sized datasets"), in
    some tens of rounds instead of one round for each cluster. And a cluster that is alike to no other by `LOWEST` never
    will be: its pairs are dropped.

    Args:
        first, second: (p,) int, images of each pair, 0 ... n-1, no pair twice in either direction.
        probability: (p,) float in [0, 1] that both show one individual.
        n: images.
        method: how alike two clusters are.

    Raises:
        ParameterError: the method is not known, or a pair or a probability is not as said.
    """
    first, second, probability = check_pairs(first, second, probability, n)
    if method not in Linkage.__args__:
        raise ParameterError(f"linkage {method!r} is not one of {', '.join(Linkage.__args__)}")
    if method == "components":
        joined = _span(first, second, probability, n)
    else:
        joined = _join_couples(first, second, probability, n, complete=method == "complete")
    left, right, height = joined
    order = np.argsort(-height, kind="stable")
    return Tree(n, left[order], right[order], height[order])


Joined = tuple[np.ndarray, np.ndarray, np.ndarray]  # (m,) an image of each of two clusters, and how alike they were


def _span(first: np.ndarray, second: np.ndarray, probability: np.ndarray, n: int) -> Joined:
    """What the pairs of the highest probabilities join: a spanning tree (Gower and Ross 1969)."""
    from scipy.sparse import csr_array
    from scipy.sparse.csgraph import minimum_spanning_tree

    kept = probability >= LOWEST
    values, rank = np.unique(probability[kept], return_inverse=True)
    weights = (len(values) - rank).astype(np.float64)  # the tree tells the probability by its rank, to the last bit
    tree = minimum_spanning_tree(csr_array((weights, (first[kept], second[kept])), shape=(n, n))).tocoo()
    return tree.row.astype(int), tree.col.astype(int), values[len(values) - tree.data.astype(int)]


def _join_couples(first: np.ndarray, second: np.ndarray, value: np.ndarray, n: int, *, complete: bool) -> Joined:
    """Join clusters that are each other's most alike, round by round; a cluster goes by the number of its first image.

    `value` is the sum of the probabilities of the listed pairs between two clusters, or their lowest, `count` their
    number.
    """
    size, below = np.ones(n), np.full(n, np.inf)  # nothing is joined above what its parts were joined at
    count, joined = np.ones(len(first)), [(np.empty(0, int), np.empty(0, int), np.empty(0))]
    for turn in range(n):
        n_pairs = size[first] * size[second]
        alike = np.where(count == n_pairs, value, 0.0) if complete else value / n_pairs
        alike = np.minimum(alike, np.minimum(below[first], below[second]))
        best = np.zeros(n)
        for side in (first, second):
            np.maximum.at(best, side, alike)
        going_on = best >= LOWEST
        kept = going_on[first] & going_on[second]
        if complete:
            kept &= alike >= LOWEST  # the lowest never rises
        first, second, value, count, alike = (x[kept] for x in (first, second, value, count, alike))
        if not len(first):
            break
        chosen = _find_couples(first, second, alike, best, turn)
        left, right = first[chosen], second[chosen]
        joined.append((left, right, alike[chosen]))
        size[left] += size[right]
        below[left] = alike[chosen]
        first, second, value, count = _contract(first, second, value, count, left, right, n, complete=complete)
    return tuple(np.concatenate(column) for column in zip(*joined, strict=True))


def _find_couples(first: np.ndarray, second: np.ndarray, alike: np.ndarray, best: np.ndarray, turn: int) -> np.ndarray:
    """Positions of pairs of clusters that are each other's most alike, no cluster in two of them.

    Which of equals comes first is drawn: by their order, a row of equal pairs would be joined one at a time.
    """
    equals = np.flatnonzero((alike == best[first]) & (alike == best[second]))
    drawn = np.random.default_rng(turn).permutation(len(equals))
    highest = np.full(len(best), -1)
    for side in (first, second):
        np.maximum.at(highest, side[equals], drawn)
    return equals[(drawn == highest[first[equals]]) & (drawn == highest[second[equals]])]


def _contract(first, second, value, count, left: np.ndarray, right: np.ndarray, n: int, *, complete: bool) -> tuple:
    """The pairs between clusters when each of `right` has become part of that of `left`."""
    now, changed = np.arange(n), np.zeros(n, dtype=bool)
    now[right] = left
    changed[left] = changed[right] = True
    touched = changed[first] | changed[second]
    a, b = now[first[touched]], now[second[touched]]
    key = np.minimum(a, b) * n + np.maximum(a, b)
    order = np.argsort(key, kind="stable")
    order = order[(a != b)[order]]
    key = key[order]
    begins = np.flatnonzero(np.diff(key, prepend=-1))
    merge = np.minimum if complete else np.add
    merged = (
        *np.divmod(key[begins], n),
        *(
            rule.reduceat(x[touched][order], begins) if len(begins) else np.empty(0)
            for x, rule in ((value, merge), (count, np.add))
        ),
    )
    old = (first, second, value, count)
    return tuple(np.concatenate([x[~touched], y]) for x, y in zip(old, merged, strict=True))


def check_pairs(
    first: np.ndarray, second: np.ndarray, probability: np.ndarray, n: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The pairs of `link` with first < second, in ascending order.

    Raises:
        ParameterError: a pair or a probability is not as said there.
    """
    first, second = (np.asarray(side, dtype=np.int64) for side in (first, second))
    probability = np.asarray(probability, dtype=np.float64)
    if not first.shape == second.shape == probability.shape or first.ndim != 1:
        shapes = f"{first.shape}, {second.shape}, {probability.shape}"
        raise ParameterError(f"a pair has two images and one probability; got {shapes}")
    if len(first) and not (0 <= min(first.min(), second.min()) and max(first.max(), second.max()) < n):
        raise ParameterError(f"images of pairs go from 0 to {n - 1}")
    if not ((probability >= 0) & (probability <= 1)).all():
        raise ParameterError("probabilities of pairs lie between 0 and 1; leave out pairs that have none")
    first, second = np.minimum(first, second), np.maximum(first, second)
    key = first * n + second
    order = np.argsort(key, kind="stable")  # the order in which pairs are given decides nothing
    if (np.diff(key[order]) == 0).any() or (first == second).any():
        raise ParameterError("a pair of images stands there once, in one direction, and no image with itself")
    return first[order], second[order], probability[order]
