"""Cosine similarities in bounded memory, the same to the last bit for any block size, row order and machine.

Matrix products in floating point depend on how they are cut up. Here each feature is first rounded to a whole multiple
of 2**-26. Products of two are then multiples of 2**-52, and by Cauchy–Schwarz no partial sum of them exceeds 1: it is a
whole number of these below 2**53, which float64 holds exactly in any order of adding. The rounding moves a cosine by
about 1e-8, less than float32 features are worth.

Products in float32 are twice as fast and off by no more than a known bound: they say which pairs can matter to a
ranking, and these few are computed exactly. On a GPU the estimates are computed there (`on_device`).
"""

from collections.abc import Iterator

import numpy as np

from reid_lib.core.errors import ParameterError
from reid_lib.core.names import COSINE, IMAGE_ID
from reid_lib.embed.embedding_set import EmbeddingSet
from reid_lib.match.similarity import Arrays, Estimates

STEPS = 2.0**26  # whole numbers per unit length
UNIT_OFF = 1e-4  # rows whose length differs from 1 by less are taken as they are
ON_HOST = ("cpu", "mps")  # Apple's GPUs have no float64
_ROWS_AT_ONCE = 256  # their copies stay in the cache
_FRESH = 2**23  # bytes of working memory: a small buffer used many times is quicker than a large one used once


