"""The sheet of masks, read back from the artists."""

import numpy as np
import pytest
from drawn import by_gid, photo, texts

from reid_lib.figures.masks import MaskedPhoto, mask_sheet
from reid_lib.figures.style import COLOURS

pytestmark = pytest.mark.usefixtures("no_figure_is_left")


def masked(name="lynx", covered=0.25, spots=()):
    mask = np.zeros((20, 20), dtype=bool)
    mask[:, : round(20 * covered)] = True
    return MaskedPhoto(name, mask, covered, np.array(spots, dtype=float).reshape(-1, 2))


def test_what_is_off_the_mask_is_pale_and_the_animal_as_it_was():
    red = np.full((100, 100, 3), (200, 40, 40), dtype=np.uint8)
    ax = mask_sheet([masked()], lambda _: red, told="")
    drawn = np.asarray(ax.images[0].get_array())
    assert (drawn[:, :20] == (200, 40, 40)).all()
    pale = drawn[:, 30:]
    assert (pale > 200).all() and (pale.max(axis=2) == pale.min(axis=2)).all()  # without colour


def test_keypoints_lie_where_they_were_found():
    ax = mask_sheet([masked(spots=[(0, 0), (1, 1), (0.5, 0.25)])], photo, told="")
    (dots,) = [line for line in ax.lines if line.get_gid() == "keypoints"]
    (frame,) = by_gid(ax, "frame ")
    left, upper = frame.get_xy()
    wide, high = frame.get_width(), frame.get_height()
    np.testing.assert_allclose(dots.get_xdata(), [left, left + wide, left + wide / 2])
    np.testing.assert_allclose(dots.get_ydata(), [upper, upper + high, upper + high / 4])


def test_a_mask_that_has_probably_failed_is_framed_and_says_why():
    ax = mask_sheet([masked("a", 1.0), masked("b", 0.01), masked("c", 0.3)], photo, told="3 looked at")
    frames = {p.get_gid(): p.get_edgecolor() for p in ax.patches if str(p.get_gid()).startswith("frame")}
    assert set(frames) == {"frame nearly everything", "frame nearly nothing", "frame "}
    vermilion = tuple(int(COLOURS["wrong"][k : k + 2], 16) / 255 for k in (1, 3, 5))
    assert frames["frame nearly everything"][:3] == frames["frame nearly nothing"][:3] == vermilion
    assert frames["frame "][:3] != vermilion
    assert "nearly nothing: 1 %, 0 keypoints" in texts(ax) and "3 looked at" in " ".join(texts(ax))


def test_masks_of_nothing_of_everything_and_no_photographs_are_drawn():
    ax = mask_sheet([masked("a", 0.0), masked("b", 1.0)], photo, told="")
    assert len(ax.images) == 2
    assert "no photographs" in texts(mask_sheet([], photo, told=""))
