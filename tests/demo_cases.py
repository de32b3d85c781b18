"""Drawn photographs compared, for the tests of the built-in animals."""

import numpy as np


def same(a: list, b: list) -> bool:
    """Do both hold the same pairs of an array and what goes with it, in the same order?"""
    return len(a) == len(b) and all(np.array_equal(p, q) and s == t for (p, s), (q, t) in zip(a, b, strict=True))
