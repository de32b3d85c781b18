"""HDBSCAN on a sparse graph of pairs (scikit-learn's; Campello, Moulavi and Sander 2013), for comparison.

An animal of few photographs may be dense nowhere, and is then dropped as noise.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
from scipy.sparse import csr_matrix  # what scikit-learn takes: its trees are of scipy's matrices, not of its arrays

from reid_lib.discover.linkage import LOWEST, check_pairs, check_threshold

LEAST = 2  # photographs of a cluster
N_CUTS = 20  # thresholds that are tried: each of them takes the whole method
_NEAREST = 1e-6  # least distance: scipy takes a 0 in a sparse matrix for no pair


@dataclass(frozen=True, eq=False)
class DensityTree:
    """Clusters of HDBSCAN among the pairs from a probability on; it is used as a `linkage.Tree` is.

    Attributes:
        n: images.
        first, second, probability: (p,) of the pairs, as `linkage.link` takes them; one that is not listed counts as 0.
    """

    n: int
    first: np.ndarray
    second: np.ndarray
    probability: np.ndarray

    @classmethod
    def of(cls, first: np.ndarray, second: np.ndarray, probability: np.ndarray, n: int) -> "DensityTree":
        """See `linkage.link`."""
        return cls(n, *check_pairs(first, second, probability, n))

    @cached_property
    def height(self) -> np.ndarray:
        """(at most `N_CUTS`,) float64: thresholds that are worth trying, never rising."""
        values = np.unique(self.probability[self.probability >= LOWEST])[::-1]
        at = np.unique(np.linspace(0, len(values) - 1, min(N_CUTS, len(values))).astype(int)) if len(values) else []
        return values[at]

    def cut(self, threshold: float | None) -> np.ndarray:
        """(n,) int: clusters, numbered in the order in which they appear; noise, and for None every image, is alone.

        A pair below the threshold is as far apart as one that is not listed. The result is that of scikit-learn's
        HDBSCAN on the whole matrix of distances 1 - probability, but that no cluster holds images which no chain of
        pairs joins. They all lie at the greatest distance, and how HDBSCAN divides equally distant images depends on
        their order. A point needs no neighbours to be in a dense place (`min_samples` 1): with more, many distances
        would be equal, with the same effect.

        Raises:
            ParameterError: the threshold is below `LOWEST`.
        """
        check_threshold(threshold)
        if threshold is None or self.n < LEAST:
            return np.arange(self.n)
        from scipy.sparse.csgraph import connected_components
        from sklearn.cluster import HDBSCAN

        near = self.probability >= threshold
        method = HDBSCAN(min_cluster_size=LEAST, min_samples=1, metric="precomputed", copy=False)
        found = method.fit(self._distances(near)).labels_
        alone = found < 0
        found[alone] = found.max() + 1 + np.arange(alone.sum())
        graph = csr_matrix((near[near], (self.first[near], self.second[near])), shape=(self.n, self.n))
        joined = connected_components(graph, directed=False)[1].astype(np.int64)
        return pd.factorize(joined * self.n + found)[0]

    def _distances(self, near: np.ndarray) -> csr_matrix:
        """The distances of some pairs (a mask), and a row of pairs at distance 1 that makes one graph of them."""
        first, second = self.first[near], self.second[near]
        row = np.arange(self.n - 1), np.arange(1, self.n)
        free = ~np.isin(row[0] * self.n + row[1], first * self.n + second)
        a, b = np.concatenate([first, row[0][free]]), np.concatenate([second, row[1][free]])
        d = np.concatenate([np.maximum(1 - self.probability[near], _NEAREST), np.ones(free.sum())])
        return csr_matrix((np.tile(d, 2), (np.concatenate([a, b]), np.concatenate([b, a]))), shape=(self.n, self.n))
