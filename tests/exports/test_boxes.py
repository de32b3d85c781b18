"""Boxes as shares of photographs, by hand."""

import numpy as np
import pandas as pd
from PIL import Image

from reid_lib.data.readers.camtrap import BOX
from reid_lib.exports.boxes import measure_boxes


def measure(boxes: dict[str, str | None], photos=None):
    rows = pd.DataFrame({"path": list(boxes), "bbox": list(boxes.values())}, dtype=object)
    return measure_boxes(rows, photos)


def test_shares_need_no_photographs_and_end_at_the_border():
    found, notes = measure({"a": "0.1,0.2,0.3,0.4", "b": None, "c": "[0.9, -0.01, 0.13, 0.5]", "d": "no box"})
    assert list(found) == list(BOX) and notes == []
    expected = [[0.1, 0.2, 0.3, 0.4], [np.nan] * 4, [0.9, 0, 0.1, 0.49], [np.nan] * 4]
    np.testing.assert_allclose(found.to_numpy(), expected, atol=1e-12)


def test_pixels_are_those_of_the_upright_photograph(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by a quarter: 60 px wide and 200 px high
    Image.new("RGB", (200, 60)).save(tmp_path / "turned.jpg", exif=exif)
    Image.new("RGB", (200, 100)).save(tmp_path / "plain.jpg")
    boxes = {"turned.jpg": "30,50,30,100", "plain.jpg": "50,25,400,50", "gone.jpg": "1,1,9,9"}
    found, notes = measure(boxes | {"plain.jpg": "50,25,400,50"}, tmp_path)
    expected = [[0.5, 0.25, 0.5, 0.5], [0.25, 0.25, 0.75, 0.5], [np.nan] * 4]
    np.testing.assert_allclose(found.to_numpy(), expected)
    assert notes == ["1 box lies on no photograph that can be read: left out"]


def test_pixels_without_photographs_are_left_out_and_told():
    found, notes = measure({"a": "10,20,30,40", "b": None})
    assert found.isna().all(axis=None)
    assert notes == ["1 box is left out, in pixels: --photos FOLDER tells how many a photograph has"]
    assert measure({"a": None})[1] == []
