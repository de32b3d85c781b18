"""What became of each query: right, wrong or refused, among the known and the unknown."""

from collections.abc import Callable

import numpy as np
import pandas as pd

from reid_lib.core.names import IDENTITY, NEW_INDIVIDUAL, PREDICTED, SCORE, ranked_column
from reid_lib.openset.answers import Answers

OUTCOME = "outcome"
# Outcomes (`classify_outcomes`) that are mistakes -> what a person calls them.
MISTAKES = {
    "known wrong": "known animals given another one's name",
    "unknown wrong": "unknown animals given a name",
    "known refused": "known animals called new",
}


def group_scores(answers: Answers) -> dict[str, np.ndarray]:
    """Best scores of the queries by group, ascending: known_right, known_wrong, unknown, unlabelled.

    Right or wrong is the nearest individual, before any threshold. Queries without a score (a data set without gallery)
    are left out. Empty groups are kept.
    """
    masks = {
        "known_right": answers.named,
        "known_wrong": answers.known & ~answers.named,
        "unknown": answers.labelled & ~answers.known,
        "unlabelled": ~answers.labelled,
    }
    return {group: np.sort(answers.score[mask & np.isfinite(answers.score)]) for group, mask in masks.items()}


def count_confusion(answers: Answers) -> pd.DataFrame:
    """Queries by what they are (rows: known, unknown) and what became of them (columns: right, wrong, new).

    right: named as the individual it is; wrong: named as another; new: called `new_individual`. Unlabelled queries are
    left out. Integers; an unknown query can never be named rightly.
    """
    right = answers.known & answers.correct
    cells = (right, ~right & ~answers.refused, answers.refused)
    kinds = (answers.known, answers.labelled & ~answers.known)
    table = [[int((of & what).sum()) for what in cells] for of in kinds]
    return pd.DataFrame(table, index=["known", "unknown"], columns=["right", "wrong", "new"])


def classify_outcomes(answers: Answers) -> np.ndarray:
    """What became of each query: (n,) object, in the order of the rows of the predictions, "known right", "known
    wrong", "known refused", "unknown right", "unknown wrong" or "unlabelled"."""
    known, unknown = answers.known, answers.labelled & ~answers.known
    cases = [known & answers.refused, known & answers.correct, known, unknown & answers.refused, unknown]
    names = ["known refused", "known right", "known wrong", "unknown right", "unknown wrong"]
    return answers.in_rows(np.select(cases, names, default="unlabelled").astype(object))


def sort_mistakes(rows: pd.DataFrame, kind: str) -> pd.DataFrame:
    """Queries that were answered in one wrong way (a key of `MISTAKES`), the most confident mistake first.

    A refused known individual is a confident mistake when its score is low.
    """
    return rows.sort_values(SCORE, ascending=kind == "known refused", kind="stable")


def say_decision(row: pd.Series, spell: Callable[[object], str] = str) -> str:
    """What was answered to a query: "called new", or "named" and the name as `spell` writes it (e.g. shortened).

    Args:
        row: of the predictions, with decision.
    """
    return "called new" if row[PREDICTED] == NEW_INDIVIDUAL else f"named {spell(row[PREDICTED])}"


def say_truth(row: pd.Series, outcome: str, spell: Callable[[object], str] = str) -> str:
    """What the animal of a query is: "is" and its name as `spell` writes it, or that it is in no gallery or not known.

    Args:
        outcome: of it, as `classify_outcomes` says it.
    """
    if outcome == "unlabelled":
        return "true name not known"
    return "is not in the gallery" if outcome.startswith("unknown") else f"is {spell(row[IDENTITY])}"


def judge_candidate(row: pd.Series, rank: int, outcome: str) -> str:
    """Whether the individual of a rank (from 1) is the query's animal: "right", "wrong", or "unlabelled"."""
    if outcome == "unlabelled":
        return "unlabelled"
    same = str(row[ranked_column(IDENTITY, rank)]) == str(row[IDENTITY])
    return "right" if same and outcome.startswith("known") else "wrong"


def describe_answer(row: pd.Series, outcome: str) -> tuple[str, str]:
    """What was answered and what is true, in three short lines; and whether the best candidate is the query's animal.

    Args:
        row: of the predictions, with decision.
        outcome: of it, as `classify_outcomes` says it.

    Returns:
        words, and "right", "wrong" or "unlabelled".
    """
    found = f"({row[SCORE]:.2f} for {row[ranked_column(IDENTITY, 1)]})"
    words = f"{say_decision(row)}\n{found}\n{say_truth(row, outcome)}"
    return words, judge_candidate(row, 1, outcome)


def count_outcomes(answers: Answers, threshold: float | None) -> dict[str, int]:
    """What would become of the labelled queries if one were named from `threshold` on.

    Args:
        threshold: in the unit of the scores; None names everything that has a score.
    """
    accepted = np.isfinite(answers.score) & (answers.score >= (-np.inf if threshold is None else threshold))
    known, unknown = answers.known, answers.labelled & ~answers.known
    masks = {
        "named rightly": answers.named & accepted,
        "named wrongly": known & ~answers.named & accepted,
        "known refused": known & ~accepted,
        "unknown refused": unknown & ~accepted,
        "unknown accepted": unknown & accepted,
    }
    return {name: int(mask.sum()) for name, mask in masks.items()}
