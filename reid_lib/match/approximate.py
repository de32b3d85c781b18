"""Nearest neighbours in galleries of many millions: FAISS names candidates, exact products rank them.

Above about a million images `neighbours.top_k`, which compares with every one of them, takes long for many queries.
The gallery is sorted into lists once, and a query is compared only with the lists whose centres are nearest: quicker,
and now and then a neighbour is missed. Needs the extra `faiss`.
"""

import numpy as np

from reid_lib.core.errors import ParameterError
from reid_lib.match.neighbours import SPARE, best_of_candidates, top_k, unit_rows

LISTS_PER_ROOT = 4  # lists by default: so many times the root of the number of images (FAISS's own advice)
LEARN_FROM = 64  # images a list is learnt from
ROWS_AT_ONCE = 65_536


class InvertedFile:
    """A gallery sorted into lists, to be searched as often as wanted.

    Args:
        gallery: (g, d) float; kept by reference, since candidates are ranked by their exact cosines. The lists take
            about a quarter of its memory more (8 bits a number).
        lists: how many; 0 means four times the root of g.
        seed: of the images that the lists are learnt from.

    Raises:
        ParameterError: FAISS is not installed; not two-dimensional; a row without direction.
    """

    def __init__(self, gallery: np.ndarray, *, lists: int = 0, seed: int = 0):
        self._faiss = _faiss()
        self.gallery = np.asarray(gallery)
        if self.gallery.ndim != 2 or not len(self.gallery):
            raise ParameterError(f"the gallery must be (g, d) with g > 0, got shape {self.gallery.shape}")
        n, dim = self.gallery.shape
        self.lists = min(lists or max(1, round(LISTS_PER_ROOT * n**0.5)), n)
        centres = self._faiss.IndexFlatIP(dim)
        kind = self._faiss.ScalarQuantizer.QT_8bit
        self._index = self._faiss.IndexIVFScalarQuantizer(
            centres, dim, self.lists, kind, self._faiss.METRIC_INNER_PRODUCT
        )
        self._index.own_fields, self._centres = False, centres  # FAISS keeps no reference of its own
        self._index.cp.seed, self._index.cp.spherical = seed % 2**31, True
        self._index.cp.min_points_per_centroid = 1
        chosen = np.random.default_rng(seed).permutation(n)[: LEARN_FROM * self.lists]
        self._index.train(unit_rows(self.gallery[np.sort(chosen)]))
        for start in range(0, n, ROWS_AT_ONCE):
            self._index.add(unit_rows(self.gallery[start : start + ROWS_AT_ONCE], first=start))

    def top_k(
        self, queries: np.ndarray, k: int, *, probes: int = 128, max_bytes: int = 2**28
    ) -> tuple[np.ndarray, np.ndarray]:
        """The k most similar images among those of the nearest lists; otherwise as `neighbours.top_k`.

        Args:
            queries: (q, d) float.
            k: neighbours per query, 1 ... g.
            probes: lists to look through; more miss less. Of a million embeddings in 4,000 lists the default found 96 %
                of the five nearest in a quarter of the time (docs/log.md). All lists find everything but near-ties.
            max_bytes: bound of the working memory, in bytes.

        Returns:
            scores: (q, k) float32 in [-1, 1], exact cosine similarity, descending.
            index: (q, k) int64, rows of the gallery. Where the lists hold fewer than k images, all of it is searched.

        Example:
            >>> InvertedFile(np.eye(3), lists=1).top_k(np.eye(3), 1)[1].ravel().tolist()
            [0, 1, 2]
        """
        queries = np.asarray(queries)
        if queries.ndim != 2 or queries.shape[1] != self.gallery.shape[1]:
            raise ParameterError(f"queries must be (q, {self.gallery.shape[1]}), got shape {queries.shape}")
        if not 1 <= k <= len(self.gallery) or probes < 1:
            raise ParameterError(
                f"k must be between 1 and the {len(self.gallery)} gallery rows and probes at least 1, got {k}, {probes}"
            )
        size = min(4 * k + SPARE, len(self.gallery))  # room for what 8 bits a number rank wrongly
        options = self._faiss.SearchParametersIVF(nprobe=min(probes, self.lists))
        scores = np.empty((len(queries), k), dtype=np.float32)
        index = np.empty((len(queries), k), dtype=np.int64)
        for start in range(0, len(queries), ROWS_AT_ONCE):
            some = queries[start : start + ROWS_AT_ONCE]
            _, columns = self._index.search(unit_rows(some, first=start), size, params=options)
            enough = (columns[:, :k] >= 0).all(axis=1)
            part = slice(start, start + len(some))
            found = best_of_candidates(some[enough], self.gallery, columns[enough], k, max_bytes=max_bytes)
            scores[part][enough], index[part][enough] = found
            if not enough.all():
                scores[part][~enough], index[part][~enough] = top_k(some[~enough], self.gallery, k, max_bytes=max_bytes)
        return scores, index


def _faiss():
    try:
        import faiss
    except ImportError as error:
        raise ParameterError(
            f"an inverted file needs FAISS ({error}): pip install -e '.[faiss]', or search exactly with search.top_k"
        ) from None
    return faiss
