"""Cosine similarities in bounded memory, the same to the last bit for any block size, row order and machine.

Matrix products in floating point depend on how they are cut up. Here each feature is first rounded to a whole multiple
of 2**-26. Products of two are then multiples of 2**-52, and by Cauchy–Schwarz no partial sum of them exceeds 1: it is a
whole number of these below 2**53, which float64 holds exactly in any order of adding. The rounding moves a cosine by
about 1e-8, less than float32 features are worth.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from reid_lib.errors import ParameterError

_STEPS = 2.0**26  # whole numbers per unit length
_ROWS_AT_ONCE = 4096
SPARE = 11  # candidates beside the k, by which rounding is told from distance


def whole_numbers(features: np.ndarray, *, first: int = 0) -> np.ndarray:
    """Directions of `features` as whole multiples of 2**-26.

    Args:
        features: (n, d) float; rows of any length above zero.
        first: number of the first row, where they are a part of more; for messages.

    Returns:
        (n, d) int32; the row divided by its length, times 2**26, rounded.

    Raises:
        ParameterError: not two-dimensional; a row is zero or not finite, so that it has no direction.
    """
    features = _rows(features)
    whole = np.empty(features.shape, dtype=np.int32)
    for start in range(0, len(features), _ROWS_AT_ONCE):
        rows = np.ascontiguousarray(features[start : start + _ROWS_AT_ONCE], dtype=np.float64)
        length = np.sqrt((rows * rows).sum(axis=1, keepdims=True))
        _check_lengths(length[:, 0], first + start)
        whole[start : start + len(rows)] = np.rint(rows / length * _STEPS)
    return whole


def _rows(features) -> np.ndarray:
    features = np.asarray(features)
    if features.ndim != 2:
        raise ParameterError(f"features must be (n, d), got shape {features.shape}")
    return features


def _check_lengths(length: np.ndarray, start: int) -> None:
    bad = np.flatnonzero(~(np.isfinite(length) & (length > 0)))
    if bad.size:
        raise ParameterError(f"feature row {start + bad[0]} is zero or not finite: it has no cosine with anything")


def similarity_blocks(
    queries: np.ndarray, gallery: np.ndarray, *, max_bytes: int = 2**28
) -> Iterator[tuple[int, int, np.ndarray]]:
    """Cosine similarities of a few queries at a time with the whole gallery.

    Args:
        queries: (q, d) int32 from `whole_numbers`.
        gallery: (g, d) int32 from `whole_numbers`.
        max_bytes: bound of the working memory, in bytes; at least one query is taken at a time.

    Yields:
        (start, stop, block): block (stop - start, g) float64, exact, for `queries[start:stop]`; may be written to.
    """
    n_gallery, dim = gallery.shape
    # A third of the memory for the block, a third for what the caller derives from it, the rest for float64 copies.
    rows = max(1, int(max_bytes // 3 // (8 * max(n_gallery, dim, 1))))
    tile = max(1, int(max_bytes // 6 // (8 * max(dim, 1))))
    for start in range(0, len(queries), rows):
        some = queries[start : start + rows].astype(np.float64)
        block = np.empty((len(some), n_gallery))
        for column in range(0, n_gallery, tile):
            block[:, column : column + tile] = some @ gallery[column : column + tile].astype(np.float64).T
        block /= _STEPS * _STEPS  # a power of two: exact
        yield start, start + len(some), block


@dataclass(frozen=True)
class Ranking:
    """Groups of gallery rows (the individuals) by similarity to each of q queries; k ranks, -1 and NaN beyond the last.

    Attributes:
        group: (q, k) int64, descending by score, ties by the lower group.
        image: (q, k) int64, the group's most similar gallery row, ties by the lower row.
        score: (q, k) float64, cosine similarity to that row.
        own_score, own_rank, average_precision: (q,) float64, of the query's own group; NaN where it has none.
    """

    group: np.ndarray
    image: np.ndarray
    score: np.ndarray
    own_score: np.ndarray
    own_rank: np.ndarray
    average_precision: np.ndarray

    @classmethod
    def empty(cls, n_queries: int, k: int) -> "Ranking":
        rows = (np.full((n_queries, k), -1, dtype=np.int64) for _ in range(2))
        return cls(*rows, np.full((n_queries, k), np.nan), *(np.full(n_queries, np.nan) for _ in range(3)))


def rank_groups(
    queries: np.ndarray, gallery: np.ndarray, first: np.ndarray, own: np.ndarray, *, k: int, max_bytes: int = 2**28
) -> Ranking:
    """Rank groups of gallery rows by their most similar row.

    Args:
        queries: (q, d) float.
        gallery: (g, d) float, g > 0, the rows of a group lying together.
        first: (m,) int, ascending: the first row of each group, so first[0] is 0.
        own: (q,) int: the group that is right for the query, -1 for none.
        k: ranks to give.
        max_bytes: bound of the working memory, in bytes, beside int32 copies of the features.
    """
    found = Ranking.empty(len(queries), k)
    ends = np.append(first, len(gallery))
    for start, stop, block in similarity_blocks(whole_numbers(queries), whole_numbers(gallery), max_bytes=max_bytes):
        scores, rows = np.maximum.reduceat(block, first, axis=1), np.arange(stop - start)
        _rank_own(block, scores, own[start:stop], ends, start, found)
        for rank in range(min(k, len(first))):
            best = scores.argmax(axis=1)  # the first of equals
            found.group[start:stop, rank] = best
            found.score[start:stop, rank] = np.clip(scores[rows, best], -1, 1)
            found.image[start:stop, rank] = [
                ends[b] + block[i, ends[b] : ends[b + 1]].argmax() for i, b in enumerate(best)
            ]
            scores[rows, best] = -np.inf
    return found


def _rank_own(block, scores, own, ends, start: int, found: Ranking) -> None:
    """Score, rank and average precision of the own group, for the queries of a block that have one."""
    known = np.flatnonzero(own >= 0)
    own_score = scores[known, own[known]][:, None]
    before = np.arange(scores.shape[1]) < own[known][:, None]
    others = scores[known]
    found.own_rank[start + known] = 1 + (others > own_score).sum(axis=1) + ((others == own_score) & before).sum(axis=1)
    found.own_score[start + known] = np.clip(own_score[:, 0], -1, 1)
    for i in known:
        # Precision where each right row is reached, ties reached together (as scikit-learn's average precision).
        right = np.sort(block[i, ends[own[i]] : ends[own[i] + 1]])
        reached = np.sort(block[i][block[i] >= right[0]])
        n_right = len(right) - np.searchsorted(right, right)
        n_reached = len(reached) - np.searchsorted(reached, right)
        found.average_precision[start + i] = np.mean(n_right / n_reached)


def top_k(
    queries: np.ndarray, gallery: np.ndarray, k: int, *, device: str = "cpu", max_bytes: int = 2**28
) -> tuple[np.ndarray, np.ndarray]:
    """The k most similar gallery rows of each query, exactly, with ties going to the lower index.

    Args:
        queries: (q, d) float.
        gallery: (g, d) float.
        k: neighbours per query, 1 ... g.
        device: where torch computes; "mps" has no float64, so the CPU is taken there.
        max_bytes: bound of the working memory, in bytes.

    Returns:
        scores: (q, k) float32 in [-1, 1], cosine similarity, descending.
        index: (q, k) int64, rows of the gallery.

    Raises:
        ParameterError: k out of range, dimensions differ, a row without direction.

    Example:
        >>> scores, index = top_k(np.eye(3), np.eye(3)[::-1], 1)
        >>> index.ravel().tolist()
        [2, 1, 0]
    """
    queries, gallery = _rows(queries), _rows(gallery)
    if queries.shape[1] != gallery.shape[1]:
        raise ParameterError(f"queries have {queries.shape[1]} dimensions, the gallery has {gallery.shape[1]}")
    if not 1 <= k <= len(gallery):
        raise ParameterError(f"k must be between 1 and the {len(gallery)} gallery rows, got {k}")
    device = "cpu" if str(device).startswith("mps") else device
    scores = np.empty((len(queries), k), dtype=np.float32)
    index = np.empty((len(queries), k), dtype=np.int64)
    columns, sure = _shortlist(queries, gallery, k, device, max_bytes)
    if sure.any():
        _rescore(queries, gallery, columns, sure, scores, index, max_bytes)
    rest = np.flatnonzero(~sure)
    if rest.size:
        scores[rest], index[rest] = _exhaustive(queries[rest], gallery, k, device, max_bytes)
    return scores, index


def _shortlist(queries, gallery, k: int, device: str, max_bytes: int):
    """Candidates of each query by float32 products, twice as fast as exact ones and without a copy of the gallery.

    Returns:
        columns: (q, k + SPARE) int64, or None where nothing is to be gained.
        sure: (q,) bool, the k exactly nearest are among them: the worst candidate is further behind the k-th than
            rounding can explain. Elsewhere (many equal images) all of the gallery has to be looked at.
    """
    import torch

    size = k + SPARE
    if size >= len(gallery) or torch.get_float32_matmul_precision() != "highest":
        return None, np.zeros(len(queries), dtype=bool)
    dim = queries.shape[1]
    # |x y - fl(x y)| <= n u |x| |y| for a sum of n products (Higham, 2002, 3.1), and a few u for the lengths.
    rounding = (dim + 8) * 2.0**-24
    rows, width = _tile(len(queries), len(gallery), dim, max_bytes)
    columns, sure = np.empty((len(queries), size), dtype=np.int64), np.empty(len(queries), dtype=bool)
    for start in range(0, len(queries), rows):
        some = torch.from_numpy(_unit_rows(queries[start : start + rows], start)).to(device)
        best = place = None
        for column in range(0, len(gallery), width):
            tile = torch.from_numpy(_unit_rows(gallery[column : column + width], column)).to(device)
            block = some @ tile.T
            if best is None:
                best = torch.full((len(some), size), -torch.inf, device=device)
                place = torch.zeros((len(some), size), dtype=torch.int64, device=device)
            better = (block.amax(dim=1) > best[:, -1]).nonzero().ravel()
            if not better.numel():
                continue
            values, found = block[better].topk(min(size, block.shape[1]), dim=1)
            merged, order = torch.cat([best[better], values], dim=1).topk(size, dim=1)
            best[better] = merged
            place[better] = torch.cat([place[better], found + column], dim=1).gather(1, order)
        columns[start : start + len(some)] = place.cpu().numpy()
        sure[start : start + len(some)] = (best[:, k - 1] - best[:, -1] > 2 * rounding).cpu().numpy()
    return columns, sure


def _unit_rows(features: np.ndarray, start: int) -> np.ndarray:
    """float32 rows of length 1 up to rounding, whatever their lengths were."""
    rows = np.ascontiguousarray(features)
    length = np.sqrt(np.einsum("nd,nd->n", rows, rows, dtype=np.float64))
    _check_lengths(length, start)
    return (rows / length[:, None]).astype(np.float32)


def _rescore(queries, gallery, columns, sure, scores, index, max_bytes: int) -> None:
    """Fill in scores and index of the sure queries, from the exact products with their candidates."""
    k, (_, size) = scores.shape[1], columns.shape
    step = max(1, int(max_bytes // (24 * max(size * queries.shape[1], 1))))
    chosen = np.flatnonzero(sure)
    for begin in range(0, len(chosen), step):
        at = chosen[begin : begin + step]
        candidates = np.sort(columns[at], axis=1)
        some = whole_numbers(queries[at]).astype(np.float64)
        theirs = whole_numbers(gallery[candidates.ravel()]).astype(np.float64).reshape(len(at), size, -1)
        exact = np.einsum("qd,qsd->qs", some, theirs) / _STEPS**2
        order = np.argsort(-exact, axis=1, kind="stable")[:, :k]  # candidates ascend: a tie goes to the lower index
        scores[at] = np.clip(np.take_along_axis(exact, order, axis=1), -1, 1)
        index[at] = np.take_along_axis(candidates, order, axis=1)


def _exhaustive(queries, gallery, k: int, device: str, max_bytes: int) -> tuple[np.ndarray, np.ndarray]:
    """`top_k` by exact products with the whole gallery."""
    import torch

    rows, columns = _tile(len(queries), len(gallery), queries.shape[1], max_bytes)
    scores = np.empty((len(queries), k), dtype=np.float32)
    index = np.empty((len(queries), k), dtype=np.int64)
    for start in range(0, len(queries), rows):
        some = torch.from_numpy(whole_numbers(queries[start : start + rows], first=start)).to(device).double()
        best = None
        for column in range(0, len(gallery), columns):  # rounded anew for each block of queries: no copy of it all
            tile = gallery[column : column + columns]
            tile = torch.from_numpy(whole_numbers(tile, first=column)).to(device).double()
            best = _merge(best, *_best_of(some @ tile.T, min(k, len(tile))), offset=column, k=k)
        found = (best[0] / _STEPS**2).clamp(-1, 1)
        scores[start : start + rows] = found.float().cpu().numpy()
        index[start : start + rows] = best[1].cpu().numpy()
    return scores, index


def _tile(n_queries: int, n_gallery: int, dim: int, max_bytes: int) -> tuple[int, int]:
    """Queries and gallery rows at a time, so that their copies, their similarities and a sort of these fit."""
    side = max(1, int((max_bytes / 40) ** 0.5))  # about five arrays of 8 bytes the size of the block
    side = min(side, max(1, max_bytes // (32 * max(dim, 1))))
    return max(1, min(side, n_queries)), max(1, min(side, n_gallery))


def _best_of(block, k: int):
    """Values and columns of the k largest per row, descending, ties by column. `topk` alone picks ties at will."""
    values, columns = block.topk(k, dim=1)
    last = values[:, -1:]
    torn = ((block == last).sum(dim=1) != (values == last).sum(dim=1)).nonzero().ravel()
    if torn.numel():  # more ties at the last place than places: only a stable sort takes the lowest columns
        ordered, order = block[torn].sort(dim=1, descending=True, stable=True)
        values[torn], columns[torn] = ordered[:, :k], order[:, :k]
    columns, by_column = columns.sort(dim=1)
    values, by_value = values.gather(1, by_column).sort(dim=1, descending=True, stable=True)
    return values, columns.gather(1, by_value)


def _merge(best, values, columns, *, offset: int, k: int):
    """The k best of those found so far and those of the next tile, whose columns are all higher."""
    import torch

    columns = columns + offset
    if best is not None:
        values, columns = torch.cat([best[0], values], dim=1), torch.cat([best[1], columns], dim=1)
        values, order = values.sort(dim=1, descending=True, stable=True)
        columns = columns.gather(1, order)
    return values[:, :k], columns[:, :k]
