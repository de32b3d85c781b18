"""The readers, one by one: what each layout on disk becomes."""

import os
import re
import sys
import types
from datetime import datetime, timedelta

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from reid_lib import readers
from reid_lib.catalogue import read_catalogue
from reid_lib.errors import CatalogueError
from reid_lib.folder import encounters
from reid_lib.names import (
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
    SPLIT,
)
from reid_lib.photo import taken_at

pytestmark = pytest.mark.usefixtures("clean_dirs")


def save(file, *, seed=None, time=None, tag=0x9003):
    """A small photograph, different from all others of the test."""
    file.parent.mkdir(parents=True, exist_ok=True)
    seed = abs(hash(str(file))) % 2**32 if seed is None else seed
    exif = Image.Exif()
    if time:
        exif[0x8769] = {tag: time}
    Image.fromarray(np.random.default_rng(seed).integers(0, 256, (16, 24, 3), dtype=np.uint8)).save(file, exif=exif)
    return file


def write_table(root, rows, name="metadata.csv", **options):
    table = pd.DataFrame(rows)
    for path in table.get("path", []):
        save(root / path)
    table.to_csv(root / name, index=False, **options)
    return root


# folder


def test_folder_of_animals(tmp_path):
    for name in ("Zoë/a b.JPG", "Zoë/c.jpeg", "猫/d.Png", "01/e.tif", "01/2021/f.webp", "01/g.BMP", "01/h.TIFF"):
        save(tmp_path / name)
    for name in ("Zoë/notes.txt", "Zoë/.hidden.jpg", ".trash/x.jpg", "__MACOSX/a/y.jpg", "list.csv"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("no photograph")
    rows = read_catalogue("folder", str(tmp_path)).rows
    assert dict(zip(rows[PATH], rows[IDENTITY], strict=True)) == {
        "Zoë/a b.JPG": "Zoë",
        "Zoë/c.jpeg": "Zoë",
        "猫/d.Png": "猫",
        "01/e.tif": "01",
        "01/2021/f.webp": "01",
        "01/g.BMP": "01",
        "01/h.TIFF": "01",
    }
    assert set(rows[DATASET]) == {"folder"}
    assert rows[IMAGE_ID].is_unique


def test_order_of_the_disk_does_not_matter(tmp_path, monkeypatch):
    for name in ("b/1.jpg", "a/2.jpg", "a/1.jpg", "b/x/0.jpg"):
        save(tmp_path / name)
    walk = os.walk
    backwards = lambda *a, **k: ((f, d, n[::-1]) for f, d, n in list(walk(*a, **k))[::-1])  # noqa: E731
    monkeypatch.setattr(os, "walk", backwards)
    assert list(readers.read("folder", str(tmp_path)).frame[PATH]) == ["a/1.jpg", "a/2.jpg", "b/1.jpg", "b/x/0.jpg"]


def test_thirty_minutes_part_two_encounters():
    start = datetime(2021, 5, 1, 10)
    minutes = [0, 30, 60, 91, None, 0]
    times = [None if m is None else start + timedelta(minutes=m) for m in minutes]
    names = encounters(["a", "a", "a", "a", "a", "b"], times)
    assert names[0] == names[1] == names[2] == "a 2021-05-01 10:00:00"  # each within 30 minutes of the one before
    assert names[3] == "a 2021-05-01 11:31:00"
    assert names[4] == "a (no time)"
    assert names[5] == "b 2021-05-01 10:00:00"


def test_encounters_do_not_depend_on_the_order_of_files():
    times = [datetime(2021, 5, 1, 10) + timedelta(minutes=m) for m in (0, 50, 25, 200)]
    names = encounters(["a"] * 4, times)
    assert names[0] == names[1] == names[2] != names[3]


def test_exif_times_become_dates_and_encounters(tmp_path):
    save(tmp_path / "a/1.jpg", time="2021:05:01 10:00:00")
    save(tmp_path / "a/2.jpg", time="2021:05:01 10:20:00")
    save(tmp_path / "a/3.jpg", time="2021:05:02 10:00:00")
    save(tmp_path / "b/4.jpg")
    catalogue = read_catalogue("folder", str(tmp_path))
    assert list(catalogue.rows[ENCOUNTER]) == ["a 2021-05-01 10:00:00"] * 2 + ["a 2021-05-02 10:00:00", "b (no time)"]
    assert list(catalogue.rows[DATE].dropna()) == ["2021-05-01T10:00:00", "2021-05-01T10:20:00", "2021-05-02T10:00:00"]
    assert any("1 of 4 photographs carry no EXIF time" in note for note in catalogue.notes)


def test_without_any_time_the_headline_warns_of_the_leak(tmp_path):
    for name in ("a/1.jpg", "b/2.jpg"):
        save(tmp_path / name)
    catalogue = read_catalogue("folder", str(tmp_path))
    assert ENCOUNTER not in catalogue.rows
    assert any("encounters are unknown, and the split may leak" in note for note in catalogue.notes)


@pytest.mark.parametrize(
    ("time", "tag", "expected"),
    [
        ("2021:05:01 10:00:00", 0x9003, datetime(2021, 5, 1, 10)),
        ("2021:05:01 10:00:00", 0x9004, datetime(2021, 5, 1, 10)),
        ("0000:00:00 00:00:00", 0x9003, None),
        ("    :  :     :  :  ", 0x9003, None),
        (None, 0x9003, None),
    ],
)
def test_exif_time(tmp_path, time, tag, expected):
    assert taken_at(save(tmp_path / "a.jpg", time=time, tag=tag)) == expected


def test_time_of_a_file_that_is_no_image_is_missing(tmp_path):
    (tmp_path / "a.jpg").write_text("no photograph")
    assert taken_at(tmp_path / "a.jpg") is None


def test_empty_folder_says_what_was_expected(tmp_path):
    (tmp_path / "lynx").mkdir()
    with pytest.raises(
        CatalogueError, match=r"no images under .*lynx.*expected lynx/<identity>/<image>.jpg.*dataset='csv'"
    ):
        read_catalogue("folder", str(tmp_path / "lynx"))


def test_images_beside_the_animals_folders_are_refused(tmp_path):
    save(tmp_path / "a/1.jpg")
    save(tmp_path / "stray.jpg")
    with pytest.raises(CatalogueError, match=r"1 images lie directly in .*stray.jpg"):
        read_catalogue("folder", str(tmp_path))


def test_photographs_of_unreadable_kinds_are_told(tmp_path):
    save(tmp_path / "a/1.jpg")
    for i in range(3):
        (tmp_path / "a" / f"{i}.HEIC").write_bytes(b"x")
    assert any("3 .heic" in note for note in read_catalogue("folder", str(tmp_path)).notes)
    (tmp_path / "a/1.jpg").unlink()
    with pytest.raises(CatalogueError, match=r"found 3 \.heic"):
        read_catalogue("folder", str(tmp_path))


def test_split_folders_taken_for_animals_are_told(tmp_path):
    for name in ("train/a/1.jpg", "test/b/1.jpg"):
        save(tmp_path / name)
    assert any(
        "folders taken for animals: test, train" in note for note in read_catalogue("folder", str(tmp_path)).notes
    )


def test_links_are_followed_but_not_in_circles(tmp_path):
    save(tmp_path / "elsewhere/1.jpg")
    save(tmp_path / "photos/a/2.jpg")
    try:
        (tmp_path / "photos/b").symlink_to(tmp_path / "elsewhere", target_is_directory=True)
        (tmp_path / "photos/a/circle").symlink_to(tmp_path / "photos", target_is_directory=True)
    except OSError:
        pytest.skip("this system makes no links")
    assert list(readers.read("folder", str(tmp_path / "photos")).frame[PATH]) == ["a/2.jpg", "b/1.jpg"]


def save_as_bytes(root, *names):
    for number, name in enumerate(names):
        file = os.path.join(os.fsencode(root), name)
        try:
            os.makedirs(os.path.dirname(file), exist_ok=True)
            with open(file, "wb") as stream:
                Image.fromarray(np.full((16, 24, 3), number, np.uint8)).save(stream, "PNG")
        except OSError:
            pytest.skip("this file system takes names in UTF-8 only")


@pytest.mark.parametrize("timed", [False, True])
def test_names_that_are_not_utf_8_are_told_with_the_cure_or_left_out(tmp_path, timed):
    save(tmp_path / "a/0.jpg", time="2021:05:01 10:00:00" if timed else None)
    save_as_bytes(tmp_path, b"a/1.png", b"b/caf\xe9.png", b"Zo\xeb/1.png", b"b/2.png")
    with pytest.raises(CatalogueError, match=r"(?s)2 x name that is not UTF-8 \(cure: rename.*Zo\\xeb/1.png.*caf\\xe9"):
        read_catalogue("folder", str(tmp_path))
    catalogue = read_catalogue("folder", str(tmp_path), skip_unreadable=True)
    assert catalogue.rows[PATH].tolist() == ["a/0.jpg", "a/1.png", "b/2.png"] and catalogue.fingerprint
    (note,) = [note for note in catalogue.notes if "left out" in note]
    assert note.startswith("2 of 5 images left out") and r"b/caf\xe9.png" in note


def test_a_folder_with_no_name_in_utf_8_and_one_below_such_a_folder(tmp_path):
    save_as_bytes(tmp_path, b"x/caf\xe9/1.png")
    with pytest.raises(CatalogueError, match=r"no photograph under .* has a name in UTF-8 \(first: caf\\xe9/1.png\)"):
        read_catalogue("folder", str(tmp_path / "x"))
    with pytest.raises(CatalogueError, match=r"caf\\xe9 has a name that is not UTF-8.*rename"):
        read_catalogue("folder", str(tmp_path / "x" / os.fsdecode(b"caf\xe9")))


def test_a_nul_byte_in_a_path_is_told(tmp_path):
    with pytest.raises(CatalogueError, match=r"data_root 'a\\x00b' holds a NUL byte"):
        read_catalogue("folder", "a\0b")
    save(tmp_path / "a.jpg")
    (tmp_path / "list.csv").write_bytes(b"path,identity\na.jpg,x\nb\0.jpg,y\n")
    with pytest.raises(CatalogueError, match=r"list.csv, line 3: a NUL byte"):
        read_catalogue("csv", str(tmp_path))


def test_file_as_folder_is_refused(tmp_path):
    with pytest.raises(CatalogueError, match="dataset='csv'"):
        read_catalogue("folder", str(save(tmp_path / "a.jpg")))


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


# competitions


def competition(train, test):
    """The columns of metadata.csv as the AnimalCLEF competitions have them; the test part has no identities."""
    paths = [
        "LynxID2025/1.jpg",
        "LynxID2025/2.jpg",
        "SeaTurtleID2022/3.jpg",
        "LynxID2025/4.jpg",
        "SalamanderID2025/5.jpg",
    ]
    return {
        "image_id": range(5),
        "identity": ["LynxID2025_lynx_37", "LynxID2025_lynx_44", "SeaTurtleID2022_t243", None, None],
        "path": [f"images/{path}" for path in paths],
        "date": [None, None, "2017-06-30", None, "2018-05-01"],
        "orientation": ["left", "right", "top", "unknown", "top"],
        "species": ["lynx", "lynx", "loggerhead turtle", "lynx", "salamander"],
        "split": [train, train, train, test, test],
        "dataset": [path.split("/")[0] for path in paths],
    }


@pytest.mark.parametrize(("year", "train", "test"), [(2025, "database", "query"), (2026, "train", "test")])
def test_animalclef(tmp_path, year, train, test):
    root = write_table(tmp_path, competition(train, test))
    rows = read_catalogue(f"animalclef{year}", str(root)).rows
    assert list(rows[SPLIT]) == ["train"] * 3 + ["test"] * 2
    assert rows[IDENTITY].isna().tolist() == [False] * 3 + [True] * 2
    assert list(rows[IMAGE_ID]) == ["0", "1", "2", "3", "4"]
    assert rows[INDIVIDUAL][2] == "SeaTurtleID2022/SeaTurtleID2022_t243"
    assert list(rows[SPECIES])[-1] == "salamander" and rows[DATE][2] == "2017-06-30"


def test_wildlifereid10k(tmp_path):
    rows = {
        "identity": ["ATRW_1", "ATRW_1", "BelugaID_2"],
        "path": ["images/ATRW/a.jpg", "images/ATRW/b.jpg", "images/BelugaID/a.jpg"],
        "date": [None, None, None],
        "orientation": ["left", "right", None],
        "species": ["tiger", "tiger", "whale"],
        "split": ["train", "test", "test"],
        "dataset": ["ATRW", "ATRW", "BelugaID"],
        "cluster_id": [0, 1, 2],
    }
    found = read_catalogue("wildlifereid10k", str(write_table(tmp_path, rows))).rows
    assert list(found[IMAGE_ID]) == rows["path"]
    assert list(found[SPLIT]) == rows["split"] and list(found[DATASET]) == rows["dataset"]


@pytest.mark.parametrize("dataset", ["animalclef2025", "animalclef2026", "wildlifereid10k"])
@pytest.mark.parametrize("root", ["", "nowhere/at/all", "empty"])
def test_without_its_data_a_competition_says_where_they_come_from_and_how_they_lie(
    dataset, root, tmp_path, monkeypatch
):
    monkeypatch.delenv("REID_DATA", raising=False)
    (tmp_path / "empty").mkdir()
    page = {"animalclef2025": "animal-clef-2025", "animalclef2026": "animal-clef-2026"}.get(dataset, "wildlifereid-10k")
    with pytest.raises(CatalogueError) as caught:
        read_catalogue(dataset, str(tmp_path / root) if root else "")
    for words in (f"kaggle.com/.*{page}", f"reid_lib download -p dataset {dataset}", r"metadata\.csv", "images/"):
        assert re.search(words, str(caught.value)), words
    with pytest.raises(CatalogueError) as caught:
        read_catalogue("csv", "nowhere")
    assert "kaggle" not in str(caught.value)


def test_wrong_folder_for_a_competition(tmp_path):
    with pytest.raises(CatalogueError, match=r"no table in .*expected metadata\.csv"):
        read_catalogue("animalclef2025", str(tmp_path))


# demo and names


@pytest.mark.parametrize("dataset, size", [("demo", "default"), ("demo:small", "small"), ("demo:large", "large")])
def test_demo_is_drawn_from_the_split_seed(tmp_path, monkeypatch, dataset, size):
    demo = types.ModuleType("reid_lib.demo")
    asked = []

    def draw_demo(size, seed):
        asked.append((size, seed))
        return write_table(tmp_path, {"image_id": ["1"], "path": ["a.jpg"], "identity": ["x"], "dataset": ["spots"]})

    demo.draw_demo = draw_demo
    monkeypatch.setitem(sys.modules, "reid_lib.demo", demo)
    catalogue = read_catalogue(dataset, split_seed=5)
    assert asked == [(size, 5)]
    assert list(catalogue.rows[INDIVIDUAL]) == ["spots/x"] and catalogue.name == dataset


@pytest.mark.parametrize(
    ("name", "near"), [("animalclef2027", "animalclef2026"), ("Folder", "folder"), ("demo:smal", "demo:small")]
)
def test_unknown_data_set_names_the_near_one(name, near):
    with pytest.raises(CatalogueError, match=f"did you mean '{near}'"):
        read_catalogue(name, ".")


def test_missing_data_root_lists_the_places_tried():
    with pytest.raises(CatalogueError, match="looked for"):
        read_catalogue("folder", "no/such/folder")
    with pytest.raises(CatalogueError, match="data_root is empty"):
        read_catalogue("csv")


# wildlife-datasets


def test_unknown_class_names_the_near_ones(tmp_path):
    pytest.importorskip("wildlife_datasets")
    with pytest.raises(CatalogueError, match="did you mean NyalaData"):
        read_catalogue("wildlife:nyaladata", str(tmp_path))


def test_wrong_folder_for_a_class(tmp_path):
    pytest.importorskip("wildlife_datasets")
    with pytest.raises(CatalogueError, match=r"NyalaData cannot read .*get_data"):
        read_catalogue("wildlife:NyalaData", str(tmp_path))


def test_missing_package_says_how_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "wildlife_datasets", None)
    with pytest.raises(CatalogueError, match=r"pip install -e '\.\[wildlife\]'"):
        read_catalogue("wildlife:NyalaData", str(tmp_path))