class Cosine:
    """Cosine similarity of embeddings, as a `Similarity` that can be estimated.

    Args:
        queries, gallery: embeddings with their rows, of the same dimension.
        device: where estimates are computed: "cpu", or a device of torch. The results are the same to the last bit.

    Raises:
        ParameterError: dimensions differ, or a row is zero, so that it has no direction.
    """

    unit = COSINE
    limits = (-1.0, 1.0)  # which the rounding of features passes by 1e-8

    def __init__(self, queries: EmbeddingSet, gallery: EmbeddingSet, *, device: str = "cpu"):
        self._setup(queries, gallery, device, (_off_unit(queries), _off_unit(gallery)))

    def _setup(self, queries: EmbeddingSet, gallery: EmbeddingSet, device: str, off: tuple[float, float]) -> None:
        ours, theirs = queries.features.shape[1], gallery.features.shape[1]
        if ours != theirs:
            raise ParameterError(f"queries have {ours} dimensions, the gallery has {theirs}: embed both by one network")
        self._queries, self._gallery, self._off = queries.features, gallery.features, off
        self.queries, self.gallery, self.device = queries.rows, gallery.rows, device

    def blocks(self, *, max_bytes: int = 2**28) -> Iterator[tuple[int, int, np.ndarray]]:
        """(start, stop, block (stop - start, g) float64), exact; see `Similarity.blocks`."""
        queries, gallery = to_whole_numbers(self._queries), to_whole_numbers(self._gallery)
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

    def part(self, queries: np.ndarray | slice, gallery: np.ndarray | slice) -> "Cosine":
        """See `Estimable.part`."""
        new = object.__new__(Cosine)
        new._queries, new._gallery, new._off = self._queries[queries], self._gallery[gallery], self._off
        new.queries, new.gallery, new.device = self.queries.iloc[queries], self.gallery.iloc[gallery], self.device
        return new

    def within_gallery(self) -> "Cosine":
        """The same similarity of the gallery with itself."""
        new = object.__new__(Cosine)
        new._queries, new._gallery, new._off = self._gallery, self._gallery, (self._off[1], self._off[1])
        new.queries, new.gallery, new.device = self.gallery, self.gallery, self.device
        return new

    def exact(self, queries: np.ndarray, gallery: np.ndarray) -> np.ndarray:
        """See `Estimable.exact`."""
        found = np.empty(len(queries))
        step = max(1, int(_FRESH // (24 * max(self._queries.shape[1], 1))))
        often = len(gallery) > len(self._gallery)  # then all images are rounded at once instead of each again and again
        enrolled = to_whole_numbers(self._gallery) if often else self._gallery
        for start in range(0, len(queries), step):
            part = slice(start, start + step)
            asked, which = np.unique(queries[part], return_inverse=True)
            ours = to_whole_numbers(self._queries[asked]).astype(np.float64)[which]
            theirs = enrolled[gallery[part]]
            theirs = (theirs if often else to_whole_numbers(theirs)).astype(np.float64)
            found[part] = np.einsum("pd,pd->p", ours, theirs) / STEPS**2
        return found

    def estimates(self, *, numbers_per_query: int, max_bytes: int = 2**28) -> Iterator[Estimates]:
        """See `Estimable.estimates`: by products in float32 on a CPU, in float64 on a GPU."""
        if str(self.device).split(":")[0] not in ON_HOST:
            from reid_lib.match.on_device import estimate_cosines

            yield from estimate_cosines(
                self._queries, self._gallery, self.device, numbers_per_query=numbers_per_query, max_bytes=max_bytes
            )
            return
        queries, gallery = (
            _near_unit(x, off) for x, off in zip((self._queries, self._gallery), self._off, strict=True)
        )
        error, arrays = _float32_error(self._queries.shape[1], self._off), Arrays()
        rows = min(max(1, int(max_bytes // (4 * max(numbers_per_query, 1)))), max(len(queries), 1))
        values = np.empty((rows, len(gallery)), dtype=np.float32)
        for start in range(0, len(queries), rows):
            some = queries[start : start + rows]
            np.matmul(some, gallery.T, out=values[: len(some)])
            yield Estimates(start, start + len(some), values[: len(some)], error, arrays)


def _float32_error(dim: int, off: tuple[float, float]) -> float:
    """By how much a product in float32 may differ from the exact cosine.

    |x y - fl(x y)| <= n u |x| |y| / (1 - n u) for a sum of n products in any order (Higham, "Accuracy and Stability of
    Numerical Algorithms", 2002, 3.1), with u = 2**-24; then the lengths of rows, their rounding to float32, and that of
    the exact cosine's features to 2**-26. The last term is for comparing in float32.
    """
    u = 2.0**-24
    ours, theirs = (UNIT_OFF if length > UNIT_OFF else length for length in off)
    lengths = (1 + ours) * (1 + theirs)
    return dim * u / (1 - dim * u) * lengths + lengths - 1 + 2.0**-26 * 1.01 * dim**0.5 + 8 * u


def _off_unit(embeddings: EmbeddingSet) -> float:
    """By how much the length of a row differs from 1 at most."""
    off = 0.0
    for start in range(0, len(embeddings), _ROWS_AT_ONCE):
        length = _lengths(embeddings.features[start : start + _ROWS_AT_ONCE])
        if not length.all():
            bad = embeddings.rows[IMAGE_ID].iloc[start + int(np.flatnonzero(length == 0)[0])]
            raise ParameterError(
                f"the embedding of image {bad!r} is zero: it has no cosine with anything; look at what was embedded"
            )
        off = max(off, float(np.abs(length - 1).max()))
    return off


def _lengths(rows: np.ndarray) -> np.ndarray:
    rows = rows.astype(np.float64)
    return np.sqrt(np.einsum("nd,nd->n", rows, rows))


def _near_unit(features: np.ndarray, off: float) -> np.ndarray:
    """(n, d) float32 of length 1 within `UNIT_OFF`; embeddings are taken as they are."""
    if off <= UNIT_OFF:
        return features
    unit = np.empty_like(features)
    for start in range(0, len(features), _ROWS_AT_ONCE):
        rows = features[start : start + _ROWS_AT_ONCE]
        unit[start : start + len(rows)] = rows / _lengths(rows)[:, None]
    return unit


def to_whole_numbers(features: np.ndarray) -> np.ndarray:
    """Directions of `features` as whole multiples of 2**-26.

    Args:
        features: (n, d) float; finite rows of any length above zero.

    Returns:
        (n, d) int32; the row divided by its length, times 2**26, rounded.
    """
    whole = np.empty(features.shape, dtype=np.int32)
    for start in range(0, len(features), _ROWS_AT_ONCE):
        rows = np.array(features[start : start + _ROWS_AT_ONCE], dtype=np.float64, order="C")
        rows /= np.sqrt((rows * rows).sum(axis=1, keepdims=True))
        rows *= STEPS
        whole[start : start + len(rows)] = np.rint(rows, out=rows)
    return whole
