"""What follows from decisions, against networkx."""

import itertools

import networkx as nx
import numpy as np
import pytest

from reid_lib.core.errors import ReviewError
from reid_lib.review.graph import Constraints, Decided, log_odds


def constrain(*decided: tuple) -> Constraints:
    """Of (one, other, same, weight)."""
    return Constraints([Decided((one, other), same, weight) for one, other, same, weight in decided])


def test_same_is_transitive_and_different_parts_all_of_both():
    found = Constraints([Decided(p, True) for p in ("ab", "bc", "de")] + [Decided(("c", "d"), False)], nodes="abcdefg")
    assert found.component("a") == ["a", "b", "c"] and found.component("f") == ["f"]
    assert found.are_same("a", "c") and not found.are_same("a", "d")
    assert found.are_different("a", "e") and not found.are_different("a", "b") and not found.are_different("a", "f")
    assert not found.inconsistencies
    with pytest.raises(ReviewError, match="not known"):
        found.component("z")


def test_the_lone_answer_is_doubted_whichever_side_it_is_on():
    ring = [("a", "b", True, 1), ("b", "c", True, 1), ("c", "d", True, 1), ("d", "a", True, 1)]
    assert constrain(*ring, ("a", "c", False, 1)).doubt(("a", "c")) == ("a", "c")
    bridge = [
        ("a", "b", True, 1), ("b", "c", True, 1), ("c", "a", True, 1), ("c", "x", True, 1), ("x", "y", True, 1),
        ("y", "z", True, 1), ("z", "x", True, 1), ("a", "y", False, 1), ("b", "z", False, 1),
    ]  # fmt: skip
    found = constrain(*bridge)
    assert set(found.inconsistencies) == {("a", "y"), ("b", "z")}
    assert found.doubt(("a", "y")) == ("c", "x")
    assert [left_out for _, left_out in found.resolve()] == [[("c", "x")]], "both contradictions are gone"
    with pytest.raises(ReviewError, match="no pair"):
        found.doubt(("a", "b"))


def test_one_wrong_answer_behind_two_contradictions_is_found():
    chain = [("a", "b", True, 1), ("b", "c", True, 1), ("c", "d", True, 1), ("a", "d", False, 1), ("b", "d", False, 1)]
    found = constrain(*chain)
    assert found.doubt(("a", "d")) != ("a", "b"), "that would explain one of both"
    assert [left_out for _, left_out in found.resolve()] in ([[("b", "c")]], [[("c", "d")]])


def test_what_pictures_say_decides_between_two_answers():
    for probability, doubted in ((0.9, ("a", "c")), (0.1, ("a", "b"))):
        found = Constraints(
            [
                Decided(("a", "b"), True, 1, probability),
                Decided(("b", "c"), True, 1, 0.9),
                Decided(("a", "c"), False, 1, probability),
            ]
        )
        assert found.doubt(("a", "c")) == doubted


@pytest.mark.parametrize("error", [0.05, 0.01])
def test_two_answers_outweigh_one_and_three_two_whatever_pictures_say(error):
    def told(one, other, same):
        return Decided((one, other), same, 1, 0.999, error)

    link = [told("a", "b", True), told("c", "d", True), told("b", "c", True)]
    parted = [told("b", "d", False), told("a", "c", False)]
    assert Constraints([*link, *parted]).resolve() == [(("b", "d"), [("b", "c")])]
    assert Constraints([*link, parted[0]]).resolve() == [(("b", "d"), [("b", "d")])], "one against one: the picture"
    assert 3 * parted[0].evidence > 2 * link[0].evidence


@pytest.mark.parametrize("seed", range(10))
def test_cuts_against_networkx(seed):
    rng = np.random.default_rng(seed)
    pairs = list(itertools.combinations(range(9), 2))
    drawn = rng.choice(len(pairs), 14, replace=False)
    decided = [Decided(pairs[k], i < 11, int(rng.integers(1, 3)), rng.uniform()) for i, k in enumerate(drawn)]
    found, graph = Constraints(decided, range(9)), nx.Graph()
    graph.add_nodes_from(range(9))
    for one in decided:
        if one.same:
            graph.add_edge(*one.pair, capacity=one.evidence)
    for one, other in pairs:
        assert found.are_same(one, other) == nx.has_path(graph, one, other)
        if found.are_same(one, other):
            flow = nx.maximum_flow_value(graph, one, other)
            evidence = [round(1000 * told.evidence) for told in decided if told.same]
            for side in found._cut(one, other, evidence)[1]:
                crossing = [told for told in decided if told.same and len(side & {*told.pair}) == 1]
                assert sum(told.evidence for told in crossing) == pytest.approx(flow, abs=0.01)
                assert one in side and other not in side
    left_out = {pair for _, pairs in found.resolve() for pair in pairs}
    rest = Constraints([one for one in decided if one.pair not in left_out], range(9))
    assert not rest.inconsistencies and bool(left_out) == bool(found.inconsistencies)


def test_log_odds_are_bounded():
    assert np.allclose(log_odds(np.array([0.0, 0.5, 0.9, 1.0])), [-np.log(99), 0, np.log(9), np.log(99)])


def test_pictures_alone_outweigh_nobody_but_do_with_another_answer():
    ties = [Decided(pair, True, 0, 0.98) for pair in ("ab", "bc", "cd")]
    lone = Decided(("a", "d"), False, 1, 0.9)
    assert Constraints([lone]).find_outweighed(ties) == set()
    beside = Decided(("a", "b"), True, 1, 0.98)
    assert Constraints([lone, beside]).find_outweighed(ties) == set(), "that says nothing of a and d"
    across = Constraints([lone, Decided(("a", "c"), True), Decided(("b", "d"), True)])
    assert across.find_outweighed(ties) == {("a", "d")}
    unlike = Constraints([Decided(("b", "c"), True, 1, 0.02), Decided(("a", "d"), False, 1, 0.02)])
    assert unlike.find_outweighed([ties[0], ties[2]]) == {("b", "c")}
