"""What an answer can change: two groups that may be one animal, and each join in the tree of a group.

A join is wrong with a chance that follows from its most probable pair and the answers given across it (Bayes). If so,
its answer moves as many pairs of photographs as lie across it. Its question is the most probable pair not asked yet.
"""

import numpy as np
from scipy.special import expit

from reid_lib.review.graph import ENOUGH, ERROR, find_components, log_odds
from reid_lib.review.grouping import Grouping, link_decided
from reid_lib.review.tree import grow_tree

UNLISTED = -float(log_odds(1.0))  # log-odds of a join without a listed pair


class Joins:
    """The joins of a grouping, each at the pair that is its question; other pairs have no worth.

    Args:
        grouping: what is kept up to date elsewhere; `update` follows it.
        odds: (p,) log-odds of its listed pairs that both show one animal.
        error: share of answers that are wrong.

    Attributes:
        chance: (p,) that the answer would change something; 0 for pairs that are no question.
        worth: (p,) expected number of pairs of photographs that the answer moves.
        sides: (p, 2) int, photographs on both sides of the join.
        inside: (p,) bool, a join in a group, not between two.
        n_answers: (p,) int, given about other pairs across the join.
        asked: (p,) bool, pairs that have an answer of any kind.
        unclear: pairs about which nobody could tell; two of them settle a join.
    """

    def __init__(self, grouping: Grouping, odds: np.ndarray, *, error: float = ERROR):
        self.grouping, self.odds = grouping, odds
        self._told = float(log_odds(1 - error, least=1e-6))  # nats of one answer
        p = len(odds)
        self.chance, self.worth = np.zeros(p), np.zeros(p)
        self.sides, self.inside = np.zeros((p, 2), dtype=int), np.zeros(p, dtype=bool)
        self.n_answers, self.asked = np.zeros(p, dtype=int), np.zeros(p, dtype=bool)
        self.unclear: set[tuple[int, int]] = set()

    def update(self, photographs: np.ndarray | None = None) -> None:
        """Look again at all joins of the groups that hold some photographs (sorted; whole groups); None: at all."""
        grouping = self.grouping
        every = np.arange(len(grouping.group))
        photographs = every if photographs is None else photographs
        pairs = np.arange(len(self.odds)) if len(photographs) == len(every) else grouping.pairs_of(photographs)
        self.chance[pairs] = self.worth[pairs] = 0
        decided = np.array(sorted(self._answered(photographs)), dtype=np.int64).reshape(-1, 2)
        self._look_across(pairs, decided)
        label = grouping.group[photographs]
        by_group = np.argsort(label, kind="stable")
        for members in np.split(photographs[by_group], np.flatnonzero(np.diff(label[by_group])) + 1):
            if len(members) > 1:
                self._look_inside(members, decided)

    def _answered(self, photographs: np.ndarray) -> set[tuple[int, int]]:
        some = set(photographs.tolist()) if len(photographs) < len(self.grouping.group) else None
        unclear = {pair for pair in self.unclear if some is None or not some.isdisjoint(pair)}
        return self.grouping.decided_of(photographs.tolist()) | unclear

    def _votes(self, decided: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(d,) answers for *same* less those against, (d,) whether nobody could tell."""
        told = [self.grouping.decided.get(pair) for pair in map(tuple, decided.tolist())]
        votes = [0 if one is None else one.weight if one.same else -one.weight for one in told]
        return np.array(votes, dtype=float), np.array([one is None for one in told], dtype=bool)

    def _look_across(self, pairs: np.ndarray, decided: np.ndarray) -> None:
        """Joins between two groups."""
        group, first, second = self.grouping.group, self.grouping.first, self.grouping.second
        pairs = pairs[group[first[pairs]] != group[second[pairs]]]
        ends = group[np.concatenate([np.stack([first[pairs], second[pairs]], axis=1), decided])]
        key = np.unique(np.sort(ends, axis=1) @ np.array([len(group), 1]), return_inverse=True)[1]
        of_pair, of_decided = key[: len(pairs)], key[len(pairs) :]
        crossing = ends[len(pairs) :, 0] != ends[len(pairs) :, 1]
        size = np.bincount(group, minlength=len(group))
        sides = np.zeros((key.max(initial=-1) + 1, 2), dtype=int)
        sides[key] = size[ends]
        self._keep(pairs, of_pair, decided[crossing], of_decided[crossing], sides, inside=False)

    def _look_inside(self, members: np.ndarray, decided: np.ndarray) -> None:
        """The joins in the tree of a group."""
        pairs, one, other = self.grouping.listed_among(members)
        if not len(pairs):
            return
        ends = np.searchsorted(members, decided)
        ends[ends == len(members)] = 0
        within = (members[ends] == decided).all(axis=1)
        decided, ends = decided[within], ends[within]
        same = [self.grouping.decided.get(pair) for pair in map(tuple, decided.tolist())]
        same = ends[np.array([told is not None and told.same for told in same], dtype=bool)]
        animal = find_components(len(members), same.tolist())
        tree = grow_tree(len(members), *link_decided(one, other, self.grouping.probability[pairs], animal))
        self._keep(pairs, tree.meet(one, other), decided, tree.meet(*ends.T), tree.sizes, inside=True)

    def _keep(self, pairs, of_pair, decided, of_decided, sides: np.ndarray, *, inside: bool) -> None:
        """Worth and chance of joins, at the pair of each that is its question.

        Args:
            pairs, of_pair: (q,) listed pairs, and the join that each lies across.
            decided, of_decided: (d, 2) pairs with an answer, and their joins.
            sides: (joins, 2).
            inside: or between groups.
        """
        n = len(sides)
        odds = np.full(n, UNLISTED)
        np.maximum.at(odds, of_pair, self.odds[pairs])
        told, unclear = self._votes(decided)
        votes = np.bincount(of_decided, weights=told, minlength=n)
        nobody_knows = np.bincount(of_decided, weights=unclear, minlength=n) >= ENOUGH
        odds = odds + self._told * votes
        chance = np.where((np.abs(votes) >= ENOUGH) | nobody_knows, 0, expit(-odds if inside else odds))
        open_ = ~self.asked[pairs]
        pairs, of_pair = pairs[open_], of_pair[open_]
        order = np.lexsort((pairs, -self.odds[pairs], of_pair))
        joins, at = np.unique(of_pair[order], return_index=True)
        question = pairs[order[at]]
        self.chance[question] = chance[joins]
        self.worth[question] = chance[joins] * sides[joins].prod(axis=1)
        self.sides[question], self.inside[question] = sides[joins], inside
        self.n_answers[question] = np.bincount(of_decided[~unclear], minlength=n)[joins]
