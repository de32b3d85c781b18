"""Agglomerative clustering of a sparse graph: average linkage, complete linkage, connected components."""

import heapq
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from reid_lib.core.errors import ParameterError

Method = Literal["average", "complete", "components"]
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

        if threshold is None:
            return np.arange(self.n)
        if not threshold >= LOWEST:
            raise ParameterError(f"clusters are joined from a probability of {LOWEST} on; got threshold {threshold}")
        m = int(np.searchsorted(-self.height, -threshold, side="right"))
        edges = coo_array((np.ones(m, dtype=bool), (self.first[:m], self.second[:m])), shape=(self.n, self.n))
        return pd.factorize(connected_components(edges, directed=False)[1])[0]


def link(first: np.ndarray, second: np.ndarray, probability: np.ndarray, n: int, *, method: Method) -> Tree:
    """Join the two clusters that are most alike, again and again.

    Two clusters are as alike as the mean of the probabilities of all pairs between them ("average"), the lowest of them
    ("complete"), or the highest ("components"). A pair that is not listed counts as 0. The result is that of the dense
    method on the whole matrix, to rounding, down to the height `LOWEST`: clusters without a listed pair between them
    are alike by 0 in the first two, so only those with one are ever looked at; and none of the three makes a joined
    cluster more alike to a third than the more alike of its parts was (Bruynooghe 1978), so pairs of clusters below
    `LOWEST` need no place in the queue. Memory grows with the listed pairs, never with the square of the images:
    scipy's and scikit-learn's linkages either take all pairs, or take a missing one for forbidden, not for 0.

    Args:
        first, second: (p,) int, images of each pair, 0 ... n-1, no pair twice in either direction.
        probability: (p,) float in [0, 1] that both show one individual.
        n: images.
        method: how alike two clusters are.

    Raises:
        ParameterError: the method is not known, or a pair or a probability is not as said.
    """
    first, second, probability = _checked(first, second, probability, n)
    if method not in Method.__args__:
        raise ParameterError(f"linkage {method!r} is not one of {', '.join(Method.__args__)}")
    add, alike = _RULES[method]
    near: list[dict[int, tuple[float, int]] | None] = [{} for _ in range(n)]
    for a, b, p in zip(first.tolist(), second.tolist(), probability.tolist(), strict=True):
        near[a][b] = near[b][a] = (p, 1)
    queue = [(-p, min(a, b), max(a, b)) for a, b, p in zip(first.tolist(), second.tolist(), probability, strict=True)]
    queue = [entry for entry in queue if -entry[0] >= LOWEST]
    heapq.heapify(queue)
    size, leaf, joined = [1] * n, list(range(n)), []
    while queue:
        value, a, b = heapq.heappop(queue)
        if near[a] is None or near[b] is None:  # one of them was joined meanwhile
            continue
        joined.append((leaf[a], leaf[b], -value))
        new = len(near)
        both = _merge(near, a, b, new, add)
        near.append(both)
        size.append(size[a] + size[b])
        leaf.append(min(leaf[a], leaf[b]))
        for other, (total, count) in both.items():
            height = min(alike(total, count, size[new] * size[other]), -value)
            if height >= LOWEST:
                heapq.heappush(queue, (-height, other, new))
    left, right, height = zip(*joined, strict=True) if joined else ((), (), ())
    return Tree(n, np.array(left, dtype=int), np.array(right, dtype=int), np.array(height, dtype=float))


def _merge(near: list, a: int, b: int, new: int, add: Callable) -> dict[int, tuple[float, int]]:
    """The neighbours of two clusters together; theirs know the new cluster instead of the two."""
    if len(near[a]) < len(near[b]):
        a, b = b, a
    both, fewer = near[a], near[b]
    near[a] = near[b] = None
    del both[b], fewer[a]
    for other, (total, count) in fewer.items():
        there = both.get(other)
        both[other] = (total, count) if there is None else (add(total, there[0]), count + there[1])
        del near[other][b]
    for other, entry in both.items():
        near[other].pop(a, None)
        near[other][new] = entry
    return both


_RULES: dict[str, tuple[Callable, Callable]] = {
    "average": (lambda p, q: p + q, lambda total, count, n_pairs: total / n_pairs),
    "complete": (min, lambda lowest, count, n_pairs: lowest if count == n_pairs else 0.0),
    "components": (max, lambda highest, count, n_pairs: highest),
}


def _checked(first, second, probability, n: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    first, second = (np.asarray(side, dtype=np.int64) for side in (first, second))
    probability = np.asarray(probability, dtype=np.float64)
    if not first.shape == second.shape == probability.shape or first.ndim != 1:
        shapes = f"{first.shape}, {second.shape}, {probability.shape}"
        raise ParameterError(f"a pair has two images and one probability; got {shapes}")
    if len(first) and not (0 <= min(first.min(), second.min()) and max(first.max(), second.max()) < n):
        raise ParameterError(f"images of pairs go from 0 to {n - 1}")
    if not ((probability >= 0) & (probability <= 1)).all():
        raise ParameterError("probabilities of pairs lie between 0 and 1; leave out pairs that have none")
    if (
        len(np.unique(np.minimum(first, second) * n + np.maximum(first, second))) < len(first)
        or (first == second).any()
    ):
        raise ParameterError("a pair of images stands there once, in one direction, and no image with itself")
    return first, second, probability
