"""What a person wrote into the column `accepted` of answers.csv: yes, no, new, or the name of an animal."""

from collections.abc import Collection

import pandas as pd

from reid_lib.core.names import ACCEPTED, DATASET, DECISION, NEW_INDIVIDUAL

# In small letters.
YES = ("yes", "y", "true", "on", "1", "x", "ja", "oui", "si", "sí", "ok")  # the answer as it is
NO = ("no", "n", "false", "0", "nein", "non", "-")  # nothing is done with it
NEW = ("new", "new individual", NEW_INDIVIDUAL)  # an animal that has no name yet


def read_accepted(answers: pd.DataFrame, animals: Collection[tuple[str, str]]) -> tuple[pd.DataFrame, list[str]]:
    """What is said of each answer. The name of an animal counts as that name, whatever else the word means.

    Args:
        answers: `decision`; `accepted` and `dataset`, where there are such columns; all text or missing.
        animals: (data set, name) of those that are known; the data set is "" where the answers tell none.

    Returns:
        Of each row: `said` (is there a word?), `refused`, `is_new` (accepted as an animal without a name), `identity`
        (the animal, missing where it is refused, new, or nothing is said); and notes, one sentence each.
    """
    column = answers[ACCEPTED] if ACCEPTED in answers else pd.Series(None, index=answers.index, dtype=object)
    words = column.map(lambda word: "" if pd.isna(word) else str(word).strip()).astype(object)
    datasets = answers[DATASET] if DATASET in answers else [""] * len(answers)
    named = pd.Series([pair in animals for pair in zip(datasets, words, strict=True)], index=answers.index, dtype=bool)
    lower = words.str.lower()
    said, refused = words != "", lower.isin(NO) & ~named
    yes, new = (lower.isin(some) & ~named for some in (YES, NEW))
    is_new = new | (yes & (answers[DECISION] == NEW_INDIVIDUAL))
    identity = words.where(~yes, answers[DECISION]).where(said & ~refused & ~is_new, None)
    odd = named & lower.isin((*YES, *NO, *NEW)) & (words != answers[DECISION])
    notes = [
        f"{word!r} in the column {ACCEPTED!r} is read as the animal of this name: if yes, no or new is meant, write so"
        for word in words[odd].unique()
    ]
    return pd.DataFrame({"said": said, "refused": refused, "is_new": is_new, "identity": identity}), notes
