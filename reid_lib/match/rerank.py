"""Re-ranking as one more score of a pair: how many of their nearest gallery images the two have in common.

Two photographs of one animal do not only resemble each other, they resemble the same others. After Zhong et al.,
"Re-ranking person re-identification with k-reciprocal encoding" (CVPR 2017), with two differences. A neighbour is
counted only if each of the two would be a neighbour of the other *within the gallery*: no other query takes part, so a
photograph is answered the same whoever is asked beside it. And it is not blended in with a weight chosen by hand: it is
a score, which the fusion keeps only if it lowers the log loss on val (`fuse.fit_fusion`, `tried`).
"""

import numpy as np
from scipy.sparse import csr_array, eye_array

from reid_lib.core.errors import ParameterError
from reid_lib.match.pairs import look_up, shortlist
from reid_lib.match.similarity import Similarity

SHARED_NEIGHBOURS = "shared neighbours"  # its name among the scores
K = 5
_PAIRS_AT_ONCE = 2**17


def count_shared_neighbours(
    to_gallery: Similarity,
    within_gallery: Similarity,
    query: np.ndarray,
    image: np.ndarray,
    *,
    k: int = K,
    max_bytes: int = 2**28,
) -> np.ndarray:
    """Jaccard similarity of the k-reciprocal neighbours of both photographs of each pair.

    The neighbours of a query are those of its k most similar gallery images that would have the query among *their* k
    most similar ones, too. Those of a gallery image are likewise, and the image itself. Memory grows with k times the
    number of images.

    Args:
        to_gallery: similarity of queries and gallery.
        within_gallery: the same one of the gallery with itself, in the same order of rows.
        query, image: (p,) int, pairs of row numbers.
        k: neighbours, at least 1.
        max_bytes: bound of the working memory for similarities, in bytes.

    Returns:
        (p,) float32 in [0, 1]: 1 where the two have the same neighbours, 0 where they have none in common.

    Raises:
        ParameterError: k is below 1, or the galleries differ in size.
    """
    n = len(to_gallery.gallery)
    if not n == len(within_gallery.gallery) == len(within_gallery.queries):
        raise ParameterError(f"the gallery has {n} images, not {len(within_gallery.gallery)} as within_gallery has")
    near, other = shortlist(within_gallery, k + 1, max_bytes=max_bytes)
    near, other = near[near != other], other[near != other]
    alike = look_up(within_gallery, near, other, max_bytes=max_bytes)
    reach = _reach(near, alike, n, k)
    mutual = alike >= reach[other]
    of_gallery = _sets(near[mutual], other[mutual], (n, n)) + eye_array(n, format="csr", dtype=np.float32)
    asked, found = shortlist(to_gallery, k, max_bytes=max_bytes)
    mutual = look_up(to_gallery, asked, found, max_bytes=max_bytes) >= reach[found]
    of_queries = _sets(asked[mutual], found[mutual], (len(to_gallery.queries), n))
    return _jaccard(of_queries, of_gallery, np.asarray(query), np.asarray(image))


def _reach(near: np.ndarray, alike: np.ndarray, n: int, k: int) -> np.ndarray:
    """(n,) similarity to the k-th neighbour of each image; -inf where it has fewer: everything is near."""
    reach, order = np.full(n, -np.inf), np.lexsort((-alike, near))
    place = np.arange(len(near)) - np.searchsorted(near[order], near[order])
    last = order[place == k - 1]
    reach[near[last]] = alike[last]
    return reach


def _sets(row: np.ndarray, column: np.ndarray, shape: tuple[int, int]) -> csr_array:
    return csr_array((np.ones(len(row), dtype=np.float32), (row, column)), shape=shape)


def _jaccard(ours: csr_array, theirs: csr_array, query: np.ndarray, image: np.ndarray) -> np.ndarray:
    sizes = [np.asarray(sets.sum(axis=1)).ravel() for sets in (ours, theirs)]
    found = np.empty(len(query), dtype=np.float32)
    for start in range(0, len(query), _PAIRS_AT_ONCE):
        some = slice(start, start + _PAIRS_AT_ONCE)
        common = np.asarray(ours[query[some]].multiply(theirs[image[some]]).sum(axis=1)).ravel()
        found[some] = common / (sizes[0][query[some]] + sizes[1][image[some]] - common)
    return found
