"""Individuals ranked by similarity, to the last bit what a loop over exact numbers says."""

import sys

import numpy as np
import pytest
from exact import check_against_a_loop, cosine, exact_similarities, ranked_groups, with_duplicates
from hypothesis import given
from hypothesis import strategies as st
from memory import added_mb
from similarity_cases import Matches
from sklearn.metrics import average_precision_score

from reid_lib.match import ranking
from reid_lib.match.cosine import Cosine
from reid_lib.match.ranking import Part, rank_groups, rank_images

BYTES = (1, 4000, 100_000, 2**28)


def exact_cosines(queries, gallery) -> np.ndarray:
    return (exact_similarities(queries, gallery) / 2.0**52).astype(float)


@pytest.fixture(params=["numpy", "torch"])
def engine(request, monkeypatch):
    """As on a CPU, and as on a GPU, by torch on this machine."""
    if request.param == "torch":
        monkeypatch.setattr("reid_lib.match.cosine.ON_HOST", ())


@pytest.mark.parametrize("max_bytes", BYTES)
def test_ranking_of_groups_equals_a_loop_for_any_memory(engine, max_bytes):
    rng = np.random.default_rng(3)
    gallery, first = with_duplicates(rng, 60, 4), np.array([0, 5, 6, 20, 33, 59])
    queries, own = with_duplicates(rng, 30, 4), rng.integers(-1, 6, 30)
    exact = exact_cosines(queries, gallery)
    check_against_a_loop(cosine(queries, gallery), exact, first, own, k=8, max_bytes=max_bytes, highest=1)


@pytest.mark.parametrize("most_exact", [1, 10**9])
def test_near_equal_images_that_estimates_cannot_tell_apart_are_ranked_exactly(engine, monkeypatch, most_exact):
    """Forty equal ones and forty that differ in the last bits: by single pairs, or by all similarities of a query."""
    monkeypatch.setattr(ranking, "MOST_EXACT", most_exact)
    rng = np.random.default_rng(0)
    gallery = rng.standard_normal((400, 32)).astype(np.float32)
    gallery[100:140] = gallery[0]
    gallery[200:240] = gallery[1] + 1e-7 * rng.standard_normal((40, 32))
    queries = np.concatenate([rng.standard_normal((10, 32)), gallery[:4], gallery[205:209]]).astype(np.float32)
    first, own = np.sort(np.append(rng.permutation(np.arange(1, 400))[:99], 0)), rng.integers(-1, 100, 18)
    exact = exact_cosines(queries, gallery)
    check_against_a_loop(cosine(queries, gallery), exact, first, own, k=5, max_bytes=2**20, highest=1)


def test_a_large_group_of_its_own_is_not_gone_through_pair_by_pair(engine, monkeypatch):
    """Average precision takes every score of the group: pair by pair that takes longer than all products together."""
    pairs, exact = [], Cosine.exact
    monkeypatch.setattr(Cosine, "exact", lambda own, q, g: pairs.append(len(q)) or exact(own, q, g))
    rng = np.random.default_rng(6)
    gallery, queries = (rng.standard_normal((n, 8)).astype(np.float32) for n in (150, 5))
    scores = exact_cosines(queries, gallery)
    check_against_a_loop(cosine(queries, gallery), scores, [0, 120], [0] * 5, k=2, max_bytes=2**20, highest=1)
    assert sum(pairs) < 5 * 120


def test_a_collapsed_network_is_ranked_as_exactly(engine):
    rng = np.random.default_rng(1)
    gallery, queries = (1 + 1e-6 * rng.standard_normal((n, 16)) for n in (300, 6))
    first, own = np.arange(0, 300, 3), np.array([0, 5, -1, 99, 50, 7])
    exact = exact_cosines(queries.astype(np.float32), gallery.astype(np.float32))
    check_against_a_loop(cosine(queries, gallery), exact, first, own, k=5, max_bytes=2**20, highest=1)


@pytest.mark.parametrize("max_bytes", BYTES)
def test_any_other_similarity_is_ranked_as_it_is(max_bytes):
    """Counts, most of them equal, some pairs not compared; more than a cosine can be."""
    rng = np.random.default_rng(2)
    counts = rng.integers(0, 4, (20, 30)).astype(float)
    counts[rng.random(counts.shape) < 0.3] = -np.inf
    counts[0] = -np.inf
    first, own = np.array([0, 1, 2, 12, 20, 29]), rng.integers(-1, 6, 20)
    counts[3:5, 2:12], own[3:5] = -np.inf, 2  # its own individual was not compared
    similarity = Matches(counts, ["d"] * 20, [("d", "x")] * 30)
    check_against_a_loop(similarity, counts, first, own, k=8, max_bytes=max_bytes)
    whole = np.where(np.isinf(counts), 7, counts).astype(int)
    check_against_a_loop(
        Matches(whole, ["d"] * 20, [("d", "x")] * 30), whole.astype(float), first, own, k=3, max_bytes=1
    )


