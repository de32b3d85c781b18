"""Photographs with EXIF times, and tables that list them, for the tests of readers."""

import numpy as np
import pandas as pd
from PIL import Image


def save(file, *, seed=None, time=None, tag=0x9003):
    """A small photograph, different from all others of the test."""
    file.parent.mkdir(parents=True, exist_ok=True)
    seed = abs(hash(str(file))) % 2**32 if seed is None else seed
    exif = Image.Exif()
    if time:
        exif[0x8769] = {tag: time}
    Image.fromarray(np.random.default_rng(seed).integers(0, 256, (16, 24, 3), dtype=np.uint8)).save(file, exif=exif)
    return file


def write_table(root, rows, name="metadata.csv", **options):
    table = pd.DataFrame(rows)
    for path in table.get("path", []):
        save(root / path)
    table.to_csv(root / name, index=False, **options)
    return root
