"""The nearest gallery images as a set, against the whole matrix of exact cosines."""

import numpy as np
import pandas as pd
import pytest
from memory import added_mb

from reid_lib.embed.embedding_set import EmbeddingSet
from reid_lib.match.cosine import Cosine
from reid_lib.match.nearest import find_nearest


def cosine_of(queries: np.ndarray, gallery: np.ndarray) -> Cosine:
    sides = [
        EmbeddingSet(np.asarray(x, dtype=np.float32), pd.DataFrame({"image_id": [f"{k:05d}" for k in range(len(x))]}))
        for x in (queries, gallery)
    ]
    return Cosine(*sides)


def slow(cosine: Cosine, k: int) -> set:
    [(_, _, block)] = cosine.blocks()
    best = np.argsort(-block, axis=1, kind="stable")[:, :k]
    return {(q, int(g)) for q in range(len(block)) for g in best[q]}


def found(cosine: Cosine, k: int, **given) -> set:
    pairs = [pair for query, image in find_nearest(cosine, k, **given) for pair in zip(query, image, strict=True)]
    assert len(set(pairs)) == len(pairs)
    return set(pairs)


@pytest.mark.parametrize("max_bytes", [1, 100_000, 2**28])
@pytest.mark.parametrize("k", [1, 7, 80, 700, 1000])
def test_they_are_those_of_the_whole_matrix(k, max_bytes):
    rng = np.random.default_rng(k)
    cosine = cosine_of(rng.standard_normal((40, 12)), rng.standard_normal((700, 12)))
    assert found(cosine, k, max_bytes=max_bytes) == slow(cosine, k)


@pytest.mark.parametrize("n_copies", [3, 40, 300])
def test_of_equals_the_earlier_ones_are_taken(n_copies):
    """Some, many, and more than estimates are looked through for."""
    rng = np.random.default_rng(n_copies)
    gallery = np.repeat(rng.standard_normal((5, 12)), n_copies, axis=0)[rng.permutation(5 * n_copies)]
    cosine = cosine_of(rng.standard_normal((30, 12)), gallery)
    for k in (1, 20, n_copies):
        assert found(cosine, k) == slow(cosine, k)


def test_what_estimates_cannot_tell_apart_is_told_exactly():
    """Directions that differ by less than float32 resolves."""
    rng = np.random.default_rng(0)
    gallery = rng.standard_normal(64) + 2e-6 * rng.standard_normal((200, 64))
    cosine = cosine_of(rng.standard_normal((20, 64)), np.concatenate([gallery, rng.standard_normal((2000, 64))]))
    for k in (5, 60, 190):
        assert found(cosine, k) == slow(cosine, k)


def test_no_gallery_gives_nothing():
    assert found(cosine_of(np.eye(2), np.empty((0, 2))), 3) == set()


def test_memory_is_bounded():
    prepare = """
import numpy as np, pandas as pd
from reid_lib.embed.embedding_set import EmbeddingSet
from reid_lib.match.cosine import Cosine
from reid_lib.match.nearest import find_nearest
x = np.random.default_rng(0).standard_normal((8000, 16)).astype(np.float32)
some = EmbeddingSet(x, pd.DataFrame({"image_id": np.arange(8000).astype(str)}))
cosine = Cosine(some, some)
list(find_nearest(cosine.part(slice(0, 5), slice(None)), 5))
"""
    assert added_mb(prepare, "list(find_nearest(cosine, 20, max_bytes=2**24))") < 60  # the dense matrix has 256 MB
