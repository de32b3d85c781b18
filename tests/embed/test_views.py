"""Views of a photograph against the same cut by plain loops, and by torch."""

import numpy as np
import pytest
import torch
from torch.nn import functional

from reid_lib.embed.views import CORNERS, VIEWS, average_views, cut_views, describe_view

SIDE = 32


@pytest.fixture
def pixels():
    """Smooth photographs: with noise, neighbours differ so much that rounding shows."""
    small = np.random.default_rng(0).integers(0, 256, (6, 3, 5, 5)).astype(np.float32)
    smooth = functional.interpolate(torch.from_numpy(small), size=SIDE, mode="bilinear", align_corners=True)
    return smooth.round().to(torch.uint8).permute(0, 2, 3, 1).contiguous().numpy()


def cubic(image: np.ndarray, side: int) -> np.ndarray:
    """Keys' cubic convolution (a = -0.75, the edge repeated) by four weights at a time, first down and then across."""
    kernel = lambda x: (  # noqa: E731
        1.25 * x**3 - 2.25 * x**2 + 1 if x <= 1 else -0.75 * x**3 + 3.75 * x**2 - 6 * x + 3 if x < 2 else 0
    )
    found = image.astype(float)
    for axis in (0, 1):
        lines, n = np.moveaxis(found, axis, 0), found.shape[axis]
        out = []
        for k in range(side):
            at = (k + 0.5) * n / side - 0.5
            near = range(int(np.floor(at)) - 1, int(np.floor(at)) + 3)
            out.append(sum(kernel(abs(at - j)) * lines[min(max(j, 0), n - 1)] for j in near))
        found = np.moveaxis(np.array(out), 0, axis)
    return np.clip(found, 0, 255)


def test_views_are_those_that_a_loop_cuts(pixels):
    views = ["whole", "mirrored", *CORNERS]
    found = cut_views(pixels, views)
    kept = SIDE * 7 // 8
    assert (found[0] == pixels[0]).all()
    assert all((found[1][:, k] == pixels[1][:, SIDE - 1 - k]).all() for k in range(SIDE))
    for k, (down, right) in enumerate([(0, 0), (0, SIDE - kept), (SIDE - kept, 0), (SIDE - kept, SIDE - kept)]):
        corner = pixels[k + 2][down : down + kept, right : right + kept]
        assert np.abs(found[k + 2] - cubic(corner, SIDE)).max() <= 1
        image = torch.from_numpy(corner).permute(2, 0, 1)[None].float()
        by_torch = functional.interpolate(image, size=SIDE, mode="bicubic").clamp(0, 255)[0].permute(1, 2, 0)
        assert np.abs(found[k + 2] - by_torch.numpy()).max() <= 1


def test_images_stay_as_they_are_and_a_view_does_not_hang_on_the_others(pixels):
    before, views = pixels.copy(), ["bottom right", "whole", "mirrored", "top left", "bottom left", "top right"]
    found = cut_views(pixels, views)
    assert (pixels == before).all() and found.dtype == np.uint8 and found.shape == pixels.shape
    for k, view in enumerate(views):
        assert (cut_views(pixels[k : k + 1], [view])[0] == found[k]).all()


@pytest.mark.parametrize("side", [2, 3, 7, 33])
def test_small_and_odd_images_have_all_views(side):
    image = np.full((1, side, side, 3), 77, dtype=np.uint8)
    assert all((cut_views(image, [view]) == 77).all() for view in ("mirrored", *CORNERS))


def test_a_mean_is_that_of_each_images_own_views():
    a, b = np.float32([[1, 0], [0, 1], [0.6, 0.8]]), np.float32([[0, 1]])
    found = average_views([(np.arange(3), a), (np.array([0]), b)], 3)
    np.testing.assert_allclose(found[0], [2**-0.5] * 2, rtol=1e-6)
    assert (found[1:] == a[1:]).all()
    assert (average_views([(np.arange(1), a[:1]), (np.arange(1), -a[:1])], 1) == 0).all()  # not NaN


def test_every_view_is_told_apart_in_the_cache():
    every = {view for views in VIEWS.values() for view in views}
    assert len({repr(describe_view(view)) for view in every}) == len(every) == 6 and describe_view("whole") == []
