"""The readers, one by one: what each layout on disk becomes."""

import os
from datetime import datetime, timedelta

import numpy as np
import pytest
from PIL import Image
from readers_cases import save

from reid_lib.core.errors import CatalogueError
from reid_lib.core.names import (
    DATASET,
    DATE,
    DRAW_KEY,
    ENCOUNTER,
    IDENTITY,
    IMAGE_ID,
    ORIENTATION,
    PATH,
    UTC_OFFSET,
)
from reid_lib.data import kinds
from reid_lib.data.audit import KIND, NOT_READ
from reid_lib.data.catalogue import FINGERPRINTED, read_catalogue
from reid_lib.data.file_states import read_state
from reid_lib.data.readers import registry
from reid_lib.data.readers.folder import find_encounters

pytestmark = pytest.mark.usefixtures("clean_dirs")


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
    assert list(registry.read("folder", str(tmp_path)).frame[PATH]) == ["a/1.jpg", "a/2.jpg", "b/1.jpg", "b/x/0.jpg"]


def test_thirty_minutes_part_two_encounters():
    start = datetime(2021, 5, 1, 10)
    minutes = [0, 30, 60, 91, None, 0]
    times = [None if m is None else start + timedelta(minutes=m) for m in minutes]
    names = find_encounters(["a", "a", "a", "a", "a", "b"], times)
    assert names[0] == names[1] == names[2] == "a 2021-05-01 10:00:00"  # each within 30 minutes of the one before
    assert names[3] == "a 2021-05-01 11:31:00"
    assert names[4] == "a (no time)"
    assert names[5] == "b 2021-05-01 10:00:00"


def test_encounters_do_not_depend_on_the_order_of_files():
    times = [datetime(2021, 5, 1, 10) + timedelta(minutes=m) for m in (0, 50, 25, 200)]
    names = find_encounters(["a"] * 4, times)
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
    (note,) = (note for note in catalogue.notes if "encounters are unknown, and the split may leak" in note)
    assert "-p encounter '{identity}/{encounter}_*'" in note  # what to do


@pytest.mark.parametrize(
    ("time", "tag", "expected"),
    [
        ("2021:05:01 10:00:00", 0x9003, datetime(2021, 5, 1, 10)),
        ("2021:05:01 10:00:00", 0x9004, datetime(2021, 5, 1, 10)),
        ("2021-05-01T10:00:00+02:00", 0x9003, datetime(2021, 5, 1, 10)),
        ("2021:05:01 10:00:00", 0x0132, None),  # when the file was changed
        ("0000:00:00 00:00:00", 0x9003, None),
        ("    :  :     :  :  ", 0x9003, None),
        (None, 0x9003, None),
    ],
)
def test_exif_time(tmp_path, time, tag, expected):
    assert read_state(save(tmp_path / "a.jpg", time=time, tag=tag), exif=True).taken == expected


def test_time_of_a_file_that_is_no_image_is_missing(tmp_path):
    (tmp_path / "a.jpg").write_text("no photograph")
    assert read_state(tmp_path / "a.jpg", exif=True).taken is None


def test_empty_folder_says_what_was_expected(tmp_path):
    (tmp_path / "lynx").mkdir()
    with pytest.raises(
        CatalogueError, match=r"no images under .*lynx.*expected lynx/<identity>/<image>.jpg.*dataset='csv'"
    ):
        read_catalogue("folder", str(tmp_path / "lynx"))


def test_images_beside_the_animals_folders_are_refused(tmp_path):
    save(tmp_path / "a/1.jpg")
    save(tmp_path / "stray.jpg")
    with pytest.raises(CatalogueError, match=r"1 image lies directly in .*stray.jpg"):
        read_catalogue("folder", str(tmp_path))


