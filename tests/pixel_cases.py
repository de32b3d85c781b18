"""Pixels that no turn leaves as they are, catalogues of noise, and what the pixel cache did with them."""

import io
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image

from reid_lib.core.names import DATASET, IDENTITY, IMAGE_ID, INDIVIDUAL, PATH
from reid_lib.data import photo, pixels
from reid_lib.data.catalogue import Catalogue

RED, GREEN, BLUE, YELLOW = (255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 0)


def quadrants(width=64, height=48) -> np.ndarray:
    """Red, green over blue, yellow: every turn and mirror image of it looks different."""
    pixels = np.empty((height, width, 3), np.uint8)
    pixels[: height // 2, : width // 2], pixels[: height // 2, width // 2 :] = RED, GREEN
    pixels[height // 2 :, : width // 2], pixels[height // 2 :, width // 2 :] = BLUE, YELLOW
    return pixels


def noise(height=48, width=64, seed=0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def catalogue_of(root, paths, **columns) -> Catalogue:
    rows = pd.DataFrame({IMAGE_ID: paths, PATH: paths, IDENTITY: "a", DATASET: "d", INDIVIDUAL: "d/a", **columns})
    return Catalogue(rows, root, "folder")


def _jpeg(pixels) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "JPEG")
    return stream.getvalue()


def catalogue_of_noise(folder, n):
    names = [f"{i}.png" for i in range(n)]
    for i, name in enumerate(names):
        Image.fromarray(noise(seed=i)).save(folder / name)
    return catalogue_of(folder, names)


def arrays(clean_dirs):
    """Files of the cache, locks left out."""
    return sorted(path for path in (clean_dirs / "cache" / "pixels").iterdir() if path.is_file())


def decoded(monkeypatch) -> list:
    """Files that are decoded from now on."""
    seen, original = [], photo.open_upright
    monkeypatch.setattr(
        pixels, "open_upright", lambda file, **options: [seen.append(Path(file).name), original(file, **options)][1]
    )
    return seen
