"""Answers that are worth a second look: asked again, because more hangs on them than they are sure of.

There are two kinds. A *same* that rests on one answer, while the pictures of its pair or their names speak against it:
where it is wrong, two animals count as one. And an answer that others outweigh (`Grouping.left_out`), where one more
like it would turn the scale. A *different* needs no second look: the join that it parts is asked again by another pair
(`joins`).
"""

import math
from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from reid_lib.review.graph import ERROR, log_odds
from reid_lib.review.grouping import Grouping
from reid_lib.review.words import count_moved

Pair = tuple[int, int]


class SecondLooks:
    """What a second look at an answer is worth.

    Args:
        grouping: what is kept up to date elsewhere; `update` follows it.
        odds: pair, the lesser first -> log-odds that both show one animal by what is known beside answers (pictures,
            and names where there are some); 0 where nothing is.
        error: share of answers that are wrong.

    Attributes:
        chance: pair -> chance that a second look changes something; pairs that are not worth one are missing.
        worth: pair -> expected number of pairs of photographs that it puts right.
    """

    def __init__(self, grouping: Grouping, odds: Mapping[Pair, float], *, error: float = ERROR):
        self.grouping, self._odds, self._error = grouping, odds, error
        self._told = float(log_odds(1 - error, least=1e-6))  # nats of one answer
        self.chance: dict[Pair, float] = {}
        self.worth: dict[Pair, float] = {}

    def update(self, photographs: np.ndarray) -> None:
        """Look again at the answers about some photographs (whole groups)."""
        here = set(photographs.tolist())
        for pair in [pair for pair in self.worth if not here.isdisjoint(pair)]:
            del self.chance[pair], self.worth[pair]
        for pair in sorted(self.grouping.decided_of(here)):
            chance = self._judge(pair)
            if chance <= self._error or not (moved := self._count_moved(pair)):
                continue
            self.chance[pair], self.worth[pair] = chance, (chance - self._error**2) * moved

    def _judge(self, pair: Pair) -> float:
        """The chance that the present effect of an answer is wrong; 0 for those that need no second look."""
        one = self.grouping.decided.get(pair)
        if one is None or one.weight > 1:  # two looks agree
            return 0.0
        if pair in self.grouping.left_out:  # one more answer would turn the scale: on average half of one is missing
            return 1 / (1 + math.exp(self._told / 2))
        if not one.same:
            return 0.0
        return 1 / (1 + math.exp(self._told + self._odds.get(pair, 0.0)))

    def _count_moved(self, pair: Pair) -> int:
        """Pairs of photographs that a second look may bring together or part: if it turns the scale, or the answer."""
        one = self.grouping.decided[pair]
        if pair in self.grouping.left_out:
            told = replace(one, weight=one.weight + 1)
        else:
            told = replace(one, same=not one.same)
        plans = self.grouping.preview(told)
        return sum(count_moved(self.grouping.group[plan.members], plan.group) for plan in plans)
