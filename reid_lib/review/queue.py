"""Which pair is asked next: contradictions first, then the pair whose answer is expected to put most pairs right.

A pair that was answered already is asked again where a second look is worth more than a new pair.
"""

from collections.abc import Collection
from dataclasses import replace

import numpy as np
import pandas as pd

from reid_lib.core.errors import ReviewError
from reid_lib.core.names import CLUSTER, DATASET, IDENTITY, IMAGE_ID, PROBABILITY
from reid_lib.review.decisions import (
    CANNOT_TELL,
    DECIDED,
    DECISIONS,
    DIFFERENT,
    DISPUTED,
    FIRST,
    SAME,
    SECOND,
    order_pair,
)  # fmt: skip
from reid_lib.review.graph import ERROR, Decided, log_odds
from reid_lib.review.grouping import Grouping
from reid_lib.review.joins import Joins
from reid_lib.review.looks import SecondLooks
from reid_lib.review.questions import (
    CLUSTERS,
    DOUBT,
    LABEL,
    LABEL_ERRORS,
    Question,
    check_pairs,
    code_clusters,
    code_flanks,
    pair_of,
)  # fmt: skip
from reid_lib.review.stopping import ENOUGH_DOUBT, chance_of_change
from reid_lib.review.ties import tie_flanks
from reid_lib.review.votes import WEIGHT, weigh
from reid_lib.review.words import (
    UNCHANGED,
    count_moved,
    describe_contradiction,
    describe_join,
    describe_left,
    describe_regrouping,
    describe_second_look,
)

SOON = 5  # last answers, whose pairs are asked again after all others: who remembers an answer does not look anew
_REPLAYED = 150  # last decisions whose effect the stopping rule sees when a review is opened again


