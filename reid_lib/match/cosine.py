"""Cosine similarities in bounded memory, the same to the last bit for any block size, row order and machine.

Matrix products in floating point depend on how they are cut up. Here each feature is first rounded to a whole multiple
of 2**-26. Products of two are then multiples of 2**-52, and by Cauchy–Schwarz no partial sum of them exceeds 1: it is a
whole number of these below 2**53, which float64 holds exactly in any order of adding. The rounding moves a cosine by
about 1e-8, less than float32 features are worth.
"""

from collections.abc import Iterator

import numpy as np

from reid_lib.core.errors import ParameterError

STEPS = 2.0**26  # whole numbers per unit length
_ROWS_AT_ONCE = 256  # their copies stay in the cache


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
    features = as_rows(features)
    whole = np.empty(features.shape, dtype=np.int32)
    for start in range(0, len(features), _ROWS_AT_ONCE):
        rows = np.array(features[start : start + _ROWS_AT_ONCE], dtype=np.float64, order="C")
        length = np.sqrt((rows * rows).sum(axis=1, keepdims=True))
        check_lengths(length[:, 0], first + start)
        rows /= length
        rows *= STEPS
        whole[start : start + len(rows)] = np.rint(rows, out=rows)
    return whole


def as_rows(features) -> np.ndarray:
    features = np.asarray(features)
    if features.ndim != 2:
        raise ParameterError(f"features must be (n, d), got shape {features.shape}")
    return features


def check_lengths(length: np.ndarray, start: int) -> None:
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
        block /= STEPS * STEPS  # a power of two: exact
        yield start, start + len(some), block
