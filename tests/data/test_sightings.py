"""Who was seen how often and when, counted."""

import pandas as pd

from reid_lib.data.sightings import tabulate_animals, tabulate_days


def rows(*photographs, **columns):
    """Rows of (identity, encounter, date)."""
    table = pd.DataFrame(photographs, columns=["identity", "encounter", "date"])
    table = table.assign(image_id=[f"i{k}" for k in range(len(table))], dataset="newts", **columns)
    return table.assign(individual=("newts/" + table["identity"]).where(table["identity"].notna()))


SEEN = rows(
    ("a", "e1", "2024-05-01"),
    ("a", "e1", "2024-05-01"),
    ("a", "e2", "2024-05-07"),
    ("b", "e3", "2024-05-02"),
    ("b", "e3", None),
    ("b", "e3", "01.13.x"),
    (None, "e9", "2024-06-01"),
)


def test_animals_are_counted_by_encounter_and_photograph_the_most_seen_first():
    table = tabulate_animals(SEEN)
    assert table.index.tolist() == ["newts/a", "newts/b"]
    assert table[["photographs", "encounters"]].to_numpy().tolist() == [[3, 2], [3, 1]]


def test_where_no_encounter_is_known_a_photograph_is_one():
    table = tabulate_animals(SEEN.drop(columns=["encounter", "date"]))
    assert table["encounters"].tolist() == table["photographs"].tolist() == [3, 3]


def test_days_hold_the_photographs_of_each_animal_that_have_a_date():
    table = tabulate_days(SEEN)
    assert table["identity"].tolist() == ["a", "b", "a"] and table["photographs"].tolist() == [2, 1, 1]
    assert table["day"].dt.day.tolist() == [1, 2, 7]


def test_without_dates_and_without_names_the_tables_are_empty():
    assert len(tabulate_days(SEEN.drop(columns="date"))) == 0
    nobody = SEEN[SEEN["individual"].isna()]
    assert len(tabulate_animals(nobody)) == 0 and len(tabulate_days(nobody)) == 0
