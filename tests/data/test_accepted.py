"""Words of the column `accepted`: yes, no, new in several languages, names; a name counts as the name it is."""

import pandas as pd
import pytest

from reid_lib.data.accepted import read_accepted


def read(word, decision="Anna", animals=(), **columns):
    table = pd.DataFrame({"decision": [decision], "accepted": [word], "dataset": ["d"], **columns}, dtype=object)
    found, notes = read_accepted(table, set(animals))
    row = found.iloc[0]
    return (bool(row["said"]), bool(row["refused"]), bool(row["is_new"]), row["identity"]), notes


@pytest.mark.parametrize(
    "word, decision, expected",
    [
        (" Yes ", "Anna", (True, False, False, "Anna")),
        ("1", "Anna", (True, False, False, "Anna")),
        ("ja", "new_individual", (True, False, True, None)),
        ("Nein", "Anna", (True, True, False, None)),
        ("NEW", "Anna", (True, False, True, None)),
        (" Fritz", "Anna", (True, False, False, "Fritz")),
        ("  ", "Anna", (False, False, False, None)),
        (None, "new_individual", (False, False, False, None)),
    ],
)
def test_each_word_says_one_thing(word, decision, expected):
    assert read(word, decision) == (expected, [])


@pytest.mark.parametrize("word", ["1", "0", "no", "new", "X"])
def test_the_name_of_an_animal_is_that_name_and_that_is_told(word):
    found, notes = read(word, animals=[("d", word)])
    assert found == (True, False, False, word)
    assert f"{word!r} in the column 'accepted' is read as the animal of this name" in notes[0]
    assert read(word, animals=[("other", word)])[0] == read(word)[0]
    assert read(word, word, animals=[("d", word)]) == ((True, False, False, word), [])


def test_without_the_column_nothing_is_said():
    found, notes = read_accepted(pd.DataFrame({"decision": ["Anna", "new_individual"]}), [])
    assert not found[["said", "refused", "is_new"]].any(axis=None) and found["identity"].isna().all() and not notes
