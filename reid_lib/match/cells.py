"""Mutual nearest cells: which parts of two photographs a network's last feature map finds most alike."""

import numpy as np


def match_cells(first: np.ndarray, second: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Cells of two feature maps that are each other's nearest neighbour by cosine.

    Args:
        first, second: (h, w, d) float, each of its own h and w. Cells of length 0 have no direction and match nothing.

    Returns:
        ours, theirs: (m, 2) float64, the middles of the cells as shares of width and height, none twice.
        worth: (m,) float64, the cosine times the geometric mean of both lengths, of the largest there is: 0 ... 1. The
            cells that say most of the pooled features come out highest. By falling worth.
    """
    lengths = [np.linalg.norm(cells, axis=2).ravel().astype(np.float64) for cells in (first, second)]
    units = [
        cells.reshape(-1, cells.shape[2]) / np.maximum(length, 1e-12)[:, None]
        for cells, length in zip((first, second), lengths, strict=True)
    ]
    cosine = (units[0] @ units[1].T).astype(np.float64)
    cosine[lengths[0] == 0] = cosine[:, lengths[1] == 0] = -np.inf
    nearest, back = cosine.argmax(axis=1), cosine.argmax(axis=0)
    mutual = np.flatnonzero((back[nearest] == np.arange(len(nearest))) & (cosine.max(axis=1) > 0))
    other = nearest[mutual]
    worth = cosine[mutual, other] * np.sqrt(lengths[0][mutual] * lengths[1][other])
    worth = worth / max(worth.max(initial=0), 1e-12)
    order = np.argsort(-worth, kind="stable")
    return _middles(mutual[order], first.shape), _middles(other[order], second.shape), worth[order]


def _middles(cells: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """(m, 2) x and y of the middles, as shares."""
    height, width = shape[:2]
    return np.stack([(cells % width + 0.5) / width, (cells // width + 0.5) / height], axis=1)
