"""The seam between embeddings and open-set decisions: how alike is each query to each gallery image, in some unit."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np
import pandas as pd

from reid_lib.core.errors import ParameterError


class Similarity(Protocol):
    """What `openset.score_individuals` ranks: the more alike two images are, the higher their number.

    Attributes:
        unit: of the numbers, in one word: "cosine", "matches", "probability". Axis labels and messages read it.
        queries, gallery: the images' rows with a unique `image_id`, and `dataset` and `identity` where individuals are
            ranked.
    """

    unit: str
    queries: pd.DataFrame
    gallery: pd.DataFrame

    def blocks(self, *, max_bytes: int = 2**28) -> Iterator[tuple[int, int, np.ndarray]]:
        """Similarities of a few queries at a time with the whole gallery.

        Args:
            max_bytes: bound of the working memory, in bytes; at least one query is taken at a time.

        Yields:
            (start, stop, block): block (stop - start, len(gallery)) float for the rows `queries[start:stop]`, in order
            and without gaps. `-inf` where two images are not compared; never NaN. The taker may write to it.
        """
        ...


@runtime_checkable
class Estimable(Similarity, Protocol):
    """A similarity that is estimated more quickly than computed. The ranking computes the pairs that decide, exactly.

    Attributes:
        limits: lowest and highest number that is reported.
    """

    limits: tuple[float, float]

    def part(self, queries: np.ndarray | slice, gallery: np.ndarray | slice) -> "Estimable":
        """The same similarity of some rows (row numbers) in another order."""
        ...

    def estimates(self, *, numbers_per_query: int, max_bytes: int = 2**28) -> Iterator["Estimates"]:
        """All pairs, a few queries at a time, in order.

        Args:
            numbers_per_query: numbers that the taker holds for each query, with those of the estimates; decides how
                many queries fit into `max_bytes`.
        """
        ...

    def exact(self, queries: np.ndarray, gallery: np.ndarray) -> np.ndarray:
        """(p,) float64: the similarity of pairs of row numbers, to the last bit that of `blocks`."""
        ...


@dataclass(frozen=True)
class Estimates:
    """Numbers near the similarities of the queries `start` ... `stop` - 1 with the whole gallery.

    Attributes:
        values: (stop - start, g) of `arrays`; may be written to, and used until the next ones are asked for.
        error: no value is further from the exact one; 0 where they are the exact ones.
        arrays: where the values lie, and what computes with them.
    """

    start: int
    stop: int
    values: Any
    error: float
    arrays: "Arrays"


class Arrays:
    """The operations that numpy and torch name differently, in numpy; the ranking does the rest by operators."""

    def index(self, numbers: np.ndarray) -> Any:
        """Whole numbers to index with."""
        return numbers

    def like(self, values: Any, numbers: np.ndarray) -> Any:
        """Float64 numbers in the type, and at the place, of `values`."""
        return numbers.astype(values.dtype)

    def host(self, values: Any) -> np.ndarray:
        """Values of any kind as an array of numpy."""
        return np.asarray(values)

    def copy(self, values: Any) -> Any:
        """A copy that may be written to."""
        return values.copy()

    def raise_to(self, values: Any, others: Any) -> None:
        """Each value becomes the larger one of two."""
        np.maximum(values, others, out=values)

    def where(self, mask: Any) -> tuple[np.ndarray, ...]:
        """Indices of what is true, as numpy's `nonzero` gives them."""
        return np.divmod(np.flatnonzero(mask), mask.shape[1])  # several times as quick as `nonzero` of two dimensions


def check_block(block: np.ndarray, start: int, unit: str) -> np.ndarray:
    """A block of a similarity as floats.

    Raises:
        ParameterError: it holds NaN, for which no order has a place.
    """
    block = np.asarray(block)
    block = block if block.dtype.kind == "f" else block.astype(np.float64)
    bad = np.flatnonzero(np.isnan(block).any(axis=1))
    if len(bad):
        raise ParameterError(
            f"the similarity in {unit!r} gives no number (NaN) for query {start + bad[0]}: give -inf for a pair that "
            "is not compared"
        )
    return block
