"""Pairs that are compared in detail: shortlists as a loop makes them, whatever the memory and the order of rows."""

import numpy as np
import pytest
from memory import added_mb
from pair_cases import Dense, rows_of

from reid_lib.core.errors import ParameterError
from reid_lib.core.names import DATASET, IMAGE_ID
from reid_lib.embed.embedding_set import EmbeddingSet
from reid_lib.match.cosine import Cosine
from reid_lib.match.pairs import PairTable, join_pairs, look_up, shortlist
from reid_lib.openset.predictions import score_individuals


def table(query, image, **scores) -> PairTable:
    return PairTable(rows_of("q", list("ab")), rows_of("g", list("abc")), query, image, scores)


def similarity(rng, n_queries=30, n_gallery=40, levels=4) -> Dense:
    """Few distinct numbers, so that many are equal, and two data sets."""
    values = rng.integers(0, levels, (n_queries, n_gallery)).astype(float)
    values[values == 0] = -np.inf
    some = [f"a{k}" for k in rng.integers(0, 6, n_queries)], [f"a{k}" for k in rng.integers(0, 6, n_gallery)]
    rows = [
        rows_of(side, list(who), dataset=rng.choice(["x", "y"], len(who))) for side, who in zip("qg", some, strict=True)
    ]
    return Dense(values, *rows)


def slow_shortlist(alike: Dense, k: int) -> set:
    pairs = set()
    for q, (name, row) in enumerate(zip(alike.queries[DATASET], alike.values, strict=True)):
        own = [g for g in range(len(row)) if alike.gallery[DATASET][g] == name and row[g] > -np.inf]
        own.sort(key=lambda g: (-row[g], alike.gallery[IMAGE_ID][g]))
        pairs |= {(q, g) for g in own[:k]}
    return pairs


@pytest.mark.parametrize("max_bytes", [1, 3000, 2**28])
@pytest.mark.parametrize("k", [1, 3, 1000])
def test_a_shortlist_equals_a_loop_for_any_memory(k, max_bytes):
    alike = similarity(np.random.default_rng(k))
    query, image = shortlist(alike, k, max_bytes=max_bytes)
    assert query.dtype == image.dtype == np.int64
    assert list(zip(query, image, strict=True)) == sorted(slow_shortlist(alike, k))


def test_a_shortlist_does_not_depend_on_the_order_of_rows():
    alike, rng = similarity(np.random.default_rng(0)), np.random.default_rng(1)
    rows, columns = rng.permutation(30), rng.permutation(40)
    shuffled = Dense(
        alike.values[rows][:, columns],
        alike.queries.iloc[rows].reset_index(drop=True),
        alike.gallery.iloc[columns].reset_index(drop=True),
    )
    query, image = shortlist(shuffled, 4)
    assert set(zip(rows[query], columns[image], strict=True)) == slow_shortlist(alike, 4)


def test_a_shortlist_by_cosine_is_what_the_dense_matrix_says():
    rng = np.random.default_rng(2)
    sides = [
        EmbeddingSet(rng.standard_normal((n, 8)).astype(np.float32), rows_of(side, ["a"] * n))
        for side, n in (("q", 20), ("g", 50))
    ]
    cosine = Cosine(*sides)
    query, image = shortlist(cosine, 7)
    [(_, _, dense)] = cosine.blocks()
    assert (np.sort(image.reshape(20, 7)) == np.sort(np.argsort(-dense, axis=1)[:, :7])).all()
    np.testing.assert_array_equal(look_up(cosine, query, image), dense[query, image])


@pytest.mark.parametrize("max_bytes", [1, 2**28])
def test_looking_up_pairs_gives_their_numbers(max_bytes):
    alike = similarity(np.random.default_rng(3))
    query, image = np.nonzero(np.random.default_rng(4).random(alike.values.shape) < 0.2)
    found = look_up(alike, query, image, max_bytes=max_bytes)
    expected = alike.values[query, image]
    np.testing.assert_array_equal(found, np.where(np.isinf(expected), np.nan, expected))


def test_joined_pairs_are_in_order_and_none_is_there_twice():
    query, image = join_pairs([(np.array([1, 0]), np.array([2, 5])), (np.array([0, 0]), np.array([5, 1]))])
    assert query.tolist() == [0, 0, 1] and image.tolist() == [1, 5, 2]
    assert [len(column) for column in join_pairs([(np.empty(0, int), np.empty(0, int))])] == [0, 0]


