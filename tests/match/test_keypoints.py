"""Keypoints keep their photographs and their rows, in whatever order they are taken; none at all is no error."""

import numpy as np
import pytest
from keypoint_cases import keypoints_of, rows_of

from reid_lib.core.names import IMAGE_ID
from reid_lib.match.keypoints import Keypoints, KeypointSet


@pytest.fixture
def some():
    rng = np.random.default_rng(0)
    return [keypoints_of(rng.integers(0, 256, (n, 128), dtype=np.uint8)) for n in (3, 0, 5, 1)]


def same(a: Keypoints, b: Keypoints) -> bool:
    arrays = ("xy", "scale", "angle", "strength", "descriptors")
    return a.size == b.size and all(np.array_equal(getattr(a, name), getattr(b, name)) for name in arrays)


def test_each_photograph_gets_its_own_back(some):
    found = KeypointSet.of(some, rows_of("abca"), [b"w", b"x", b"y", b"z"])
    assert len(found) == 4 and found.counts.tolist() == [3, 0, 5, 1]
    assert all(same(found[i], some[i]) for i in range(4)) and same(found[-1], some[3])
    with pytest.raises(IndexError):
        found[4]


def test_parts_keep_rows_names_and_order(some):
    found = KeypointSet.of(some, rows_of("abca"), [b"w", b"x", b"y", b"z"])
    part = found.take([3, 1, 0])
    assert part.rows[IMAGE_ID].tolist() == ["i3", "i1", "i0"] and part.images.tolist() == [b"z", b"x", b"w"]
    assert all(same(part[i], some[k]) for i, k in enumerate([3, 1, 0]))
    where = found.where([False, True, True, False])
    assert where.rows[IMAGE_ID].tolist() == ["i1", "i2"] and same(where[1], some[2])
    nothing = found.where(np.zeros(4, bool))
    assert len(nothing) == 0 and nothing.descriptors.shape == (0, 128)


def test_a_mask_keeps_what_lies_on_it_and_its_order():
    xy = np.array([[0, 0], [9.4, 2], [9.6, 2], [10.4, 4.4]], np.float32)
    flat = np.arange(4, dtype=np.float32)
    found = Keypoints(xy, flat, flat, flat[::-1].copy(), np.zeros((4, 8), np.float16), (11, 5))
    mask = np.zeros((5, 11), bool)
    mask[2:, 10] = True
    assert found.on(mask).scale.tolist() == [2, 3]  # rounded to 10, 2 and 10, 4
    assert len(found.on(np.zeros((5, 11), bool))) == 0
    with pytest.raises(ValueError, match=r"\(5, 11\), got \(11, 5\)"):
        found.on(mask.T)


def test_what_is_no_set_of_keypoints_is_refused(some):
    flat = np.zeros(2, np.float32)
    with pytest.raises(ValueError, match=r"scale must be \(3,\) float32 beside 3 descriptors, got \(2,\) float32"):
        Keypoints(np.zeros((3, 2), np.float32), flat, flat, flat, np.zeros((3, 8), np.uint8), (4, 4))
    with pytest.raises(ValueError, match="uint8 or float16, got .* float64"):
        Keypoints(np.zeros((2, 2), np.float32), flat, flat, flat, np.zeros((2, 8)), (4, 4))
    with pytest.raises(ValueError, match="one length and dtype"):
        KeypointSet.of([some[0], Keypoints.none((4, 4), 64)], rows_of("ab"), [b"w", b"x"])
    with pytest.raises(ValueError, match="3 sizes for 4 rows"):
        KeypointSet.of(some[:3], rows_of("abca"), [b"w", b"x", b"y", b"z"])
    with pytest.raises(ValueError, match="'i0' stands twice"):
        KeypointSet.of(some[:2], rows_of("ab").assign(**{IMAGE_ID: "i0"}), [b"w", b"x"])
