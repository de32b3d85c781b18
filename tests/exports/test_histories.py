"""Capture histories counted by hand, and read back as MARK's and secr's documentation tells their formats."""

import re

import pytest
from exports_cases import read_inp, read_table, study

from reid_lib.core.errors import CatalogueError
from reid_lib.exports.histories import format_inp, format_secr, make_histories, make_unique, tabulate_histories


@pytest.mark.parametrize(
    ("occasion", "fill", "names", "anna", "bob"),
    [
        ("day", False, ["2024-05-01", "2024-05-02", "2024-05-10", "2024-05-20", "2024-06-03"], "11010", "01001"),
        ("week", False, ["2024-W18", "2024-W19", "2024-W21", "2024-W23"], "1010", "1001"),
        ("week", True, ["2024-W18", "2024-W19", "2024-W20", "2024-W21", "2024-W22", "2024-W23"], "100100", "100001"),
        ("month", False, ["2024-05", "2024-06"], "10", "11"),
        ("encounter", False, ["e1", "e2", "e5", "e3", "e4"], "11010", "01001"),
    ],
)
def test_animals_and_occasions(tmp_path, occasion, fill, names, anna, bob):
    histories = make_histories(study(tmp_path), occasion=occasion, fill=fill)
    assert list(histories.seen.columns) == names and list(histories.seen.index) == ["Anna", "Bob"]
    assert read_inp(format_inp(histories)) == {"Anna": (anna, 1), "Bob": (bob, 1)}
    table = tabulate_histories(histories)
    assert table["captures"].tolist() == [anna.count("1"), bob.count("1")]
    assert "".join(map(str, table.iloc[0, 2:])) == anna
    notes = " ".join(histories.notes)
    assert f"1 photograph tells no {occasion}" in notes and "1 photograph names no animal" in notes


def test_occasions_are_described(tmp_path):
    occasions = make_histories(study(tmp_path), occasion="week", fill=True).occasions
    assert occasions["photographs"].tolist() == [4, 1, 0, 1, 0, 1] and occasions["animals"].tolist() == [
        2,
        0,
        0,
        1,
        0,
        1,
    ]
    assert occasions["occasion"].tolist() == [1, 2, 3, 4, 5, 6]
    assert str(occasions["first"][0]) == "2024-05-01" and str(occasions["last"][0]) == "2024-05-02"


def test_a_week_runs_from_monday_to_sunday_across_the_year(tmp_path):
    """29 December 2025 is the Monday of the first week of 2026 (ISO 8601)."""
    text = "path,identity,date\n1.jpg,A,2025-12-28\n2.jpg,A,2025-12-29\n3.jpg,A,2026-01-04\n4.jpg,A,2026-01-05\n"
    histories = make_histories(study(tmp_path, text), occasion="week")
    assert list(histories.seen.columns) == ["2025-W52", "2026-W01", "2026-W02"]


def test_encounters_of_one_animal_each_are_told(tmp_path):
    text = "path,identity,encounter\n1.jpg,A,A 1\n2.jpg,B,B 1\n"
    assert any(
        "every encounter is of one animal" in n
        for n in make_histories(study(tmp_path, text), occasion="encounter").notes
    )


@pytest.mark.parametrize(
    ("text", "occasion", "message"),
    [
        ("path,identity,date\n1.jpg,A,\n", "day", "none of 1 photographs has a date and an animal"),
        ("path,identity,date\n1.jpg,,2024-05-01\n2.jpg,A,\n", "day", "has a date and an animal"),
        ("path,identity,date\n1.jpg,A,2024-05-01\n", "encounter", "has an encounter and an animal"),
        ("path,identity,date\n1.jpg,A,2024-05-01\n", "year", "expected one of day, week, month, encounter"),
    ],
)
def test_nothing_to_tell_is_told(tmp_path, text, occasion, message):
    with pytest.raises(CatalogueError, match=message):
        make_histories(study(tmp_path, text), occasion=occasion)


def test_names_that_would_end_a_comment_or_a_line_stay_apart(tmp_path):
    names = ["A;1", "A*/1", "A/1", "Ä ö", 'a "b"']
    rows = "".join(f"{i}.jpg,{name!r},2024-05-0{i + 1}\n".replace("'", "") for i, name in enumerate(names))
    found = read_inp(format_inp(make_histories(study(tmp_path, "path,identity,date\n" + rows))))
    assert len(found) == len(names) and all(history.count("1") == 1 for history, _ in found.values())
    assert {"A.1", "A.1.2", "A.1.3", "Ä ö"} <= set(found)


def test_secr_reads_session_animal_occasion_detector_and_where_detectors_stand(tmp_path):
    captures, traps = format_secr(make_histories(study(tmp_path)), places=True)
    # two photographs of Anna on one day at one place are one capture
    assert read_table(captures) == [
        ["1", "Anna", "1", "K.1"],
        ["1", "Anna", "2", "K.2"],
        ["1", "Anna", "4", "K.1"],
        ["1", "Bob", "2", "K.2"],
        ["1", "Bob", "5", "K.2"],
    ]
    detectors = read_table(traps)
    assert [name for name, _, _ in detectors] == ["K.1", "K.2"] and not any("_" in name for name, _, _ in detectors)
    (_, x1, y1), (_, x2, y2) = detectors
    distance = ((float(x1) - float(x2)) ** 2 + (float(y1) - float(y2)) ** 2) ** 0.5
    # the great circle, on the mean radius of the earth: 8.51 km north, 7.13 km east
    assert distance == pytest.approx(11_110, rel=0.005)
    assert captures.startswith("#") and "UTM zone 32N" in traps.splitlines()[0]


def test_secr_without_places_or_locations(tmp_path):
    histories = make_histories(study(tmp_path))
    assert format_secr(histories, places=False)[1] == ""
    bare = study(tmp_path, "path,identity,date\n1.jpg,A,2024-05-01\n")
    with pytest.raises(CatalogueError, match="1 of 1 captures have no location.*--columns location:"):
        format_secr(make_histories(bare), places=False)
    placeless = study(tmp_path, "path,identity,date,location\n1.jpg,A,2024-05-01,K\n")
    with pytest.raises(CatalogueError, match="1 of 1 locations have no coordinates, e.g. 'K'"):
        format_secr(make_histories(placeless), places=True)


def test_a_sign_that_is_forbidden_becomes_a_point_and_names_stay_unique():
    made = make_unique(["a b", "a.b", "a,b", "", "c"], r"[\s,]+")
    assert made == ["a.b", "a.b.2", "a.b.3", ".", "c"] and not any(re.search(r"[\s,]", name) for name in made)
