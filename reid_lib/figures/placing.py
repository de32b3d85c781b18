"""One photograph among others in an axes: shrunk as soon as it is loaded, whole, with its frame."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

if TYPE_CHECKING:
    from matplotlib.axes import Axes

LoadImage = Callable[[str], np.ndarray]  # image_id -> uint8 (H, W, 3)
Frame = tuple[np.ndarray, np.ndarray]  # left upper corner and sides, in data units


def shrink(pixels: np.ndarray, longest: int) -> np.ndarray:
    """uint8 (h, w, 3): the photograph with a long side of at most `longest` px."""
    small = Image.fromarray(np.asarray(pixels, dtype=np.uint8))
    small.thumbnail((longest, longest))
    return np.asarray(small)


def place_photo(
    ax: "Axes",
    pixels: np.ndarray,
    corner: tuple[float, float],
    *,
    room: tuple[float, float] = (1.0, 1.0),
    frame: str,
    width: float,
    gid: str = "frame",
) -> Frame:
    """Draw one photograph, whole, in the middle of a box, with its frame.

    Args:
        pixels: uint8 (h, w, 3), shrunk.
        corner: left upper one of the box, in data units, y downwards.
        room: width and height of the box, in data units.
        frame: its colour.
        width: of the frame, in points.
        gid: of the frame.

    Returns:
        left upper corner and sides of the photograph, (2,) each.
    """
    from matplotlib.patches import Rectangle

    size = np.array(pixels.shape[1::-1])
    sides = size * (np.array(room) / size).min()
    place = np.array(corner) + (np.array(room) - sides) / 2
    (left, upper), (right, lower) = place, place + sides
    ax.imshow(pixels, extent=(left, right, lower, upper), aspect="equal", interpolation="antialiased", zorder=1)
    ax.add_patch(Rectangle(place, *sides, fill=False, edgecolor=frame, linewidth=width, gid=gid))
    return place, sides
