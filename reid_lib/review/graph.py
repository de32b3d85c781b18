"""Must-link and cannot-link: what follows from decisions, where they contradict each other, and which one to doubt.

*Same* is transitive: photographs that decisions of *same* connect are one component, one animal. A *different* between
two components parts all their photographs; one inside a component is an inconsistency. A minimum cut says what is
cheaper to give up, that decision or the *same* ones that connect its two photographs (Crall 2017, Stewart 2021).
"""

import math
from collections.abc import Hashable, Iterable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.sparse import coo_array, csr_array
from scipy.sparse.csgraph import breadth_first_order, maximum_flow

from reid_lib.core.errors import ReviewError

ERROR = 0.05  # share of answers that are wrong, as far as nobody knows better
UNLIKELY = 0.01  # no probability weighs more than this, or its opposite
PICTURE = 1 / 6  # of an answer's evidence: the most that the picture of its pair adds, see `Decided.evidence`
_UNITS = 1000  # of capacity for one nat of evidence: flows are whole numbers

Pair = tuple[Hashable, Hashable]


def log_odds(probability: np.ndarray | float, least: float = UNLIKELY) -> np.ndarray | float:
    """Evidence for *same* in nats; probabilities of any shape, taken as between `least` and 1 - `least`."""
    p = np.clip(probability, least, 1 - least)
    return np.log(p) - np.log1p(-p)


@dataclass(frozen=True)
class Decided:
    """A pair that was decided.

    Attributes:
        pair: two photographs.
        same: or different.
        weight: answers that agree with it, less those that do not; at least 1; 0 for what only pictures say.
        probability: that both show one animal, by what their pictures say.
        error: share of answers that are wrong.
    """

    pair: Pair
    same: bool
    weight: int = 1
    probability: float = 0.5
    error: float = ERROR

    @cached_property
    def evidence(self) -> float:
        """Nats that speak for the decision, answers and picture together; above 0.

        A pair is asked because it is the most alike one of two groups: the probabilities of the pairs that were asked
        are no fair sample, and all lean the same way. So where there are answers, a picture counts little (`PICTURE`):
        it decides where as many answers say *same* as say *different*, and never outweighs one answer more. Where
        nobody answered, the picture counts in full.
        """
        p, error = min(max(self.probability, UNLIKELY), 1 - UNLIKELY), max(self.error, 1e-6)
        picture, told = math.log(p / (1 - p)), math.log((1 - error) / error)
        if self.weight:
            picture = min(max(picture, -PICTURE * told), PICTURE * told)
        return max(self.weight * told + (picture if self.same else -picture), 1 / _UNITS)


def find_root(parent: list[int], k: int) -> int:
    """The node that stands for the set of k in a union-find, whose paths it halves."""
    while parent[k] != k:
        parent[k] = k = parent[parent[k]]
    return k


def find_components(n: int, pairs: Iterable[tuple[int, int]]) -> np.ndarray:
    """(n,) int: of each of n nodes the least one of its component (union-find; quicker than scipy's for a few)."""
    parent = list(range(n))
    for one, other in pairs:
        a, b = find_root(parent, one), find_root(parent, other)
        parent[max(a, b)] = min(a, b)
    return np.array([find_root(parent, k) for k in range(n)], dtype=np.int64)


