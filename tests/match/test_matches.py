"""What a pair scores by its matches, counted by hand."""

import numpy as np
import pytest
from local_cases import keypoints_of, moved

from reid_lib.match.matches import NAMES, score_matches


def test_scores_are_sure_matches_sum_of_confidences_and_inliers():
    rng = np.random.default_rng(0)
    first = rng.uniform((10, 10), (140, 110), (12, 2))
    second = moved(first)
    second[10:] = second[10:] + 60  # two that no geometry of the others explains
    descriptors = np.zeros((12, 4), np.uint8)
    pair = keypoints_of(first, descriptors), keypoints_of(second, descriptors)
    confidence = np.float32([0.5, 0.49, *[0.9] * 10])
    found = score_matches(pair, np.arange(12), np.arange(12), confidence, sure=0.5)
    assert NAMES == ("matches", "confidence", "inliers")
    assert found.scores == pytest.approx([11, 0.5 + 0.49 + 9, 10])
    assert found.inlier.tolist() == [True] * 10 + [False] * 2
