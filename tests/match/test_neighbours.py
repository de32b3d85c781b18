"""The nearest descriptors: exactly those that a loop finds, for any cut of the work; otherwise with a known recall."""

import importlib.util

import cv2
import numpy as np
import pytest

from reid_lib.core.errors import ParameterError
from reid_lib.match import neighbours
from reid_lib.match.neighbours import Exact, Faiss, Flann, choose_method, describe_method, make_search


def descriptors(n, seed=0, high=60):
    return np.random.default_rng(seed).integers(0, high, (n, 128), dtype=np.uint8)


def by_loop(queries, gallery, k):
    """Squared distances and places of the k nearest, in whole numbers; ties to the earlier."""
    squared = ((queries.astype(np.int64)[:, None] - gallery.astype(np.int64)) ** 2).sum(axis=2)
    order = np.argsort(squared, axis=1, kind="stable")[:, :k]
    return np.take_along_axis(squared, order, axis=1), order


@pytest.fixture
def small_blocks(monkeypatch):
    monkeypatch.setattr(neighbours, "_ROWS", 16)
    monkeypatch.setattr(neighbours, "_COLUMNS", 256)


@pytest.mark.parametrize("n, k", [(7, 3), (256, 4), (300, 5), (1000, 12), (40, 40)])
def test_they_are_those_of_a_loop_ties_and_all(small_blocks, n, k):
    gallery, queries = descriptors(n, 1), descriptors(33, 2)
    gallery[::7] = gallery[0]
    squared, place = Exact(gallery).nearest(queries, k)
    expected, order = by_loop(queries, gallery, k)
    assert np.array_equal(squared, expected) and np.array_equal(place, order)


def test_any_cut_of_the_work_gives_the_same(monkeypatch):
    gallery, queries = descriptors(5000, 1, high=256), descriptors(70, 2, high=256)
    whole = Exact(gallery).nearest(queries, 9)
    for rows, columns in ((1, 64), (70, 700), (33, 4096), (8, 5000)):
        monkeypatch.setattr(neighbours, "_ROWS", rows)
        monkeypatch.setattr(neighbours, "_COLUMNS", columns)
        assert all(np.array_equal(a, b) for a, b in zip(Exact(gallery).nearest(queries, 9), whole, strict=True))


def test_the_largest_numbers_are_exact():
    gallery = np.full((2, 128), 255, np.uint8)
    gallery[1, 0] = 254
    assert Exact(gallery).nearest(np.full((1, 128), 255, np.uint8), 2)[0].tolist() == [[0, 1]]
    assert Exact(gallery).nearest(np.zeros((1, 128), np.uint8), 1)[0].tolist() == [[128 * 255**2 - 509]]


def test_opencv_finds_the_same_distances():
    gallery, queries = descriptors(2000, 1), descriptors(50, 2)
    matches = cv2.BFMatcher(cv2.NORM_L2).knnMatch(queries.astype(np.float32), gallery.astype(np.float32), 6)
    squared, _ = Exact(gallery).nearest(queries, 6)
    np.testing.assert_allclose(np.sqrt(squared), [[m.distance for m in row] for row in matches], rtol=1e-6)


def test_float_descriptors_of_networks_are_searched_too():
    rng = np.random.default_rng(0)
    gallery, queries = (rng.normal(size=(n, 64)).astype(np.float16) for n in (500, 20))
    squared, place = Exact(gallery).nearest(queries, 3)
    plain = ((queries.astype(float)[:, None] - gallery.astype(float)) ** 2).sum(axis=2)
    np.testing.assert_array_equal(place, np.argsort(plain, axis=1)[:, :3])
    np.testing.assert_allclose(squared, np.sort(plain, axis=1)[:, :3], rtol=1e-4)


