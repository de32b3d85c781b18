"""The k most similar gallery images of each query as a set: by estimates where these decide, exactly where not.

A ranking (`ranking`) wants an order; a shortlist wants to know who is in it. Estimates are looked through by the
highest of each of many groups of columns: the k-th highest of these is reached by k values at least, so only the values
from there on, hardly more than k of each query, are looked at one by one.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np

from reid_lib.match.similarity import Arrays, Estimable, Estimates

GROUP = 64  # columns whose highest is looked at
MOST_OPEN = 32  # a query for which more than the 32nd part of the gallery is open is compared with all of it, exactly
_EXTRA = 64


def find_nearest(similarity: Estimable, k: int, *, max_bytes: int = 2**28) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """The k most similar gallery images of each query, ties to the earlier row, as all exact similarities give them.

    Args:
        similarity: whose every two rows are compared.
        k: images of each query, at least 1; all of them where there are no more.
        max_bytes: bound of the working memory, in bytes.

    Yields:
        (query, image): (p,) int64 row numbers, some queries at a time, in any order, each query once.
    """
    n_gallery, left = len(similarity.gallery), []
    k = min(k, n_gallery)
    if not k:
        return
    # Beside 4 bytes of each estimate: 1 of the mask; what is left holds the candidates.
    for some in similarity.estimates(numbers_per_query=2 * n_gallery, max_bytes=max_bytes):
        if not some.error:
            yield _by_exact(some.start, some.arrays.host(some.values), k)
            continue
        query, image, value, open_ = _find_candidates(some, k)
        left.append(some.start + np.flatnonzero(open_))
        yield _settle(similarity, some.start + query, image, value, k, some.error)
    rows = np.concatenate([*left, np.empty(0, dtype=np.int64)])
    if len(rows):  # what estimates leave open, by all exact similarities
        for start, _, block in similarity.part(rows, slice(None)).blocks(max_bytes=max_bytes // 2):
            query, image = _by_exact(start, block, k)
            yield rows[query], image


def find_highest(values: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    """(row, column) of the k highest of each row, the earlier of equals, none of them -inf."""
    if values.shape[1] > k:
        level = np.partition(values, -k, axis=1)[:, -k]
        ties = values == level[:, None]
        spare = k - (values > level[:, None]).sum(axis=1)
        ties &= np.cumsum(ties, axis=1, dtype=np.int32) <= spare[:, None]
        return np.nonzero(((values > level[:, None]) | ties) & (values > -np.inf))
    return np.nonzero(values > -np.inf)


def _by_exact(start: int, block: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    row, column = find_highest(block, k)
    return start + row, column


def _find_candidates(some: Estimates, k: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Pairs of a query (from 0 in these estimates) and an image that can be among its k nearest, with their estimates,
    by query; and (q,) bool: queries that have too many, and none of them here."""
    values, arrays = some.values, some.arrays
    n, n_gallery = values.shape
    level = np.partition(arrays.host(_group_maxima(values, arrays, k)), -k, axis=1)[:, -k].astype(np.float64)
    mask = values >= arrays.like(values, level - 2 * some.error)[:, None]
    open_ = arrays.host(mask.sum(1)) > 4 * k + n_gallery // MOST_OPEN + _EXTRA
    if open_.any():
        mask[arrays.index(np.flatnonzero(open_))] = False
    query, image = arrays.where(mask)
    value = arrays.host(values[arrays.index(query), arrays.index(image)]).astype(np.float64)
    return query, image, value, open_


def _group_maxima(values: Any, arrays: Arrays, k: int) -> Any:
    """(q, at least k) the highest of each of some columns that do not lie together: neighbours are often one animal."""
    n_gallery = values.shape[1]
    n_strips = max(1, min(GROUP, n_gallery // (4 * k)))
    width = -(-n_gallery // n_strips)
    best = arrays.copy(values[:, :width])
    for start in range(width, n_gallery, width):
        strip = values[:, start : start + width]
        arrays.raise_to(best[:, : strip.shape[1]], strip)
    return best


def _settle(
    similarity: Estimable, query: np.ndarray, image: np.ndarray, value: np.ndarray, k: int, error: float
) -> tuple[np.ndarray, np.ndarray]:
    """The k nearest of candidates: those that estimates place above all doubt, and of the doubtful the nearest."""
    order = np.lexsort((-value, query))
    query, image, value = query[order], image[order], value[order]
    asked, first, which = np.unique(query, return_index=True, return_inverse=True)
    level = value[first + k - 1]  # each has k candidates
    sure = value > (level + 2 * error)[which]
    doubtful = np.flatnonzero(~sure & (value >= (level - 2 * error)[which]))
    spare = k - np.bincount(which[sure], minlength=len(asked))
    settled = spare[which[doubtful]] == np.bincount(which[doubtful], minlength=len(asked))[which[doubtful]]
    kept, tried = doubtful[settled], doubtful[~settled]
    exact = similarity.exact(query[tried], image[tried])
    tried = tried[np.lexsort((image[tried], -exact, which[tried]))]
    rank = np.arange(len(tried)) - np.searchsorted(which[tried], which[tried])
    chosen = np.concatenate([np.flatnonzero(sure), kept, tried[rank < spare[which[tried]]]])
    return query[chosen], image[chosen]
