"""Copies among new photographs of what is enrolled already: the same file, or one photograph saved again."""

import numpy as np

from reid_lib.data.near_copies import MOST_BITS, NO_HASH, distance, hash_images
from reid_lib.discover.suspects import is_copy, judge_copies

MOST_CANDIDATES = 5  # enrolled photographs that are compared pixel by pixel with each new one
_AT_ONCE = 2**22  # distances of hashes


def find_copies(asked: np.ndarray, enrolled: np.ndarray) -> np.ndarray:
    """For each new photograph the enrolled one that is the same photograph, by its pixels.

    Candidates are those whose perceptual hash is nearest; what counts is that the pixels agree, also where one of them
    is cut a little (`suspects.judge_copies`).

    Args:
        asked: (n, 32, 32) uint8, as `near_copies.small_greys` makes them.
        enrolled: (g, 32, 32) uint8; all 0 where a picture is not known.

    Returns:
        (n,) int64 positions among the enrolled; -1 where there is no copy.
    """
    ours, theirs = hash_images(asked), hash_images(np.asarray(enrolled))
    found = np.full(len(ours), -1, dtype=np.int64)
    pairs = [np.empty((0, 2), dtype=np.int64)]
    step = max(1, _AT_ONCE // max(len(theirs), 1))
    for start in range(0, len(ours), step):
        some = ours[start : start + step]
        both = np.broadcast_arrays(some[:, None], theirs[None])
        bits = distance(*(side.ravel() for side in both)).reshape(len(some), len(theirs))
        bits = np.where((some == NO_HASH)[:, None] | (theirs == NO_HASH)[None], MOST_BITS + 1, bits)
        for row, own in enumerate(bits):
            near = np.flatnonzero(own <= MOST_BITS)
            near = near[np.argsort(own[near], kind="stable")][:MOST_CANDIDATES]
            pairs.append(np.stack([np.full(len(near), start + row), near], axis=1))
    every = np.concatenate(pairs)
    if not len(every):
        return found
    used, place = np.unique(every[:, 1], return_inverse=True)
    greys = np.concatenate([asked, np.asarray(enrolled)[used]])
    correlation, difference = judge_copies(greys, np.stack([every[:, 0], len(asked) + place], axis=1))
    order = np.argsort(correlation, kind="stable")  # of several the most alike is written last
    order = order[is_copy(correlation, difference)[order]]
    found[every[order, 0]] = every[order, 1]
    return found
