"""Where two photographs of a review match, one pair at a time."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from reid_lib.core.names import IMAGE_ID
from reid_lib.data.photo import UnreadablePhoto
from reid_lib.pipeline.review_matches import PairMatcher


@pytest.fixture
def experiment(tmp_path, monkeypatch):
    """Two photographs of one pattern, the second shifted by 20 px to the left and 10 up; and a flat grey one."""
    monkeypatch.setenv("REID_CACHE", str(tmp_path / "cache"))
    coarse = np.random.default_rng(0).integers(0, 255, (24, 32, 3), dtype=np.uint8)
    pattern = Image.fromarray(coarse).resize((340, 250), Image.Resampling.BICUBIC)
    pattern.crop((0, 0, 320, 240)).save(tmp_path / "a.png")
    pattern.crop((20, 10, 340, 250)).save(tmp_path / "b.png")
    Image.new("RGB", (320, 240), (90, 90, 90)).save(tmp_path / "c.png")
    rows = pd.DataFrame({IMAGE_ID: ["a", "b", "c", "gone"], "path": ["a.png", "b.png", "c.png", "gone.png"]})
    return SimpleNamespace(
        params=SimpleNamespace(), local_device="cpu", split=SimpleNamespace(rows=rows),
        catalogue=SimpleNamespace(root=tmp_path),
    )  # fmt: skip


@pytest.mark.parametrize("features", [(), ["sift"]])
def test_the_same_spots_of_both_are_joined_in_either_order(experiment, features):
    experiment.params = SimpleNamespace(features=features, mask="none")
    matcher = PairMatcher(experiment)
    found, turned = matcher.match("a", "b"), matcher.match("b", "a")
    assert (found.query, found.candidate, turned.query) == ("a", "b", "b") and found.inlier.sum() > 10
    shift = (found.ours - found.theirs)[found.inlier] * [320, 240]
    assert shift == pytest.approx(np.tile([20, 10], (len(shift), 1)), abs=4)
    assert np.sort(found.ours[:, 0]) == pytest.approx(np.sort(turned.theirs[:, 0]))
    assert found.words == f"{found.inlier.sum()} of {len(found.inlier)} matches\nby one geometry"


def test_a_photograph_without_spots_has_no_matches_and_one_that_is_gone_is_told(experiment):
    matcher = PairMatcher(experiment)
    assert len(matcher.match("a", "c").inlier) == 0
    with pytest.raises(UnreadablePhoto, match="gone"):
        matcher.match("a", "gone")
