"""What of an individual stays on one side of a split: the encounter, else the day, else the image."""

import pandas as pd

from reid_lib.data.occasions import describe_gaps, find_draw_keys, find_occasions, find_units, has_occasions


def rows(**columns) -> pd.DataFrame:
    n = len(next(iter(columns.values())))
    base = {"image_id": [str(i) for i in range(n)], "dataset": "a", "individual": "a/x"}
    return pd.DataFrame(base | columns)


def test_the_encounter_is_the_occasion_and_the_day_where_there_is_none():
    told = find_occasions(rows(encounter=["e", None, None], date=["2024-05-01", "2024-05-02 10:00", "soon"]))
    assert told[:2].tolist() == ["encounter:e", "date:2024-05-02"] and pd.isna(told[2])


def test_without_encounters_and_dates_no_occasion_is_known():
    assert not has_occasions(rows(identity=["x", "y"]))
    assert not has_occasions(rows(date=["soon", None]))
    assert has_occasions(rows(date=["soon", "2024-05-01"]))


def test_images_without_an_occasion_are_one_unit_among_others_that_have_one_and_each_its_own_elsewhere():
    table = rows(encounter=["e", None, None, None, None], dataset=["a", "a", "a", "b", "b"])
    units = find_units(table, by_encounter=True)
    assert units[1] == units[2] != units[0]
    assert units[3] != units[4]
    assert find_units(table, by_encounter=False).is_unique


def test_what_is_drawn_by_is_the_key_of_the_reader_where_it_gave_one():
    table = rows(encounter=["e1", "e2"], draw_key=["photo 1", None])
    assert find_draw_keys(table, by_encounter=True).tolist() == ["photo 1", "image:1"]
    assert find_draw_keys(rows(encounter=["e1", None]), by_encounter=True).tolist() == ["encounter:e1", "image:1"]


def test_gaps_are_told_with_their_number_and_their_cure():
    told = describe_gaps(rows(date=["2024-05-01", "soon", None]), "encounter")
    assert any("1 of 2 dates cannot be read, e.g. 'soon'" in note for note in told)
    assert any(note.startswith("2 of 3 photographs have neither an encounter nor a date") for note in told)
    assert describe_gaps(rows(encounter=["e", None]), "random") == []
