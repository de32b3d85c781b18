"""Drawn pictures, for the tests of near copies."""

import numpy as np
from PIL import Image


def scene(seed: int) -> Image.Image:
    """A picture with large and small things in it, as photographs have."""
    rng, size = np.random.default_rng(seed), (320, 240)
    coarse = Image.fromarray(rng.integers(0, 256, (6, 8, 3), dtype=np.uint8)).resize(size, Image.Resampling.BICUBIC)
    fine = Image.fromarray(rng.integers(0, 256, (30, 40, 3), dtype=np.uint8)).resize(size, Image.Resampling.BICUBIC)
    return Image.blend(coarse, fine, 0.35)
