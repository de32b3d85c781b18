"""Wildbook's sheets, with the columns its documentation names."""

import re

from exports_cases import cells, study

from reid_lib.exports.wildbook import MOST_ROWS, write_wildbook


def test_a_row_is_an_encounter_of_one_animal(tmp_path):
    notes = write_wildbook(study(tmp_path), tmp_path, submitter="me")
    sheet = cells(tmp_path / "wildbook_1.csv")
    told = sheet[["Encounter.mediaAsset0", "Encounter.mediaAsset1", "Encounter.individualID", "Encounter.sightingID"]]
    assert told.to_numpy().tolist() == [
        ["IMG 1.jpg", "IMG 2.jpg", "Anna", "e1"],
        ["IMG 1 2.jpg", "", "Anna", "e2"],
        ["IMG 1 2.jpg", "", "Bob", "e2"],
        ["3.jpg", "", "Anna", "e3"],
        ["4.jpg", "", "Bob", "e4"],
        ["5.jpg", "", "", "e5"],
        ["6.jpg", "", "Bob", ""],
    ]
    first = sheet.iloc[0]
    when = [first[f"Encounter.{what}"] for what in ("year", "month", "day", "hour", "minutes")]
    assert when == ["2024", "5", "1", "10", "0"]
    assert (first["Encounter.genus"], first["Encounter.specificEpithet"]) == ("Lynx", "lynx")
    assert first["Encounter.verbatimLocality"] == "K 1" and first["Encounter.submitterID"] == "me"
    assert set(sheet["Encounter.state"]) == {"approved"}
    assert notes == ["Wildbook asks for a year (column date): 1 of 7 encounters have none"]
    names = cells(tmp_path / "file_names.csv").set_index("path")["copy_as"]
    assert names.to_dict()["b/IMG 1.jpg"] == "IMG 1 2.jpg" and names.is_unique


def test_no_column_without_a_value_and_what_is_missing_is_told(tmp_path):
    notes = write_wildbook(study(tmp_path, "path,identity\nx/Zoë_1.JPG,A\ny/Zo 1.jpg,A\n"), tmp_path)
    sheet = cells(tmp_path / "wildbook_1.csv")
    assert list(sheet) == ["Encounter.mediaAsset0", "Encounter.individualID", "Encounter.state"]
    assert sheet["Encounter.mediaAsset0"].tolist() == ["Zo 1.JPG", "Zo 1 2.jpg"], "no two alike, whatever the capitals"
    assert all(re.fullmatch(r"[A-Za-z0-9. ]+", name) for name in sheet["Encounter.mediaAsset0"])
    assert len(notes) == 3 and all("2 of 2 encounters" in note for note in notes)


def test_answers_nobody_looked_at_are_unapproved(tmp_path):
    answers = "path,decision,accepted\n1.jpg,Anna,\n2.jpg,Anna,yes\n"
    write_wildbook(study(tmp_path, answers), tmp_path)
    assert cells(tmp_path / "wildbook_1.csv")["Encounter.state"].tolist() == ["unapproved", "approved"]


def test_a_sheet_holds_as_many_as_wildbook_takes(tmp_path):
    rows = "".join(f"{i}.jpg,A,2024-05-01\n" for i in range(MOST_ROWS + 1))
    write_wildbook(study(tmp_path, "path,identity,date\n" + rows), tmp_path)
    assert len(cells(tmp_path / "wildbook_1.csv")) == 200 and len(cells(tmp_path / "wildbook_2.csv")) == 1


def test_photographs_are_in_the_order_of_their_numbers(tmp_path):
    rows = "".join(f"{i}.jpg,A,e\n" for i in range(12))
    write_wildbook(study(tmp_path, "path,identity,encounter\n" + rows), tmp_path)
    sheet = cells(tmp_path / "wildbook_1.csv")
    assert list(sheet)[:12] == [f"Encounter.mediaAsset{i}" for i in range(12)] and len(sheet) == 1
