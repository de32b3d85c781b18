"""Matches from descriptors alone: mutual nearest neighbours that pass the ratio test (Lowe, IJCV 2004). No network."""

from dataclasses import dataclass

import numpy as np

from reid_lib.core.errors import ParameterError
from reid_lib.match import verify
from reid_lib.match.keypoints import Keypoints
from reid_lib.match.matches import NAMES, Matches, Pair, score_matches

FORMAT = 1  # raised whenever the same settings would give other matches


@dataclass(frozen=True)
class RatioMatcher:
    """Two descriptors match when each is the other's nearest, much nearer than the second nearest. A `Matcher`.

    The confidence of a match is 1 minus the ratio of its distance to that of the second nearest, the larger ratio of
    both directions.

    Args:
        ratio: up to it, a match counts among the sure ones.
        loosest: up to it, there is a match at all.

    Raises:
        ParameterError: not 0 < ratio <= loosest <= 1.

    Example:
        >>> RatioMatcher(ratio=0.75).names
        ('matches', 'confidence', 'inliers')
    """

    ratio: float = 0.8
    loosest: float = 0.9

    names = NAMES
    at_once = 16
    threads = True

    def __post_init__(self):
        if not 0 < self.ratio <= self.loosest <= 1:
            raise ParameterError(f"expected 0 < ratio <= loosest <= 1, got {self.ratio:g} and {self.loosest:g}")

    @property
    def key(self) -> str:
        """Method and settings."""
        return f"ratio {FORMAT} {self.ratio:g} {self.loosest:g} {verify.key()}"

    def match(self, pairs: list[Pair]) -> list[Matches]:
        """See `matches.Matcher.match`."""
        return [self._match(*pair) for pair in pairs]

    def _match(self, a: Keypoints, b: Keypoints) -> Matches:
        first, second, ratio = find_mutual_nearest(a.descriptors, b.descriptors)
        good = ratio <= self.loosest
        # Half a step above what rounding makes of 1 - ratio.
        return score_matches((a, b), first[good], second[good], 1 - ratio[good], sure=1 - self.ratio - 1e-6)


def find_mutual_nearest(ours: np.ndarray, theirs: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Mutual nearest neighbours by Euclidean distance.

    Args:
        ours, theirs: (n, d), (m, d) uint8 or float16.

    Returns:
        first, second: (p,) int64 positions, `first` ascending.
        ratio: (p,) float32, distance to the nearest over that to the second nearest, the larger of both directions; 1
            where there is no second, or both are 0.
    """
    if not len(ours) or not len(theirs):
        return np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0, np.float32)
    a, b = ours.astype(np.float32), theirs.astype(np.float32)
    # Of whole numbers up to 255 in a length of 512 every sum is exact.
    squared = np.maximum(_squares(a)[:, None] + _squares(b) - 2 * (a @ b.T), 0)
    there, back = squared.argmin(axis=1), squared.argmin(axis=0)
    first = np.flatnonzero(back[there] == np.arange(len(a)))
    second = there[first]
    ratio = np.maximum(_ratios(squared[first]), _ratios(squared[:, second].T))
    return first, second, ratio


def _squares(rows: np.ndarray) -> np.ndarray:
    return np.einsum("nd,nd->n", rows, rows)


def _ratios(squared: np.ndarray) -> np.ndarray:
    """(p, n) squared distances -> (p,) the smallest distance over the second smallest."""
    if squared.shape[1] < 2:
        return np.ones(len(squared), np.float32)
    nearest, second = np.partition(squared, 1, axis=1)[:, :2].T
    return np.sqrt(np.divide(nearest, second, out=np.ones_like(nearest), where=second > 0))
