"""New photographs as people have them: folders of any depth, odd names, broken files, tables."""

import os

import numpy as np
import pytest
from PIL import Image

from reid_lib.core.errors import CatalogueError
from reid_lib.core.names import DATASET, DATE, ENCOUNTER, IDENTITY, IMAGE_ID, PATH
from reid_lib.data.new_photographs import read_photographs


def photo(path, *, seed=0, exif=None):
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(seed).integers(0, 255, (40, 48, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(path, **({} if exif is None else {"exif": exif}))
    return path


def read(path, **given):
    return read_photographs(str(path), **{"dataset": "d"} | given)


def test_a_folder_of_any_depth_with_blanks_and_umlauts(tmp_path):
    for k, name in enumerate(("a b.jpg", "Lüneburg/tief/Bär ß.JPG", "Lüneburg/2.png")):
        photo(tmp_path / name, seed=k)
    found = read(tmp_path)
    rows = found.catalogue.rows
    assert sorted(rows[PATH]) == ["Lüneburg/2.png", "Lüneburg/tief/Bär ß.JPG", "a b.jpg"]
    assert rows[IDENTITY].isna().all() and (rows[DATASET] == "d").all() and ENCOUNTER not in rows
    assert len(found.rejected) == 0 and all(file.is_file() for file in found.catalogue.files())


def test_subfolders_are_encounters_where_that_is_said(tmp_path):
    for name in ("one/1.jpg", "one/2.jpg", "two/1.jpg", "alone.jpg"):
        photo(tmp_path / name, seed=len(name))
    rows = read(tmp_path, folders="encounter").catalogue.rows.set_index(PATH)
    assert rows.loc["one/1.jpg", ENCOUNTER] == rows.loc["one/2.jpg", ENCOUNTER] == "one"
    assert rows.loc["two/1.jpg", ENCOUNTER] == "two" and rows[ENCOUNTER].isna()["alone.jpg"]


def test_what_cannot_be_used_is_listed_with_the_reason_and_stops_nothing(tmp_path):
    good = photo(tmp_path / "good.jpg").read_bytes()
    (tmp_path / "cut.jpg").write_bytes(good[:500])
    (tmp_path / "empty.jpg").write_bytes(b"")
    (tmp_path / "words.jpg").write_text("hello")
    (tmp_path / "notes.txt").write_text("hello")
    (tmp_path / "raw.cr2").write_bytes(b"II*")
    (tmp_path / "film.mp4").write_bytes(b"0")
    (tmp_path / "folder.jpg").mkdir()
    (tmp_path / ".hidden.jpg").write_bytes(b"")
    with open(os.fsencode(tmp_path) + b"/caf\xe9.jpg", "wb") as file:
        file.write(good)
    found = read(tmp_path)
    assert found.catalogue.rows[PATH].tolist() == ["caf%E9.jpg", "good.jpg"]
    reasons = dict(found.rejected.to_numpy().tolist())
    assert set(reasons) == {"cut.jpg", "empty.jpg", "words.jpg", "notes.txt", "raw.cr2", "film.mp4"}
    assert "cut off" in reasons["cut.jpg"] and "empty file" in reasons["empty.jpg"]
    assert "not an image" in reasons["words.jpg"] and "not a photograph (.txt)" == reasons["notes.txt"]
    assert "raw data" in reasons["raw.cr2"] and "a video" in reasons["film.mp4"]


def test_one_file_and_its_date(tmp_path):
    exif = Image.Exif()
    exif.get_ifd(0x8769)[0x9003] = "2024:05:01 10:11:12"
    found = read(photo(tmp_path / "one.jpg", exif=exif))
    assert found.catalogue.rows[[PATH, DATE]].to_numpy().tolist() == [["one.jpg", "2024-05-01 10:11:12"]]
    exif.get_ifd(0x8769)[0x9011] = "+02:00"
    found = read(photo(tmp_path / "two.jpg", exif=exif))
    assert found.catalogue.rows[DATE].tolist() == ["2024-05-01 10:11:12+02:00"], "exports ask for the zone"


def test_a_table_needs_no_names_and_keeps_those_it_has(tmp_path):
    for k in range(3):
        photo(tmp_path / f"{k}.jpg", seed=k)
    (tmp_path / "t.csv").write_text("file,day,trip\n0.jpg,2024-01-01,a\n1.jpg,,b\n2.jpg,,b\ngone.jpg,,b\n,,b\n")
    found = read(tmp_path / "t.csv", columns="date:day encounter:trip")
    rows = found.catalogue.rows
    assert rows[IMAGE_ID].tolist() == ["0.jpg", "1.jpg", "2.jpg"] and rows[IDENTITY].isna().all()
    assert rows[ENCOUNTER].tolist() == ["a", "b", "b"] and rows[DATE].iloc[0] == "2024-01-01"
    assert dict(found.rejected.to_numpy().tolist()) == {
        "gone.jpg": "missing file",
        "row 6 of t.csv": "it names no file",
    }
    (tmp_path / "named.csv").write_text("path,animal\n0.jpg,Anna\n1.jpg,\n")
    assert read(tmp_path / "named.csv").catalogue.rows[IDENTITY].tolist() == ["Anna", None]


def test_an_id_that_stands_twice_is_set_apart(tmp_path):
    photo(tmp_path / "0.jpg"), photo(tmp_path / "1.jpg", seed=1)
    (tmp_path / "t.csv").write_text("image_id,path\nx,0.jpg\nx,1.jpg\n")
    found = read(tmp_path / "t.csv")
    assert len(found.catalogue.rows) == 1 and "more than once" in found.rejected["reason"].iloc[0]


def test_nothing_there_and_columns_of_a_folder_are_told(tmp_path):
    with pytest.raises(CatalogueError, match="does not exist"):
        read(tmp_path / "nowhere")
    with pytest.raises(CatalogueError, match="which photographs"):
        read_photographs("", dataset="d")
    with pytest.raises(CatalogueError, match="columns are for tables"):
        read(tmp_path, columns="path:file")
    assert len(read(tmp_path).catalogue.rows) == 0


def test_a_table_may_call_all_of_its_animals_unknown_and_one_of_them_anything(tmp_path):
    photo(tmp_path / "0.jpg"), photo(tmp_path / "1.jpg", seed=1)
    (tmp_path / "t.csv").write_text("path,identity\n0.jpg,unknown\n1.jpg,unknown\n")
    assert read(tmp_path / "t.csv").catalogue.rows[IDENTITY].isna().all()
    (tmp_path / "t.csv").write_text("path,identity\n0.jpg,asked\n1.jpg,Anna\n")
    found = read(tmp_path / "t.csv").catalogue
    assert found.rows[IDENTITY].tolist() == ["asked", "Anna"] and not found.notes


def test_photographs_below_a_link_are_found(tmp_path):
    photo(tmp_path / "card" / "1.jpg")
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "linked").symlink_to(tmp_path / "card")
    (tmp_path / "photos" / "circle").symlink_to(tmp_path / "photos")
    assert read(tmp_path / "photos").catalogue.rows[PATH].tolist() == ["linked/1.jpg"]


def test_boxes_as_shares_of_the_sides_are_taken_as_a_run_takes_them(tmp_path):
    photo(tmp_path / "a.png")
    (tmp_path / "table.csv").write_text('path,bbox\na.png,"0.25,0.5,0.5,0.25"\n')
    catalogue = read(tmp_path / "table.csv").catalogue
    assert catalogue.rows["bbox"].tolist() == ["12,20,24,10"]  # of 48 x 40 pixels
    assert any("shares of the photograph's width and height" in note for note in catalogue.notes)
