"""Exact nearest neighbours by cosine similarity, in bounded memory."""

import os

import numpy as np

from reid_lib.core.errors import ParameterError
from reid_lib.match.cosine import STEPS, as_rows, check_lengths, whole_numbers

IN_CACHE = 40 * 2**20  # bytes for `_tile`: a block of a million numbers
_FRESH = 2**23  # bytes of working memory that are cheaper used again and again than more of them once
SPARE = 11  # candidates beside the k, by which rounding is told from distance


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
    queries, gallery = as_rows(queries), as_rows(gallery)
    if queries.shape[1] != gallery.shape[1]:
        raise ParameterError(f"queries have {queries.shape[1]} dimensions, the gallery has {gallery.shape[1]}")
    if not 1 <= k <= len(gallery):
        raise ParameterError(f"k must be between 1 and the {len(gallery)} gallery rows, got {k}")
    device = "cpu" if str(device).startswith("mps") else device
    columns, sure = _shortlist(queries, gallery, k, device, max_bytes)
    if not sure.any():
        return _exhaustive(queries, gallery, k, device, max_bytes)
    scores, index = best_of_candidates(queries, gallery, columns, k, max_bytes=max_bytes)
    if not sure.all():
        scores[~sure], index[~sure] = _exhaustive(queries[~sure], gallery, k, device, max_bytes)
    return scores, index


def _shortlist(queries, gallery, k: int, device: str, max_bytes: int):
    """Candidates of each query by float32 products, twice as fast as exact ones and without a copy of the gallery.

    Returns:
        columns: (q, c) int64 with k <= c <= k + SPARE, or None where nothing is to be gained.
        sure: (q,) bool, the k exactly nearest are among them: the worst candidate is further behind the k-th than
            rounding can explain. Elsewhere (many equal images) all of the gallery has to be looked at.
    """
    import torch

    size = k + SPARE
    if size >= len(gallery) or not _float32_is_meant():
        return None, np.zeros(len(queries), dtype=bool)
    dim = queries.shape[1]
    # On a CPU a block that stays in its cache is multiplied and looked through the quickest.
    rows, width = _tile(len(queries), len(gallery), dim, min(max_bytes, IN_CACHE) if device == "cpu" else max_bytes)
    columns, sure = np.empty((len(queries), size), dtype=np.int64), np.empty(len(queries), dtype=bool)
    needed = k
    for start in range(0, len(queries), rows):
        some, _ = _float32_rows(queries[start : start + rows], start, device)
        best = torch.full((len(some), size), -torch.inf, device=device)
        place = torch.zeros((len(some), size), dtype=torch.int64, device=device)
        off = 0.0
        for column in range(0, len(gallery), width):
            tile, length_off = _float32_rows(gallery[column : column + width], column, device)
            off = max(off, length_off)
            block = _products(some, tile)
            better = (block.amax(dim=1) > best[:, -1]).nonzero().ravel()
            if not better.numel():
                continue
            rest = block if len(better) == len(block) else block[better]
            values, found = rest.topk(min(size, len(tile)), dim=1)
            merged, order = torch.cat([best[better], values], dim=1).topk(size, dim=1)
            best[better] = merged
            place[better] = torch.cat([place[better], found + column], dim=1).gather(1, order)
        # |x y - fl(x y)| <= n u |x| |y| for a sum of n products (Higham, 2002, 3.1), and a few u for the lengths; the
        # length of a query is the same for all of its candidates.
        apart = 2.02 * ((dim + 8) * 2.0**-24 + off)
        near = best[:, k - 1 : k] - best <= apart
        columns[start : start + len(some)] = place.cpu().numpy()
        sure[start : start + len(some)] = ~near[:, -1].cpu().numpy()
        if not near[:, -1].all():
            needed = max(needed, int(near[~near[:, -1]].sum(dim=1).max()))
    return columns[:, :needed], sure


def _float32_is_meant() -> bool:
    """Whether products of float32 are computed as such; torch can be told to round them to fewer bits."""
    import torch

    try:
        if torch.get_float32_matmul_precision() != "highest":
            return False
    except RuntimeError:  # so it answers where precisions were set for each backend
        return False
    of_convolutions = getattr(getattr(torch.backends.mkldnn, "conv", None), "fp32_precision", "none")
    return (
        of_convolutions in ("none", "ieee")
        and os.environ.get("ONEDNN_DEFAULT_FPMATH_MODE", "strict").lower() == "strict"
    )


