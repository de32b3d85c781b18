"""Inliers, against what is known of made matches and a search of all triples by hand; the same at every call."""

from itertools import combinations

import cv2
import numpy as np
import pytest
from local_cases import LOOK, moved

from reid_lib.match.verify import LEAST, TOLERANCE, find_inliers, fit_affine

SIZE, OTHER = (400, 300), (300, 400)


def matches(n_right: int, n_wrong: int, seed: int = 0, noise: float = 0.5):
    rng = np.random.default_rng(seed)
    first = rng.uniform((0, 0), SIZE, (n_right + n_wrong, 2))
    second = moved(first) + rng.normal(0, noise, first.shape)
    second[n_right:] = rng.uniform((0, 0), OTHER, (n_wrong, 2))
    return first, second


@pytest.mark.parametrize("n_wrong", [0, 10, 40])
@pytest.mark.parametrize("seed", range(3))
def test_the_right_matches_and_their_map_are_found(n_wrong, seed):
    first, second = matches(20, n_wrong, seed)
    fitted, inlier = fit_affine(first, second, SIZE, OTHER)
    off = np.linalg.norm(second - moved(first), axis=1) / max(OTHER)
    assert inlier[:20].all() and not inlier[off > 1.5 * TOLERANCE].any()
    np.testing.assert_allclose(moved(first, fitted), moved(first), atol=3)


def test_as_many_as_the_best_of_all_triples():
    """Of every three matches the exact map; the best of these has as many within the tolerance, or all but one."""
    for seed in range(4):
        first, second = matches(8, 14, seed)
        counts = []
        for three in combinations(range(len(first)), 3):
            found = cv2.getAffineTransform(*(np.float32(xy[list(three)]) for xy in (first, second)))
            counts.append((np.linalg.norm(second - moved(first, found), axis=1) <= TOLERANCE * max(OTHER)).sum())
        assert abs(find_inliers(first, second, SIZE, OTHER).sum() - max(counts)) <= 1


def test_size_does_not_matter_only_shares_of_it():
    first, second = matches(15, 15)
    expected = find_inliers(first, second, SIZE, OTHER)
    larger = find_inliers(first, second * 4, SIZE, (1200, 1600))
    assert (larger == expected).all()


def test_the_same_at_every_call():
    first, second = matches(10, 60)
    runs = [find_inliers(first, second, SIZE, OTHER) for _ in range(5)]
    assert all((run == runs[0]).all() for run in runs)
    cv2.setRNGSeed(7)
    assert (find_inliers(first, second, SIZE, OTHER) == runs[0]).all()


def test_chance_gives_few():
    rng = np.random.default_rng(0)
    for n in (10, 30, 60):
        first, second = rng.uniform(0, 400, (2, n, 2))
        assert find_inliers(first, second, (400, 400), (400, 400)).sum() <= 8


@pytest.mark.parametrize("n", range(LEAST + 1))
def test_of_too_few_none_is_an_inlier(n):
    first, second = matches(n, 0)
    fitted, inlier = fit_affine(first, second, SIZE, OTHER)
    assert fitted is None and inlier.shape == (n,) and not inlier.any()


@pytest.mark.parametrize("where", ["one place", "one line"])
def test_matches_that_fix_no_map(where):
    line = np.stack([np.arange(10.0), np.zeros(10)], axis=1)
    first = line if where == "one line" else np.ones((10, 2))
    fitted, inlier = fit_affine(first, first, SIZE, SIZE)
    assert inlier.dtype == bool and inlier.shape == (10,)
    assert fitted is None or np.isfinite(fitted).all()


def test_the_map_of_the_look_is_one_of_the_plane():
    assert abs(np.linalg.det(LOOK[:, :2])) > 0.5
