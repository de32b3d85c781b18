"""Copies among new photographs, of enrolled ones and of each other: one photograph saved again."""

import numpy as np

from reid_lib.data.near_copies import MOST_BITS, NO_HASH, count_differing_bits, hash_images
from reid_lib.discover.suspects import is_copy, judge_copies

MOST_CANDIDATES = 5  # photographs that are compared pixel by pixel with each new one
_AT_ONCE = 2**22  # distances of hashes


def find_copies(asked: np.ndarray, enrolled: np.ndarray) -> np.ndarray:
    """For each new photograph the enrolled one that is the same photograph, by its pixels.

    Candidates are those whose perceptual hash is nearest; what counts is that the pixels agree, also where one of them
    is cut a little (`suspects.judge_copies`).

    Args:
        asked: (n, 32, 32) uint8, as `near_copies.shrink_to_grey` makes them.
        enrolled: (g, 32, 32) uint8; all 0 where a picture is not known.

    Returns:
        (n,) int64 positions among the enrolled; -1 where there is no copy.
    """
    enrolled = np.asarray(enrolled)
    return _choose(asked, enrolled, _list_candidates(hash_images(asked), hash_images(enrolled)))


def find_own_copies(asked: np.ndarray) -> np.ndarray:
    """For each new photograph one before it that is the same photograph, as `find_copies` has it.

    Args:
        asked: (n, 32, 32) uint8.

    Returns:
        (n,) int64 positions, each below its own; -1 where there is no copy.
    """
    hashed = hash_images(asked)
    return _choose(asked, asked, _list_candidates(hashed, hashed, before=True))


def _list_candidates(ours: np.ndarray, theirs: np.ndarray, *, before: bool = False) -> np.ndarray:
    """(k, 2) positions of pairs whose hashes are nearest, `MOST_CANDIDATES` of each of ours at most.

    Args:
        before: both sides are the same photographs; only pairs with one that stands before it.
    """
    pairs = [np.empty((0, 2), dtype=np.int64)]
    step = max(1, _AT_ONCE // max(len(theirs), 1))
    for start in range(0, len(ours), step):
        some = ours[start : start + step]
        both = np.broadcast_arrays(some[:, None], theirs[None])
        bits = count_differing_bits(*(side.ravel() for side in both)).reshape(len(some), len(theirs))
        bits = np.where((some == NO_HASH)[:, None] | (theirs == NO_HASH)[None], MOST_BITS + 1, bits)
        for row, own in enumerate(bits, start):
            near = np.flatnonzero(own[: row if before else None] <= MOST_BITS)
            near = near[np.argsort(own[near], kind="stable")][:MOST_CANDIDATES]
            pairs.append(np.stack([np.full(len(near), row), near], axis=1))
    return np.concatenate(pairs)


def _choose(asked: np.ndarray, others: np.ndarray, pairs: np.ndarray) -> np.ndarray:
    """(n,) int64 of each that is asked, the most alike of its candidates that is a copy; -1: none is."""
    found = np.full(len(asked), -1, dtype=np.int64)
    if not len(pairs):
        return found
    used, place = np.unique(pairs[:, 1], return_inverse=True)
    greys = np.concatenate([asked, others[used]])
    correlation, difference = judge_copies(greys, np.stack([pairs[:, 0], len(asked) + place], axis=1))
    order = np.argsort(correlation, kind="stable")  # of several the most alike is written last
    order = order[is_copy(correlation, difference)[order]]
    found[pairs[order, 0]] = pairs[order, 1]
    return found
