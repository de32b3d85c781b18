"""Where a photograph was taken, by its EXIF."""

import numpy as np
import pytest
from PIL import Image

from reid_lib.data.gps import read_place


def save(path, tags):
    exif = Image.Exif()
    if tags:
        exif[0x8825] = tags
    Image.fromarray(np.zeros((16, 16, 3), np.uint8)).save(path, exif=exif)
    return path


@pytest.mark.parametrize(
    ("tags", "place"),
    [
        ({1: "N", 2: (52.0, 31.0, 12.0), 3: "E", 4: (13.0, 24.0, 36.0)}, (52.52, 13.41)),
        ({1: "S", 2: (33.0, 55.5, 0.0), 3: "W", 4: (70.0, 30.0, 0.0)}, (-33.925, -70.5)),
        ({1: "N", 2: (0.0, 0.0, 0.0), 3: "E", 4: (0.0, 0.0, 0.0)}, None),
        ({1: "N", 2: (95.0, 0.0, 0.0), 3: "E", 4: (0.0, 0.0, 0.0)}, None),
        ({2: (52.0, 31.0, 12.0), 4: (13.0, 24.0, 36.0)}, None),
        ({1: "N", 2: (52.0, 31.0, 12.0)}, None),
        ({}, None),
    ],
)
def test_places(tmp_path, tags, place):
    found = read_place(save(tmp_path / "a.jpg", tags))
    assert found == (pytest.approx(place) if place else None)


def test_what_cannot_be_opened_tells_nothing(tmp_path):
    (tmp_path / "a.jpg").write_text("no photograph")
    assert read_place(tmp_path / "a.jpg") is None and read_place(tmp_path / "none.jpg") is None
