"""Photographs grouped by their present clusters and what people decided, kept up to date decision by decision.

*Same* brings the two present clusters together, *different* parts a cluster into two. Only clusters that decisions of
*same* connect to a decided pair are looked at again, so one decision costs what these hold, not what all hold.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from reid_lib.review.graph import Constraints, Decided, find_components
from reid_lib.review.ties import hold_clusters, keep_ties
from reid_lib.review.tree import LINKED, grow_tree

LOOSE = 0.5  # a photograph leaves its cluster alone that is less than this share as alike to it as to another animal


@dataclass(frozen=True, eq=False)
class Plan:
    """What becomes of some photographs.

    Attributes:
        members: (m,) int, photographs of whole present clusters.
        group: (m,) int, of each: the least photograph of its group.
        doubts: pair called different inside a component of *same* -> the decision to doubt.
        left_out: decided pairs that have no effect: others contradict and outweigh them.
    """

    members: np.ndarray
    group: np.ndarray
    doubts: dict[tuple[int, int], tuple[int, int]]
    left_out: frozenset[tuple[int, int]] = frozenset()


class Grouping:
    """Groups of n photographs.

    Args:
        cluster: (n,) int, present cluster of each.
        first, second: (p,) int, listed pairs, 0 ... n - 1, none twice in either direction.
        probability: (p,) in [0, 1] that both show one animal.
        ties: (t, 2) int, photographs that another thing than their pictures makes one animal (`ties.tie_flanks`),
            each in one present cluster: together unless decisions say otherwise. None: none.

    Attributes:
        group: (n,) int, of each photograph the least one of its group.
        decided: pair, the lesser first -> decision.
        doubts, left_out: as in `Plan`, of all.
    """

    def __init__(
        self,
        cluster: np.ndarray,
        first: np.ndarray,
        second: np.ndarray,
        probability: np.ndarray,
        *,
        ties: np.ndarray | None = None,
    ):
        self.first, self.second, self.probability = first, second, probability
        self.ties = np.empty((0, 2), dtype=np.int64) if ties is None else ties
        self.cluster = np.asarray(cluster, dtype=np.int64)
        n = len(self.cluster)
        ends = np.concatenate([first, second])
        by_end = np.argsort(ends, kind="stable")
        self._pairs = np.tile(np.arange(len(first)), 2)[by_end]
        self._from = np.searchsorted(ends[by_end], np.arange(n + 1))
        by_cluster = np.argsort(self.cluster, kind="stable")
        codes, starts = np.unique(self.cluster[by_cluster], return_index=True)
        self._members = dict(zip(codes.tolist(), np.split(by_cluster, starts[1:]), strict=True)) if n else {}
        self._at = np.full(n, -1)  # scratch: place of a photograph among those looked at
        self.group = np.empty(n, dtype=np.int64)
        for members in self._members.values():
            self.group[members] = members.min()
        self.decided: dict[tuple[int, int], Decided] = {}
        self.doubts: dict[tuple[int, int], tuple[int, int]] = {}
        self.left_out: set[tuple[int, int]] = set()
        self._of_cluster: dict[int, set[tuple[int, int]]] = {}

    def decide(self, decisions: dict[tuple[int, int], Decided | None]) -> tuple[np.ndarray, bool]:
        """Take decisions, or take them back (None).

        Args:
            decisions: pair, the lesser first -> decision.

        Returns:
            (m,) int, the photographs that were looked at again, sorted; and whether any of them changed its group.
        """
        plans = self._plan(decisions)
        for pair, one in decisions.items():
            self._note(pair, one)
        seen, changed = [np.empty(0, dtype=np.int64)], False
        for plan in plans:
            changed |= bool((self.group[plan.members] != plan.group).any())
            self.group[plan.members] = plan.group
            seen.append(plan.members)
        looked_at = np.unique(np.concatenate(seen))
        self._at[looked_at] = 0
        self.doubts = {pair: doubt for pair, doubt in self.doubts.items() if self._at[pair[0]] < 0}
        self.left_out = {pair for pair in self.left_out if self._at[pair[0]] < 0}
        self._at[looked_at] = -1
        for plan in plans:
            self.doubts |= plan.doubts
            self.left_out |= plan.left_out
        return looked_at, changed

    def preview(self, one: Decided) -> list[Plan]:
        """What a decision (pair with the lesser first) would do; nothing is changed."""
        return self._plan({one.pair: one})

    def pairs_of(self, photographs: np.ndarray) -> np.ndarray:
        """(q,) int: listed pairs with one or both ends among some photographs, sorted."""
        parts = [self._pairs[self._from[k] : self._from[k + 1]] for k in photographs.tolist()]
        return np.unique(np.concatenate([np.empty(0, dtype=np.int64), *parts]))

    def decided_of(self, photographs: Iterable[int]) -> set[tuple[int, int]]:
        """Decided pairs with an end in the present cluster of some photographs."""
        clusters = {int(self.cluster[k]) for k in photographs}
        return set().union(*(self._of_cluster.get(cluster, ()) for cluster in clusters))

    def listed_among(self, members: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Listed pairs inside of some photographs: their numbers, and both ends as places in `members`, (q,) each."""
        pairs = self.pairs_of(members)
        self._at[members] = np.arange(len(members))
        one, other = self._at[self.first[pairs]], self._at[self.second[pairs]]
        self._at[members] = -1
        inside = (one >= 0) & (other >= 0)
        return pairs[inside], one[inside], other[inside]

    def tied_among(self, members: np.ndarray) -> np.ndarray:
        """(t, 2) int: ties inside of some photographs (sorted), as places in `members`."""
        if not len(self.ties):
            return self.ties
        self._at[members] = np.arange(len(members))
        places = self._at[self.ties]
        self._at[members] = -1
        return places[(places >= 0).all(axis=1)]

    def _note(self, pair: tuple[int, int], one: Decided | None) -> None:
        for end in pair:
            of = self._of_cluster.setdefault(int(self.cluster[end]), set())
            of.discard(pair) if one is None else of.add(pair)
        if one is None:
            self.decided.pop(pair, None)
        else:
            self.decided[pair] = one

    def _plan(self, decisions: dict[tuple[int, int], Decided | None]) -> list[Plan]:
        """A plan for each lot of clusters that *same* connects, before or after, to a pair that is decided."""
        after = self.decided | decisions
        seen: set[int] = set()
        plans = []
        for end in (end for pair in decisions for end in pair):
            if int(self.cluster[end]) in seen:
                continue
            clusters, pairs = self._connected(int(self.cluster[end]), decisions)
            seen |= clusters
            told = [after[pair] for pair in pairs if after[pair] is not None]
            members = np.sort(np.concatenate([self._members[cluster] for cluster in clusters]))
            plans.append(self._regroup(members, told))
        return plans

    def _connected(self, cluster: int, decisions: dict) -> tuple[set[int], set[tuple[int, int]]]:
        """Clusters that decisions of *same*, those to be taken back included, connect; and all pairs inside of them."""
        fresh: dict[int, set[tuple[int, int]]] = {}
        for pair in decisions:
            for end in pair:
                fresh.setdefault(int(self.cluster[end]), set()).add(pair)
        found, open_, pairs = {cluster}, [cluster], set()
        while open_:
            at = open_.pop()
            for pair in self._of_cluster.get(at, set()) | fresh.get(at, set()):
                pairs.add(pair)
                before, after = self.decided.get(pair), decisions.get(pair, self.decided.get(pair))
                if any(one is not None and one.same for one in (before, after)):
                    ends = {int(self.cluster[end]) for end in pair} - found
                    found |= ends
                    open_ += ends
        return found, {pair for pair in pairs if all(int(self.cluster[end]) in found for end in pair)}

    def _regroup(self, members: np.ndarray, told: list[Decided]) -> Plan:
        """New groups of the photographs of some clusters."""
        if not told:
            return Plan(members, _least(members, self.cluster[members]), {})
        constraints = Constraints(sorted(told, key=lambda one: one.pair))
        steps = constraints.resolve()
        doubts, left_out = {pair: out[0] for pair, out in steps}, {pair for _, out in steps for pair in out}
        pairs, one, other = self.listed_among(members)
        listed, tied = (one, other, self.probability[pairs]), self.tied_among(members)
        if len({one.same for one in told}) == 2:
            kept = Constraints(one for one in constraints.decided if one.pair not in left_out)
            left_out |= kept.find_outweighed(hold_clusters(members, self.cluster[members], listed, tied))
        ends = np.searchsorted(members, [one.pair for one in told if one.pair not in left_out]).reshape(-1, 2)
        is_same = np.array([one.same for one in told if one.pair not in left_out], dtype=bool)
        same, different = ends[is_same], ends[~is_same]
        same = np.concatenate([same, keep_ties(len(members), same, different, tied)])
        animal = find_components(len(members), same.tolist())
        cluster = _loosen(self.cluster[members], animal, listed)
        anchor = np.unique(cluster, return_index=True)[1][np.unique(cluster, return_inverse=True)[1]]
        block = find_components(len(members), [*same.tolist(), *enumerate(anchor.tolist())])
        group = block.copy()
        for label in np.unique(block[different[block[different[:, 0]] == block[different[:, 1]]][:, 0]]):
            inside = np.flatnonzero(block == label)
            group[inside] = len(members) + _part(inside, animal, cluster, different, listed) + group.max()
        return Plan(members, _least(members, group), doubts, frozenset(left_out))


