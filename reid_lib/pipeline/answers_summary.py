"""The summary of answers, in sentences: how many are known, new, doubtful, not usable and why, and what to know."""

import numpy as np
import pandas as pd

from reid_lib.core.messages import counted
from reid_lib.core.names import (
    ALREADY,
    ANSWERS_CSV,
    ASKED_TWICE,
    DATASET,
    DECISION,
    DOUBTFUL,
    NEW_ANIMAL,
    NEW_INDIVIDUAL,
)
from reid_lib.pipeline.answers_table import ELSEWHERE, SAME_FILE
from reid_lib.pipeline.target import Target

WORTH_TELLING = 0.05  # difference of what probabilities promise and the share that is right
MOST_LISTED = 20  # photographs whose reasons are told


def summarise_answers(answers: pd.DataFrame, target: Target, *, shift: dict) -> list[str]:
    """Sentences: how many are known, new, doubtful and not usable, which gallery was searched, and what to know.

    Args:
        answers: one row for each photograph, as answers.csv has them.
        shift: of `target.find_shift`.
    """
    used = answers[answers[DECISION].notna()]
    new = used[used[DECISION] == NEW_INDIVIDUAL]
    named = used[used[DECISION] != NEW_INDIVIDUAL]
    doubtful = int(used[DOUBTFUL].astype(bool).sum())
    parts = [
        _count_shown(len(named), named[DECISION].nunique(), "known animal"),
        _count_shown(len(new), new[NEW_ANIMAL].nunique(), "new one"),
        f"{len(answers) - len(used):,} could not be used",
    ]
    lines = [f"{counted(len(answers), 'photograph')}: {', '.join(parts)}."]
    if doubtful:
        lines.append(f"{counted(doubtful, 'answer is', 'answers are')} doubtful: look there first.")
    lines.append(f"Searched: {target.words}.")
    lines += describe_copies(used)
    asked = set(used[DATASET])
    return [*lines, *_describe_shift({n: both for n, both in shift.items() if n in asked}, target)]


def _count_shown(photographs: int, animals: int, kind: str) -> str:
    """ "3 show 2 known animals", "none shows a known animal"."""
    if not photographs:
        return f"none shows a {kind}"
    return f"{counted(photographs, 'shows', 'show')} {counted(animals, kind)}"


def list_unusable(answers: pd.DataFrame) -> list[str]:
    """Why photographs could not be used, a sentence for each; the page has a table of them instead."""
    unusable = answers[answers[DECISION].isna()]
    lines = [f"Not usable: {row.path}: {row.problem}" for row in unusable.head(MOST_LISTED).itertuples()]
    if (more := len(unusable) - MOST_LISTED) > 0:
        lines.append(f"... and {more:,} more, see {ANSWERS_CSV}")
    return lines


def describe_copies(used: pd.DataFrame) -> list[str]:
    """Sentences: how many photographs are enrolled already, or asked about twice.

    Args:
        used: answers to the photographs that could be used.
    """
    told, lines = used[ALREADY].dropna().astype(str), []
    if same := int(told.str.startswith(SAME_FILE).sum()):
        lines.append(f"{counted(same, 'photograph was', 'photographs were')} enrolled already.")
    if near := len(told) - same:
        lines.append(
            f"{counted(near, 'photograph shows', 'photographs show')} nearly the same picture as an enrolled one."
        )
    if elsewhere := int(told.str.contains(ELSEWHERE, regex=False).sum()):
        verb = "photograph is", "photographs are"
        lines.append(
            f"{counted(elsewhere, *verb)} enrolled under another data set than the one that was searched, whose "
            "animals were no candidates: ask with that data set, or write <dataset>/<name> into the column accepted."
        )
    twice = used[ASKED_TWICE].dropna().astype(str)
    if same := int(twice.str.startswith(SAME_FILE).sum()):
        lines.append(f"{counted(same, 'photograph is', 'photographs are')} the same file as another new one.")
    if near := len(twice) - same:
        lines.append(
            f"{counted(near, 'photograph shows', 'photographs show')} nearly the same picture as another new one."
        )
    return lines


def _describe_promise(promised: float, right: float, queries: int) -> str:
    """What probabilities promise in a larger gallery, where that differs from the share that is right beyond chance."""
    chance = 2 * np.sqrt(promised * (1 - promised) / max(queries, 1))
    if abs(right - promised) < max(WORTH_TELLING, chance):
        return ""
    return (
        f"There the probabilities of val's best candidates promise {promised:.0%} right, and {right:.0%} are: they, "
        f"and the words made of them, promise too {'little' if right > promised else 'much'} in a gallery of this size."
    )


def _describe_shift(shift: dict, target: Target) -> list[str]:
    """What a larger gallery does to the threshold, one line for each data set."""
    lines = []
    for name, both in shift.items():
        before, after = both["before"], both["after"]
        best = ["none" if side["threshold"] is None else f"{side['threshold']:.3f}" for side in (before, after)]
        lines.append(
            f"The threshold was fitted on {before['images']:,} images of data set {name} and stays as it is. Asked of "
            f"{after['images']:,}, val would have it at {best[1]} instead of {best[0]}; with the threshold as it is, "
            f"animals named rightly go from {before['baks']:.0%} to {after['baks']:.0%}, new ones called new from "
            f"{before['baus']:.0%} to {after['baus']:.0%}."
        )
        if told := _describe_promise(**{key: after.get(key, 0) for key in ("promised", "right", "queries")}):
            lines.append(told)
    recipe = target.network.recipe
    if not lines and any(value is not None for value in recipe.threshold["values"].values()):
        lines.append(
            "How a larger gallery moves the threshold could not be measured here; it stays as the run fitted it."
        )
    return lines