class ReviewQueue:
    """The questions of a review, kept up to date answer by answer.

    Args:
        photographs: one row each: `image_id`, `dataset`, and `cluster`, the present one (missing: alone);
            `identity` where known, to filter by.
        pairs: what can be asked: `image_id_1`, `image_id_2`, `probability`, `doubt`; `dataset` where it is there.
        current: of `votes.tally_votes`: what was decided before.
        error: share of answers that are wrong: how much one answer counts against what the pictures say, and so
            whether it is asked again by another pair.
        asks: False: answers are taken, and none is asked, which is quicker.

    Raises:
        ReviewError: a pair is of unknown photographs or of two data sets, stands there twice, or has no probability.
    """

    def __init__(
        self,
        photographs: pd.DataFrame,
        pairs: pd.DataFrame,
        *,
        current: pd.DataFrame | None = None,
        error: float = ERROR,
        asks: bool = True,
    ):
        self.photographs, self.pairs = photographs.reset_index(drop=True), check_pairs(photographs, pairs)
        self._ids = self.photographs[IMAGE_ID].astype(str).to_numpy(dtype=object)
        self._place = {name: k for k, name in enumerate(self._ids)}
        cluster = code_clusters(self.photographs)
        first, second = (self.pairs[name].map(self._place).to_numpy(dtype=np.int64) for name in (FIRST, SECOND))
        probability = self.pairs[PROBABILITY].to_numpy(dtype=np.float64)
        self._error, self._asks = error, asks
        self._grouping = Grouping(cluster, first, second, probability, ties=tie_flanks(self.photographs, cluster))
        by_name = (self.pairs[DOUBT] == LABEL).to_numpy()
        named = np.where(cluster[first] == cluster[second], 1, -1) * by_name
        prior = float(log_odds(1 - LABEL_ERRORS))
        odds, flank = np.asarray(log_odds(probability)) + prior * named, code_flanks(self.photographs)
        self._joins = Joins(self._grouping, odds, flank=flank, named=by_name, error=error)
        self._listed = {pair: k for k, pair in enumerate(map(order_pair, first.tolist(), second.tolist()))}
        known = {pair: float(odds[k]) for pair, k in self._listed.items()}
        self._looks = SecondLooks(self._grouping, known, error=error)
        self._answers: dict[tuple[int, int], tuple[str, int]] = {}
        self._said: dict[tuple[int, int], list[str]] = {}  # answers one by one, where they came so
        self._changed: dict[tuple[int, int], bool] = {}
        self._joins.update()
        if current is not None and len(current):
            self._open(current)

    def next(
        self,
        n: int = 1,
        *,
        dataset: str | None = None,
        individual: str | None = None,
        doubt: str | None = None,
        skip: Collection = (),
    ) -> list[Question]:
        """The questions that are worth most, the first first; fewer where fewer are left.

        Args:
            n: how many.
            dataset: of this data set alone.
            individual: with a photograph of this cluster or identity.
            doubt: of this kind.
            skip: questions, or pairs of image_ids, to be left out.
        """
        wanted = self._wanted(dataset, individual, doubt)
        skipped = {order_pair(*(self._place.get(end, -1) for end in pair_of(one))) for one in skip}
        found = [pair for pair in self._contradictions() if pair not in skipped and wanted[self._listed.get(pair, -1)]]
        found = found[:n]
        worth = np.where(wanted[:-1], self._joins.worth, 0)
        for pair in skipped | set(found):
            if pair in self._listed:
                worth[self._listed[pair]] = 0
        again = {
            pair: value
            for pair, value in self._looks.worth.items()
            if pair not in skipped and pair not in found and wanted[self._listed.get(pair, -1)]
        }
        n_more = min(n - len(found), int((worth > 0).sum()))
        if n_more > 0:
            least = np.partition(worth, -n_more)[-n_more]
            some = np.flatnonzero(worth >= least)  # with all that are worth as much: the next ones stay the next ones
            best = some[np.argsort(-worth[some], kind="stable")][:n_more]
            again |= {order_pair(int(self._grouping.first[k]), int(self._grouping.second[k])): worth[k] for k in best}
        fresh = set(list(self._changed)[-SOON:])  # what was just answered is looked at again last
        found += sorted(again, key=lambda pair: (pair in fresh, -again[pair]))[: n - len(found)]
        return [self._question(pair) for pair in found]

    def answer(self, pair: Question | tuple[str, str], decision: str) -> bool:
        """Take one more answer of a person in; whether it changed a group.

        The last answer to a pair counts, and those before it that say the same make it weightier: as
        `votes.tally_votes` has it for one person.

        Args:
            pair: a question, or two image_ids, listed or not.
            decision: "same", "different" or "cannot tell".

        Raises:
            ReviewError: a photograph or the decision is not known.
        """
        key = self._key(pair)
        told, weight = self._answers.get(key, ("", 0))
        said = [*(self._said.get(key) or [told] * weight), decision]
        changed = self.settle(pair, decision, weigh(said, decision))
        self._said[key] = said
        return changed

    def settle(self, pair: Question | tuple[str, str], decision: str, weight: int) -> bool:
        """Make known what holds of a pair, all answers to it together; whether it changed a group.

        Args:
            pair: a question, or two image_ids, listed or not.
            decision: "same", "different", "cannot tell", or "disputed" where people disagree.
            weight: of the decision, see `votes.tally_votes`.

        Raises:
            ReviewError: a photograph or the decision is not known.
        """
        if decision not in (*DECISIONS, DISPUTED):
            raise ReviewError(f"a decision is one of {', '.join(map(repr, DECISIONS))}; got {decision!r}")
        return self._take({self._key(pair): (decision, weight)})

    def retract(self, pair: Question | tuple[str, str]) -> bool:
        """Forget the answer about a pair, if there is one; whether that changed a group."""
        key = self._key(pair)
        changed = self._take({key: None}) if key in self._answers else False
        self._changed.pop(key, None)
        return changed

    def update(self, current: pd.DataFrame) -> None:
        """Make `current` (of `votes.tally_votes`) what holds: what others decided or took back meanwhile.

        Photographs that this review does not have are passed over.
        """
        told = self._told(current)
        for key in [key for key in self._answers if key not in told]:
            self.retract(tuple(self._ids[end] for end in key))
        for key, answer in told.items():
            if self._answers.get(key) != answer:
                self._take({key: answer})

    def left(self) -> dict:
        """What is left to do.

        Returns:
            "questions": pairs worth asking; "contradictions": those that come first, included; "changes": expected
            number of answers that would change something, if all were asked; "chance": that any of the next 72 answers
            does, by the answers given; "stop": bool; "words".
        """
        contradictions = self._contradictions()
        first = len(contradictions)
        again = [chance for pair, chance in self._looks.chance.items() if pair not in contradictions]
        chance = np.append(self._joins.chance[self._joins.worth > 0], sorted(again))
        questions = len(chance) + first
        any_change = chance_of_change(list(self._changed.values()), questions)
        stop = not first and (any_change < ENOUGH_DOUBT or not questions)
        left = {"questions": questions, "contradictions": first, "changes": float(chance.sum()) + first}
        left |= {"chance": any_change, "stop": bool(stop)}
        return left | {"words": describe_left(**left)}

    def effect(self, pair: Question | tuple[str, str]) -> dict[str, str]:
        """What either answer would change: "same" and "different" -> words."""
        key = self._key(pair)
        words = {}
        for name in (SAME, DIFFERENT):
            plans = self._grouping.preview(self._decided(key, name))
            told = [describe_regrouping(self._grouping.group[plan.members], plan.group) for plan in plans]
            words[name] = "; ".join([one for one in told if one != UNCHANGED] or [UNCHANGED])
        return words

    def groups(self) -> pd.Series:
        """image_id -> image_id of the first photograph of its group, by the row in `photographs`."""
        return pd.Series(self._ids[self._grouping.group], index=self._ids)

    def photographs_with(self, image_id: str, parted_from: str | None = None) -> list[str]:
        """All photographs of the group of one, itself first, in the order of `photographs`.

        Args:
            image_id: the one.
            parted_from: another one: those that stay with `image_id` where the two are called different.
        """
        at = self._key((image_id, image_id))[0]
        its = np.flatnonzero(self._grouping.group == self._grouping.group[at])
        if parted_from is not None:
            for plan in self._grouping.preview(self._decided(self._key((image_id, parted_from)), DIFFERENT)):
                if (mine := plan.group[plan.members == at]).size:
                    its = np.intersect1d(its, plan.members[plan.group == mine[0]])
        return [self._ids[at], *self._ids[its[its != at]]]

    def _open(self, current: pd.DataFrame) -> None:
        """Take what was decided before; of the last decisions one by one, for the stopping rule."""
        told = list(self._told(current).items())
        if old := dict(told[:-_REPLAYED]):
            self._take(old)
            self._changed.clear()
        for key, answer in told[-_REPLAYED:]:
            self._take({key: answer})

    def _told(self, current: pd.DataFrame) -> dict[tuple[int, int], tuple[str, int]]:
        found = {}
        columns = current[[FIRST, SECOND, DECIDED, WEIGHT]]
        for one, other, decision, weight in columns.itertuples(index=False, name=None):
            if one in self._place and other in self._place:
                found[order_pair(self._place[one], self._place[other])] = decision, int(weight)
        return found

    def _take(self, answers: dict[tuple[int, int], tuple[str, int] | None]) -> bool:
        decided: dict[tuple[int, int], Decided | None] = {}
        for key, answer in answers.items():
            decision, weight = answer or ("", 1)
            at = self._listed.get(key)
            if at is not None:
                self._joins.asked[at] = answer is not None
            self._joins.unclear.discard(key)
            if decision in (CANNOT_TELL, DISPUTED):
                self._joins.unclear.add(key)
            decided[key] = self._decided(key, decision, weight) if decision in (SAME, DIFFERENT) else None
            self._answers.pop(key, None)
            self._said.pop(key, None)
            if answer is not None:
                self._answers[key] = answer
        looked_at, changed = self._grouping.decide(decided)
        if self._asks:
            self._joins.update(looked_at)
            self._looks.update(looked_at)
        for key in answers:
            self._changed.pop(key, None)
            self._changed[key] = changed
        return changed

    def _contradictions(self) -> list[tuple[int, int]]:
        """Decisions to doubt, then pairs about which people disagree."""
        disputed = [key for key, (decision, _) in self._answers.items() if decision == DISPUTED]
        return list(dict.fromkeys([*self._grouping.doubts.values(), *disputed]))

    def _wanted(self, dataset: str | None, individual: str | None, doubt: str | None) -> np.ndarray:
        """(p + 1,) bool: pairs that the filters let through; the last for pairs that are not listed."""
        wanted = np.ones(len(self.pairs) + 1, dtype=bool)
        wanted[-1] = dataset is None and individual is None and doubt is None
        if dataset is not None:
            wanted[:-1] &= (self.pairs[DATASET] == dataset).to_numpy()
        if doubt is not None:
            wanted[:-1] &= (self.pairs[DOUBT] == doubt).to_numpy()
        if individual is not None:
            its = (self.photographs[CLUSTER].astype(str) == individual).to_numpy()
            if IDENTITY in self.photographs:
                its = its | (self.photographs[IDENTITY].astype(str) == individual).to_numpy()
            wanted[:-1] &= its[self._grouping.first] | its[self._grouping.second]
        return wanted

    def _question(self, key: tuple[int, int]) -> Question:
        at, (one, other) = self._listed.get(key), sorted(self._ids[end] for end in key)
        dataset = str(self.photographs[DATASET].iat[key[0]])
        if at is None:
            return Question(one, other, dataset, float("nan"), CLUSTERS, self._worth_again(key), self._why(key, None))
        p, doubt = float(self._grouping.probability[at]), str(self.pairs[DOUBT].iat[at])
        worth = self._worth_again(key) if key in self._answers else float(self._joins.worth[at])
        return Question(one, other, dataset, p, doubt, worth, self._why(key, at))

    def _worth_again(self, key: tuple[int, int]) -> float:
        """Of a decision in doubt: the mean of what confirming it and what its opposite would move."""
        if key in self._looks.worth:
            return self._looks.worth[key]
        weight = self._answers[key][1] + 1
        told = [self._decided(key, SAME, weight), self._decided(key, DIFFERENT, weight)]
        if (before := self._grouping.decided.get(key)) is not None:
            told[before.same] = replace(told[before.same], weight=1)
        plans = [plan for one in told for plan in self._grouping.preview(one)]
        return sum(count_moved(self._grouping.group[plan.members], plan.group) for plan in plans) / 2

    def _decided(self, key: tuple[int, int], decision: str, weight: int = 1) -> Decided:
        at = self._listed.get(key)
        p = 0.5 if at is None else float(self._grouping.probability[at])
        return Decided(key, decision == SAME, weight, p, self._error)

    def _why(self, key: tuple[int, int], at: int | None) -> str:
        if key in self._answers:
            told = self._answers[key][0]
            if key in self._looks.worth and key not in self._contradictions():
                return describe_second_look(told, outweighed=key in self._grouping.left_out)
            return describe_contradiction(told)
        inside, sizes = bool(self._joins.inside[at]), tuple(self._joins.sides[at].tolist())
        if not inside:
            sizes = tuple(int((self._grouping.group == self._grouping.group[end]).sum()) for end in key)
        names = tuple(str(self.photographs[CLUSTER].iat[end]) for end in key)
        return describe_join(names, sizes, inside=inside, n_answers=int(self._joins.n_answers[at]))

    def _key(self, pair: Question | tuple[str, str]) -> tuple[int, int]:
        ends = pair_of(pair)
        if missing := [end for end in ends if end not in self._place]:
            raise ReviewError(f"photograph {missing[0]!r} is not in this review")
        return order_pair(*(self._place[end] for end in ends))
