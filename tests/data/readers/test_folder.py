"""The readers, one by one: what each layout on disk becomes."""

import os
from datetime import datetime, timedelta

import numpy as np
import pytest
from PIL import Image
from readers_cases import save

from reid_lib.core.errors import CatalogueError
from reid_lib.core.names import DATASET, DATE, ENCOUNTER, IDENTITY, IMAGE_ID, PATH
from reid_lib.data.catalogue import read_catalogue
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
