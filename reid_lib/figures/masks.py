"""Masks of photographs: what counts as the animal, what is taken for ground, and the keypoints that were kept."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from reid_lib.figures.labels import NAME_WIDTH, shorten
from reid_lib.figures.legible import legible
from reid_lib.figures.placing import LoadImage, place_photo, shrink
from reid_lib.figures.style import BLACK, COLOURS, GREY, TICK_PT, TITLE_PT, new_axes, percent, write_message

if TYPE_CHECKING:
    from matplotlib.axes import Axes

LEAST, MOST = 0.03, 0.9  # share of a photograph, below and above which a mask has probably failed
COLUMNS = 4
SHOWN_PX = 240  # long side of a photograph as drawn
ROW = 1.28  # a photograph and the words below it, in photographs
STEP = 1.06
FADED = 0.25  # of its contrast, what lies off the animal keeps


@dataclass(frozen=True)
class MaskedPhoto:
    """A photograph with its mask.

    Attributes:
        image_id: of the photograph.
        mask: (h, w) bool of any size: true where the animal is.
        covered: share of the photograph, 0 ... 1.
        spots: (m, 2) float, where keypoints were kept, as shares of width and height.
    """

    image_id: str
    mask: np.ndarray
    covered: float
    spots: np.ndarray

    @property
    def doubtful(self) -> str:
        """Why the mask has probably failed; "" where it looks like one of an animal."""
        if self.covered > MOST:
            return "nearly everything"
        return "nearly nothing" if self.covered < LEAST else ""


@legible
def mask_sheet(photos: list[MaskedPhoto], load_image: LoadImage, *, told: str, ax: "Axes | None" = None) -> "Axes":
    """Photographs with what their masks take away faded to grey, the mask's edge blue, and keypoints as dots.

    Args:
        photos: in the order in which they are drawn, `COLUMNS` in a row; doubtful ones are framed in vermilion.
        load_image: image_id -> uint8 (H, W, 3).
        told: how many of all masks are doubtful, below the title.
    """
    rows = max(1, -(-len(photos) // COLUMNS))
    width, height = COLUMNS * STEP, rows * ROW
    ax = new_axes(ax, width_in=9.0, height_in=9.0 * height / width + 0.7)
    ax.set(xlim=(0, width), ylim=(height, 0), aspect="equal")
    ax.axis("off")
    ax.set_title("What the mask takes for the animal", loc="left", fontsize=TITLE_PT, color=BLACK, pad=36)
    key = f"{told}\nColour, dots (keypoints): the animal. Faded: left out. Vermilion frame: probably no animal."
    ax.annotate(key, (0, 1), (0, 7), xycoords="axes fraction", textcoords="offset points", fontsize=TICK_PT, color=GREY)
    if not photos:
        write_message(ax, "no photographs")
    for place, photo in enumerate(photos):
        _draw(ax, photo, load_image(photo.image_id), STEP * (place % COLUMNS), ROW * (place // COLUMNS))
    return ax


def _draw(ax: "Axes", photo: MaskedPhoto, pixels: np.ndarray, x: float, top: float) -> None:
    small = shrink(pixels, SHOWN_PX)
    size = small.shape[1::-1]
    mask = np.asarray(Image.fromarray(photo.mask).resize(size, Image.Resampling.NEAREST))
    frame = {"frame": COLOURS["wrong"], "width": 2.5} if photo.doubtful else {"frame": GREY, "width": 0.6}
    corner, sides = place_photo(ax, _fade(small, mask), (x, top), gid=f"frame {photo.doubtful}", **frame)
    if mask.any() and not mask.all():
        grid = [begin + side * (np.arange(n) + 0.5) / n for begin, side, n in zip(corner, sides, size, strict=True)]
        ax.contour(*grid, mask, levels=[0.5], colors=COLOURS["known"], linewidths=1.2, zorder=2)
    spots = corner + photo.spots * sides
    ax.plot(*spots.T, "o", color=COLOURS["unknown"], markersize=2.4, markeredgewidth=0, zorder=3, gid="keypoints")
    name = shorten(photo.image_id, NAME_WIDTH)
    says = f"{photo.doubtful or 'the animal'}: {percent(photo.covered)}, {len(photo.spots):,} keypoints"
    at = {"ha": "center", "va": "top", "fontsize": 8}
    below = corner[1] + sides[1] + 0.03
    ax.text(x + 0.5, below, name, color=BLACK, **at)
    ax.text(x + 0.5, below + 0.09, says, color=COLOURS["wrong"] if photo.doubtful else GREY, gid="says", **at)


def _fade(pixels: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """uint8 (h, w, 3): what is off the mask without colour, pale."""
    pale = 255 - FADED * (255 - pixels.mean(axis=2, keepdims=True))
    return np.where(mask[..., None], pixels, pale).astype(np.uint8)
