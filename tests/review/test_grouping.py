"""Groups that follow decisions: by hand, and one by one against all at once."""

import numpy as np
import pytest
from deciding_cases import partition, simulate

from reid_lib.review.graph import Decided
from reid_lib.review.grouping import Grouping


def group(cluster: list[int], pairs: dict[tuple[int, int], float], ties=None) -> Grouping:
    ends = np.array(list(pairs), dtype=int).reshape(-1, 2)
    ties = None if ties is None else np.array(ties)
    return Grouping(np.array(cluster), *ends.T, np.array(list(pairs.values())), ties=ties)


def decide(grouping: Grouping, pair: tuple[int, int], same: bool | None) -> bool:
    return grouping.decide({pair: None if same is None else Decided(pair, same)})[1]


def test_same_joins_two_clusters_and_is_taken_back():
    grouping = group([0, 0, 1, 1, 2], {(0, 1): 0.9, (2, 3): 0.9, (1, 2): 0.3})
    assert grouping.group.tolist() == [0, 0, 2, 2, 4]
    assert decide(grouping, (1, 2), True) and grouping.group.tolist() == [0, 0, 0, 0, 4]
    assert not decide(grouping, (0, 3), True), "it is known already"
    assert not decide(grouping, (1, 2), None), "the other decision holds them"
    assert decide(grouping, (0, 3), None) and grouping.group.tolist() == [0, 0, 2, 2, 4]


def test_different_parts_a_cluster_where_its_halves_are_least_alike():
    halves = {(0, 1): 0.9, (1, 2): 0.8, (3, 4): 0.9, (2, 3): 0.4, (0, 4): 0.1}
    grouping = group([0] * 5, halves)
    assert decide(grouping, (0, 4), False) and grouping.group.tolist() == [0, 0, 0, 3, 3]
    grouping = group([0] * 5, halves)
    assert decide(grouping, (1, 2), False) and partition(grouping.group) in (
        {frozenset([0, 1]), frozenset([2, 3, 4])},
        {frozenset([2]), frozenset([0, 1, 3, 4])},
    )


def test_different_between_two_clusters_moves_nothing_until_they_are_joined():
    grouping = group([0, 0, 1, 1], {(0, 1): 0.9, (2, 3): 0.6, (1, 2): 0.3, (1, 3): 0.2})
    assert not decide(grouping, (1, 3), False) and grouping.group.tolist() == [0, 0, 2, 2]
    assert decide(grouping, (1, 2), True) and grouping.group.tolist() == [0, 0, 0, 3]


def test_photographs_without_a_listed_pair_stay_with_most_of_their_cluster():
    grouping = group([0] * 5, {(0, 1): 0.9, (1, 2): 0.2})
    decide(grouping, (0, 2), False)
    assert partition(grouping.group) == {frozenset([0, 1, 3, 4]), frozenset([2])}


def test_a_photograph_under_a_wrong_name_leaves_alone():
    names = [0, 0, 0, 0, 1, 1, 1]
    pairs = {(0, 1): 0.9, (1, 2): 0.9, (0, 3): 0.02, (1, 3): 0.1, (4, 5): 0.9, (5, 6): 0.9, (3, 4): 0.8, (3, 5): 0.6}
    grouping = group(names, pairs)
    assert decide(grouping, (3, 4), True) and grouping.group.tolist() == [0, 0, 0, 3, 3, 3, 3]
    well = group(names, pairs | {(0, 3): 0.9})
    assert decide(well, (3, 4), True) and partition(well.group) == {frozenset(range(7))}, "two names of one animal"


def test_a_contradiction_leaves_the_most_doubtful_decision_out():
    grouping = group([0, 1, 2, 3], {(0, 1): 0.9, (1, 2): 0.9, (0, 2): 0.9, (2, 3): 0.1})
    for pair, same, p in (((0, 1), True, 0.9), ((1, 2), True, 0.9), ((2, 3), True, 0.1), ((0, 3), False, 0.5)):
        grouping.decide({pair: Decided(pair, same, 1, p)})
    decide(grouping, (1, 3), False)
    assert grouping.doubts == {(0, 3): (2, 3)} and grouping.group.tolist() == [0, 0, 0, 3]
    decide(grouping, (2, 3), False)
    assert not grouping.doubts


def test_one_wrong_different_is_outweighed_by_a_same_of_the_same_two_halves():
    pairs = {(0, 1): 0.97, (1, 2): 0.97, (2, 3): 0.9, (0, 3): 0.9, (0, 2): 0.9, (1, 3): 0.9}
    grouping = group([0] * 4, pairs)
    assert decide(grouping, (0, 3), False) and grouping.group.max() > 0, "one answer is taken at its word"
    told = {(0, 3): Decided((0, 3), False, 1, 0.9), (1, 3): Decided((1, 3), True, 1, 0.9)}
    grouping.decide(told)
    assert grouping.group.tolist() == [0, 0, 0, 0]
    grouping.decide({(0, 3): Decided((0, 3), False, 3, 0.9)})
    assert grouping.group[0] != grouping.group[3], "three answers are more than one"


