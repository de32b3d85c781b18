"""A photograph in its box: whole, in the middle, of its own shape, small."""

import numpy as np
import pytest

from reid_lib.figures.placing import place_photo, shrink
from reid_lib.figures.style import new_axes

pytestmark = pytest.mark.usefixtures("no_figure_is_left")


@pytest.mark.parametrize(
    ("shape", "corner", "sides"),
    [((50, 100), (2.0, 3.25), (1.0, 0.5)), ((100, 50), (2.3, 3.0), (0.4, 0.8)), ((80, 100), (2.0, 3.1), (1.0, 0.8))],
)
def test_it_fills_its_box_one_way_and_lies_in_the_middle_the_other(shape, corner, sides):
    """Boxes are 1 wide and 0.8 or 1 high."""
    ax = new_axes(None)
    room = (1.0, 0.8) if shape[0] > shape[1] else (1.0, 1.0)
    place, size = place_photo(ax, np.zeros((*shape, 3), np.uint8), (2, 3), room=room, frame="red", width=2.0)
    assert tuple(place) == pytest.approx(corner) and tuple(size) == pytest.approx(sides)
    (image,), (frame,) = ax.images, ax.patches
    left, right, lower, upper = image.get_extent()
    assert (left, upper) == pytest.approx(corner)
    assert (right - left, lower - upper) == pytest.approx(sides)
    assert (*frame.get_xy(), frame.get_width(), frame.get_height()) == pytest.approx((*corner, *sides))
    assert frame.get_linewidth() == 2.0 and frame.get_gid() == "frame"


def test_a_large_photograph_is_shrunk_and_a_small_one_stays():
    rng = np.random.default_rng(0)
    assert shrink(rng.integers(0, 256, (300, 900, 3)), 240).shape == (80, 240, 3)
    small = rng.integers(0, 256, (30, 40, 3), dtype=np.uint8)
    assert (shrink(small, 240) == small).all()
