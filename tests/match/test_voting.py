"""Votes by hand and by a loop, written as the papers describe them."""

import numpy as np
import pytest

from reid_lib.match.voting import sum_votes, weigh_votes

INF = np.inf


def test_a_vote_is_how_much_nearer_than_the_next_one():
    weights = weigh_votes(np.array([[0.1, 0.3, 0.4], [0.5, 0.5, 0.5]]))
    assert weights == pytest.approx(np.array([[0.3, 0.1], [0, 0]]))


def test_what_was_not_found_has_no_vote_and_the_last_that_was_stands_for_the_next():
    weights = weigh_votes(np.array([[0.1, 0.3, INF], [0.2, INF, INF], [INF, INF, INF]]))
    assert weights == pytest.approx(np.array([[0.2, 0], [0, 0], [0, 0]]))


def test_sums_by_hand():
    # two descriptors of query 0, one of query 2; photographs 0 and 1 are of one individual
    asked, individual = np.array([0, 0, 2]), np.array([0, 0, 1])
    image = np.array([[0, 1], [2, 0], [1, 1]])
    weights = np.array([[0.5, 0.25], [0.0, 0.125], [0.5, 0.25]])
    first, second, third = sum_votes(asked, image, weights, individual, np.array([2, 0, 1]))
    assert first["image"].tolist() == [0, 1] and first["votes"].tolist() == [(0.5 + 0.125) / 2, 0.25 / 2]
    assert first["individual_votes"].tolist() == [(0.5 + 0.125) / 2] * 2  # once for each descriptor
    assert not len(second["image"])
    assert third["votes"].tolist() == [0.75] and third["individual_votes"].tolist() == [0.5]


def by_loop(asked, distance, image, individual, k, counts):
    """LNBNN as HotSpotter describes it, one descriptor after the other."""
    votes, animals = {}, {}
    for query, near, photographs in zip(asked, distance, image, strict=True):
        best = {}
        for d, photograph in zip(near[:k], photographs[:k], strict=True):
            who = individual[photograph]
            vote = near[k] - d
            votes[query, photograph] = votes.get((query, photograph), 0) + vote / counts[query]
            best[who] = max(best.get(who, 0), vote)
        for who, vote in best.items():
            animals[query, who] = animals.get((query, who), 0) + vote / counts[query]
    return votes, animals


@pytest.mark.parametrize("k", [1, 3, 6])
def test_as_a_loop_counts_them(k):
    rng = np.random.default_rng(k)
    individual, counts = rng.integers(0, 4, 12), np.array([30, 0, 25, 5])
    asked = np.repeat(np.arange(4), counts)
    distance = np.sort(rng.random((60, k + 1)), axis=1)
    image = rng.integers(0, 12, (60, k + 1))
    weights = weigh_votes(distance)
    found = sum_votes(asked, image[:, :k], weights, individual, counts)
    votes, animals = by_loop(asked, distance, image, individual, k, counts)
    told = {
        (query, photograph): (vote, whole)
        for query, result in enumerate(found)
        for photograph, vote, whole in zip(*(result[name].tolist() for name in result), strict=True)
    }
    assert told.keys() == {pair for pair, vote in votes.items() if vote > 0}
    for (query, photograph), (vote, whole) in told.items():
        assert vote == pytest.approx(votes[query, photograph], rel=1e-5)
        assert whole == pytest.approx(animals[query, individual[photograph]], rel=1e-5)
    assert all((np.diff(result["image"]) > 0).all() for result in found)


def test_without_descriptors_nobody_has_votes():
    nothing = np.empty((0, 3))
    found = sum_votes(np.empty(0, int), nothing.astype(int), nothing, np.array([0, 1]), np.zeros(2, int))
    assert [len(values) for result in found for values in result.values()] == [0] * 6