def _products(some, tile):
    """(n, d) and (m, d) -> (n, m). On a CPU by oneDNN's convolutions: on some processors twice as fast as MKL."""
    import torch

    if some.device.type != "cpu" or not torch.backends.mkldnn.is_available():
        return some @ tile.T
    pixels = some.view(1, len(some), 1, -1).permute(0, 3, 1, 2)  # laid out as "channels last" is: nothing is copied
    kernels = tile.view(len(tile), 1, 1, -1).permute(0, 3, 1, 2)
    return torch.conv2d(pixels, kernels)[0, :, :, 0].T


def _float32_rows(features: np.ndarray, first: int, device: str):
    """Rows of length about 1 on a device, and by how much they may be off; embeddings are taken as they are."""
    import torch

    if features.dtype == np.float32:
        rows = torch.from_numpy(np.ascontiguousarray(features)).to(device)
        off = float((torch.linalg.vector_norm(rows, dim=1) - 1).abs().max()) + (features.shape[1] + 8) * 2.0**-24
        if off < 1e-4:  # false for what is not finite, too
            return rows, off
    return torch.from_numpy(unit_rows(features, first=first)).to(device), 0.0


def unit_rows(features: np.ndarray, *, first: int = 0) -> np.ndarray:
    """float32 rows of length 1 up to rounding, whatever their lengths were.

    Args:
        features: (n, d) float.
        first: number of the first row, where they are a part of more; for messages.

    Raises:
        ParameterError: a row is zero or not finite.
    """
    rows = np.ascontiguousarray(features)
    length = np.sqrt(np.einsum("nd,nd->n", rows, rows, dtype=np.float64))
    check_lengths(length, first)
    return (rows / length[:, None]).astype(np.float32)


def best_of_candidates(
    queries: np.ndarray, gallery: np.ndarray, columns: np.ndarray, k: int, *, max_bytes: int = 2**28
) -> tuple[np.ndarray, np.ndarray]:
    """The k most similar of some gallery rows for each query, by exact products, with ties going to the lower index.

    Args:
        queries: (q, d) float.
        gallery: (g, d) float.
        columns: (q, c) int64, rows of the gallery, each at most once for a query; -1 for none. At least k are there.
        k: how many of them.
        max_bytes: bound of the working memory, in bytes.

    Returns:
        scores (q, k) float32 and index (q, k) int64, as `top_k`.
    """
    scores = np.empty((len(queries), k), dtype=np.float32)
    index = np.empty((len(queries), k), dtype=np.int64)
    size, dim = columns.shape[1], queries.shape[1]
    step = max(1, int(min(max_bytes, _FRESH) // (24 * max(size * dim, 1))))
    for start in range(0, len(queries), step):
        part = slice(start, start + step)
        candidates = np.sort(columns[part], axis=1)
        some = whole_numbers(queries[part], first=start).astype(np.float64)
        theirs = whole_numbers(gallery[candidates.ravel()]).astype(np.float64).reshape(len(some), size, dim)
        exact = np.einsum("qd,qsd->qs", some, theirs) / STEPS**2
        exact[candidates < 0] = -np.inf
        order = np.argsort(-exact, axis=1, kind="stable")[:, :k]  # candidates ascend: a tie goes to the lower index
        scores[part] = np.clip(np.take_along_axis(exact, order, axis=1), -1, 1)
        index[part] = np.take_along_axis(candidates, order, axis=1)
    return scores, index


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
        found = (best[0] / STEPS**2).clamp(-1, 1)
        scores[start : start + rows] = found.float().cpu().numpy()
        index[start : start + rows] = best[1].cpu().numpy()
    return scores, index


def _tile(n_queries: int, n_gallery: int, dim: int, max_bytes: int) -> tuple[int, int]:
    """Queries and gallery rows at a time, so that their copies, their similarities and a sort of these fit."""
    area = max(1, max_bytes // 40)  # about five arrays of 8 bytes the size of the block
    longest = max(1, max_bytes // (32 * max(dim, 1)))
    rows = max(1, min(int(area**0.5), longest, n_queries))
    return rows, max(1, min(area // rows, longest, n_gallery))


def _best_of(block, k: int):
    """Values and columns of the k largest per row, descending, ties by column. `topk` alone picks ties at will."""
    values, columns = block.topk(k, dim=1)
    last = values[:, -1:]
    torn = ((block == last).sum(dim=1) != (values == last).sum(dim=1)).nonzero().ravel()
    # More ties at the last place than places: only a stable sort takes the lowest columns. A sort needs several times
    # the memory of what it sorts, so a few rows at a time.
    for some in torn.split(max(1, len(block) // 8)):
        ordered, order = block[some].sort(dim=1, descending=True, stable=True)
        values[some], columns[some] = ordered[:, :k], order[:, :k]
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
