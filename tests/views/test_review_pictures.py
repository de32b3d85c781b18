"""Photographs as the screen of a review shows them."""

import io
import threading

import numpy as np
import pytest
from PIL import Image

from reid_lib.views.review_pictures import SIDES_PX, Pictures, make_picture


@pytest.fixture
def photo(tmp_path):
    """Grey, with a red box of 300 x 200 px at 500, 400; lying on its side, as EXIF says."""
    pixels = np.full((1200, 1600, 3), 128, dtype=np.uint8)
    pixels[400:600, 500:800] = (255, 0, 0)
    path = tmp_path / "<b>red & grey.jpg"
    exif = Image.Exif()
    exif[0x0112] = 6  # stored turned to the left
    Image.fromarray(pixels).transpose(Image.Transpose.ROTATE_90).save(path, quality=95, exif=exif)
    return path


def pixels_of(picture) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(picture.jpeg)))


def is_red(pixels: np.ndarray) -> np.ndarray:
    return (pixels[..., 0] > 200) & (pixels[..., 1] < 90)


def test_a_photograph_is_shown_whole_and_upright_and_says_whether_there_is_more(photo):
    thumb, full = make_picture(photo, "thumb"), make_picture(photo, "full")
    assert (thumb.width, thumb.height) == (SIDES_PX["thumb"], 120) and thumb.more and not thumb.problem
    assert (full.width, full.height) == (1600, 1200) and not full.more
    assert full.box == (0.0, 0.0, 1.0, 1.0)
    red = is_red(pixels_of(full))
    assert red[410:590, 510:790].all() and not red[:390].any() and not red[:, 810:].any()


def test_a_box_is_shown_with_a_margin_and_where_it_lies_in_it(photo):
    picture = make_picture(photo, "full", "500,400,300,200")
    assert (picture.width, picture.height) == (390, 290)  # 15 % of 300 px on each side
    x, y, width, height = (np.array(picture.box) * [390, 290, 390, 290]).tolist()
    assert (x, y, width, height) == pytest.approx((45, 45, 300, 200))
    red = is_red(pixels_of(picture))
    assert red[50:240, 50:340].all() and not red[:40].any() and not red[:, 350:].any()


def test_a_box_at_the_edge_has_no_margin_beyond_the_photograph(photo):
    picture = make_picture(photo, "full", (1400, -10, 400, 110))
    assert picture.box[1] == 0.0  # its top is that of the photograph
    assert np.array(picture.box[2:]) * [picture.width, picture.height] == pytest.approx([200, 100], abs=1)
    assert picture.box[0] + picture.box[2] == pytest.approx(1.0)


@pytest.mark.parametrize("box", ["5000,10,20,20", "nonsense"])
def test_what_cannot_be_shown_is_told(photo, tmp_path, box):
    assert "cannot be shown" in make_picture(photo, "view", box).problem
    missing = make_picture(tmp_path / "gone.jpg", "view")
    assert missing.jpeg == b"" and "gone.jpg cannot be shown" in missing.problem


def test_pictures_are_kept_within_bounds_and_made_once_from_several_threads(photo):
    asked = []

    def find(image_id):
        asked.append(image_id)
        return photo, None

    size = len(make_picture(photo, "thumb").jpeg)
    pictures = Pictures(find, most_bytes=3 * size)
    threads = [threading.Thread(target=pictures.get, args=(name, "thumb")) for name in "abcabc"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    seen = len(asked)
    assert pictures.get("a", "thumb").jpeg and len(asked) == seen
    pictures.get("d", "thumb")  # the one that was used longest ago goes
    pictures.get("a", "thumb")
    assert len(asked) == seen + 1
    assert sum(len(p.jpeg) for p in pictures._kept.values()) <= 3 * size