def test_class_with_unknown_animals_boxes_and_videos(tmp_path, monkeypatch):
    datasets = pytest.importorskip("wildlife_datasets.datasets")
    names = [save(tmp_path / f"{i}.jpg").name for i in range(4)]

    class Fake(datasets.WildlifeDataset):
        unknown_name = "nobody"

        def create_catalogue(self):
            boxes = pd.Series([[0, 0, 10, 10], [1.5, 0, 10, 10], np.nan, np.nan], dtype=object)
            ids = {"image_id": [3, 1, 2, 0], "identity": ["a", "a", "b", "nobody"], "path": names}
            more = {"bbox": boxes, "video": [1, 2, 1, 1], "original_split": ["train", "test", "train", "test"]}
            return self.finalize_catalogue(pd.DataFrame(ids | more))

    monkeypatch.setattr(datasets, "Fake", Fake, raising=False)
    rows = read_catalogue("wildlife:Fake", str(tmp_path)).rows.set_index(IMAGE_ID)
    assert list(rows.loc[["3", "1", "2"], ENCOUNTER]) == ["a-1", "a-2", "b-1"]
    assert list(rows.loc[["3", "1"], BBOX]) == ["0,0,10,10", "1.5,0,10,10"] and rows[BBOX].isna().sum() == 2
    assert pd.isna(rows.loc["0", INDIVIDUAL]) and rows.loc["3", INDIVIDUAL] == "Fake/a"
    assert list(rows.loc[["3", "1", "2", "0"], SPLIT]) == ["train", "test", "train", "test"]


