"""Views of a photograph: the whole, its mirror image, its corners. An embedding can be the mean over several of them.

This is known as test-time augmentation. Sources: ten-crop testing, Krizhevsky et al., "ImageNet Classification with
Deep Convolutional Neural Networks", NeurIPS 2012; flips in re-identification, Luo et al., "Bag of Tricks and a Strong
Baseline for Deep Person Re-identification", CVPRW 2019.
"""

from collections.abc import Sequence

import cv2
import numpy as np

WHOLE, MIRRORED = "whole", "mirrored"
CORNERS = {"top left": (0, 0), "top right": (0, 1), "bottom left": (1, 0), "bottom right": (1, 1)}  # down, right
KEPT = 7 / 8  # share of each side that a crop at a corner keeps
ONE, FLIP, CROPS = "one", "flip", "crops"  # values of the parameter `views`
VIEWS = {ONE: (WHOLE,), FLIP: (WHOLE, MIRRORED), CROPS: (WHOLE, *CORNERS)}


def cut_views(pixels: np.ndarray, views: Sequence[str]) -> np.ndarray:
    """One view of each of some images, of the size of the image: crops are enlarged (cubic).

    Args:
        pixels: (n, s, s, 3) uint8, s at least 2.
        views: n names: "whole", "mirrored" or one of `CORNERS`.

    Returns:
        (n, s, s, 3) uint8.
    """
    shown = np.ascontiguousarray(pixels).copy()
    for k, view in enumerate(views):
        if view == MIRRORED:
            shown[k] = pixels[k][:, ::-1]
        elif view != WHOLE:
            shown[k] = _cut_corner(pixels[k], *CORNERS[view])
    return shown


def describe_view(view: str) -> list:
    """What the pixels of a view depend on beside the image, for the key of a cache: text and numbers, [] for the
    whole.
    """
    if view == WHOLE:
        return []
    return [view] if view == MIRRORED else [view, KEPT, "cubic", cv2.__version__]


def _cut_corner(image: np.ndarray, down: int, right: int) -> np.ndarray:
    side = len(image)
    kept = max(round(side * KEPT), 1)
    top, left = down * (side - kept), right * (side - kept)
    return cv2.resize(image[top : top + kept, left : left + kept], (side, side), interpolation=cv2.INTER_CUBIC)


def average_views(parts: Sequence[tuple[np.ndarray, np.ndarray]], n: int) -> np.ndarray:
    """The mean over the views of each image, scaled to length 1; an embedding of one view alone stays as it is.

    Args:
        parts: for each view, the images (m,) int that have it, as numbers below n, and their embeddings (m, d) float32.
        n: number of images, each of which has at least one view.

    Returns:
        (n, d) float32.
    """
    (of, features), *others = parts
    total, count = np.zeros((n, features.shape[1]), dtype=np.float32), np.zeros(n, dtype=int)
    total[of], count[of] = features, 1
    for of, features in others:
        total[of] += features
        count[of] += 1
    several = count > 1
    length = np.linalg.norm(total[several], axis=1, keepdims=True)
    total[several] /= np.where(length > 0, length, 1)
    return total
