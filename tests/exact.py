"""Similarities without floating point, slowly; used by the tests of search and ranking."""

import numpy as np

from reid_lib.match.cosine import whole_numbers


def exact_similarities(queries, gallery):
    """Python's whole numbers, one product at a time: no floating point but in the rounding of the features."""
    a, b = (whole_numbers(x).astype(object) for x in (queries, gallery))
    return np.array([[sum(p * q for p, q in zip(x, y, strict=True)) for y in b] for x in a], dtype=object)


def with_duplicates(rng, n, d):
    """Random rows of which every third repeats an earlier one: ties are certain."""
    rows = rng.normal(size=(n, d)).astype(np.float32)
    rows[::3] = rows[rng.integers(0, n, len(rows[::3]))]
    return rows
