"""Shared neighbours equal a loop over sets."""

import numpy as np
import pytest
from memory import added_mb
from pair_cases import Dense, rows_of

from reid_lib.core.errors import ParameterError
from reid_lib.core.names import DATASET
from reid_lib.match.rerank import count_shared_neighbours


def study(seed=0, n_queries=12, n_gallery=30):
    rng = np.random.default_rng(seed)
    queries, gallery = (
        rows_of(side, ["a"] * n, dataset=rng.choice(["x", "y"], n)) for side, n in (("q", n_queries), ("g", n_gallery))
    )
    views = [rng.normal(size=(n, 3)) for n in (n_queries, n_gallery)]
    views = [one / np.linalg.norm(one, axis=1, keepdims=True) for one in views]
    return Dense(views[0] @ views[1].T, queries, gallery), Dense(views[1] @ views[1].T, gallery, gallery)


def slow(to_gallery: Dense, within: Dense, k: int) -> np.ndarray:
    data = to_gallery.gallery[DATASET].tolist()
    n = len(data)

    def nearest(row, who, but=None):
        mine = [g for g in range(n) if data[g] == who and g != but]
        return sorted(mine, key=lambda g: -row[g])[:k]

    lists = [nearest(within.values[g], data[g], g) for g in range(n)]
    lowest = [within.values[g][near[-1]] if len(near) == k else -np.inf for g, near in enumerate(lists)]
    sets = [{h for h in lists[g] if g in lists[h]} | {g} for g in range(n)]
    found = np.zeros(to_gallery.values.shape)
    for q, who in enumerate(to_gallery.queries[DATASET]):
        row = to_gallery.values[q]
        mine = {g for g in nearest(row, who) if row[g] >= lowest[g]}
        for g in range(n):
            found[q, g] = len(mine & sets[g]) / len(mine | sets[g])
    return found


@pytest.mark.parametrize("k", [1, 3, 5, 100])
@pytest.mark.parametrize("max_bytes", [1, 2**28])
def test_shared_neighbours_equal_a_loop_over_sets(k, max_bytes):
    to_gallery, within = study()
    query, image = np.nonzero(np.ones(to_gallery.values.shape))
    found = count_shared_neighbours(to_gallery, within, query, image, k=k, max_bytes=max_bytes)
    np.testing.assert_allclose(found.reshape(to_gallery.values.shape), slow(to_gallery, within, k), rtol=1e-6)
    assert found.dtype == np.float32 and (found > 0).any()


def test_a_query_is_answered_the_same_whoever_is_asked_beside_it():
    to_gallery, within = study()
    alone = Dense(to_gallery.values[3:4], to_gallery.queries[3:4].reset_index(drop=True), to_gallery.gallery)
    images = np.arange(30)
    np.testing.assert_array_equal(
        count_shared_neighbours(alone, within, np.zeros(30, int), images),
        count_shared_neighbours(to_gallery, within, np.full(30, 3), images),
    )


def test_another_gallery_is_refused():
    to_gallery, _ = study()
    with pytest.raises(ParameterError, match="30 images, not 20"):
        count_shared_neighbours(to_gallery, study(n_gallery=20)[1], [0], [0])
    with pytest.raises(ParameterError, match="at least 1"):
        count_shared_neighbours(*study(), [0], [0], k=-1)


def test_memory_is_bounded():
    prepare = """
import numpy as np, sys
sys.path.insert(0, "tests")
from pair_cases import rows_of
from reid_lib.embed.embedding_set import EmbeddingSet
from reid_lib.match.cosine import Cosine
from reid_lib.match.pairs import shortlist
from reid_lib.match.rerank import count_shared_neighbours
rng = np.random.default_rng(0)
def embedded(s, n):
    return EmbeddingSet(rng.standard_normal((n, 8)).astype(np.float32), rows_of(s, ["a"] * n))
queries, gallery = embedded("q", 500), embedded("g", 8000)
cosine, within = Cosine(queries, gallery), Cosine(gallery, gallery)
query, image = shortlist(cosine, 20)
small = embedded("g", 50)
count_shared_neighbours(Cosine(small, small), Cosine(small, small), [0], [1])
"""
    work = "count_shared_neighbours(cosine, within, query, image, max_bytes=2**25)"
    assert added_mb(prepare, work) < 80  # the gallery with itself has 512 MB
