"""What an answer can change: two groups that may be one animal, and each join in the tree of a group.

The pairs and the answers across a join say how likely it is to be wrong: a chance c (Bayes). An answer that says it is
wrong moves all pairs of photographs that lie across it. Where the join is wrong, a right answer puts these pairs right;
where it is not, a wrong answer spoils them. A share e of the answers is wrong, but a wrong one seldom lasts: an answer
that surprises is asked again, by another pair or a second look (`looks`), so that both would have to be wrong, a share
e². A question is therefore worth (c - e²) times the pairs across the join.

Its question is the most probable pair of photographs that are typical of both sides: a photograph in the wrong group
would speak for itself alone.
"""

import numpy as np
from scipy.special import expit

from reid_lib.review.graph import ERROR, log_odds
from reid_lib.review.grouping import Grouping
from reid_lib.review.ties import TIED
from reid_lib.review.tree import grow_tree

ENOUGH = 2  # answers that agree about a join, or that nobody can tell it, from which on nobody is asked
_LAST = 1e-3  # share of c that a question is worth at least: also where e² is above c it is asked, after the others
UNLISTED = -float(log_odds(1.0))  # log-odds of a join without a listed pair
LEAST = 1e-4  # chance of a join by pictures


class Joins:
    """The joins of a grouping, each at the pair that is its question; other pairs have no worth.

    Args:
        grouping: what is kept up to date elsewhere; `update` follows it.
        odds: (p,) log-odds of its listed pairs that both show one animal.
        flank: (n,) int, 1 and 2 for photographs of two flanks, which cannot be compared; 0 for all others.
        named: (p,) bool, pairs whose names are asked about. Names are nearly always right, and a wrong answer takes
            those of a whole animal, so there one wrong answer counts in full: c - e. None: none.
        error: share of answers that are wrong.

    Attributes:
        chance: (p,) that the answer would change something; 0 for pairs that are no question.
        worth: (p,) expected number of pairs of photographs that the answer puts right.
        sides: (p, 2) int, photographs on both sides of the join.
        inside: (p,) bool, a join in a group, not between two.
        n_answers: (p,) int, given about other pairs across the join.
        asked: (p,) bool, pairs that have an answer of any kind.
        unclear: pairs about which nobody could tell; two of them settle a join.
    """

    def __init__(
        self,
        grouping: Grouping,
        odds: np.ndarray,
        *,
        flank: np.ndarray | None = None,
        named: np.ndarray | None = None,
        error: float = ERROR,
    ):
        self.grouping, self.odds = grouping, odds
        self._flank = np.zeros(len(grouping.group), dtype=int) if flank is None else flank
        self._named = np.zeros(len(odds), dtype=bool) if named is None else named
        self._error, self._told = error, float(log_odds(1 - error, least=1e-6))  # nats of one answer
        p = len(odds)
        self.chance, self.worth = np.zeros(p), np.zeros(p)
        self.sides, self.inside = np.zeros((p, 2), dtype=int), np.zeros(p, dtype=bool)
        self.n_answers, self.asked = np.zeros(p, dtype=int), np.zeros(p, dtype=bool)
        self._central = np.ones(len(grouping.group))
        self.unclear: set[tuple[int, int]] = set()

    def update(self, photographs: np.ndarray | None = None) -> None:
        """Look again at all joins of the groups that hold some photographs (sorted; whole groups); None: at all."""
        grouping = self.grouping
        every = np.arange(len(grouping.group))
        photographs = every if photographs is None else photographs
        pairs = np.arange(len(self.odds)) if len(photographs) == len(every) else grouping.pairs_of(photographs)
        self.chance[pairs] = self.worth[pairs] = 0
        self._measure_central(photographs, pairs)
        decided = np.array(sorted(self._answered(photographs)), dtype=np.int64).reshape(-1, 2)
        self._look_across(pairs, decided)
        label = grouping.group[photographs]
        by_group = np.argsort(label, kind="stable")
        for members in np.split(photographs[by_group], np.flatnonzero(np.diff(label[by_group])) + 1):
            if len(members) > 1:
                self._look_inside(members, decided)

    def _measure_central(self, photographs: np.ndarray, pairs: np.ndarray) -> None:
        """How typical photographs are of their groups: the mean probability of their pairs in it; alone: 1."""
        group, first, second = self.grouping.group, self.grouping.first[pairs], self.grouping.second[pairs]
        inside = group[first] == group[second]
        p = self.grouping.probability[pairs[inside]]
        n = len(group)
        total = np.bincount(first[inside], weights=p, minlength=n) + np.bincount(second[inside], weights=p, minlength=n)
        others = np.bincount(group, minlength=n)[group] - 1
        self._central[photographs] = np.where(others > 0, total / np.maximum(others, 1), 1)[photographs]

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
        left, right = (np.bincount(group, weights=self._flank == k, minlength=len(group))[ends] for k in (1, 2))
        comparable = np.ones(len(sides))
        comparable[key] = size[ends].prod(axis=1) - left[:, 0] * right[:, 1] - right[:, 0] * left[:, 1]
        odds = self._judge(pairs, of_pair, comparable)
        self._set_questions(pairs, of_pair, decided[crossing], of_decided[crossing], sides, odds, inside=False)

    def _look_inside(self, members: np.ndarray, decided: np.ndarray) -> None:
        """The joins in the tree of a group."""
        pairs, one, other = self.grouping.listed_among(members)
        if not len(pairs):
            return
        ends = np.searchsorted(members, decided)
        ends[ends == len(members)] = 0
        within = (members[ends] == decided).all(axis=1)
        decided, ends = decided[within], ends[within]
        first, second, alike = self._add_answers(one, other, pairs, ends, self._votes(decided)[0], len(members))
        tied = self.grouping.tied_among(members)
        first, second = np.append(first, tied[:, 0]), np.append(second, tied[:, 1])
        alike = np.append(alike, np.full(len(tied), TIED))
        tree = grow_tree(len(members), first, second, alike)
        of_pair = tree.meet(one, other)
        odds = self._judge(pairs, of_pair, np.bincount(of_pair, minlength=len(tree.sizes)))
        self._set_questions(pairs, of_pair, decided, tree.meet(*ends.T), tree.sizes, odds, inside=True)

    def _add_answers(
        self, one: np.ndarray, other: np.ndarray, pairs: np.ndarray, ends: np.ndarray, votes: np.ndarray, m: int
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Pairs among m photographs, and how likely they show one animal by picture and answers together (Bayes).

        Args:
            one, other, pairs: (q,) int, places of both photographs of listed pairs, and the numbers of these pairs.
            ends, votes: (d, 2) places of the photographs of pairs with an answer, (d,) answers for *same* less those
                against.

        Returns:
            Both ends and likeness of all of these pairs, as `grow_tree` takes them.
        """
        low, high = np.minimum(one, other), np.maximum(one, other)
        key, told = np.append(low * m + high, ends @ np.array([m, 1])), np.append(np.zeros(len(one)), votes)
        key, at, of = np.unique(key, return_index=True, return_inverse=True)
        picture = np.append(self.grouping.probability[pairs], np.full(len(ends), 0.5))[at]
        votes = np.bincount(of, weights=told)
        alike = np.where(votes == 0, picture, expit(log_odds(picture) + self._told * votes))
        return key // m, key % m, alike

    def _set_questions(self, pairs, of_pair, decided, of_decided, sides, odds, *, inside: bool) -> None:
        """Worth and chance of joins, at the pair of each that is its question.

        Args:
            pairs, of_pair: (q,) listed pairs, and the join that each lies across.
            decided, of_decided: (d, 2) pairs with an answer, and their joins.
            sides: (joins, 2) int, photographs on both sides of each join.
            odds: (joins,) log-odds by pictures that both sides are one animal.
            inside: are these joins in a group, or between two?
        """
        n = len(sides)
        told, unclear = self._votes(decided)
        votes = np.bincount(of_decided, weights=told, minlength=n)
        nobody_knows = np.bincount(of_decided, weights=unclear, minlength=n) >= ENOUGH
        odds = odds + self._told * votes
        chance = np.where((np.abs(votes) >= ENOUGH) | nobody_knows, 0, expit(-odds if inside else odds))
        open_ = ~self.asked[pairs]
        pairs, of_pair = pairs[open_], of_pair[open_]
        ends = self.grouping.first[pairs], self.grouping.second[pairs]
        telling = self.grouping.probability[pairs] * self._central[ends[0]] * self._central[ends[1]]
        order = np.lexsort((pairs, -telling, of_pair))
        joins, at = np.unique(of_pair[order], return_index=True)
        question = pairs[order[at]]
        self.chance[question] = chance[joins]
        lasting = np.where(self._named[question], self._error, self._error**2)
        net = np.maximum(chance[joins] - lasting, _LAST * chance[joins])
        self.worth[question] = net * sides[joins].prod(axis=1)
        self.sides[question], self.inside[question] = sides[joins], inside
        self.n_answers[question] = np.bincount(of_decided[~unclear], minlength=n)[joins]

    def _judge(self, pairs: np.ndarray, of_pair: np.ndarray, n_pairs: np.ndarray) -> np.ndarray:
        """(joins,) log-odds that both sides are one animal, by pictures.

        By the mean probability of the pairs across, of `n_pairs` (joins,) each, an unlisted one counting as 0; where
        both sides come from one present cluster, half-way to the most probable pair: a cluster was found together.
        """
        n, cluster = len(n_pairs), self.grouping.cluster
        highest = np.full(n, UNLISTED)
        np.maximum.at(highest, of_pair, self.odds[pairs])
        total = np.bincount(of_pair, weights=expit(self.odds[pairs]), minlength=n)
        mean = np.asarray(log_odds(total / np.maximum(n_pairs, 1), least=LEAST))
        within = cluster[self.grouping.first[pairs]] == cluster[self.grouping.second[pairs]]
        together = np.bincount(of_pair, weights=within, minlength=n) > 0
        return np.where(together, (highest + mean) / 2, mean)