def _least(members: np.ndarray, label: np.ndarray) -> np.ndarray:
    """(m,) int: of each photograph the least one with its label."""
    _, first, code = np.unique(label, return_index=True, return_inverse=True)
    return members[first][code]  # members ascend


def _loosen(cluster: np.ndarray, animal: np.ndarray, listed: tuple) -> np.ndarray:
    """Clusters, less the photographs that a decision brings to another cluster and that hardly look like their own.

    So a photograph under a wrong name takes its own way, and the two names are not made one.

    Args:
        cluster, animal: (m,) int; `animal` is a component of *same*.
        listed: pairs among the m photographs, and their probabilities.

    Returns:
        (m,) int: `cluster`, or a number of its own for what left.
    """
    one, other, probability = listed
    found = cluster.copy()
    crossing = np.unique(np.stack([animal, cluster], axis=1), axis=0)
    several = np.flatnonzero(np.bincount(crossing[:, 0]) > 1)
    for label in several:
        of = animal == label
        clusters = np.unique(cluster[of])
        for name in clusters:
            part, rest = of & (cluster == name), ~of & (cluster == name)
            if not rest.any():
                continue
            others = np.isin(cluster, clusters) & (cluster != name)
            own, foreign = (
                probability[(part[one] & side[other]) | (part[other] & side[one])].max(initial=0)
                for side in (rest, others)
            )
            if own < LOOSE * foreign:
                found[part] = cluster.max() + 1 + label
    return found


