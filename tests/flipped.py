"""Files of which one bit is another: what a failing disk or memory leaves."""

from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np


def flip_bits(path: Path, n: int, *, also: Iterable[int] = ()) -> Iterator[int]:
    """Write a file again and again, each time as it was but for one bit; yields the place of that bit's byte.

    Args:
        n: bits at random places.
        also: places of further bytes, of which one bit is flipped each.
    """
    content, rng = path.read_bytes(), np.random.default_rng(0)
    for place in [*rng.integers(0, len(content), n).tolist(), *also]:
        flipped = bytearray(content)
        flipped[place] ^= 1 << int(rng.integers(8))
        path.write_bytes(flipped)
        yield place
