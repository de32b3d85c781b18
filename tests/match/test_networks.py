"""Extractors and matchers by networks: masks, settings, keys; a picture beside its own look, and other ones."""

import sys

import numpy as np
import pytest
from local_cases import keypoints_of, look, moved, pattern, require_local

from reid_lib.core.errors import ModelError, ParameterError
from reid_lib.match.keypoints import Keypoints
from reid_lib.match.matches import NAMES
from reid_lib.match.networks import GlueMatcher, NetworkFeatures


@pytest.fixture(scope="module")
def aliked():
    require_local("aliked-n16", "aliked-lightglue")
    return NetworkFeatures("aliked", max_keypoints=60), GlueMatcher("aliked")


@pytest.mark.parametrize("features", ["aliked", "xfeat"])
def test_a_look_at_the_same_pattern_scores_above_all_others(features):
    require_local("aliked-n16", "aliked-lightglue", "xfeat", "xfeat-lighterglue")
    photos = [pattern(0), look(pattern(0)), pattern(1), pattern(2)]
    found = NetworkFeatures(features, max_keypoints=80).extract(photos, [None] * 4)
    same, *others = GlueMatcher(features).match([(found[0], found[k]) for k in (1, 2, 3)])
    assert NAMES == ("matches", "confidence", "inliers")
    assert all((same.scores > 3 * other.scores).all() for other in others)
    off = np.linalg.norm(moved(found[0].xy[same.first]) - found[1].xy[same.second], axis=1)
    assert same.inlier.sum() > 20 and np.median(off[same.inlier]) < 2
    assert same.scores[0] == (same.confidence >= 0.5).sum() and same.scores[2] == same.inlier.sum()


def test_under_a_mask_as_many_keypoints_are_found_and_all_lie_on_it(aliked):
    extractor, _ = aliked
    photo = pattern(3, (200, 160))
    mask = np.zeros(photo.shape[:2], bool)
    mask[:, :100] = True
    masked, whole, nothing = extractor.extract([photo] * 3, [mask, np.ones_like(mask), np.zeros_like(mask)])
    plain = extractor.extract([photo], [None])[0]
    assert len(masked) == len(whole) == len(plain) == 60 and len(nothing) == 0
    assert (masked.xy[:, 0] < 100).all() and (plain.xy[:, 0] > 100).any()
    np.testing.assert_array_equal(whole.xy, plain.xy)
    assert masked.descriptors.dtype == np.float16 and (np.diff(masked.strength) <= 0).all()


def test_black_tiny_and_nothing_at_all(aliked):
    extractor, matcher = aliked
    black, tiny, photo = extractor.extract(
        [np.zeros((64, 96, 3), np.uint8), pattern(0)[:9, :8], pattern(0)], [None] * 3
    )
    assert (len(black), black.size, len(tiny), tiny.size) == (0, (96, 64), 0, (8, 9))
    for found in matcher.match([(black, photo), (photo, tiny), (black, black)]):
        assert found.scores.tolist() == [0, 0, 0]
    assert matcher.match([]) == [] and extractor.extract([], []) == []


def test_keypoints_of_another_extractor_are_refused(aliked):
    sift = keypoints_of(np.zeros((3, 2)), np.zeros((3, 64), np.float16))
    with pytest.raises(ParameterError, match="aliked has descriptors of 128 numbers, these keypoints have 64"):
        aliked[1].match([(sift, sift)])
    other = Keypoints.none((9, 9), 64, np.float16)
    with pytest.raises(ParameterError, match="match keypoints by the network that is made for them"):
        aliked[1].match([(other, other)])


def test_whatever_decides_on_the_result_is_in_the_key(aliked):
    extractor, matcher = aliked
    keys = {extractor.key, NetworkFeatures("aliked", max_keypoints=61).key, NetworkFeatures("xfeat").key}
    assert len(keys) == 3
    assert matcher.key != GlueMatcher("aliked", depth_confidence=-1).key


@pytest.mark.parametrize("setting", [{"max_keypoints": 0}, {"max_side_px": 8}], ids=str)
def test_settings_below_their_range_are_refused(setting):
    with pytest.raises(ParameterError, match="must be at least"):
        NetworkFeatures("aliked", **setting)


def test_without_the_extra_the_install_line_is_told(monkeypatch):
    monkeypatch.setitem(sys.modules, "kornia.feature", None)
    for make in (NetworkFeatures, GlueMatcher):
        with pytest.raises(ModelError, match=r"pip install -e '.\[local\]'"):
            make("aliked")