def test_what_is_not_read_is_counted_listed_and_stops_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr(kinds, "can_read_heif", lambda: False)
    save(tmp_path / "a/1.jpg")
    for name in ("a/0.HEIC", "a/1.HEIC", "a/2.CR2", "b/3.nef", "b/4.MP4", "b/5.gif", "b/notes.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"x")
    catalogue = read_catalogue("folder", str(tmp_path))
    (note,) = [note for note in catalogue.notes if note.startswith("passed over: ")]
    assert "2 .heic (a HEIC photograph: pip install -e '.[heic]'" in note and "1 .cr2, 1 .nef (raw data of a" in note
    assert "1 .mp4 (a video: take its frames out" in note and "1 .gif (GIF: save it as JPEG or PNG)" in note
    assert catalogue.left_out[PATH].tolist() == sorted(NOT_READ_THERE) and len(catalogue) == 1
    assert set(catalogue.left_out[KIND]) == {NOT_READ}
    (tmp_path / "a/1.jpg").unlink()
    with pytest.raises(CatalogueError, match=r"found 2 \.heic .*1 \.cr2"):
        read_catalogue("folder", str(tmp_path))


NOT_READ_THERE = ("a/0.HEIC", "a/1.HEIC", "a/2.CR2", "b/3.nef", "b/4.MP4", "b/5.gif")


def test_files_passed_over_are_listed_behind_those_that_cannot_be_used(tmp_path):
    save(tmp_path / "a/1.jpg")
    (tmp_path / "a/2.jpg").write_text("no photograph")
    (tmp_path / "a/3.mov").write_bytes(b"x")
    left_out = read_catalogue("folder", str(tmp_path), skip_unreadable=True).left_out
    assert left_out[PATH].tolist() == ["a/2.jpg", "a/3.mov"] and left_out.index.is_unique


def test_heic_is_a_photograph_like_others_and_keeps_its_time(tmp_path):
    pytest.importorskip("pillow_heif")
    kinds.can_read_heif()
    exif = Image.Exif()
    exif[0x8769] = {0x9003: "2024:05:01 10:11:12", 0x9011: "+02:00"}
    (tmp_path / "a").mkdir()
    Image.fromarray(np.full((48, 64, 3), 90, np.uint8)).save(tmp_path / "a/IMG_1.HEIC", exif=exif.tobytes())
    catalogue = read_catalogue("folder", str(tmp_path))
    row = catalogue.rows.iloc[0]
    assert (row[PATH], row[DATE], row[UTC_OFFSET]) == ("a/IMG_1.HEIC", "2024-05-01T10:11:12", "+02:00")
    assert UTC_OFFSET not in FINGERPRINTED, "runs of before know no zone"


# a pattern of the paths


def test_a_pattern_tells_encounters_of_each_animal(tmp_path):
    for name in ("Anna/1_a.jpg", "Anna/1_b.jpg", "Anna/2_a.jpg", "Bob/1_a.jpg", "Bob/stray.jpg"):
        save(tmp_path / name, time="2021:05:01 10:00:00")
    catalogue = read_catalogue("folder", str(tmp_path), encounter="{identity}/{encounter}_*")
    told = catalogue.rows.set_index(PATH)[ENCOUNTER].fillna("").to_dict()
    assert told == {
        "Anna/1_a.jpg": "Anna 1",
        "Anna/1_b.jpg": "Anna 1",
        "Anna/2_a.jpg": "Anna 2",
        "Bob/1_a.jpg": "Bob 1",
        "Bob/stray.jpg": "",
    }
    notes = " ".join(catalogue.notes)
    assert "fits 4 of 5 photographs, and not Bob/stray.jpg" in notes and "3 encounters by the pattern" in notes
    assert DRAW_KEY not in catalogue.rows and catalogue.rows[DATE].nunique() == 1, "the times of EXIF stay"


def test_a_pattern_names_the_animals_of_photographs_in_one_folder(tmp_path):
    for name in ("Anna_1_left.jpg", "Anna_2_right.jpg", "Bob_1_left.jpg"):
        save(tmp_path / name)
    rows = read_catalogue("folder", str(tmp_path), encounter="{identity}_{encounter}_{orientation}.jpg").rows
    assert rows[IDENTITY].tolist() == ["Anna", "Anna", "Bob"] and rows[ORIENTATION].tolist() == [
        "left",
        "right",
        "left",
    ]
    save(tmp_path / "stray.jpg")
    with pytest.raises(CatalogueError, match=r"1 image lies directly in .* and do not fit .*stray.jpg"):
        read_catalogue("folder", str(tmp_path), encounter="{identity}_{encounter}_{orientation}.jpg")


def test_subfolders_are_encounters_and_a_date_in_the_path_counts(tmp_path):
    for name in ("Anna/2021-05-01 river/a.jpg", "Anna/2021-05-02 hill/b.jpg"):
        save(tmp_path / name, time="1999:01:01 10:00:00")
    rows = read_catalogue("folder", str(tmp_path), encounter="{identity}/{date} {encounter}/*").rows
    assert rows[ENCOUNTER].tolist() == ["Anna river", "Anna hill"] and rows[DATE].tolist() == [
        "2021-05-01",
        "2021-05-02",
    ]


def test_a_pattern_belongs_to_folders(tmp_path):
    with pytest.raises(CatalogueError, match="encounter is a pattern of paths, for dataset folder.*columns"):
        read_catalogue("csv", str(tmp_path), encounter="{identity}/{encounter}/*")


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
    assert list(registry.read("folder", str(tmp_path / "photos")).frame[PATH]) == ["a/2.jpg", "b/1.jpg"]


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
def test_names_that_are_not_utf_8_are_read_and_told(tmp_path, timed):
    save(tmp_path / "a/0.jpg", time="2021:05:01 10:00:00" if timed else None)
    save(tmp_path / "Zoë/2.jpg")
    save_as_bytes(tmp_path, b"a/1.png", b"b/caf\xe9.png", b"Zo\xeb/1.png", b"b/50%.png")
    catalogue = read_catalogue("folder", str(tmp_path))
    rows = catalogue.rows.set_index(PATH)
    assert rows[IDENTITY].to_dict() == {
        "a/0.jpg": "a",
        "a/1.png": "a",
        "b/50%.png": "b",
        "b/caf%E9.png": "b",
        "Zo%EB/1.png": "Zoë",
        "Zoë/2.jpg": "Zoë",
    }
    assert all(file.is_file() for file in catalogue.files()) and catalogue.fingerprint
    (note,) = [note for note in catalogue.notes if "not UTF-8" in note]
    assert note.startswith("2 names are not UTF-8: read as Windows-1252, e.g. 'Zoë/1.png'") and "convmv" in note


def test_a_name_that_cannot_be_told_from_another_one_is_left_out_or_told_with_the_cure(tmp_path):
    save_as_bytes(tmp_path, b"b/caf\xe9.png", b"b/caf%E9.png", b"a/1.png")
    with pytest.raises(CatalogueError, match=r"(?s)1 x name that is not UTF-8 \(cure: rename.*caf\\xe9"):
        read_catalogue("folder", str(tmp_path))
    catalogue = read_catalogue("folder", str(tmp_path), skip_unreadable=True)
    assert catalogue.rows[PATH].tolist() == ["a/1.png", "b/caf%E9.png"]
    (note,) = [note for note in catalogue.notes if "left out" in note]
    assert note.startswith("1 of 3 images left out") and r"b/caf\xe9.png" in note


@pytest.mark.skipif(os.sep == "\\", reason="a backslash parts folders here")
def test_blanks_before_a_folder_and_backslashes_in_names_are_names(tmp_path):
    """They were "missing files", of names that nobody had written."""
    names = [" anna/1.png", "anna/2.png", "berta /b\\c.png", "50%41/x\\1.png", "\u00a0z/1.png"]
    for number, name in enumerate(names):
        save(tmp_path / name, seed=number)
    catalogue = read_catalogue("folder", str(tmp_path))
    rows = catalogue.rows.set_index(PATH)[IDENTITY]
    assert rows.to_dict() == {
        "%20anna/1.png": "anna", "anna/2.png": "anna", "berta /b%5Cc.png": "berta", "50%2541/x%5C1.png": "50%41",
        "%C2%A0z/1.png": "z",
    }  # fmt: skip
    assert sorted(str(file.relative_to(tmp_path)) for file in catalogue.files()) == sorted(names)
    catalogue.rows.to_csv(tmp_path / "table.csv", index=False)  # and they come back from a table
    again = read_catalogue("csv", str(tmp_path / "table.csv"))
    assert again.files() == catalogue.files() and again.rows[IDENTITY].equals(catalogue.rows[IDENTITY])


def test_a_folder_with_no_name_in_utf_8_and_one_below_such_a_folder(tmp_path):
    save_as_bytes(tmp_path, b"x/caf\xe9/1.png")
    assert read_catalogue("folder", str(tmp_path / "x")).rows[IDENTITY].tolist() == ["café"]
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