@pytest.mark.parametrize("method", ["exact", "flann", "faiss"])
def test_beyond_the_last_there_is_nothing(method):
    if method == "faiss" and importlib.util.find_spec("faiss") is None:
        pytest.skip("faiss-cpu is not installed")
    for n in (1, 2) if method == "faiss" else (0, 1, 2):
        squared, place = make_search(method, descriptors(n)).nearest(descriptors(3, 1), 4)
        assert (place[:, n:] == -1).all() and np.isinf(squared[:, n:]).all()
        assert (np.sort(place[:, :n], axis=1) == np.arange(n)).all() and np.isfinite(squared[:, :n]).all()
    squared, place = make_search(method, descriptors(50)).nearest(descriptors(0), 4)
    assert squared.shape == place.shape == (0, 4)


def near_copies(n_gallery=4000, n=300):
    """A gallery, and queries that are a little other than some of it."""
    gallery, rng = descriptors(n_gallery, 1), np.random.default_rng(2)
    chosen = rng.choice(n_gallery, n, replace=False)
    queries = np.clip(gallery[chosen].astype(int) + rng.integers(-6, 7, (n, 128)), 0, 255).astype(np.uint8)
    return gallery, queries, chosen


def test_flann_finds_near_ones_in_any_chunk_and_says_true_distances(monkeypatch):
    gallery, queries, chosen = near_copies()
    for chunk in (2**19, 1500, 1333):  # the last chunk of 4000 in 1333s holds one descriptor
        monkeypatch.setattr(neighbours, "CHUNK", chunk)
        squared, place = Flann(gallery).nearest(queries, 4)
        assert (place[:, 0] == chosen).mean() > 0.95
        true = ((queries.astype(np.int64)[:, None] - gallery[place].astype(np.int64)) ** 2).sum(axis=2)
        assert np.array_equal(squared, true) and (np.diff(squared, axis=1) >= 0).all()
        assert all(len(set(row)) == 4 for row in place.tolist())


def test_flann_finds_the_same_at_every_call_and_for_any_part_of_the_queries(monkeypatch):
    gallery, queries, _ = near_copies()
    monkeypatch.setattr(neighbours, "CHUNK", 1500)
    first, again = (Flann(gallery).nearest(queries, 4) for _ in range(2))
    parts = [Flann(gallery).nearest(part, 4) for part in (queries[:100], queries[100:])]
    assert np.array_equal(first[1], again[1])
    assert np.array_equal(first[1], np.concatenate([part[1] for part in parts]))


def test_more_checks_find_more():
    gallery, queries = descriptors(4000, 1), descriptors(200, 2)
    expected = Exact(gallery).nearest(queries, 3)[0]
    recall = [(Flann(gallery, checks=n).nearest(queries, 3)[0] <= expected[:, -1:]).mean() for n in (16, 256, 4000)]
    assert recall[0] < recall[1] < recall[2] and recall[2] > 0.95


def test_faiss_finds_near_ones_and_true_distances():
    pytest.importorskip("faiss")
    gallery, queries, chosen = near_copies()
    squared, place = Faiss(gallery).nearest(queries, 4)
    assert (place[:, 0] == chosen).mean() > 0.95
    true = ((queries.astype(np.int64)[:, None] - gallery[place].astype(np.int64)) ** 2).sum(axis=2)
    assert np.array_equal(squared, true)
    assert np.array_equal(place, Faiss(gallery).nearest(queries, 4)[1])


def test_auto_is_exact_where_that_takes_seconds(monkeypatch):
    assert choose_method("auto", 10_000, 100_000) == "exact"
    monkeypatch.setattr(neighbours, "find_spec", lambda name: None)
    assert choose_method("auto", 10**6, 10**6) == "flann"
    with pytest.raises(ParameterError, match="faiss-cpu: pip install -e"):
        choose_method("faiss", 10, 10)
    monkeypatch.setattr(neighbours, "find_spec", lambda name: object())
    assert choose_method("auto", 10**6, 10**6) == "faiss" and choose_method("exact", 10**6, 10**6) == "exact"
    with pytest.raises(ParameterError, match="unknown method 'annoy': expected one of auto, exact, flann, faiss"):
        choose_method("annoy", 10, 10)


def test_what_a_method_depends_on_is_in_its_description(monkeypatch):
    before = describe_method("flann")
    monkeypatch.setattr(neighbours, "CHECKS", 7)
    assert describe_method("flann") != before and cv2.__version__ in before and describe_method("exact") == "exact"