def test_parts_are_ranked_apart_and_other_queries_not_at_all(engine):
    rng = np.random.default_rng(4)
    queries, gallery = (rng.standard_normal((n, 5)).astype(np.float32) for n in (6, 9))
    exact = exact_cosines(queries, gallery)
    parts = [Part(np.array([0, 4]), np.array([8, 1, 3]), np.array([0, 2]), np.array([1, -1])),
             Part(np.array([1, 2]), np.array([0, 2]), np.array([0]), np.array([0, 0]))]  # fmt: skip
    for similarity in (cosine(queries, gallery), Matches(exact, ["d"] * 6, [("d", "x")] * 9)):
        found = rank_groups(similarity, parts, k=2)
        for q in (0, 4):
            best = max((8, 1), key=lambda g: exact[q, g])
            assert found.image[q].tolist() == sorted((best, 3), key=lambda g: -exact[q, g])
        assert (found.image[[3, 5]] == -1).all() and np.isnan(found.score[[3, 5]]).all()
        assert found.image[1].tolist() == [0 if exact[1, 0] > exact[1, 2] else 2, -1]
        assert found.own_rank[:3].tolist()[1:] == [1, 1] and np.isnan(found.own_rank[[3, 4, 5]]).all()


def test_average_precision_solved_by_hand_and_by_scikit_learn():
    # Similarity falls with the angle: right, wrong, right, wrong. Precision is 1/1 at the first, 2/3 at the second.
    angles = np.array([0.1, 0.3, 0.2, 0.4])  # rows 0 and 1 are the right group
    gallery = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    found = ranked_groups(cosine([[1.0, 0.0]], gallery), [0, 2], [0], k=1)
    assert found.average_precision[0] == pytest.approx((1 + 2 / 3) / 2)
    assert average_precision_score([1, 1, 0, 0], -angles) == pytest.approx(found.average_precision[0])


def test_no_score_exceeds_1():
    # The dimension whose equal parts are rounded up the most: the rounded row is longer than 1.
    d = max(range(1000, 4000), key=lambda n: np.rint(2**26 / np.sqrt(n)) - 2**26 / np.sqrt(n))
    row = np.ones((1, d))
    found = ranked_groups(cosine(row, row), [0], [0], k=1)
    assert found.score.max() == found.own_score.max() == 1


def test_nearest_images_go_by_similarity_then_by_row(engine):
    rng = np.random.default_rng(5)
    gallery = with_duplicates(rng, 40, 5)
    queries = np.concatenate([gallery[:6], rng.normal(size=(9, 5))]).astype(np.float32)
    exact = exact_similarities(queries, gallery)
    expected = [sorted(range(40), key=lambda g: (-row[g], g))[:7] for row in exact]
    assert rank_images(cosine(queries, gallery), 7).tolist() == expected
    same = np.tile([[1.0, 0.0]], (50, 1))
    same[10] = [0.0, 1.0]
    assert rank_images(cosine([[1.0, 0.0]], same), 12)[0].tolist() == [*range(10), 11, 12]


@st.composite
def cases(draw):
    """Small whole numbers as features: many equal rows, many equal cosines; groups of any size; any memory."""
    dim = draw(st.integers(1, 4))
    rows = st.lists(st.integers(-2, 2), min_size=dim, max_size=dim).filter(any)
    queries, gallery = draw(st.lists(rows, min_size=1, max_size=6)), draw(st.lists(rows, min_size=1, max_size=25))
    cuts = draw(st.sets(st.integers(0, len(gallery) - 1)))
    first = np.array(sorted(cuts | {0}))
    own = draw(st.lists(st.integers(-1, len(first) - 1), min_size=len(queries), max_size=len(queries)))
    scale = draw(st.sampled_from([1.0, 0.001, 1000.0]))
    arrays = (np.array(x, dtype=np.float32) * np.float32(scale) for x in (queries, gallery))
    return *arrays, first, np.array(own), draw(st.integers(1, 6)), draw(st.sampled_from(BYTES))


@given(cases())
def test_whatever_comes_is_ranked_as_by_a_loop(case):
    queries, gallery, first, own, k, max_bytes = case
    exact = exact_cosines(queries, gallery)
    check_against_a_loop(cosine(queries, gallery), exact, first, own, k=k, max_bytes=max_bytes, highest=1)


PREPARE = """
import numpy as np, pandas as pd
from reid_lib.embed.embedding_set import EmbeddingSet
from reid_lib.match import Cosine, Part, rank_groups
def rows(n): return pd.DataFrame({{"image_id": np.arange(n).astype(str)}})
rng = np.random.default_rng(0)
gallery = rng.standard_normal((100_000, 64), dtype=np.float32)
{change}
gallery /= np.linalg.norm(gallery, axis=1, keepdims=True)
queries = gallery[::100].copy()
first, own = np.arange(0, 100_000, 10), np.arange(0, 100_000, 100) // 10
similarity = Cosine(EmbeddingSet(queries, rows(1_000)), EmbeddingSet(gallery, rows(100_000)))
rank_groups(similarity, [Part(np.arange(10), np.arange(1000), first[:100], own[:10])], k=5)
part = Part(np.arange(1_000), np.arange(100_000), first, own)
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="measured by what Linux says of a process")
@pytest.mark.parametrize("change", ["", "gallery[:] = gallery[:20].repeat(5_000, 0)"])
def test_memory_stays_near_one_copy_of_the_gallery(change):
    """That copy is 26 MB, all similarities would be 800 MB. Thousands of equal images: all of it is looked at."""
    assert added_mb(PREPARE.format(change=change), "rank_groups(similarity, [part], k=5, max_bytes=2**24)") < 80
