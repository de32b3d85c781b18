"""One photograph and the pixels of many. Every bad file is made here, and the values are checked."""

import os

import pytest
from pixel_cases import arrays, catalogue_of_noise

from reid_lib.data import pixel_store, pixels

pytestmark = pytest.mark.usefixtures("clean_dirs")


def test_kept_pixels_are_compared_once_in_a_process(tmp_path, clean_dirs, monkeypatch, next_process):
    catalogue = catalogue_of_noise(tmp_path, 5)
    pixels.load_pixels(catalogue, image_size=16, progress=False)
    looked, original = [], pixel_store._damaged
    monkeypatch.setattr(pixel_store, "_damaged", lambda *a: [looked.append(1), original(*a)][1])
    pixels.load_pixels(catalogue, image_size=16, progress=False)
    next_process()
    for check in (False, True, True):
        pixels.load_pixels(catalogue, image_size=16, progress=False, check=check)
    assert looked == [1]
    (file,) = arrays(clean_dirs)
    os.utime(file, (1000, 1000))  # written to by something else
    pixels.load_pixels(catalogue, image_size=16, progress=False)
    assert looked == [1, 1]
