"""RootSIFT: what OpenCV finds, strongest first, on the mask alone; nothing is found where nothing is to be seen."""

import cv2
import numpy as np
import pytest

from reid_lib.core.errors import ParameterError
from reid_lib.match.sift import RootSift, root_descriptors


def textured(height, width, seed=0):
    small = np.random.default_rng(seed).integers(0, 256, (height // 10 + 1, width // 10 + 1, 3), dtype=np.uint8)
    return cv2.resize(small, (width, height), interpolation=cv2.INTER_CUBIC)


def found_in(photo, mask=None, **settings):
    return RootSift(**settings).extract([photo], [mask])[0]


def test_they_are_opencv_s():
    photo = textured(150, 200)
    keypoints, descriptors = cv2.SIFT_create(contrastThreshold=0.02).detectAndCompute(
        cv2.cvtColor(photo, cv2.COLOR_RGB2GRAY), None
    )
    found = found_in(photo, max_keypoints=10_000, contrast_threshold=0.02)
    ours = sorted(zip(found.xy.tolist(), np.rad2deg(found.angle).round(2).tolist(), strict=True))
    theirs = sorted((list(map(float, np.float32(k.pt))), round(k.angle, 2)) for k in keypoints)
    assert len(ours) == len(theirs) > 100
    assert all(a[0] == b[0] and abs(a[1] - b[1]) < 0.02 for a, b in zip(ours, theirs, strict=True))
    assert found.descriptors.dtype == np.uint8 and found.size == (200, 150)
    distances = np.linalg.norm(found.descriptors.astype(float)[:50, None] - found.descriptors.astype(float), axis=2)
    lengths = np.linalg.norm(found.descriptors.astype(float), axis=1)
    assert np.abs(lengths - 512).max() < 8 and (distances[:, 50:] > 0).all()


def test_descriptors_are_square_roots_of_shares():
    descriptors = np.zeros((3, 128), np.float32)
    descriptors[0, :4] = 100, 25, 0, 0  # shares 0.8 and 0.2
    descriptors[1, :100] = 9
    found = root_descriptors(descriptors)
    assert found[0, :3].tolist() == [255, 229, 0]  # the root of 0.8 is 458 / 512: more than a byte holds
    assert set(found[1].tolist()) == {51, 0} and not found[2].any()


def test_the_strongest_are_taken_in_falling_order():
    photo = textured(150, 200)
    everything, some = found_in(photo, max_keypoints=10_000), found_in(photo, max_keypoints=20)
    assert (np.diff(everything.strength) <= 0).all() and len(some) == 20
    assert np.array_equal(some.xy, everything.xy[:20]) and np.array_equal(some.descriptors, everything.descriptors[:20])


@pytest.mark.parametrize("upright", [False, True])
def test_a_mask_takes_away_and_changes_nothing_else(upright):
    photo, mask = textured(150, 200), np.zeros((150, 200), bool)
    mask[40:, :120] = True
    everything = found_in(photo, max_keypoints=10_000, upright=upright)
    on = found_in(photo, mask, max_keypoints=10_000, upright=upright)
    x, y = np.floor(everything.xy + 0.5).astype(int).T
    expected = everything.take(mask[y, x])
    assert 10 < len(on) == len(expected) < len(everything)
    assert np.array_equal(on.xy, expected.xy) and np.array_equal(on.descriptors, expected.descriptors)
    assert len(found_in(photo, mask, max_keypoints=7, upright=upright)) == 7
    assert len(found_in(photo, np.zeros_like(mask), upright=upright)) == 0


def test_upright_ones_stand_once_at_a_place():
    photo = textured(150, 200)
    found = found_in(photo, max_keypoints=10_000, upright=True)
    places = np.column_stack([found.xy, found.scale])
    assert not found.angle.any() and len(np.unique(places, axis=0)) == len(places)
    assert len(places) == len(
        np.unique(np.column_stack([(f := found_in(photo, max_keypoints=10_000)).xy, f.scale]), axis=0)
    )


@pytest.mark.parametrize("shape", [(1, 1), (2, 300), (8, 8), (64, 64)])
@pytest.mark.parametrize("upright", [False, True])
def test_of_a_black_or_tiny_photograph_there_are_none(shape, upright):
    found = found_in(np.zeros((*shape, 3), np.uint8), upright=upright)
    assert len(found) == 0 and found.descriptors.shape == (0, 128) and found.size == shape[::-1]


def test_settings_are_part_of_the_key_and_have_ranges():
    kinds = [{}, {"max_keypoints": 7}, {"contrast_threshold": 0.05}, {"edge_threshold": 20.0}, {"upright": True}]
    assert len({RootSift(**kind).key for kind in kinds}) == len(kinds) and cv2.__version__ in RootSift().key
    with pytest.raises(ParameterError, match="max_keypoints must be at least 1, got 0"):
        RootSift(max_keypoints=0)
    with pytest.raises(ParameterError, match="contrast_threshold must be at least 0, got nan"):
        RootSift(contrast_threshold=float("nan"))
