"""The readers, one by one: what each layout on disk becomes."""

import pandas as pd
import pytest
from readers_cases import save, write_table

from reid_lib.core.errors import CatalogueError
from reid_lib.core.names import (
    BBOX,
    DATASET,
    DATE,
    ENCOUNTER,
    IDENTITY,
    IMAGE_ID,
    INDIVIDUAL,
    ORIENTATION,
    PATH,
    SPECIES,
)
from reid_lib.data.catalogue import read_catalogue

pytestmark = pytest.mark.usefixtures("clean_dirs")


# csv


def test_table_with_our_names(tmp_path):
    rows = {"image_id": ["007"], "path": ["a.jpg"], "identity": ["01"], "species": ["lynx"], "encounter": ["e"]}
    catalogue = read_catalogue("csv", str(write_table(tmp_path, rows)))
    row = catalogue.rows.iloc[0]
    assert (row[IMAGE_ID], row[IDENTITY], row[INDIVIDUAL], row[SPECIES]) == ("007", "01", "csv/01", "lynx")
    assert catalogue.root == tmp_path and not catalogue.notes


def test_usual_names_are_understood_and_told(tmp_path):
    save(tmp_path / "a.jpg")
    table = {
        "File Name": ["a.jpg"],
        "Individual-ID": ["x"],
        "Sighting": ["s1"],
        "Side": ["Left"],
        "Timestamp": ["2021-05-01"],
    }
    pd.DataFrame(table).to_csv(tmp_path / "list.csv", index=False)
    catalogue = read_catalogue("csv", str(tmp_path / "list.csv"))
    row = catalogue.rows.iloc[0]
    assert (row[PATH], row[IDENTITY], row[ENCOUNTER], row[ORIENTATION]) == ("a.jpg", "x", "s1", "left")
    assert row[DATE] == "2021-05-01" and row[IMAGE_ID] == "a.jpg"
    assert "identity from 'Individual-ID'" in catalogue.notes[0]


def test_columns_are_mapped_as_asked_even_with_blanks(tmp_path):
    save(tmp_path / "a.jpg")
    table = {"Animal name": ["x"], "identity": ["not this"], "foto": ["a.jpg"]}
    pd.DataFrame(table).to_csv(tmp_path / "list.csv", index=False)
    catalogue = read_catalogue("csv", str(tmp_path), columns="path:foto 'identity:Animal name'")
    assert list(catalogue.rows[IDENTITY]) == ["x"]


def test_missing_column_lists_what_was_found_and_how_to_map(tmp_path):
    pd.DataFrame({"foto": ["a.jpg"], "wer": ["x"]}).to_csv(tmp_path / "list.csv", index=False)
    with pytest.raises(
        CatalogueError, match=r"no column for path and identity.*'foto', 'wer'.*-p columns 'path:their_name"
    ):
        read_catalogue("csv", str(tmp_path))


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ("identity:anmial", r"no column 'anmial' \(for identity\).*'animal'.*did you mean 'animal'"),
        ("identty:animal", "did you mean 'identity'"),
        ("animal", "not a pair ours:theirs"),
        ("identity:'animal", "cannot be read"),
    ],
)
def test_wrong_mapping_is_explained(tmp_path, columns, message):
    pd.DataFrame({"file": ["a.jpg"], "animal": ["x"]}).to_csv(tmp_path / "list.csv", index=False)
    with pytest.raises(CatalogueError, match=message):
        read_catalogue("csv", str(tmp_path), columns=columns)


def test_columns_belong_to_tables(tmp_path):
    with pytest.raises(CatalogueError, match="columns are for tables"):
        read_catalogue("folder", str(tmp_path), columns="identity:animal")


@pytest.mark.parametrize(
    ("separator", "encoding"), [(";", "utf-8-sig"), ("\t", "utf-8"), (",", "cp1252"), ("\t", "utf-16")]
)
def test_tables_from_spreadsheets(tmp_path, separator, encoding):
    write_table(tmp_path, {"path": ["ü.jpg"], "identity": ["Zoë"]}, sep=separator, encoding=encoding)
    assert list(read_catalogue("csv", str(tmp_path)).rows[IDENTITY]) == ["Zoë"]


def test_comma_at_the_end_of_each_line_shifts_nothing(tmp_path):
    save(tmp_path / "a.jpg")
    (tmp_path / "list.csv").write_text("path,identity\na.jpg,x,\n")
    assert list(read_catalogue("csv", str(tmp_path)).rows[IDENTITY]) == ["x"]


def test_only_an_empty_cell_is_no_identity(tmp_path):
    names = ["x", "", "NA", "None", "null", "nan", "N/A", "  ", "\u200b"]
    write_table(tmp_path, {"path": [f"{i}.jpg" for i in range(len(names))], "identity": names})
    catalogue = read_catalogue("csv", str(tmp_path))
    found = catalogue.rows[IDENTITY]
    assert found.isna().tolist() == [not name.strip(" \u200b") for name in names]
    assert [name for name in found.dropna()] == ["x", "NA", "None", "null", "nan", "N/A"]
    assert any("'null' (1 image)" in note and "empty these cells" in note for note in catalogue.notes)


