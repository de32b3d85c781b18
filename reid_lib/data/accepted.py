"""What a person wrote into the column `accepted` of answers.csv: yes, no, new, or the name of an animal."""

import re
from collections.abc import Collection

import pandas as pd

from reid_lib.core.names import ACCEPTED, DATASET, DECISION, IDENTITY, N_RANKS, NEW_INDIVIDUAL, ranked_column
from reid_lib.core.suggest import find_near

# Words that are understood, in small letters.
YES = ("yes", "y", "true", "on", "1", "x", "ja", "oui", "si", "sí", "ok")  # the answer as it is
NO = ("no", "n", "false", "0", "nein", "non", "-")  # nothing is done with it
NEW = ("new", "new individual", NEW_INDIVIDUAL)  # an animal that has no name yet


def read_accepted(answers: pd.DataFrame, animals: Collection[tuple[str, str]]) -> tuple[pd.DataFrame, list[str]]:
    """What is said of each answer. A word that is the name of a known animal means that animal, whatever else it means.

    `lynxes/Anna` is Anna of the data set lynxes, as catalogues and exports write it, if that animal is known or the
    photograph belongs to that data set.

    Args:
        answers: `decision`; `accepted` and `dataset`, where there are such columns; all text or missing.
        animals: (data set, name) of the known animals; the data set is "" where the answers have no such column.

    Returns:
        A frame with one row per answer: `said` (is there a word?), `refused`, `is_new` (accepted as an animal without a
        name), `identity` (the animal; missing where the answer is refused, new, or nothing is said), `dataset` (of that
        animal). And notes, one sentence each.
    """
    column = answers[ACCEPTED] if ACCEPTED in answers else pd.Series(None, index=answers.index, dtype=object)
    words = column.map(lambda word: "" if pd.isna(word) else str(word).strip()).astype(object)
    datasets = _datasets_of(answers)
    named = pd.Series([pair in animals for pair in zip(datasets, words, strict=True)], index=answers.index, dtype=bool)
    whole = {f"{dataset}/{name}": (dataset, name) for dataset, name in animals if dataset}
    pairs = [_find_animal(*row, whole) for row in zip(datasets, words, named, strict=True)]
    own, names = (pd.Series([pair[k] for pair in pairs], index=answers.index, dtype=object) for k in (0, 1))
    lower = words.str.lower()
    said, refused = words != "", lower.isin(NO) & ~named
    yes, new = (lower.isin(some) & ~named for some in (YES, NEW))
    is_new = new | (yes & (answers[DECISION] == NEW_INDIVIDUAL))
    identity = names.where(~yes, answers[DECISION]).where(said & ~refused & ~is_new, None)
    odd = named & lower.isin((*YES, *NO, *NEW)) & (words != answers[DECISION])
    notes = [
        f"{word!r} in the column {ACCEPTED!r} is read as the animal of this name: if yes, no or new is meant, write so"
        for word in words[odd].unique()
    ]
    moved = own[(own != datasets) & own.notna()].unique()
    notes += [f"an answer that names an animal of data set {name!r} is taken as one of that data set" for name in moved]
    notes += _likely_slips(own, identity, animals)
    found = {"said": said, "refused": refused, "is_new": is_new, "identity": identity, "dataset": own}
    return pd.DataFrame(found), notes


def list_animals(answers: pd.DataFrame) -> set[tuple[str, str]]:
    """(data set, name) of the known animals that a table of answers names: decisions and candidates."""
    columns = [DECISION, *(ranked_column(IDENTITY, rank) for rank in range(1, N_RANKS + 1))]
    datasets = _datasets_of(answers)
    found = {pair for name in columns if name in answers for pair in zip(datasets, answers[name], strict=True)}
    return {pair for pair in found if pd.notna(pair[1]) and pair[1] != NEW_INDIVIDUAL}


def _likely_slips(datasets: pd.Series, names: pd.Series, animals: Collection[tuple[str, str]]) -> list[str]:
    """Names that no animal has, but one nearly: the same digits, other letters (Anna 12 is no slip for Anna 13)."""
    notes, written = [], {pair for pair in zip(datasets, names, strict=True) if pd.notna(pair[1])}
    for dataset, name in sorted(written - set(animals), key=str):
        digits = re.sub(r"\D", "", name)
        there = [one for other, one in animals if other == dataset and re.sub(r"\D", "", one) == digits]
        for near in find_near(name, there, least_alike=0.8):
            notes.append(f"{name!r} in the column {ACCEPTED!r} is taken for an animal of its own, beside {near!r}")
    return notes


def _datasets_of(answers: pd.DataFrame) -> pd.Series:
    """The data set of each answer; "" where the table tells none."""
    return answers[DATASET] if DATASET in answers else pd.Series("", index=answers.index, dtype=object)


def _find_animal(dataset: str, word: str, named: bool, whole: dict[str, tuple[str, str]]) -> tuple[str, str]:
    """Data set and name of the animal that a word means; the word may begin with the data set."""
    if named or "/" not in word:
        return dataset, word
    if word in whole:
        return whole[word]
    name = word.removeprefix(f"{dataset}/").strip() if dataset else word
    return dataset, name or word
