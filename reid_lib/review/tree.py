"""The dendrogram of one group of photographs, by average linkage, and at which join two of them meet.

Pairs that are not listed count as 0, as in `discover.linkage`. Here a group is what a person has in hand, so the dense
method of scipy is quick; a group of more than `MOST` photographs gets the tree of single linkage, from listed pairs.
"""

from dataclasses import dataclass

import numpy as np
from scipy.cluster.hierarchy import linkage
from scipy.sparse import coo_array
from scipy.sparse.csgraph import minimum_spanning_tree

from reid_lib.review.graph import find_root

MOST = 1500  # photographs of a group, whose matrix then has 18 MB
LINKED = 2.0  # how alike two photographs are that a decision makes one animal: above every probability


@dataclass(frozen=True, eq=False)
class GroupTree:
    """Joins of m photographs, numbered from 0, the most alike first.

    Attributes:
        sizes: (m - 1, 2) int, photographs on both sides of each join.
        above: (m - 1,) int, the next join that each is part of; -1 for the last one.
        place: (m,) int, where a photograph stands when the leaves are in the order of the tree.
        border: (m - 1,) int, the join at which the leaves at places k and k + 1 meet.
    """

    sizes: np.ndarray
    above: np.ndarray
    place: np.ndarray
    border: np.ndarray

    def meet(self, first: np.ndarray, second: np.ndarray) -> np.ndarray:
        """(q,) int: the join at which photographs (q,) and (q,) meet, none with itself.

        A join has a higher number than all below it, so it is the highest between both places (by a doubling table).
        """
        low, high = np.sort([self.place[first], self.place[second]], axis=0)
        table = [self.border]
        while len(table[-1]) > (half := 2 ** (len(table) - 1)):
            table.append(np.maximum(table[-1][:-half], table[-1][half:]))
        level = np.floor(np.log2(np.maximum(high - low, 1))).astype(int)
        found = np.empty(len(low), dtype=int)
        for k in np.unique(level):
            at = level == k
            found[at] = np.maximum(table[k][low[at]], table[k][high[at] - 2**k])
        return found

    def parts(self, undone: np.ndarray) -> np.ndarray:
        """(m,) int: what is left together when some joins, and all that they are part of, are undone."""
        open_ = np.zeros(len(self.above), dtype=bool)
        open_[undone] = True
        for k in np.flatnonzero(self.above >= 0):  # upwards
            open_[self.above[k]] |= open_[k]
        return np.concatenate([[0], np.cumsum(open_[self.border])])[self.place]


def grow_tree(m: int, first: np.ndarray, second: np.ndarray, alike: np.ndarray, *, most: int = MOST) -> GroupTree:
    """The tree of m photographs.

    Args:
        m: at least 1.
        first, second: (q,) int, listed pairs, 0 ... m - 1, none twice.
        alike: (q,) probability that both show one animal, or `LINKED`.
        most: photographs beyond which single linkage takes the place of average linkage.
    """
    if m == 1:
        none = np.empty(0, dtype=int)
        return GroupTree(np.empty((0, 2), dtype=int), none, np.zeros(1, dtype=int), none)
    if m <= most:
        apart = np.full((m, m), LINKED)
        apart[first, second] = apart[second, first] = LINKED - alike
        children = linkage(apart[np.triu_indices(m, 1)], "average")[:, :2].astype(int)
    else:
        children = _link_single(m, first, second, alike)
    size, start = np.ones(2 * m - 1, dtype=int), np.zeros(2 * m - 1, dtype=int)
    for k, (left, right) in enumerate(children):
        size[m + k] = size[left] + size[right]
    above, border = np.full(2 * m - 1, -1), np.empty(m - 1, dtype=int)
    for k in range(m - 2, -1, -1):
        left, right = children[k]
        start[left], start[right] = start[m + k], start[m + k] + size[left]
        border[start[right] - 1] = k
        above[left] = above[right] = k
    return GroupTree(size[children], above[m:], start[:m], border)


def _link_single(m: int, first: np.ndarray, second: np.ndarray, alike: np.ndarray) -> np.ndarray:
    """(m - 1, 2) children of each join, as scipy numbers them; parts without a listed pair are joined last."""
    graph = coo_array((LINKED + 1 - alike, (first, second)), shape=(m, m))  # above 0, which would be no edge
    spanning = minimum_spanning_tree(graph.tocsr()).tocoo()
    order = np.argsort(spanning.data, kind="stable")
    edges = [*zip(spanning.row[order].tolist(), spanning.col[order].tolist(), strict=True)]
    edges += [(0, k) for k in range(1, m)]  # those within one part do nothing
    parent, node, children = list(range(m)), list(range(m)), []
    for one, other in edges:
        a, b = find_root(parent, one), find_root(parent, other)
        if a != b:
            children.append((node[a], node[b]))
            parent[b], node[a] = a, m + len(children) - 1
    return np.array(children)
