"""Pairs outside the shortlist: a sample that stands for all of them, and the best individuals, as loops find them."""

import numpy as np
import pytest
from memory import added_mb
from pair_cases import Dense, rows_of

from reid_lib.match import outside
from reid_lib.match.outside import sample_outside
from reid_lib.match.pairs import PairTable, shortlist


def study(seed=0, n_queries=10, n_gallery=60):
    rng = np.random.default_rng(seed)
    queries = rows_of(
        "q", [*(f"a{k}" for k in rng.integers(0, 5, n_queries - 1)), None], dataset=rng.choice(["x", "y"], n_queries)
    )
    gallery = rows_of("g", [f"a{k}" for k in rng.integers(0, 6, n_gallery)], dataset=rng.choice(["x", "y"], n_gallery))
    alike = Dense(rng.normal(size=(n_queries, n_gallery)), queries, gallery)
    return alike, PairTable(queries, gallery, *shortlist(alike, 4))


def left(alike, table, q):
    inside = set(table.image[table.query == q])
    return [
        g for g in range(len(alike.gallery)) if alike.gallery.dataset[g] == alike.queries.dataset[q] and g not in inside
    ]


@pytest.mark.parametrize("max_bytes", [1, 2**28])
def test_the_sample_stands_for_all_pairs_and_holds_all_positive_ones(monkeypatch, max_bytes):
    monkeypatch.setattr(outside, "PER_QUERY", 5)
    alike, table = study()
    found = sample_outside(alike, table, max_bytes=max_bytes)
    for q in range(9):
        mine, images = found.sample.query == q, left(alike, table, q)
        same = np.array([alike.gallery.identity[g] == alike.queries.identity[q] for g in images])
        scores = alike.values[q, images]
        weight = found.sample.weight[mine]
        assert weight.sum() == pytest.approx(len(images)) and found.sample.same[mine].sum() == same.sum()
        np.testing.assert_allclose(
            np.sort(found.sample.scores[mine & found.sample.same, 0]), np.sort(scores[same]), rtol=1e-6
        )
        mean = np.average(found.sample.scores[mine, 0], weights=weight)
        assert mean == pytest.approx(scores.mean(), abs=0.15), "evenly by score"
    assert not (found.sample.query == 9).any() and not (found.query == 9).any(), "an unlabelled query teaches nothing"


@pytest.mark.parametrize("max_bytes", [1, 2**28])
def test_the_two_best_individuals_equal_a_loop(max_bytes):
    alike, table = study(1)
    found = sample_outside(alike, table, max_bytes=max_bytes)
    for q in range(9):
        best = {}
        for g in left(alike, table, q):
            who = alike.gallery.identity[g]
            best[who] = max(best.get(who, -np.inf), alike.values[q, g])
        assert sorted(found.score[found.query == q], reverse=True) == sorted(best.values(), reverse=True)[:2]
    some = found.without(np.unique(found.asked)[:1])
    assert len(some.query) < len(found.query) and set(some.asked) < set(found.asked)
    assert set(found.of_queries(np.array([2])).query) <= {2}


def test_a_shortlist_of_everything_leaves_nothing():
    alike, _ = study(2)
    found = sample_outside(alike, PairTable(alike.queries, alike.gallery, *shortlist(alike, 1000)))
    assert len(found.sample) == len(found.query) == 0


def test_memory_is_bounded():
    prepare = """
import numpy as np, sys
sys.path.insert(0, "tests")
from pair_cases import rows_of
from reid_lib.embed.embedding_set import EmbeddingSet
from reid_lib.match.cosine import Cosine
from reid_lib.match.outside import sample_outside
from reid_lib.match.pairs import PairTable, shortlist
rng = np.random.default_rng(0)
sets = [EmbeddingSet(rng.standard_normal((n, 8)).astype(np.float32), rows_of(s, [f"a{k % 400}" for k in range(n)]))
        for s, n in (("q", 1000), ("g", 16000))]
cosine = Cosine(*sets)
table = PairTable(cosine.queries, cosine.gallery, *shortlist(cosine, 10))
"""
    assert added_mb(prepare, "sample_outside(cosine, table, max_bytes=2**24)") < 60  # the dense matrix has 128 MB