class Constraints:
    """Components of *same*, and what *different* says of them.

    Args:
        decided: decisions, no pair twice.
        nodes: photographs that are to be known also without a decision.
    """

    def __init__(self, decided: Iterable[Decided], nodes: Iterable[Hashable] = ()):
        self.decided = list(decided)
        self._of = {frozenset(one.pair): one for one in self.decided}
        self._names = list(dict.fromkeys(nodes) | dict.fromkeys(node for one in self.decided for node in one.pair))
        self._place = {name: k for k, name in enumerate(self._names)}
        self._same = [one for one in self.decided if one.same]
        ends = [(self._place[one.pair[0]], self._place[one.pair[1]]) for one in self._same]
        self._label = find_components(len(self._names), ends)

    def component(self, node: Hashable) -> list:
        """All that is one animal with a photograph by decisions, itself included."""
        return [self._names[k] for k in np.flatnonzero(self._label == self._label[self._at(node)])]

    def are_same(self, one: Hashable, other: Hashable) -> bool:
        """Do decisions connect the two?"""
        return bool(self._label[self._at(one)] == self._label[self._at(other)])

    def are_different(self, one: Hashable, other: Hashable) -> bool:
        """Does a *different* lie between their components? Not where it lies inside of one."""
        parts = {self._label[self._at(one)], self._label[self._at(other)]}
        return len(parts) > 1 and any(
            {self._label[self._at(node)] for node in told.pair} == parts for told in self.decided if not told.same
        )

    @cached_property
    def inconsistencies(self) -> list[Pair]:
        """Pairs decided *different* whose photographs decisions of *same* connect, the surest first."""
        inside = [one for one in self.decided if not one.same and self.are_same(*one.pair)]
        return [one.pair for one in sorted(inside, key=lambda one: -one.evidence)]

    def doubt(self, inconsistency: Pair) -> Pair:
        """The decision to doubt: the least evident one on the side of a minimum cut that has less evidence.

        On one side stand the *same* decisions whose loss would part the two photographs at the least cost, on the other
        all *different* ones that would then be right; of several such cuts the one with more of these.

        Raises:
            ReviewError: the pair is none of `inconsistencies`.
        """
        flow, against, crossing = self._weigh(inconsistency)
        return min(crossing, key=lambda one: one.evidence).pair if flow <= against else inconsistency

    def resolve(self) -> list[tuple[Pair, list[Pair]]]:
        """Inconsistencies, the surest first, each with the decisions to leave out for it, the most doubtful first.

        What is left out for one may settle others, which then are not listed. Without all of these decisions no
        inconsistency is left.
        """
        steps, rest = [], self
        while rest.inconsistencies:
            inconsistency = rest.inconsistencies[0]
            flow, against, crossing = rest._weigh(inconsistency)
            weaker = [one.pair for one in sorted(crossing, key=lambda one: one.evidence)]
            steps.append((inconsistency, weaker if flow <= against else [inconsistency]))
            rest = rest._without(steps[-1][1])
        return steps

    def find_outweighed(self, ties: Iterable[Decided]) -> set[Pair]:
        """Decisions that others outweigh together with what pictures say, though they do not contradict each other.

        Two photographs that were called different, while other pairs of the same two groups were called the same: a
        minimum cut through these decisions and the ties of the pictures says what is cheaper to give up. Pictures alone
        never outweigh a person.

        Args:
            ties: of photographs that count as one animal by their pictures: `weight` 0.
        """
        told = {frozenset(one.pair) for one in self.decided}
        ties, given_up = list(ties), set()
        rest = Constraints([*self.decided, *(one for one in ties if frozenset(one.pair) not in told)])
        while rest.inconsistencies:
            inconsistency = rest.inconsistencies[0]
            flow, against, crossing = rest._weigh(inconsistency)
            weaker = {one.pair for one in crossing}
            if flow > against:
                alone = Constraints((one for one in ties if one.pair not in given_up), inconsistency)
                if flow > alone._cut(*inconsistency, alone._capacities())[0]:  # the ties alone hold them less firmly
                    weaker = {inconsistency}
                else:  # the person is obeyed, and so is every other answer
                    sides = rest._cut(*inconsistency, rest._capacities(firm=True))[1]
                    weaker = {one.pair for one in rest._same if (one.pair[0] in sides[0]) != (one.pair[1] in sides[0])}
            given_up |= weaker
            rest = rest._without(weaker)
        return {one.pair for one in self.decided if one.pair in given_up}

    def _without(self, pairs: Iterable[Pair]) -> "Constraints":
        left_out = set(pairs)
        return Constraints(one for one in self.decided if one.pair not in left_out)

    def _weigh(self, inconsistency: Pair) -> tuple[int, int, list[Decided]]:
        """The minimum cut between both photographs, the evidence against it, and the *same* decisions that it cuts."""
        told = self._of.get(frozenset(inconsistency))
        if told is None or told.same or not self.are_same(*inconsistency):
            raise ReviewError(f"{inconsistency} is no pair that was called different and is connected by same")
        flow, sides = self._cut(*inconsistency, self._capacities())
        label = self._label[self._at(inconsistency[0])]
        inside = [one for one in self.decided if all(self._label[self._at(end)] == label for end in one.pair)]
        parted = [[one for one in inside if (one.pair[0] in side) != (one.pair[1] in side)] for side in sides]
        against = [sum(round(one.evidence * _UNITS) for one in some if not one.same) for some in parted]
        best = int(np.argmax(against))
        return flow, against[best], [one for one in parted[best] if one.same]

    def _capacities(self, *, firm: bool = False) -> list[int]:
        """Of the *same* decisions; firm: what a person said is above all pictures."""
        return [round(one.evidence * _UNITS) * (_UNITS if firm and one.weight else 1) for one in self._same]

    def _cut(self, one: Hashable, other: Hashable, capacity: list[int]) -> tuple[int, tuple[set, set]]:
        """The minimum cut between two photographs: its value, and what lies on the side of the first.

        Of several minimum cuts the one nearest to the first photograph, and the one nearest to the second.
        """
        graph = self._graph(capacity)
        found = maximum_flow(graph, self._at(one), self._at(other))
        residual = csr_array(graph - found.flow)
        residual.eliminate_zeros()
        near = breadth_first_order(residual, self._at(one), return_predecessors=False)
        beyond = breadth_first_order(csr_array(residual.T), self._at(other), return_predecessors=False)
        before = np.setdiff1d(np.arange(len(self._names)), beyond)
        return int(found.flow_value), tuple({self._names[k] for k in side} for side in (near, before))

    def _graph(self, capacity: list[int]) -> csr_array:
        """The *same* decisions as a symmetric graph."""
        ends = np.array([[self._at(node) for node in one.pair] for one in self._same], dtype=np.int32).reshape(-1, 2)
        both = np.concatenate([ends, ends[:, ::-1]])
        n = len(self._names)
        values = np.array([*capacity, *capacity], dtype=np.int32)
        return csr_array(coo_array((values, (both[:, 0], both[:, 1])), shape=(n, n)))

    def _at(self, node: Hashable) -> int:
        if node not in self._place:
            raise ReviewError(f"photograph {node!r} is not known here: there is no decision on it")
        return self._place[node]
