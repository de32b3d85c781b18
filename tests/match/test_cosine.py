"""Cosines, exact and free of the order of adding; estimates that hold their bound."""

import subprocess
import sys

import numpy as np
import pytest
from exact import cosine, embedded, exact_similarities

from reid_lib.core.errors import ParameterError
from reid_lib.match.cosine import Cosine, to_whole_numbers
from reid_lib.match.similarity import Estimable


def whole_block(similarity) -> np.ndarray:
    return np.concatenate([block for _, _, block in similarity.blocks()])


def test_similarities_are_exact_to_the_last_bit():
    rng = np.random.default_rng(0)
    queries, gallery = (rng.normal(size=(n, 33)).astype(np.float32) for n in (7, 11))
    similarity, exact = cosine(queries, gallery), exact_similarities(queries, gallery)
    assert isinstance(similarity, Estimable) and similarity.unit == "cosine"
    assert [[int(v * 2.0**52) for v in row] for row in whole_block(similarity)] == exact.tolist()
    asked, enrolled = (places.ravel() for places in np.indices(exact.shape))
    pairs = similarity.exact(asked, enrolled)
    assert [int(v * 2.0**52) for v in pairs] == exact.ravel().tolist()


def test_similarity_is_the_cosine_whatever_the_lengths():
    rng = np.random.default_rng(1)
    queries, gallery = 100 * rng.normal(size=(5, 512)), 0.01 * rng.normal(size=(6, 512))
    unit = [x / np.linalg.norm(x, axis=1, keepdims=True) for x in (queries, gallery)]
    np.testing.assert_allclose(whole_block(cosine(queries, gallery)), unit[0] @ unit[1].T, atol=5e-8)


def test_a_part_is_the_same_similarity_of_some_rows_in_another_order():
    rng = np.random.default_rng(2)
    similarity = cosine(rng.normal(size=(5, 8)), rng.normal(size=(6, 8)))
    some, enrolled = np.array([3, 0]), np.array([5, 1, 2])
    part = similarity.part(some, enrolled)
    np.testing.assert_array_equal(whole_block(part), whole_block(similarity)[some][:, enrolled])
    assert part.queries["image_id"].tolist() == ["q3", "q0"] and part.gallery["image_id"].tolist() == ["g5", "g1", "g2"]


@pytest.mark.parametrize("on_torch", [False, True])
@pytest.mark.parametrize("scale", [1.0, 1 + 5e-5, 30.0])
@pytest.mark.parametrize("dim", [1, 3, 512, 3000])
def test_estimates_are_within_their_error(monkeypatch, on_torch, scale, dim):
    if on_torch:
        monkeypatch.setattr("reid_lib.match.cosine.ON_HOST", ())
    rng = np.random.default_rng(dim)
    rows = np.abs(rng.normal(size=(40, dim)))  # all in one direction: rounding adds up
    rows *= scale / np.linalg.norm(rows, axis=1, keepdims=True)
    similarity = cosine(rows[:15], rows)
    exact, reached = whole_block(similarity), 0
    for some in similarity.estimates(numbers_per_query=40, max_bytes=4 * 40 * 4):
        assert 0 < some.error < 1e-3 and some.start == reached
        reached = some.stop
        off = np.abs(some.arrays.host(some.values).astype(float) - exact[some.start : some.stop])
        assert off.max() <= some.error
    assert reached == 15


def test_blocks_stay_within_their_memory():
    similarity = cosine(np.ones((200, 8)), np.ones((1000, 8)))
    sizes = [block.nbytes for _, _, block in similarity.blocks(max_bytes=100_000)]
    assert max(sizes) <= 100_000 / 3 and len(sizes) == 50


def test_rows_are_as_long_as_they_may_be():
    """The dimension whose equal parts are rounded up the most: the rounded row is longer than 1."""
    d = max(range(1000, 4000), key=lambda n: np.rint(2**26 / np.sqrt(n)) - 2**26 / np.sqrt(n))
    row = np.ones((1, d))
    assert ((to_whole_numbers(row) / 2.0**26) ** 2).sum() > 1 + 1e-7
    assert whole_block(cosine(row, row)).max() > Cosine.limits[1]


def test_what_has_no_cosine_is_refused_by_name():
    with pytest.raises(ParameterError, match="embedding of image 'g1' is zero"):
        cosine(np.eye(2), [[1, 0], [0, 0]])
    with pytest.raises(ParameterError, match="3 dimensions, the gallery has 4"):
        cosine(np.eye(3), np.eye(4))
    assert len(Cosine(embedded(np.empty((0, 3))), embedded(np.eye(3), "g")).queries) == 0


def test_evaluation_on_a_cpu_does_not_import_torch():
    code = """
import sys, numpy as np, pandas as pd
from reid_lib.embed.embedding_set import EmbeddingSet
from reid_lib.match import Cosine
from reid_lib.openset import metrics, summary
from reid_lib.openset.predictions import score_individuals
sets = [EmbeddingSet(np.eye(2), pd.DataFrame({"image_id": ids, "dataset": "d", "identity": ["a", "b"]}))
        for ids in (["1", "2"], ["3", "4"])]
assert score_individuals(Cosine(*sets))["rank"].tolist() == [1, 1]
print("torch" in sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.strip() == "False", done.stderr
