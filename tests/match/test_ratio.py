"""Ratio-test matches, against OpenCV's brute-force matcher and by hand."""

import cv2
import numpy as np
import pytest
from local_cases import keypoints_of, look, moved, pattern

from reid_lib.core.errors import ParameterError
from reid_lib.match.keypoints import Keypoints
from reid_lib.match.ratio import RatioMatcher, find_mutual_nearest
from reid_lib.match.sift import RootSift


@pytest.mark.parametrize("kind", [np.uint8, np.float16])
def test_neighbours_and_ratios_are_those_of_opencv(kind):
    rng = np.random.default_rng(0)
    ours = rng.integers(0, 90, (50, 128)).astype(kind)
    theirs = np.concatenate([ours[:30], rng.integers(0, 90, (35, 128)).astype(kind)])
    theirs = np.clip(theirs.astype(int) + rng.integers(-12, 13, theirs.shape), 0, 90).astype(kind)
    first, second, ratio = find_mutual_nearest(ours, theirs)
    brute = cv2.BFMatcher(cv2.NORM_L2)
    there = brute.knnMatch(np.float32(ours), np.float32(theirs), k=2)
    back = brute.knnMatch(np.float32(theirs), np.float32(ours), k=2)
    expected = {}
    for best, other in there:
        reverse, further = back[best.trainIdx]
        if reverse.trainIdx == best.queryIdx:
            largest = max(best.distance / other.distance, reverse.distance / further.distance)
            expected[best.queryIdx, best.trainIdx] = largest
    assert dict(zip(zip(first.tolist(), second.tolist(), strict=True), ratio, strict=True)) == pytest.approx(
        expected, rel=1e-4
    )


def test_by_hand():
    """On a line: 0 is nearest to 1 (distance 1, the second nearest is 10 away); back, 1 has 0 at 1 and 40 at 39."""
    ours, theirs = (
        keypoints_of([(0, 0), (0, 0)], np.uint8([[0], [40]])),
        keypoints_of([(0, 0), (0, 0), (0, 0)], np.uint8([[1], [10], [100]])),
    )
    found = RatioMatcher(ratio=0.2, loosest=0.5).match([(ours, theirs)])[0]
    assert (found.first.tolist(), found.second.tolist()) == ([0], [0])
    assert found.confidence == pytest.approx([0.9])
    assert found.scores == pytest.approx([1, 0.9, 0]) and not found.inlier.any()


def test_a_ratio_at_the_bound_counts():
    ours, theirs = keypoints_of([(0, 0)], np.uint8([[0]])), keypoints_of([(0, 0), (0, 0)], np.uint8([[8], [10]]))
    # one keypoint has no second nearest: the way back says nothing, and the ratio is 1
    assert len(RatioMatcher().match([(ours, theirs)])[0].first) == 0
    ours = keypoints_of([(0, 0), (0, 0)], np.uint8([[0], [200]]))
    found = RatioMatcher(ratio=0.8).match([(ours, theirs)])[0]
    assert found.confidence == pytest.approx([0.2]) and found.scores[0] == 1


def test_matches_are_where_the_look_moved_them():
    photo = pattern(0, (200, 160))
    a, b = RootSift().extract([photo, look(photo)], [None, None])
    found = RatioMatcher().match([(a, b)])[0]
    off = np.linalg.norm(moved(a.xy[found.first]) - b.xy[found.second], axis=1)
    assert found.inlier.sum() > 10 and (off[found.inlier] < 12).all()
    assert found.scores == pytest.approx(
        [(found.confidence >= 0.2).sum(), found.confidence.sum(), found.inlier.sum()], rel=1e-5
    )


@pytest.mark.parametrize("n", [(0, 5), (5, 0), (0, 0), (1, 1)], ids=str)
def test_photographs_without_keypoints_match_nothing(n):
    def some(count):
        descriptors = np.random.default_rng(count).integers(0, 99, (count, 128), dtype=np.uint8)
        return keypoints_of(np.zeros((count, 2)), descriptors) if count else Keypoints.none((9, 9), 128)

    found = RatioMatcher().match([(some(n[0]), some(n[1]))])[0]
    assert len(found.first) == len(found.second) == len(found.confidence) == len(found.inlier) == 0
    assert found.scores.tolist() == [0, 0, 0] and found.scores.dtype == np.float32


def test_settings_are_checked_and_in_the_key():
    assert RatioMatcher().key != RatioMatcher(ratio=0.7).key
    for settings in ({"ratio": 0.95}, {"ratio": 0}, {"loosest": 1.5}):
        with pytest.raises(ParameterError, match="expected 0 < ratio <= loosest <= 1"):
            RatioMatcher(**settings)
