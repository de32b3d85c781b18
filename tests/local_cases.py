"""Photographs without an animal, for keypoints: patterns with corners, and other looks at the same pattern."""

import cv2
import numpy as np
import pytest

from reid_lib.core.errors import ModelError
from reid_lib.match.keypoints import Keypoints
from reid_lib.nets.packaged import find_weights, import_local

# One look at a pattern from a little to the left and below: px of the pattern -> px of the look.
LOOK = np.array([[0.92, 0.16, 6.0], [-0.14, 0.98, 14.0]])


def pattern(seed: int = 0, size: tuple[int, int] = (160, 128)) -> np.ndarray:
    """(h, w, 3) uint8 of rectangles, on a ground that is nowhere flat."""
    rng, (width, height) = np.random.default_rng(seed), size
    rough = rng.integers(60, 196, (height // 8, width // 8, 3), dtype=np.uint8)
    photo = cv2.resize(rough, size, interpolation=cv2.INTER_CUBIC)
    for _ in range(60):
        corner = rng.integers(0, (width, height))
        opposite = corner + rng.integers(4, 30, 2)
        cv2.rectangle(photo, corner.tolist(), opposite.tolist(), rng.integers(0, 256, 3).tolist(), -1)
    return cv2.GaussianBlur(photo, (0, 0), 0.7)


def look(photo: np.ndarray, how: np.ndarray = LOOK, size: tuple[int, int] | None = None) -> np.ndarray:
    """A photograph moved by an affine map, as (h, w, 3) uint8 of the same size unless another is given."""
    size = size or (photo.shape[1], photo.shape[0])
    return cv2.warpAffine(photo, how, size, flags=cv2.INTER_AREA, borderMode=cv2.BORDER_REFLECT)


def moved(xy: np.ndarray, how: np.ndarray = LOOK) -> np.ndarray:
    return xy @ how[:, :2].T + how[:, 2]


def keypoints_of(xy, descriptors) -> Keypoints:
    xy, none = np.asarray(xy, np.float32), np.zeros(len(xy), np.float32)
    return Keypoints(xy, none, none, none, np.asarray(descriptors), (160, 128))


def require_local(*weights: str) -> None:
    """Skip where the extra `local` is not installed."""
    try:
        import_local("kornia.feature")
        for name in weights:
            find_weights(name)
    except ModelError as error:
        pytest.skip(str(error))
