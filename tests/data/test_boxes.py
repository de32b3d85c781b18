"""Boxes as detectors and as people write them."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from reid_lib.core.errors import CatalogueError
from reid_lib.core.names import BBOX, IDENTITY, PATH
from reid_lib.data.boxes import convert_to_pixels
from reid_lib.data.catalogue import read_catalogue
from reid_lib.data.file_states import FileStates
from reid_lib.data.photo import UnreadablePhoto, parse_bbox
from reid_lib.data.pixels import load_image, load_pixels

pytestmark = pytest.mark.usefixtures("clean_dirs")

SIZES = {"wide.png": (80, 40), "high.png": (30, 60)}


@pytest.fixture
def photos(tmp_path):
    for seed, (name, (width, height)) in enumerate(SIZES.items()):
        pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(tmp_path / name)
    return tmp_path


def read(root, *boxes, names=tuple(SIZES), **options):
    table = pd.DataFrame({PATH: names, IDENTITY: [f"animal {i}" for i in range(len(names))], BBOX: boxes})
    table.to_csv(root / "metadata.csv", index=False)
    return read_catalogue("csv", str(root), progress=False, **options)


def test_shares_of_width_and_height_become_pixels_and_it_is_told(photos):
    catalogue = read(photos, "0.25,0.5,0.5,0.25", "[0, 0, 1, 1]")
    assert catalogue.rows[BBOX].tolist() == ["20,20,40,10", "0,0,30,60"]
    assert any("all 2 boxes lie between 0 and 1: taken as shares" in note for note in catalogue.notes)


def test_pixels_stay_pixels_and_nothing_is_told(photos):
    catalogue = read(photos, "0,0,4,30", "0.5,0.5,20,20")
    assert catalogue.rows[BBOX].tolist() == ["0,0,4,30", "0.5,0.5,20,20"] and not catalogue.notes


def test_a_photograph_that_lies_on_its_side_is_measured_upright(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    pixels = np.random.default_rng(0).integers(0, 256, (40, 80, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(tmp_path / "turned.jpg", exif=exif)
    assert read(tmp_path, "0,0.5,1,0.5", names=("turned.jpg",)).rows[BBOX].tolist() == ["0,40,40,40"]


def test_four_columns_of_shares_are_shares(photos):
    table = {PATH: list(SIZES), IDENTITY: ["a", "b"], "bbox_x": [0, 0.5], "bbox_y": [0, 0.5]}
    pd.DataFrame(table | {"bbox_width": 0.5, "bbox_height": 0.5}).to_csv(photos / "metadata.csv", index=False)
    assert read_catalogue("csv", str(photos)).rows[BBOX].tolist() == ["0,0,40,20", "15,30,15,30"]


def test_a_share_among_pixels_is_refused_with_its_photograph(photos):
    with pytest.raises(CatalogueError, match=r"(?s)unusable bbox.*wide\.png: bbox 0\.1,0\.1,0\.5,0\.5.*is it a share"):
        read(photos, "0.1,0.1,0.5,0.5", "0,0,20,20")
    catalogue = read(photos, "0.1,0.1,0.5,0.5", "0,0,20,20", skip_unreadable=True)
    assert catalogue.rows[PATH].tolist() == ["high.png"]


@pytest.mark.parametrize("box", ["3,3,1,1", "3,3,2,30", "0,0,3.4,3.4", "77,0,20,20", "-97,0,100,30"])
def test_a_box_that_shows_a_few_pixels_is_refused_and_never_decoded(photos, box):
    """Each picture would be of one colour, or of a strip that nobody recognises."""
    with pytest.raises(CatalogueError, match=r"(?s)1 x .*wide\.png: bbox .* at least 4 px a side are needed"):
        read(photos, box, "0,0,20,20")
    with pytest.raises(UnreadablePhoto, match="at least 4 px"):
        load_image(photos / "wide.png", bbox=box)
    assert read(photos, box, "0,0,20,20", skip_unreadable=True).rows[PATH].tolist() == ["high.png"]


def test_shares_never_become_pictures_of_one_colour(photos):
    """All 48 of 48 were: a box of one pixel, stretched."""
    catalogue = read(photos, "0.1,0.1,0.8,0.8", "0.2,0.3,0.5,0.5")
    pixels = load_pixels(catalogue, image_size=32, progress=False)
    assert all(len(np.unique(picture.reshape(-1, 3), axis=0)) > 100 for picture in pixels)


def test_corners_in_pixels_are_told(photos):
    """Corners 40,10,78,38 of the wide one, read as x,y,width,height, end far outside of it."""
    notes = read(photos, "40,10,78,38", "0,0,20,20").notes
    assert "1 of 2 boxes end outside their photograph" in notes[0] and "40,10,78,38 of wide.png: corners" in notes[0]
    assert not read(photos, "40,10,41,31", "0,0,20,20").notes


def test_percent_are_told(tmp_path):
    for name in SIZES:
        pixels = np.random.default_rng(len(name)).integers(0, 256, (400, 600, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(tmp_path / name)
    assert "percent, perhaps?" in read(tmp_path, "25,50,50,25", "0,0,100,100").notes[0]
    assert not read(tmp_path, "25,50,50,25", "0,0,300,300").notes


def test_corners_or_centres_between_0_and_1_are_refused_with_the_cure(photos):
    with pytest.raises(CatalogueError, match=r"1 of 2 end outside.*0\.5,0\.5,0\.9,0\.9 of high\.png.*x,y,width,height"):
        read(photos, "0.1,0.1,0.2,0.2", "0.5,0.5,0.9,0.9")


def test_a_detector_that_overshoots_the_border_is_clipped(photos):
    assert read(photos, "-0.01,0,1.02,1", "0,0,0.5,0.5").rows[BBOX].tolist() == ["-0.8,0,81.6,40", "0,0,15,30"]


def test_missing_boxes_and_missing_files_do_not_decide(photos):
    rows = pd.DataFrame(
        {PATH: ["wide.png", "gone.png", "high.png"], BBOX: ["0,0,0.5,0.5", "0,0,1,1", None]}, dtype=object
    )
    found, notes = convert_to_pixels(rows, FileStates(photos))
    assert found[BBOX].tolist() == ["0,0,40,20", None, None] and len(notes) == 1
    empty = rows.assign(bbox=None)
    assert (
        convert_to_pixels(empty, FileStates(photos))[0].equals(empty)
        and convert_to_pixels(rows[[PATH]], FileStates(photos))[1] == []
    )


SHARES = st.tuples(*[st.floats(0.1, 0.5)] * 4)


@settings(max_examples=20)
@given(st.lists(SHARES, min_size=1, max_size=4))
def test_any_shares_are_the_same_part_of_the_photograph(tmp_path_factory, shares):
    root = tmp_path_factory.mktemp("boxes")
    Image.new("RGB", (200, 100)).save(root / "a.png")
    rows = pd.DataFrame({PATH: "a.png", BBOX: [",".join(map(repr, box)) for box in shares]})
    found = np.array([parse_bbox(text) for text in convert_to_pixels(rows, FileStates(root), progress=False)[0][BBOX]])
    assert np.allclose(found / [200, 100, 200, 100], shares, rtol=1e-9)
