"""Words of the column `accepted`: yes, no, new in several languages, names; a name counts as the name it is."""

import pandas as pd
import pytest

from reid_lib.data.accepted import list_animals, read_accepted


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


@pytest.mark.parametrize(
    "word, told",
    [("Nyla 131", True), ("nyala 131", True), ("Nyala 132", False), ("Fritz", False), ("Nyala 131", False)],
)
def test_a_name_nearly_that_of_an_animal_is_a_new_animal_and_that_is_told(word, told):
    found, notes = read(word, animals=[("d", "Nyala 131"), ("d", "Nyala 13"), ("other", word)])
    assert found == (True, False, False, word)
    assert notes == (
        [f"{word!r} in the column 'accepted' is taken for an animal of its own, beside 'Nyala 131'"] * told
    )


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


@pytest.mark.parametrize(
    "word, animals, expected",
    [
        ("d/Fritz", [], ("d", "Fritz")),  # of the data set that was asked: also an animal that nobody knew
        ("e/Fritz", [], ("d", "e/Fritz")),
        ("e/Fritz", [("e", "Fritz")], ("e", "Fritz")),
        ("d/1", [("d", "1")], ("d", "1")),  # not yes
        ("d/Fritz", [("d", "d/Fritz")], ("d", "d/Fritz")),
        ("d/", [], ("d", "d/")),
        ("a/b", [("e", "a/b")], ("d", "a/b")),
    ],
)
def test_an_animal_may_be_written_with_its_data_set(word, animals, expected):
    table = pd.DataFrame({"decision": ["Anna"], "accepted": [word], "dataset": ["d"]}, dtype=object)
    found, notes = read_accepted(table, animals)
    assert tuple(found.loc[0, ["dataset", "identity"]]) == expected and not found["is_new"].any()
    assert bool(notes) == (expected[0] == "e")


def test_the_animals_of_a_table_are_its_decisions_and_candidates():
    table = {
        "decision": ["Anna", "new_individual", None],
        "identity_1": ["Anna", "1", None],
        "dataset": ["d", "e", "e"],
    }
    assert list_animals(pd.DataFrame(table, dtype=object)) == {("d", "Anna"), ("e", "1")}
    assert list_animals(pd.DataFrame({"decision": ["Anna"]})) == {("", "Anna")}