def test_nyala_encounters_and_flanks(nyala_root):
    """The numbers are from the description of the data and a count of its file names, not from this code.

    The description's 938 encounters "with exactly one left and one right" are those that have both flanks; six of
    them hold a second copy of a photograph ("...photo(1).jpg").
    """
    pytest.importorskip("wildlife_datasets")
    catalogue = read_catalogue("wildlife:NyalaData", str(nyala_root))
    rows = catalogue.rows
    assert rows[ENCOUNTER].nunique() == 996
    assert (rows.groupby(ENCOUNTER)[INDIVIDUAL].nunique() == 1).all()
    sides = pd.crosstab(rows[ENCOUNTER], rows[ORIENTATION])
    assert set(sides.columns) == {"left", "right"}
    assert (sides > 0).all(axis=1).sum() == 938
    assert (sides == 1).all(axis=1).sum() == 938 - 6
    assert (rows.groupby(INDIVIDUAL)[ENCOUNTER].nunique() >= 2).sum() == 180
    numbers = rows[ENCOUNTER].str.split("-").str[1]
    assert numbers.nunique() == 996  # no number is shared by two animals
    assert SPLIT not in rows and any("not used" in note for note in catalogue.notes)


def test_the_built_in_animals_take_no_photographs():
    with pytest.raises(CatalogueError, match="data_root is 'photos', but dataset 'demo' draws.*pass dataset folder"):
        readers.read("demo", "photos")
