"""Matches: which keypoints of two photographs show the same spot, and what a pair scores by them; and who finds them.

A `Matcher` finds them: `ratio` from descriptors alone, `networks` by LightGlue. `pair_scores` runs one over many pairs.
"""

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from reid_lib.match.keypoints import Keypoints
from reid_lib.match.verify import find_inliers

# Scores of a pair, the higher, the more alike.
MATCHES = "matches"  # number of matches that are sure enough
CONFIDENCE = "confidence"  # sum of the confidences of all
INLIERS = "inliers"  # number of matches that one geometry explains
NAMES = (MATCHES, CONFIDENCE, INLIERS)

Pair = tuple[Keypoints, Keypoints]


@dataclass(frozen=True)
class Matches:
    """The matches of one pair of photographs; none at all is no error.

    Attributes:
        first, second: (m,) int64, positions among the keypoints of the two photographs, none twice.
        confidence: (m,) float32, 0 ... 1.
        inlier: (m,) bool: one geometry explains it (see `verify.find_inliers`).
        scores: (3,) float32, by `NAMES`.
    """

    first: np.ndarray
    second: np.ndarray
    confidence: np.ndarray
    inlier: np.ndarray
    scores: np.ndarray

    def places(self, ours: Keypoints, theirs: Keypoints) -> tuple[np.ndarray, np.ndarray]:
        """Where the matches lie in both photographs: (m, 2) each, as shares of width and height."""
        both = ((ours, self.first), (theirs, self.second))
        first, second = (keypoints.xy[at] / np.array(keypoints.size) for keypoints, at in both)
        return first, second


class Matcher(Protocol):
    """Finds matches.

    Attributes:
        key: all that its result depends on beside the keypoints: method, settings, SHA-256 of weights. Part of the
            cache's key.
        names: of its scores, in order.
        at_once: how many pairs to hand over at a time.
        threads: may several threads call `match` at once?
    """

    key: str
    names: tuple[str, ...]
    at_once: int
    threads: bool

    def match(self, pairs: list[Pair]) -> list[Matches]:
        """The matches of each pair. One with a photograph that has no keypoints has none."""
        ...


def score_matches(pair: Pair, first: np.ndarray, second: np.ndarray, confidence: np.ndarray, *, sure: float) -> Matches:
    """Matches with their geometry verified, and what the pair scores.

    Args:
        pair: keypoints of both photographs.
        first, second, confidence: (m,), see `Matches`.
        sure: least confidence of those that are counted as `MATCHES`.
    """
    a, b = pair
    inlier = find_inliers(a.xy[first], b.xy[second], a.size, b.size)
    scores = np.array([(confidence >= sure).sum(), confidence.sum(dtype=np.float64), inlier.sum()], dtype=np.float32)
    return Matches(first.astype(np.int64), second.astype(np.int64), confidence.astype(np.float32), inlier, scores)
