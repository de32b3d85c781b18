"""A review: a finished run whose doubtful pairs people decide; its questions, its decisions, who said what.

All state is the table of decisions: what is asked follows from it, whoever wrote it and whenever. `review_folder` is
its place on disk, `review_effect` what the decisions change.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from reid_lib.core.names import BBOX, CLUSTER, DATASET, IMAGE_ID, KNOWN_AS, PATH, PROBABILITY
from reid_lib.core.paths import locate
from reid_lib.core.processes import find_login
from reid_lib.figures.match_lines import MatchedPair, match_lines
from reid_lib.openset.probability import say_how_sure
from reid_lib.pipeline.experiment import Experiment
from reid_lib.pipeline.look import show_figure
from reid_lib.pipeline.recipes import FinishedRun
from reid_lib.pipeline.review_effect import Applied, write_effect
from reid_lib.pipeline.review_folder import ReviewFolder, open_folder, run_of
from reid_lib.pipeline.review_matches import PairMatcher
from reid_lib.pipeline.review_pairs import reopen
from reid_lib.pipeline.standing_decisions import StandingDecisions
from reid_lib.pipeline.target import make_drawn_run
from reid_lib.review.decisions import (
    CANNOT_TELL,
    DECIDED,
    DECISION_ID,
    DISPUTED,
    FIRST,
    SECOND,
    WHO,
    DecisionTable,
)  # fmt: skip
from reid_lib.review.questions import ANSWER, CLUSTERS, DOUBT, LABEL, code_flanks
from reid_lib.review.queue import ReviewQueue

if TYPE_CHECKING:
    from matplotlib.axes import Axes

FIRST_SHOWN, FIRST_DRAWN = 10, 3  # questions in the table and in the figure of those that are asked first
NAMED = 3  # clusters that stand for a group
KINDS = {CLUSTERS: "of new photographs", ANSWER: "of answers", LABEL: "of labels"}
SPOTS = "Lines: the same spot by one geometry, darker is surer; thin grey: others."


@dataclass(frozen=True)
class Question:
    """A pair as a person is asked about it.

    Attributes:
        ids: both photographs, the lesser name first.
        probability: that they show one animal.
        doubt: "cluster", "answer" or "label".
        words: the probability in words.
        why: why it is asked.
    """

    ids: tuple[str, str]
    probability: float
    doubt: str
    words: str
    why: str


def open_review(
    run: str = "",
    name: str | None = None,
    who: str | None = None,
    decisions: str | None = None,
    *,
    device: str = "auto",
) -> "Review":
    """Open the review of a finished run; made now where it is not there, which takes as long as comparing its images.

    Args:
        run: name of the run; "": the frozen backbone on drawn animals, evaluated now where it is not there.
        name: of the review; none: that of the run.
        who: name of the person; none: their login.
        decisions: another review, or a csv file, whose table of decisions is shared; none: as before, or its own.
        device: "auto", "cpu", "cuda" or "mps".

    Raises:
        RunError: the run is not there, or not finished.
        ReviewError: the review is of another run, or damaged.
    """
    finished = FinishedRun.load(run or make_drawn_run())
    experiment = reopen(finished, device)
    folder = open_folder(finished, experiment, name or finished.run.name, decisions or "")
    return Review(folder, experiment, who or find_login())


def open_named(name: str, who: str | None = None) -> "Review":
    """Open a review that is there.

    Raises:
        ReviewError: it is not, or it is damaged.
    """
    return open_review(run_of(name), name, who)


class Review:
    """An open review.

    Args:
        folder: where it lies.
        experiment: of its run.
        who: whose decisions are recorded; may be changed at any time.

    Attributes:
        photographs: those that can be asked about, by image_id.
        table: of decisions.
        queue: of questions.
    """

    def __init__(self, folder: ReviewFolder, experiment: Experiment, who: str):
        self.folder, self.experiment, self.who = folder, experiment, who
        self.photographs = folder.photographs.set_index(IMAGE_ID, drop=False)
        self.table = DecisionTable(folder.decisions)
        self.standing = StandingDecisions(self.table)
        holds = self.standing.holds()
        self.queue = ReviewQueue(folder.photographs, folder.pairs, current=holds)
        self._disputed = _disputed(holds)
        told = folder.pairs[[FIRST, SECOND, PROBABILITY, DOUBT]].itertuples(index=False, name=None)
        self._told = {(one, other): (probability, doubt) for one, other, probability, doubt in told}
        self._datasets = sorted(folder.photographs[DATASET].astype(str).unique())
        self._named = self.photographs[CLUSTER].str.removeprefix(KNOWN_AS).to_dict()
        self._flanks = dict(zip(self.photographs[IMAGE_ID], code_flanks(self.photographs).tolist(), strict=True))
        self._animals = sorted(set(self._named.values()))
        self._matcher = PairMatcher(experiment)
        self._answered: set[tuple[str, str]] = set()  # by this person, now: a dispute about them is not theirs to end

    # ---- asking ------------------------------------------------------------------------------------------------------

    def next(
        self,
        n: int = 1,
        *,
        dataset: str | None = None,
        individual: str | None = None,
        doubt: str | None = None,
        skip: Sequence[tuple[str, str]] = (),
    ) -> list[Question]:
        """The questions that are worth most, disagreements and contradictions first; see `ReviewQueue.next`."""
        given = {"dataset": dataset, "individual": individual, "doubt": doubt}
        skipped = {*skip, *(self._answered & self._disputed)}
        return [self.question(one.pair, one.why) for one in self.queue.next(n, **given, skip=skipped)]

    def question(self, pair: tuple[str, str], why: str) -> Question:
        """A pair as it is asked, listed or not."""
        probability, doubt = self._told.get(pair, (float("nan"), ""))
        return Question(pair, probability, doubt, describe_probability(probability), why)

    def effects(self, pair: tuple[str, str]) -> dict[str, str]:
        """Decision -> what it would change, in words."""
        return {**self.queue.effect(pair), CANNOT_TELL: "changes nothing; the pair is not asked again"}

    def mark(self, pair: tuple[str, str]) -> str:
        """What people said of a pair before."""
        votes = self.standing.votes(pair)
        return votes and f"{'disagreement' if pair in self._disputed else 'decided before'}: {votes}"

    # ---- deciding ----------------------------------------------------------------------------------------------------

    def answer(self, question: Question, decision: str, *, shown: Mapping[str, Any] | None = None) -> str:
        """Record a decision; it is on the disk when this returns, and whatever follows from it is taken in.

        Args:
            decision: "same", "different" or "cannot tell".
            shown: what the person saw beside the question.

        Returns:
            What it did, in words.

        Raises:
            ReviewError: it could not be written; nothing is recorded then.
        """
        pair = question.ids
        told = {
            "probability": question.probability,
            "words": question.words,
            "doubt": question.doubt,
            "why": question.why,
        }
        dataset, words = str(self.photographs.at[pair[0], DATASET]), self.effects(pair)[decision]
        given = {"shown": told | dict(shown or {}), "dataset": dataset, "run": self.folder.run}
        self.table.append(*pair, decision, who=self.who, **given)
        self._answered.add(pair)
        return words if self._take_in(pair) else ""

    def undo(self) -> tuple[Question, str] | None:
        """Take the last decision of this person back; the pair, and what was decided. None: there is none."""
        last = self._last()
        if last is None:
            return None
        pair = last[FIRST], last[SECOND]
        self.table.undo(last[DECISION_ID], who=self.who)
        self._take_in(pair)
        self._answered.discard(pair)
        return self.question(pair, "your answer was taken back"), last[DECIDED]

    def undoable(self) -> str:
        """What `undo` would take back, in words; "" for nothing."""
        last = self._last()
        return "" if last is None else f"takes back: {last[DECIDED]} ({last[FIRST]} and {last[SECOND]})"

    def refresh(self) -> str:
        """Take in what others decided since; in words what is new, "" for nothing."""
        fresh = self.standing.read()
        if not fresh:
            return ""
        self._take_all()
        people = sorted({row[WHO] for row in fresh})
        return f"{', '.join(people)} decided meanwhile ({len(fresh)} more {'row' if len(fresh) == 1 else 'rows'})"

    def _take_in(self, pair: tuple[str, str]) -> bool:
        """Let the queue know of what was just written of a pair; whether a group changed."""
        if len(self.standing.read()) != 1:  # others wrote, too
            groups = self.queue.groups()
            self._take_all()
            return not groups.equals(self.queue.groups())
        holds = self.standing.holds_of(pair)
        self._disputed -= {pair}
        if holds is None:
            return self.queue.retract(pair)
        self._disputed |= {pair} if holds[0] == DISPUTED else set()
        return self.queue.settle(pair, *holds)

    def _take_all(self) -> None:
        holds = self.standing.holds()
        self._disputed = _disputed(holds)
        self.queue.update(holds)

    def _last(self) -> dict[str, str] | None:
        return self.standing.last_of(self.who, self._named)

    # ---- what is known -----------------------------------------------------------------------------------------------

    def left(self) -> dict:
        """See `ReviewQueue.left`."""
        return self.queue.left()

    def progress(self) -> dict[str, Any]:
        """How many decisions stand, in words, and their share of all that were worth asking."""
        n, mine = self.standing.count(), self.standing.count(self.who)
        words = "no decision yet" if not n else f"{n:,} {'decision' if n == 1 else 'decisions'}, {mine:,} of them yours"
        return {"words": words, "share": n / max(n + self.queue.left()["questions"], 1)}

    def datasets(self) -> list[str]:
        """Names of the data sets that can be asked about."""
        return self._datasets

    def animals(self) -> list[str]:
        """Names and clusters to ask about alone."""
        return self._animals

    def animal(self, image_id: str) -> str:
        """Whom a photograph shows as far as is known: names and clusters that its group joins."""
        members = self.queue.photographs_with(image_id)
        names = list(dict.fromkeys(self._named[name] for name in members))
        return " = ".join(names[:NAMED]) + (f" and {len(names) - NAMED} more" if len(names) > NAMED else "")

    def others(self, image_id: str, other: str) -> list[str]:
        """Further photographs of the animal on one side of a question, those of the same flank first.

        Where both photographs count as one animal, those that stay with this one if they are called different.
        """
        its = [name for name in self.queue.photographs_with(image_id, other)[1:] if name != other]
        flank = self._flanks[image_id]
        return sorted(its, key=lambda name: self._flanks[name] != flank) if flank else its

    def find_photograph(self, image_id: str) -> tuple[Path, object]:
        """The file of a photograph, and its bbox."""
        row = self.photographs.loc[image_id]
        return locate(self.experiment.catalogue.root, str(row[PATH])), row.get(BBOX)

    def match(self, first: str, second: str) -> MatchedPair:
        """Where two photographs match; see `PairMatcher.match`."""
        return self._matcher.match(first, second)

    # ---- for people --------------------------------------------------------------------------------------------------

    def greeting(self) -> str:
        """What the screen says first."""
        if not (n := self.standing.count()):
            return f"Decisions are recorded as those of {self.who}"
        return f"It goes on after {n:,} decisions ({', '.join(self.standing.people())}); you are {self.who}"

    def summary(self) -> str:
        """What there is, what was decided, and how much is left."""
        n = self.folder.pairs[DOUBT].value_counts()
        kinds = ", ".join(f"{n.get(doubt, 0):,} {words}" for doubt, words in KINDS.items())
        lines = [
            f"review {self.folder.path.name} of run {self.folder.run}: {len(self.photographs):,} photographs, "
            f"{len(self.folder.pairs):,} pairs that can be asked ({kinds})",
            f"decisions: {self.progress()['words']}, in {self.table.path}",
            self.left()["words"],
        ]
        if self.folder.left_out:
            lines.insert(1, f"{self.folder.left_out:,} less doubtful pairs are left out")
        return "\n".join(lines)

    def table_of_questions(self, n: int = FIRST_SHOWN) -> pd.DataFrame:
        """The questions that are asked first, numbered in this order."""
        rows = [(*one.ids, one.words, one.why, self.mark(one.ids)) for one in self.next(n)]
        heads = ["photograph A", "photograph B", "question", "why it is asked", "said before"]
        return pd.DataFrame(rows, columns=heads, index=range(1, len(rows) + 1))

    def show_first(self, n: int = FIRST_DRAWN) -> None:
        """Show the pairs that are asked first, and where they match, as a figure."""
        if questions := self.next(n):
            show_figure(self._draw, questions)

    def _draw(self, questions: list[Question]) -> "Axes":
        pairs = []
        for one in questions:
            found = self.match(*one.ids)
            pairs.append(replace(found, words=f"{one.words.replace('? ', '?' + chr(10))}\n{found.words}"))
        return match_lines(pairs, self.experiment.photo, title="What is asked first", key=SPOTS)

    def apply(self) -> Applied:
        """Write the clusters and names that follow from the decisions; see `review_effect.write_effect`."""
        self.refresh()
        return write_effect(self.folder, self.experiment, self.standing.rows)


def describe_probability(probability: float) -> str:
    """How likely it is that two photographs show one animal, in words."""
    if np.isnan(probability):
        return "One animal or two?"
    number, p = ("one", probability) if probability >= 0.5 else ("two", 1 - probability)
    percent = min(int(100 * p + 1e-6), 99)  # not rounded up, to where the word would be another one
    return f"One animal or two? {say_how_sure(p).capitalize()} {number} ({percent}%)"


def _disputed(holds: pd.DataFrame) -> set[tuple[str, str]]:
    rows = holds.loc[holds[DECIDED] == DISPUTED, [FIRST, SECOND]]
    return set(rows.itertuples(index=False, name=None))
