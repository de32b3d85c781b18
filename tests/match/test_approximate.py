"""FAISS names candidates; what comes back has its exact cosine, and with all lists probed it is the exact answer."""

import sys

import numpy as np
import pytest
from exact import with_duplicates

from reid_lib.core.errors import ParameterError
from reid_lib.match.approximate import InvertedFile
from reid_lib.match.neighbours import top_k

pytest.importorskip("faiss")


def individuals(rng, n: int, each: int, d: int, spread: float = 0.5) -> np.ndarray:
    """Embeddings as a trained network gives them: photographs of one animal lie near each other."""
    centres = rng.standard_normal((n, d))
    return (np.repeat(centres, each, axis=0) + spread * rng.standard_normal((n * each, d))).astype(np.float32)


def test_with_all_lists_probed_the_answer_is_that_of_the_exact_search():
    rng = np.random.default_rng(0)
    gallery, queries = individuals(rng, 60, 10, 24), individuals(rng, 20, 1, 24)
    index = InvertedFile(gallery, lists=8)
    scores, found = index.top_k(queries, 5, probes=8)
    expected_scores, expected = top_k(queries, gallery, 5)
    np.testing.assert_array_equal(found, expected)
    np.testing.assert_array_equal(scores, expected_scores)


def test_few_probes_miss_little_and_what_they_find_has_its_exact_score():
    rng = np.random.default_rng(1)
    everything = individuals(rng, 400, 11, 32)
    gallery, queries = np.delete(everything, np.s_[::11], axis=0), everything[::11]
    scores, found = InvertedFile(gallery, lists=40).top_k(queries, 5, probes=4)
    expected_scores, expected = top_k(queries, gallery, 5)
    hits = (found[:, :, None] == expected[:, None, :]).any(axis=2)
    assert hits.mean() > 0.9 and not hits.all(), "all of it found: this test would say nothing of missed ones"
    of_found = (found[:, :, None] == expected[:, None, :]) * expected_scores[:, None, :]
    np.testing.assert_array_equal(scores[hits], of_found.sum(axis=2)[hits])
    assert (np.diff(scores, axis=1) <= 0).all() and all(len(set(row)) == 5 for row in found.tolist())


def test_lists_that_hold_too_few_send_a_query_through_the_whole_gallery():
    rng = np.random.default_rng(2)
    gallery, queries = with_duplicates(rng, 50, 6), rng.standard_normal((7, 6))
    scores, found = InvertedFile(gallery, lists=50).top_k(queries, 20, probes=1)
    expected_scores, expected = top_k(queries, gallery, 20)
    np.testing.assert_array_equal(found, expected)
    np.testing.assert_array_equal(scores, expected_scores)


def test_the_same_seed_gives_the_same_answers():
    rng = np.random.default_rng(3)
    gallery, queries = individuals(rng, 100, 8, 16), individuals(rng, 30, 1, 16)
    one, two = (InvertedFile(gallery, lists=20, seed=5).top_k(queries, 3, probes=2)[1] for _ in range(2))
    np.testing.assert_array_equal(one, two)


@pytest.mark.parametrize(
    ("gallery", "queries", "k", "says"),
    [
        (np.eye(3), np.eye(4), 1, r"queries must be \(q, 3\)"),
        (np.eye(3), np.eye(3), 4, "between 1 and the 3 gallery rows"),
        (np.zeros((2, 3)), np.eye(3), 1, "row 0 is zero"),
        (np.empty((0, 3)), np.eye(3), 1, "g > 0"),
    ],
)
def test_impossible_searches_say_why(gallery, queries, k, says):
    with pytest.raises(ParameterError, match=says):
        InvertedFile(gallery, lists=1).top_k(queries, k)


def test_without_faiss_the_error_says_how_to_get_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "faiss", None)
    with pytest.raises(ParameterError, match=r"pip install -e '\.\[faiss\]'"):
        InvertedFile(np.eye(3))