def _part(
    inside: np.ndarray, animal: np.ndarray, cluster: np.ndarray, different: np.ndarray, listed: tuple
) -> np.ndarray:
    """(k,) int, numbered from 0: the parts of photographs `inside` (k,), of which some were called different.

    The tree is undone where two photographs meet that are different; what falls apart without need is joined again, the
    most alike first, and at last by the present cluster.
    """
    place = np.full(len(animal), -1)
    place[inside] = np.arange(len(inside))
    one, other = place[listed[0]], place[listed[1]]
    kept = (one >= 0) & (other >= 0)
    one, other, probability = one[kept], other[kept], listed[2][kept]
    tree = grow_tree(len(inside), *link_decided(one, other, probability, animal[inside]))
    parted = place[different]
    parted = parted[(parted >= 0).all(axis=1)]
    part = tree.parts(tree.meet(parted[:, 0], parted[:, 1]))
    n = part.max() + 1
    size = np.bincount(part)
    total, forbidden = np.zeros((n, n)), np.zeros((n, n), dtype=bool)
    np.add.at(total, (part[one], part[other]), probability)
    total = total + total.T
    forbidden[part[parted[:, 0]], part[parted[:, 1]]] = True
    forbidden |= forbidden.T | np.eye(n, dtype=bool)
    together = np.zeros((n, np.unique(cluster[inside]).size), dtype=bool)
    together[part, np.unique(cluster[inside], return_inverse=True)[1]] = True
    return _join_parts(size, total, forbidden, together)[part]


def link_decided(
    one: np.ndarray, other: np.ndarray, probability: np.ndarray, animal: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Listed pairs with what decisions add: all pairs of one animal are `LINKED`.

    Args:
        one, other: (q,) int, places of the photographs of listed pairs.
        probability: (q,) that both show one animal.
        animal: (m,) int, component of *same* of each photograph.

    Returns:
        Both ends and likeness of all pairs, as `grow_tree` takes them.
    """
    apart = animal[one] != animal[other]
    order = np.argsort(animal, kind="stable")
    lots = np.split(order, np.flatnonzero(np.diff(animal[order])) + 1)
    decided = [np.stack(np.triu_indices(len(lot), 1)).T for lot in lots if len(lot) > 1]
    decided = [lot[pairs] for lot, pairs in zip([lot for lot in lots if len(lot) > 1], decided, strict=True)]
    ends = np.concatenate([np.stack([one[apart], other[apart]], axis=1), *decided])
    alike = np.concatenate([probability[apart], np.full(len(ends) - apart.sum(), LINKED)])
    return ends[:, 0], ends[:, 1], alike


def _join_parts(size: np.ndarray, total: np.ndarray, forbidden: np.ndarray, together: np.ndarray) -> np.ndarray:
    """(n,) int: parts joined while two may be, the highest mean first; then, of one cluster, the largest first."""
    n, size, label = len(size), size.astype(float), np.arange(len(size))
    there = np.ones(n, dtype=bool)
    while True:
        alike = np.where(forbidden, -1.0, total / np.outer(size, size))
        of_one = ~forbidden & (alike <= 0) & (together @ together.T)
        alike = np.where(of_one, np.minimum.outer(size, size) * 1e-9, np.where(alike > 0, alike + 1, -1.0))
        alike[~there] = alike[:, ~there] = -1
        a, b = np.unravel_index(np.argmax(alike), alike.shape)
        if alike[a, b] <= 0:
            return label
        total[a] += total[b]
        total[:, a] += total[:, b]
        forbidden[a] |= forbidden[b]
        forbidden[:, a] |= forbidden[:, b]
        together[a] |= together[b]
        size[a] += size[b]
        there[b] = False
        label[label == b] = a