def test_a_score_of_pairs_is_a_similarity_that_is_ranked():
    found = table([0, 0, 1], [0, 1, 2], inliers=[3, 9, np.nan]).similarity("inliers")
    [(start, stop, block)] = found.blocks()
    assert found.unit == "inliers" and (start, stop) == (0, 2)
    np.testing.assert_array_equal(block, [[3, 9, -np.inf], [-np.inf] * 3])
    blocks = list(found.blocks(max_bytes=1))
    np.testing.assert_array_equal(np.concatenate([rows for _, _, rows in blocks]), block)
    predictions = score_individuals(found)
    assert predictions["identity_1"][0] == "b" and predictions.loc[1, ["identity_1", "score"]].isna().all()


def test_labels_of_pairs():
    queries = rows_of("q", ["a", "b", None], dataset=["x", "y", "x"], encounter=["1", None, "1"])
    gallery = rows_of("g", ["a", "a", "b", "b"], dataset=["x", "x", "x", "y"], encounter=["1", "2", None, None])
    query, image = np.divmod(np.arange(12), 4)
    pairs = PairTable(queries, gallery, query, image)
    assert pairs.same.reshape(3, 4).tolist() == [[True, True, False, False], [False, False, False, True], [False] * 4]
    assert pairs.labelled.reshape(3, 4).all(axis=1).tolist() == [True, True, False]
    assert (~pairs.apart).nonzero()[0].tolist() == [0], "one animal's encounter; two without one are no encounter"
    assert PairTable(queries, queries, [0, 0], [0, 1]).apart.tolist() == [False, True]


def test_where_and_with_score_leave_the_table_as_it_was():
    pairs = table([0, 1], [0, 2], a=[1, 2])
    more = pairs.with_score("b", [3, 4])
    assert set(pairs.scores) == {"a"} and more.scores["b"].dtype == np.float32
    few = more.where(np.array([False, True]))
    assert few.image.tolist() == [2] and few.scores["b"].tolist() == [4]


@pytest.mark.parametrize(
    ("query", "image", "scores", "message"),
    [
        ([0, 2], [0, 0], {}, "from 0 to 1, not to 2"),
        ([0, 0], [1, 0], {}, "ascend"),
        ([0, 0], [1, 1], {}, "none twice"),
        ([0], [0, 1], {}, "one query and one image"),
        ([0], [0], {"a": [1.0, 2.0]}, "'a' has shape"),
        ([0], [0], {"a": [np.inf]}, "give NaN"),
    ],
)
def test_bad_tables_are_refused(query, image, scores, message):
    with pytest.raises(ParameterError, match=message):
        table(query, image, **scores)


def test_bad_questions_are_refused():
    with pytest.raises(ParameterError, match="no score 'b': there are 'a'"):
        table([0], [0], a=[1]).similarity("b")
    with pytest.raises(ParameterError, match="at least 1"):
        shortlist(similarity(np.random.default_rng(0)), 0)


def test_the_memory_of_a_shortlist_is_bounded():
    prepare = """
import numpy as np, sys
sys.path.insert(0, "tests")
from pair_cases import rows_of
from reid_lib.embed.embedding_set import EmbeddingSet
from reid_lib.match.cosine import Cosine
from reid_lib.match.pairs import shortlist
rng = np.random.default_rng(0)
queries, gallery = (EmbeddingSet(rng.standard_normal((n, 8)).astype(np.float32), rows_of(s, ["a"] * n))
                    for s, n in (("q", 4000), ("g", 8000)))
cosine = Cosine(queries, gallery)
shortlist(Cosine(queries.where(np.arange(4000) < 2), gallery), 3)
"""
    assert added_mb(prepare, "shortlist(cosine, 20, max_bytes=2**25)") < 60  # the dense matrix has 256 MB


def test_the_pairs_of_some_queries_keep_their_images_and_scores():
    some = table([0, 0, 1], [0, 2, 1], s=[1, 2, 3]).of_queries(np.array([False, True]))
    assert some.queries[IMAGE_ID].tolist() == ["q0001"] and some.query.tolist() == [0] and some.image.tolist() == [1]
    assert some.scores["s"].tolist() == [3] and len(some.gallery) == 3
    assert len(table([0], [0]).of_queries(np.array([False, False])).queries) == 0
