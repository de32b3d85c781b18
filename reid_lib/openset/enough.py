"""Is there enough to train on, and to tell trainings apart? In words, with the numbers they rest on."""

from dataclasses import dataclass

import pandas as pd

from reid_lib.core.messages import counted
from reid_lib.core.names import DATASET, GALLERY, INDIVIDUAL, KNOWN, ROLE, TEST, VAL
from reid_lib.data.occasions import has_occasions
from reid_lib.data.sightings import ENCOUNTERS, PHOTOGRAPHS, tabulate_animals
from reid_lib.data.split import Split
from reid_lib.openset.bounds import ENOUGH, MANY

NO, TRY, TRAIN, COMPARE = "no", "only to try", "to train", "to train and to compare"
ANECDOTE = 5  # known animals in test, below which a result says something of these few alone
THIN = 2  # photographs of an animal to train on, below which it shows one view only


@dataclass(frozen=True)
class Enough:
    """Whether a data set is enough, and why.

    Attributes:
        level: `NO`, `TRY`, `TRAIN` or `COMPARE`.
        answer: one sentence.
        reasons: sentences, each with its numbers.
        cures: what would help most, one sentence each.
    """

    level: str
    answer: str
    reasons: tuple[str, ...]
    cures: tuple[str, ...]

    def __str__(self) -> str:
        """The answer, its reasons and what would help, a line each."""
        told = [f"Is there enough? {self.answer[0].upper()}{self.answer[1:]}.", "", *(f"- {r}" for r in self.reasons)]
        return "\n".join(told + (["", "What would help:", *(f"- {cure}" for cure in self.cures)] if self.cures else []))


def judge_data(rows: pd.DataFrame, split: Split | None, *, refused: str = "", min_individuals: int = 10) -> Enough:
    """Judge a data set before training.

    Args:
        rows: of the catalogue.
        split: what the split will do; None where it cannot.
        refused: why it cannot; "" where it can.
        min_individuals: known and unknown val individuals that a data set needs for a threshold of its own.
    """
    animals = tabulate_animals(rows)
    reasons = [_about_animals(animals, has_occasions(rows))]
    if split is None:
        told = f"no: {refused.rstrip('.')}"
        return Enough(NO, told, tuple(reasons), ("photograph the same animals again, on other days",))
    audit = split.leakage().set_index(ROLE)
    reasons += [_about_gallery(split.rows), *_about_queries(audit), *_about_thresholds(split.rows, min_individuals)]
    level = _level(audit.loc[TEST])
    answers = {
        TRY: "only to try: it can be trained, and its results are about these few animals",
        TRAIN: f"to train: yes; to tell two trainings apart: no, which takes {ENOUGH} known and {ENOUGH} unknown "
        "animals in test",
        COMPARE: "yes: enough to train, and to tell trainings apart that differ by much",
    }
    if level == COMPARE and min(audit.loc[TEST, [f"{kind}_individuals" for kind in ("known", "unknown")]]) >= MANY:
        answers[COMPARE] = "yes: enough to train, and to tell trainings apart"
    return Enough(level, answers[level], tuple(r for r in reasons if r), tuple(_cures(audit, animals, rows)))


def expected_interval(right: int, n: int) -> tuple[float, float]:
    """95 % interval of a mean over animals, each right or wrong as a whole.

    Clopper and Pearson's, which the intervals of few animals become then (`bounds`); at a half it is widest.

    Args:
        right: animals that are right, 0 to n.
        n: animals, at least 1.

    Example:
        >>> [round(end, 2) for end in expected_interval(10, 20)]
        [0.27, 0.73]
    """
    from scipy.stats import binomtest

    interval = binomtest(right, n).proportion_ci(0.95, method="exact")
    return float(interval.low), float(interval.high)


def _level(test: pd.Series) -> str:
    known, unknown = int(test["known_individuals"]), int(test["unknown_individuals"])
    if known < ANECDOTE:
        return TRY
    return COMPARE if min(known, unknown) >= ENOUGH else TRAIN


def _about_animals(animals: pd.DataFrame, occasions: bool) -> str:
    n, again = len(animals), int((animals[ENCOUNTERS] >= 2).sum())
    if not n:
        return "no photograph has the name of an animal"
    unit = (
        "encounters" if occasions else "photographs (encounters are unknown, so a background may give an animal away)"
    )
    return f"{again} of {counted(n, 'animal')} seen in 2 or more {unit}: only such can be recognised again"


def _about_gallery(rows: pd.DataFrame) -> str:
    photographs = rows[rows[ROLE] == GALLERY].groupby(INDIVIDUAL).size()
    thin = int((photographs < THIN).sum())
    words = f"{counted(len(photographs), 'animal')} with {counted(int(photographs.sum()), 'photograph')} to train on"
    return words + (f", {thin} of them with a single one: of those little is learnt" if thin else "")


def _about_queries(audit: pd.DataFrame) -> list[str]:
    told = []
    for role in (VAL, TEST):
        row = audit.loc[role]
        known, unknown = int(row["known_individuals"]), int(row["unknown_individuals"])
        told.append(
            f"{role} asks {int(row['known_queries']):,} photographs of {known} known and "
            f"{int(row['unknown_queries']):,} of {unknown} unknown animals"
        )
    row = audit.loc[TEST]
    for kind, metric in (("known", "BAKS"), ("unknown", "BAUS")):
        if not (n := int(row[f"{kind}_individuals"])):
            told.append(f"test has no {kind} animals: {metric} is undefined")
            continue
        low, high = expected_interval(half := round(n / 2), n)
        told.append(
            f"were {half} of test's {n} {kind} animals answered rightly, the 95 % interval of {metric} would run from "
            f"{low:.2f} to {high:.2f}"
        )
    if row["same_encounter"] > 0:
        told.append(
            f"{int(row['same_encounter'])} test queries have their own encounter in the gallery: results flatter"
        )
    return told


def _about_thresholds(rows: pd.DataFrame, least: int) -> list[str]:
    """Which data sets get a threshold of their own."""
    lacking = []
    for name, own in rows[(rows[ROLE] == VAL) & rows[INDIVIDUAL].notna()].groupby(DATASET, sort=True):
        counts = [own.loc[own[KNOWN].eq(known).fillna(False), INDIVIDUAL].nunique() for known in (True, False)]
        if min(counts) < least:
            lacking.append(f"{name} ({counts[0]} known, {counts[1]} unknown)")
    if not lacking:
        return []
    return [
        f"a threshold of its own takes {least} known and {least} unknown animals in val: fewer in {', '.join(lacking)}"
    ]


def _cures(audit: pd.DataFrame, animals: pd.DataFrame, rows: pd.DataFrame) -> list[str]:
    test, once = audit.loc[TEST], int((animals[ENCOUNTERS] < 2).sum())
    cures = []
    if test["known_individuals"] < ENOUGH and once:
        cures.append(f"a second encounter of the {counted(once, 'animal')} seen once would help most")
    elif test["known_individuals"] < ENOUGH:
        cures.append("more animals that were seen twice would help most")
    if test["unknown_individuals"] < ENOUGH:
        cures.append("a larger unknown_split asks about more unknown animals, and trains on fewer")
    if not has_occasions(rows):
        cures.append("a date or an encounter of each photograph would make the result honest")
    if animals[PHOTOGRAPHS].median() < THIN:
        cures.append("half of the animals have a single photograph: more of each encounter help, too")
    return cures
