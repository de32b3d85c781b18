"""Small photographs of noise, for the tests of catalogues."""

import numpy as np
from PIL import Image


def save_noise(file, seed=0, size=(24, 16)):
    file.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(seed).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
    Image.fromarray(pixels).save(file)
