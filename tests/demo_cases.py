"""What the tests of demo share."""

import numpy as np


def same(a: list, b: list) -> bool:
    return len(a) == len(b) and all(np.array_equal(p, q) and s == t for (p, s), (q, t) in zip(a, b, strict=True))