def test_a_word_for_nothing_is_nothing_in_columns_that_hold_no_names(tmp_path):
    table = {"path": ["NA.jpg", "b.jpg"], "identity": ["NA", "x"], "date": ["NA", "2021-05-01"], "bbox": ["nan", None]}
    rows = read_catalogue("csv", str(write_table(tmp_path, table))).rows
    assert rows[DATE].isna().tolist() == [True, False] and BBOX not in rows and rows[PATH][0] == "NA.jpg"


@pytest.mark.parametrize("dataset", ["animalclef2025", "animalclef2026", "wildlifereid10k"])
def test_an_animal_called_na_is_an_animal_in_every_table(tmp_path, dataset):
    table = {"image_id": ["null", "2"], "path": ["a.jpg", "b.jpg"], "identity": ["NA", None], "dataset": ["None", "NA"]}
    rows = read_catalogue(dataset, str(write_table(tmp_path, table))).rows
    assert rows[IDENTITY].tolist() == ["NA", None] and rows[IMAGE_ID].tolist() == ["null", "2"]
    assert rows[INDIVIDUAL].tolist()[0] == "None/NA" and rows[DATASET].tolist() == ["None", "NA"]


def test_names_that_read_alike_are_told_and_stay_two_animals(tmp_path):
    names = ["Zoë", "zoë", "lynx 1", "lynx1", "ly\u200bnx1", "other"]
    write_table(tmp_path, {"path": [f"{i}.jpg" for i in range(len(names))], "identity": names})
    catalogue = read_catalogue("csv", str(tmp_path))
    assert catalogue.rows[IDENTITY].tolist() == names
    (note,) = [note for note in catalogue.notes if "read alike" in note]
    assert "'Zoë' and 'zoë'" in note and r"'lynx 1' and 'lynx1' and 'ly\u200bnx1'" in note
    assert "other" not in note and "write its name in one way" in note


def test_names_that_read_alike_in_two_data_sets_are_no_matter(tmp_path):
    write_table(tmp_path, {"path": ["a.jpg", "b.jpg"], "identity": ["Fox", "fox"], "dataset": ["A", "B"]})
    assert not any("read alike" in note for note in read_catalogue("csv", str(tmp_path)).notes)


def test_folders_of_two_unicode_forms_are_one_animal_and_it_is_told(tmp_path):
    for folder in ("Zo\u00eb", "Zoe\u0308"):
        save(tmp_path / folder / "1.jpg", seed=len(folder))
    if len(list(tmp_path.iterdir())) == 1:
        pytest.skip("this file system knows one form only")
    catalogue = read_catalogue("folder", str(tmp_path))
    assert catalogue.rows[IDENTITY].tolist() == ["Zoë", "Zoë"]
    assert any(r"count as one, for they differ in form alone: 'Zoe\u0308' and 'Zo\xeb'" in n for n in catalogue.notes)


def test_a_placeholder_with_hidden_letters_is_no_animal(tmp_path):
    write_table(tmp_path, {"path": ["a.jpg", "b.jpg"], "identity": ["x", "Un\u200bknown"]})
    assert read_catalogue("csv", str(tmp_path)).rows[IDENTITY].isna().tolist() == [False, True]


def test_four_bbox_columns_become_one(tmp_path):
    box = {"bbox_x": [1, None], "bbox_y": [2, 2], "bbox_width": [10, 10], "bbox_height": [12, 12]}
    write_table(tmp_path, {"path": ["a.jpg", "b.jpg"], "identity": ["x", "y"], **box})
    rows = read_catalogue("csv", str(tmp_path)).rows
    assert rows[BBOX][0] == "1,2,10,12" and pd.isna(rows[BBOX][1])


def test_absolute_paths_become_relative_to_what_they_share(tmp_path):
    paths = [str(save(tmp_path / "photos" / name)) for name in ("a/1.jpg", "b/2.jpg")]
    pd.DataFrame({"path": paths, "identity": ["a", "b"]}).to_csv(tmp_path / "list.csv", index=False)
    catalogue = read_catalogue("csv", str(tmp_path))
    assert list(catalogue.rows[PATH]) == ["a/1.jpg", "b/2.jpg"]
    assert [str(file) for file in catalogue.files()] == paths


def test_metadata_csv_wins_over_other_tables_and_several_others_are_asked_back(tmp_path):
    write_table(tmp_path, {"path": ["a.jpg"], "identity": ["wrong"]}, name="other.csv")
    write_table(tmp_path, {"path": ["a.jpg"], "identity": ["x"]})
    assert list(read_catalogue("csv", str(tmp_path)).rows[IDENTITY]) == ["x"]
    (tmp_path / "metadata.csv").rename(tmp_path / "more.csv")
    with pytest.raises(CatalogueError, match=r"several tables \(more.csv, other.csv\)"):
        read_catalogue("csv", str(tmp_path))


def test_folder_without_a_table_and_empty_tables(tmp_path):
    with pytest.raises(CatalogueError, match="no table in"):
        read_catalogue("csv", str(tmp_path))
    for content in ("", "path,identity\n"):
        (tmp_path / "metadata.csv").write_text(content)
        with pytest.raises(CatalogueError, match=r"metadata\.csv"):
            read_catalogue("csv", str(tmp_path))
