"""One photograph and the pixels of many. Every bad file is made here, and the values are checked."""

import os
import sys
from pathlib import Path

import numpy as np
import pytest
from memory import added_mb
from PIL import Image
from pixel_cases import (
    BLUE,
    GREEN,
    RED,
    YELLOW,
    _jpeg,
    arrays,
    catalogue_of,
    catalogue_of_noise,
    decoded,
    noise,
    quadrants,
)

from reid_lib.core.errors import CatalogueError, ParameterError
from reid_lib.core.names import BBOX, IMAGE_ID
from reid_lib.data import pixels
from reid_lib.data.catalogue import read_catalogue
from reid_lib.data.file_states import read_state

pytestmark = pytest.mark.usefixtures("clean_dirs")


def test_hundred_megapixels_work(tmp_path):
    """One bit a pixel makes the PNG cheap to write; flat colour the JPEG. Pillow alone would warn of a bomb."""
    Image.new("1", (10_000, 10_000), 1).save(tmp_path / "a.png")
    Image.new("L", (10_000, 10_000), 200).save(tmp_path / "a.jpg")
    assert read_state(tmp_path / "a.png").problem == "" and read_state(tmp_path / "a.jpg").problem == ""
    catalogue = catalogue_of(tmp_path, ["a.png", "a.jpg"])
    made = pixels.load_pixels(catalogue, image_size=32, interpolation="bilinear", progress=False)
    assert (made[0] == 255).all() and (made[1] == 200).all()


# the pixels of a catalogue


def test_pixels_follow_the_rows(tmp_path):
    names = [f"{i}.png" for i in range(40)]
    for i, name in enumerate(names):
        Image.new("RGB", (20 + i, 30), (i, 2 * i, 255 - i)).save(tmp_path / name)
    order = list(np.random.default_rng(0).permutation(40))
    made = pixels.load_pixels(catalogue_of(tmp_path, [names[i] for i in order]), image_size=16, progress=False)
    assert made.shape == (40, 16, 16, 3) and made.dtype == np.uint8
    np.testing.assert_array_equal(made[:, 3, 5], [(i, 2 * i, 255 - i) for i in order])


@pytest.mark.parametrize("name", ["nearest", "bilinear", "bicubic", "lanczos"])
def test_whole_image_is_squashed_with_the_interpolation_asked_for(tmp_path, name):
    """At most twice the size: no draft, no reducing first, so Pillow's own resize is the answer."""
    Image.fromarray(noise(30, 60)).save(tmp_path / "a.png")
    made = pixels.load_pixels(catalogue_of(tmp_path, ["a.png"]), image_size=32, interpolation=name, progress=False)
    expected = Image.fromarray(noise(30, 60)).resize((32, 32), Image.Resampling[name.upper()])
    np.testing.assert_array_equal(made[0], np.asarray(expected))


def test_shrinking_averages_instead_of_skipping(tmp_path):
    """A fine checkerboard shrinks to its mean."""
    board = np.indices((512, 512)).sum(axis=0) % 2 * 255
    Image.fromarray(board.astype(np.uint8)).save(tmp_path / "a.png")
    made = pixels.load_pixels(catalogue_of(tmp_path, ["a.png"]), image_size=16, progress=False)
    np.testing.assert_allclose(made.astype(float), 127.5, atol=4)


def test_bbox_is_cut_before_shrinking(tmp_path):
    Image.fromarray(quadrants()).save(tmp_path / "a.png")
    boxes = ["0,0,32,24", "32,24,32,24", None]
    catalogue = catalogue_of(tmp_path, ["a.png"] * 3, **{IMAGE_ID: ["1", "2", "3"], BBOX: boxes})
    made = pixels.load_pixels(catalogue, image_size=8, interpolation="nearest", progress=False)
    assert (made[0] == RED).all() and (made[1] == YELLOW).all()
    assert {tuple(p) for p in made[2].reshape(-1, 3)} == {RED, GREEN, BLUE, YELLOW}


def test_second_time_nothing_is_decoded_and_the_map_is_read_only(tmp_path, monkeypatch):
    Image.fromarray(noise()).save(tmp_path / "a.png")
    catalogue = catalogue_of(tmp_path, ["a.png"])
    first = pixels.load_pixels(catalogue, image_size=16, progress=False)
    monkeypatch.setattr(pixels, "open_upright", None)
    again = pixels.load_pixels(catalogue_of(tmp_path, ["a.png"]), image_size=16, progress=False)
    assert isinstance(again, np.memmap)
    np.testing.assert_array_equal(first, again)
    with pytest.raises(ValueError, match="read-only"):
        again[0] = 0


def test_changed_file_is_decoded_again(tmp_path):
    """Same size in bytes: only the time tells."""
    for value in (10, 200):
        Image.new("L", (16, 16), value).save(tmp_path / "a.bmp")
        os.utime(tmp_path / "a.bmp", ns=(0, 10**9 * (value + 1)))
        catalogue = catalogue_of(tmp_path, ["a.bmp"])
        assert (pixels.load_pixels(catalogue, image_size=8, progress=False) == value).all()


def test_another_folder_of_equal_names_sizes_and_times_has_its_own_pixels(tmp_path):
    """It got the pixels of the first one."""
    for folder, value in (("one", 10), ("two", 200)):
        (tmp_path / folder).mkdir()
        Image.new("L", (16, 16), value).save(tmp_path / folder / "a.bmp")
        os.utime(tmp_path / folder / "a.bmp", ns=(0, 10**9))
        catalogue = catalogue_of(tmp_path / folder, ["a.bmp"])
        assert (pixels.load_pixels(catalogue, image_size=8, progress=False) == value).all()


