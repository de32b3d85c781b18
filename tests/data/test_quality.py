"""Sizes and sharpness of photographs, against a slow implementation."""

import numpy as np
import pandas as pd
from PIL import Image
from scipy.ndimage import gaussian_filter, laplace

from reid_lib.data.file_states import FileStates
from reid_lib.data.quality import measure_quality, measure_sharpness

RNG = np.random.default_rng(0)


def pictures(n=3, side=40):
    return RNG.integers(0, 256, (n, side, side, 3), dtype=np.uint8)


def test_sharpness_is_the_variance_of_the_laplacian_of_the_grey_picture():
    pixels = pictures()
    greys = np.round(pixels.astype(float) @ [0.299, 0.587, 0.114])  # ITU-R BT.601
    expected = [laplace(grey, mode="mirror").var() for grey in greys]
    np.testing.assert_allclose(measure_sharpness(pixels), expected, rtol=0.01)


def test_the_same_picture_blurred_is_less_sharp_and_a_plain_one_not_at_all():
    picture = pictures(1)[0].astype(float)
    blurs = np.stack([gaussian_filter(picture, (sigma, sigma, 0)) for sigma in (0, 1, 3)]).astype(np.uint8)
    first, second, third = measure_sharpness(blurs)
    assert first > 5 * second > 25 * third
    assert measure_sharpness(np.full((1, 40, 40, 3), 90, dtype=np.uint8)).tolist() == [0]
    assert len(measure_sharpness(np.empty((0, 40, 40, 3), dtype=np.uint8))) == 0


def test_what_is_much_blurred_or_small_is_told_by_data_set_and_bbox(tmp_path):
    pixels = pictures(6)
    pixels[0] = gaussian_filter(pixels[0].astype(float), (4, 4, 0)).astype(np.uint8)
    pixels[5] = pixels[0]  # as sharp as the others of its own data set
    for k, size in enumerate([(90, 60), (19, 90), (90, 90), (90, 90), (90, 90), (90, 90)]):
        Image.new("RGB", size).save(tmp_path / f"{k}.jpg")
    rows = pd.DataFrame(
        {
            "image_id": list("abcdef"),
            "dataset": ["x"] * 5 + ["y"],
            "path": [f"{k}.jpg" for k in range(6)],
            "bbox": [None, None, "80,80,50,50", "0,0,30,20", None, None],
        }
    )
    table = measure_quality(pixels, rows, FileStates(tmp_path))
    assert table["blurred"].tolist() == [True, False, False, False, False, False]
    assert table["small"].tolist() == [False, True, True, False, False, False]  # of 40 px the half is 20
    assert table[["width", "height"]].to_numpy().tolist()[:4] == [[90, 60], [19, 90], [10, 10], [30, 20]]


def test_a_file_whose_size_is_not_known_is_not_called_small(tmp_path):
    rows = pd.DataFrame({"image_id": ["a"], "dataset": ["x"], "path": ["gone.jpg"]})
    table = measure_quality(pictures(1), rows, FileStates(tmp_path))
    assert np.isnan(table["width"].iloc[0]) and not table["small"].iloc[0]