def test_one_wrong_same_of_two_unlike_animals_is_outweighed_by_a_different():
    pairs = {(0, 1): 0.95, (2, 3): 0.95, (0, 2): 0.02, (1, 3): 0.02}
    grouping = group([0, 0, 1, 1], pairs)
    grouping.decide({(0, 2): Decided((0, 2), True, 1, 0.02)})
    assert grouping.group.tolist() == [0, 0, 0, 0]
    grouping.decide({(1, 3): Decided((1, 3), False, 1, 0.02)})
    assert grouping.group.tolist() == [0, 0, 2, 2] and not grouping.doubts


def test_a_preview_changes_nothing():
    grouping = group([0, 0, 1], {(0, 1): 0.9, (1, 2): 0.3})
    (plan,) = grouping.preview(Decided((1, 2), True))
    assert plan.group.tolist() == [0, 0, 0] and grouping.group.tolist() == [0, 0, 2] and not grouping.decided


@pytest.mark.parametrize("seed", range(4))
def test_one_by_one_is_all_at_once_in_any_order(seed):
    photographs, pairs, truth = simulate(40, 8, seed=seed)
    place = {name: k for k, name in enumerate(photographs["image_id"])}
    first, second = (pairs[f"image_id_{k}"].map(place).to_numpy() for k in (1, 2))
    cluster, probability = photographs["cluster"].factorize()[0], pairs["probability"].to_numpy()
    rng = np.random.default_rng(seed)
    told = {}
    for k in rng.choice(len(pairs), 30, replace=False):
        pair = int(first[k]), int(second[k])
        same = truth.iloc[pair[0]] == truth.iloc[pair[1]]
        told[pair] = Decided(pair, bool(same != (rng.random() < (seed % 2) * 0.2)), 1, probability[k])
    at_once, one_by_one = (Grouping(cluster, first, second, probability) for _ in range(2))
    at_once.decide(told)
    order = [list(told)[k] for k in rng.permutation(len(told))]
    for pair in order:
        one_by_one.decide({pair: Decided(pair, not told[pair].same, 1, told[pair].probability)})
    for pair in order[::-1]:
        before, plans = one_by_one.group.copy(), one_by_one.preview(told[pair])
        seen = one_by_one.decide({pair: None})[0]
        assert set(np.flatnonzero(one_by_one.group != before)) <= set(seen.tolist()) and plans
        one_by_one.decide({pair: told[pair]})
    assert (one_by_one.group == at_once.group).all() and one_by_one.doubts == at_once.doubts
    if seed % 2 == 0:  # all are right: hardly one is outweighed
        kept = [(at_once.group[a] == at_once.group[b]) == decision.same for (a, b), decision in told.items()]
        assert np.mean(kept) > 0.9


# A cluster of two animals: left flanks 0 to 3, right flanks 4 to 7, seen together as 0-4, 1-5, 2-6, 3-7.
SEEN = [(0, 4), (1, 5), (2, 6), (3, 7)]
FLANKS = {(0, 1): 0.8, (2, 3): 0.8, (4, 5): 0.8, (6, 7): 0.8, (1, 2): 0.3, (5, 6): 0.3}


def test_the_other_flank_of_an_encounter_goes_along_when_a_cluster_is_parted():
    grouping = group([0] * 8, FLANKS, SEEN)
    assert decide(grouping, (1, 2), False)
    assert partition(grouping.group) == {frozenset([0, 1, 4, 5]), frozenset([2, 3, 6, 7])}
    alone = group([0] * 8, FLANKS)
    decide(alone, (1, 2), False)
    assert len(partition(alone.group)) == 2, "without the encounters all right flanks go to one side"
    assert frozenset([0, 1, 4, 5]) not in partition(alone.group)


def test_the_other_flank_of_an_encounter_goes_along_to_another_cluster():
    names = [0, 0, 0, 0, 1, 1, 0]  # 3 and 6 were seen together, and are of the animal of 4 and 5
    pairs = {(0, 1): 0.9, (1, 2): 0.9, (0, 3): 0.02, (1, 3): 0.1, (4, 5): 0.9, (3, 4): 0.8, (3, 5): 0.6}
    grouping = group(names, pairs, [(3, 6)])
    assert decide(grouping, (3, 4), True)
    assert partition(grouping.group) == {frozenset([0, 1, 2]), frozenset([3, 4, 5, 6])}
    assert decide(grouping, (3, 4), None) and partition(grouping.group) == {
        frozenset([0, 1, 2, 3, 6]),
        frozenset([4, 5]),
    }


def test_an_encounter_gives_way_to_answers_that_contradict_it():
    grouping = group([0] * 8, FLANKS, SEEN)
    told = {(0, 1): Decided((0, 1), True, 2), (1, 2): Decided((1, 2), False, 3), (5, 6): Decided((5, 6), True, 3)}
    grouping.decide(told)
    found = grouping.group
    assert found[0] == found[1] != found[2] and found[5] == found[6], "each answer holds"
    assert not grouping.left_out and not grouping.doubts, "no person is doubted because of an encounter"
