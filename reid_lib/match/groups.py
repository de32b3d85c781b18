"""Groups of gallery rows, the individuals, laid out so that the highest of each is found by adding whole arrays."""

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from reid_lib.match.similarity import Arrays


class Groups:
    """Groups of lying-together rows, and columns in which they are compared.

    The first rows of all groups are the first columns, then come the second rows of those that have one, and so on, the
    largest group in front. The highest value of each group is then the elementwise maximum of a few long runs of
    columns, which any array library computes as quickly as it reads them.

    Args:
        first: (m,) int, ascending from 0: the first row of each group.
        n_rows: how many rows there are.

    Attributes:
        first, sizes: (m,) int.
        column: (n_rows,) int: the column of each row.
        row: (n_rows,) int: the row of each column.
    """

    def __init__(self, first: np.ndarray, n_rows: int):
        self.first = np.asarray(first, dtype=np.int64)
        self.sizes = np.diff(np.append(self.first, n_rows))
        by_size = np.argsort(-self.sizes, kind="stable")
        self._seat = np.empty(len(by_size), dtype=np.int64)
        self._seat[by_size] = np.arange(len(by_size))
        rounds = np.arange(self.sizes.max(initial=0))
        lengths = len(by_size) - np.searchsorted(np.sort(self.sizes), rounds, side="right")
        self._starts = np.cumsum(lengths) - lengths
        self._lengths = lengths
        group = np.repeat(np.arange(len(self)), self.sizes)
        self.column = self._starts[np.arange(n_rows) - self.first[group]] + self._seat[group]
        self.row = np.empty(n_rows, dtype=np.int64)
        self.row[self.column] = np.arange(n_rows)

    def __len__(self) -> int:
        return len(self.first)

    def maxima(self, values: Any, arrays: "Arrays") -> Any:
        """(n, m) highest value of each group, from values (n, n_rows) by column."""
        best = arrays.copy(values[:, : len(self)])
        for start, length in zip(self._starts[1:].tolist(), self._lengths[1:].tolist(), strict=True):
            arrays.raise_to(best[:, :length], values[:, start : start + length])
        if (self._seat == np.arange(len(self))).all():
            return best
        return best[:, arrays.index(self._seat)]

    def members(self, groups: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """All rows of some groups (p,): (which of the p, row), both (sum of their sizes,)."""
        sizes = self.sizes[groups]
        which = np.repeat(np.arange(len(groups)), sizes)
        return which, np.arange(len(which)) - (np.cumsum(sizes) - sizes)[which] + self.first[groups][which]