def test_a_photograph_replaced_by_one_of_equal_size_and_time_is_decoded_again(tmp_path):
    for value in (10, 200):
        Image.new("L", (16, 16), value).save(tmp_path / "a.bmp")
        os.utime(tmp_path / "a.bmp", ns=(0, 10**9))
        for catalogue in (catalogue_of(tmp_path, ["a.bmp"]), read_catalogue_of(tmp_path)):
            assert (pixels.load_pixels(catalogue, image_size=8, progress=False) == value).all()


def read_catalogue_of(root):
    (root / "m.csv").write_text("path,identity\na.bmp,a\n")
    return read_catalogue("csv", str(root), progress=False)


def test_a_folder_that_was_moved_has_its_pixels_still(tmp_path, clean_dirs, monkeypatch):
    (tmp_path / "one").mkdir()
    first = np.array(pixels.load_pixels(catalogue_of_noise(tmp_path / "one", 3), image_size=8, progress=False))
    (tmp_path / "one").rename(tmp_path / "two")
    seen = decoded(monkeypatch)
    moved = catalogue_of(tmp_path / "two", [f"{i}.png" for i in range(3)])
    assert (pixels.load_pixels(moved, image_size=8, progress=False) == first).all() and not seen


def test_size_interpolation_order_and_box_have_pixels_of_their_own(tmp_path):
    for i in (0, 1):
        Image.fromarray(noise(seed=i)).save(tmp_path / f"{i}.png")
    one = catalogue_of(tmp_path, ["0.png", "1.png"])
    base = pixels.load_pixels(one, image_size=16, progress=False)
    assert pixels.load_pixels(one, image_size=8, progress=False).shape == (2, 8, 8, 3)
    assert (pixels.load_pixels(one, image_size=16, interpolation="nearest", progress=False) != base).any()
    turned = pixels.load_pixels(catalogue_of(tmp_path, ["1.png", "0.png"]), image_size=16, progress=False)
    np.testing.assert_array_equal(turned, base[::-1])
    boxed = pixels.load_pixels(
        catalogue_of(tmp_path, ["0.png", "1.png"], bbox=["0,0,8,8"] * 2), image_size=16, progress=False
    )
    assert (boxed != base).any()


def test_all_undecodable_images_are_told_at_once(tmp_path, clean_dirs):
    Image.fromarray(noise()).save(tmp_path / "good.png")
    bad = [f"bad{i}.jpg" for i in range(3)]
    for name in bad:
        (tmp_path / name).write_bytes(_jpeg(noise(200, 200))[:3000])
    with pytest.raises(CatalogueError, match="3 of 5 images") as caught:
        pixels.load_pixels(
            catalogue_of(tmp_path, [bad[0], "good.png", *bad[1:], "good.png"]), image_size=16, progress=False
        )
    assert all(name in str(caught.value) for name in bad)
    assert arrays(clean_dirs) == []


def test_unknown_interpolation_and_size_are_refused(tmp_path):
    catalogue = catalogue_of(tmp_path, ["a.png"])
    with pytest.raises(ParameterError, match="bicubic"):
        pixels.load_pixels(catalogue, image_size=16, interpolation="cubic")
    with pytest.raises(ParameterError, match="image_size"):
        pixels.load_pixels(catalogue, image_size=0)


def test_photographs_to_show_keep_their_shape(tmp_path):
    Image.fromarray(quadrants(400, 200)).save(tmp_path / "a.jpg")
    assert pixels.load_image(tmp_path / "a.jpg", max_side_px=100).shape == (50, 100, 3)
    assert pixels.load_image(tmp_path / "a.jpg", max_side_px=1000).shape == (200, 400, 3)
    assert pixels.load_image(tmp_path / "a.jpg", bbox="0,0,200,100").shape == (100, 200, 3)


MANY = """
from pathlib import Path
import pandas as pd
from PIL import Image
from reid_lib.data import pixels as images
from reid_lib.data.catalogue import Catalogue
from reid_lib.core.names import DATASET, IDENTITY, IMAGE_ID, INDIVIDUAL, PATH
names = [f"{{k}}.png" for k in range(600)]
for k, name in enumerate(names):
    Image.new("RGB", (64, 48), (k % 256, 0, 0)).save(f"{folder}/{{name}}")
rows = pd.DataFrame({{IMAGE_ID: names, PATH: names, IDENTITY: "a", DATASET: "d", INDIVIDUAL: "d/a"}})
many, few = (Catalogue(part, Path("{folder}"), "folder") for part in (rows, rows.head(9)))
images.load_pixels(few, image_size=500, progress=False)  # what the libraries themselves need
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="measured by what Linux says of a process")
def test_a_cache_larger_than_the_memory_can_be_built(tmp_path):
    """450 MB of pixels: a few images at a time are held, and what is read is mapped."""
    work = "found = images.load_pixels(many, image_size=500, progress=False)\n"
    work += "assert found[599, 0, 0].tolist() == [87, 0, 0]"
    assert added_mb(MANY.format(folder=tmp_path), work) < 60
    (stored,) = [f for f in Path(os.environ["REID_CACHE"], "pixels").glob("*.npy") if f.stat().st_size > 400e6]
    stored.unlink()
