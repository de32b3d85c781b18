"""What is learnt from, and how it is divided by individuals."""

import numpy as np
import pandas as pd
import pytest
from pair_cases import rows_of

from reid_lib.match.evidence import Evidence, Folds, find_best_two
from reid_lib.match.pairs import PairTable


def table(seed=0, n_queries=12, n_gallery=20) -> PairTable:
    rng = np.random.default_rng(seed)
    queries = rows_of("q", [*(f"a{k}" for k in rng.integers(0, 6, n_queries - 1)), None])
    gallery = rows_of("g", [f"a{k}" for k in rng.integers(0, 5, n_gallery)])
    query, image = np.nonzero(rng.random((n_queries, n_gallery)) < 0.5)
    return PairTable(queries, gallery, query, image, {"s": rng.normal(size=len(query))})


def rows(evidence: Evidence, pairs: PairTable) -> set:
    return set(zip(evidence.query.tolist(), evidence.scores[:, 0].tolist(), evidence.same.tolist(), strict=True))


def test_pairs_that_cannot_be_learnt_from_are_left_out():
    queries = rows_of("q", ["a", "b", None], encounter=["1", "2", "1"])
    gallery = rows_of("g", ["a", "a", "b"], encounter=["1", "3", "3"])
    pairs = PairTable(queries, gallery, *np.divmod(np.arange(9), 3), {"s": np.arange(9)})
    evidence = Evidence.of(pairs)
    assert evidence.scores[:, 0].tolist() == [1, 2, 3, 4, 5], "neither an own encounter nor an unlabelled query"
    assert evidence.same.tolist() == [True, False, False, False, True] and evidence.names == ("s",)
    assert Evidence.of(pairs, weight=np.arange(9)).weight.tolist() == [1, 2, 3, 4, 5]


def test_the_order_of_rows_does_not_matter():
    pairs, rng = table(), np.random.default_rng(1)
    order, place = rng.permutation(12), rng.permutation(20)
    back = np.argsort(order), np.argsort(place)
    query, image = back[0][pairs.query], back[1][pairs.image]
    ascending = np.lexsort((image, query))
    shuffled = PairTable(
        pairs.queries.iloc[order].reset_index(drop=True),
        pairs.gallery.iloc[place].reset_index(drop=True),
        query[ascending],
        image[ascending],
        {"s": pairs.scores["s"][ascending]},
    )
    ours, theirs = Evidence.of(pairs), Evidence.of(shuffled)
    np.testing.assert_array_equal(ours.scores, theirs.scores)
    np.testing.assert_array_equal(ours.same, theirs.same)
    np.testing.assert_array_equal(ours.asked, theirs.asked)


def test_left_out_individuals_weigh_nothing_on_either_side_and_the_others_stand_for_them():
    evidence = Evidence.of(table())
    left_out = np.unique(evidence.asked)[:2]
    part = evidence.without(left_out)
    assert not np.isin(part.asked, left_out).any()
    assert not part.weight[np.isin(part.enrolled, left_out)].any()
    for query in np.unique(part.query):
        mine, before = part.query == query, evidence.query == query
        assert part.same[mine].sum() == part.weight[mine & part.same].sum() == evidence.same[before].sum()
        if part.weight[mine & ~part.same].any():
            assert part.weight[mine & ~part.same].sum() == pytest.approx((~evidence.same[before]).sum())


def test_leaving_out_twice_is_leaving_out_both():
    evidence = Evidence.of(table(3))
    first, second, *_ = np.unique(evidence.asked)
    twice, both = evidence.without(np.array([first])).without(np.array([second])), evidence.without([first, second])
    np.testing.assert_array_equal(twice.query, both.query)
    np.testing.assert_allclose(twice.weight, both.weight)


def test_folds_hold_each_individual_once_and_both_kinds_evenly():
    known = np.arange(23) < 12
    folds = Folds.deal(np.arange(100, 123), known, [f"d\0{k}" for k in range(23)], 5)
    members = np.concatenate(folds.members)
    assert sorted(members) == list(range(100, 123)) and len(folds.members) == 5
    assert {len(fold) for fold in folds.members} == {4, 5}
    assert {int(known[fold - 100].sum()) for fold in folds.members} == {2, 3}
    assert (folds.of(np.array([folds.members[2][0], 7])) == [2, -1]).all()
    assert folds.without(2).of(folds.members[2]).max() == -1


def test_folds_follow_names_not_codes_nor_order():
    names, rng = [f"d\0{k}" for k in range(9)], np.random.default_rng(0)
    first = Folds.deal(np.arange(9), np.ones(9, bool), names, 3)
    order = rng.permutation(9)
    second = Folds.deal(np.arange(9), np.ones(9, bool), [names[k] for k in order], 3)
    for ours, theirs in zip(first.members, second.members, strict=True):
        assert {names[k] for k in ours} == {names[order[k]] for k in theirs}


@pytest.mark.parametrize("n", [0, 1, 2, 3])
def test_few_individuals_make_few_folds(n):
    folds = Folds.deal(np.arange(n), np.ones(n, bool), [str(k) for k in range(n)], 5)
    assert len(folds.members) == max(n, 2) and sum(map(len, folds.members)) == n


def test_the_best_and_its_rival_equal_a_loop():
    rng = np.random.default_rng(0)
    query, individual = rng.integers(0, 10, 60), rng.integers(0, 4, 60)
    query[query == 3] = 4
    individual[query == 5] = 2
    value = rng.integers(0, 5, 60).astype(float)
    best, who, other = find_best_two(query, individual, value, 10)
    pairs = pd.DataFrame({"query": query, "individual": individual, "value": value})
    for q in range(10):
        ranked = (
            pairs[pairs["query"] == q].groupby("individual")["value"].max().sort_values(ascending=False, kind="stable")
        )
        values = [*ranked, -np.inf, -np.inf]
        assert (best[q], other[q]) == (values[0], values[1])
        assert who[q] == (ranked.index[0] if len(ranked) else -1)
