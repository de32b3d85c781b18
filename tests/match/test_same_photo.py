"""One photograph on both sides: copies, crops, other sizes and looks are found, another photograph is not."""

import cv2
import numpy as np
import pandas as pd
import pytest
from local_cases import LOOK, look, pattern
from PIL import Image

from reid_lib.core.names import BBOX, IMAGE_ID, PATH
from reid_lib.data.photo import UnreadablePhoto
from reid_lib.match.keypoint_store import extract_keypoints
from reid_lib.match.matches import INLIERS
from reid_lib.match.ratio import RatioMatcher
from reid_lib.match.same_photo import ALIKE, LEAST_INLIERS, correlate, find_same_photos
from reid_lib.match.sift import RootSift


def grey(photo):
    return cv2.cvtColor(photo, cv2.COLOR_RGB2GRAY)


def test_correlation_is_pearsons_where_both_show_something():
    """Moved by whole pixels, so that numpy can say it."""
    first = grey(pattern(0))
    second = np.clip(first[20:, 30:].astype(int) * 0.7 + 25, 0, 255).astype(np.uint8)
    second = second + np.random.default_rng(0).integers(0, 60, second.shape, dtype=np.uint8)
    found, everywhere, overlap = correlate(first, second, np.array([[1.0, 0, -30], [0, 1, -20]]))
    expected = np.corrcoef(first[20:, 30:].ravel(), second.ravel())[0, 1]
    assert found == pytest.approx(expected, abs=1e-9) and 0.5 < found < 0.99
    assert overlap == 1  # all of the smaller one
    assert 0.5 < everywhere < found  # noise counts for more where little else is
    ours, theirs = first[:, :100], first[:, 60:]  # 40 of 100 columns are in both
    expected = pytest.approx((1, 1, 0.4))
    assert correlate(ours, theirs, np.array([[1.0, 0, -60], [0, 1, 0]])) == expected


def test_an_animal_of_strong_contrast_on_another_ground_is_not_one_photograph():
    """The animal alone makes the whole correlate; squares tell, and numpy can say what they tell."""
    first, second = (np.random.default_rng(seed).normal(120, 12, (96, 96)) for seed in (0, 1))
    animal = np.kron(np.random.default_rng(2).integers(0, 2, (6, 12)) * 200.0, np.ones((4, 4)))
    first[36:60, 24:72], second[36:60, 24:72] = animal, animal * 0.9
    first, second = (np.clip(photo, 0, 255).astype(np.uint8) for photo in (first, second))
    found, everywhere, _ = correlate(first, second, np.array([[1.0, 0, 0], [0, 1, 0]]))
    assert found > ALIKE and everywhere < 0.2
    told = [
        np.corrcoef(first[y : y + 16, x : x + 16].ravel(), second[y : y + 16, x : x + 16].ravel())[0, 1]
        for y in range(0, 96, 16)
        for x in range(0, 96, 16)
    ]
    assert everywhere == pytest.approx(np.quantile(told, 0.25))


@pytest.mark.parametrize("by", [0.3, 0.5, 1.0, 2.0, 3.3])
def test_other_sizes_of_one_photograph_are_alike_whichever_is_first(by):
    first = grey(pattern(1, (240, 200)))
    size = round(240 * by), round(200 * by)
    second = cv2.resize(first, size, interpolation=cv2.INTER_AREA if by < 1 else cv2.INTER_CUBIC)
    scale = np.array([size[0] / 240, size[1] / 200])
    fitted = np.hstack([np.diag(scale), ((scale - 1) / 2)[:, None]])  # the first pixel's middle is 0, 0
    for result in (correlate(first, second, fitted), correlate(second, first, cv2.invertAffineTransform(fitted))):
        assert result[0] > 0.97 and result[1] > 0.9 and result[2] > 0.9


def test_other_photographs_and_maps_that_none_has():
    first, second = grey(pattern(2)), grey(pattern(3))
    identity = np.array([[1.0, 0, 0], [0, 1, 0]])
    assert correlate(first, second, identity)[0] < 0.5
    for strange in (identity * 50, identity * 0.01, np.zeros((2, 3)), np.array([[1.0, 1, 0], [1, 1, 0]])):
        assert np.isnan(correlate(first, second, strange)[0])
    assert np.isnan(correlate(first, first, np.array([[1.0, 0, 900], [0, 1, 0]]))[0])  # beside each other
    flat = np.full_like(first, 90)
    assert np.isnan(correlate(flat, first, identity)[0])
    assert np.isnan(correlate(np.zeros((1, 1), np.uint8), first, identity)[0])


@pytest.fixture
def study(clean_dirs):
    """Queries: copy, crop, enlarged look, bbox, another one, a black one. Gallery: what they are of, and others."""
    base, other = pattern(10, (240, 200)), pattern(11, (240, 200))
    enlarged = look(base, LOOK * 1.5, (360, 300))
    darker = (base[30:170, 40:200] * 0.8).astype(np.uint8)
    photos = {
        "copy": base, "crop": darker, "look": enlarged, "box": np.hstack([other, base]), "other": pattern(12),
        "black": np.zeros((64, 64, 3), np.uint8), "base": base, "second": other, "third": pattern(13),
    }  # fmt: skip
    for name, photo in photos.items():
        Image.fromarray(photo).save(clean_dirs / f"{name}.png")
    names = list(photos)
    rows = pd.DataFrame({IMAGE_ID: names, PATH: [f"{name}.png" for name in names], BBOX: [None] * len(names)})
    rows.loc[3, BBOX] = "240,0,240,200"
    sets = [extract_keypoints(RootSift(), some, clean_dirs, progress=False) for some in (rows[:6], rows[6:])]
    query, image = np.repeat(np.arange(6), 3), np.tile(np.arange(3), 6)
    at = RatioMatcher.names.index(INLIERS)
    matches = RatioMatcher().match([(sets[0][q], sets[1][i]) for q, i in zip(query, image, strict=True)])
    inliers = np.array([each.scores[at] for each in matches], np.float32)
    inliers[-3:] = np.nan  # nothing is known of the black one
    return sets, query, image, inliers, clean_dirs


def found(study, **how):
    (queries, gallery), query, image, inliers, root = study
    return find_same_photos(
        RatioMatcher(), queries, gallery, query, image, inliers, (root, root), progress=False, **how
    )


def test_copies_crops_looks_and_boxes_are_found_and_nothing_else(study):
    table = found(study)
    assert table["query_id"].tolist() == ["copy", "crop", "look", "box"]
    assert table["gallery_id"].tolist() == ["base"] * 4
    assert (table["correlation"] > ALIKE).all() and table["correlation"][0] > 0.999
    assert table["overlap"].between(0.5, 1).all()
    assert list(table.columns) == ["query", "image", "query_id", "gallery_id", "correlation", "everywhere", "overlap"]


def test_no_pair_is_compared_twice(study, monkeypatch):
    before = found(study)
    matched = []
    monkeypatch.setattr(RatioMatcher, "match", lambda self, pairs: matched.extend(pairs))
    pd.testing.assert_frame_equal(found(study), before)
    assert matched == []


def test_only_the_best_few_of_each_query_are_looked_at(study):
    (queries, gallery), query, image, inliers, root = study
    inliers = np.where(image == 1, 500, inliers)  # another image is the best by far
    assert found((study[0], query, image, inliers, root), candidates=1).empty
    assert len(found((study[0], query, image, inliers, root), candidates=2)) == 4


def test_without_enough_inliers_no_photograph_is_opened(study):
    sets, query, image, inliers, root = study
    few = np.where(inliers >= LEAST_INLIERS, LEAST_INLIERS - 1, inliers)
    for path in root.glob("*.png"):
        path.unlink()
    empty = found((sets, query, image, few, root))
    assert empty.empty and "correlation" in empty.columns
    assert found((sets, query[:0], image[:0], few[:0], root)).empty
    with pytest.raises(UnreadablePhoto):
        found(study)
