"""The catalogue: what every later step counts on, the audit, the fingerprint."""

import os
import shutil
import socket

import pandas as pd
import pytest
from catalogue_cases import save_noise
from PIL import Image

from reid_lib.core.errors import CatalogueError
from reid_lib.core.names import BBOX, IDENTITY, IMAGE_ID, PATH
from reid_lib.data.catalogue import Catalogue, audit, read_catalogue
from reid_lib.data.normalise import normalise_table

pytestmark = pytest.mark.usefixtures("clean_dirs")


# the audit


def test_all_problems_are_told_at_once_each_with_its_cure(photos, tmp_path):
    (photos / "a" / "0.png").write_bytes((photos / "a" / "0.png").read_bytes()[:100])
    (photos / "a" / "1.png").write_bytes(b"")
    (photos / "b" / "0.png").write_text("not a photograph")
    Image.new("RGB", (1, 1)).save(photos / "b" / "1.png")
    shutil.copy(photos / "c" / "0.png", photos / "copy.png")
    rows = [("1", "a/0.png", "a", ""), ("2", "a/1.png", "a", ""), ("3", "b/0.png", "b", ""), ("4", "b/1.png", "b", "")]
    rows += [
        ("5", "gone.png", "b", ""),
        ("6", "c/0.png", "c", ""),
        ("7", "copy.png", "d", ""),
        ("8", "c/1.png", "c", ""),
    ]
    rows += [("8", "c/1.png", "c", "1,1,5,5"), ("9", "c/1.png", "c", "1,1,0,0")]
    pd.DataFrame(rows, columns=[IMAGE_ID, PATH, IDENTITY, BBOX]).to_csv(photos / "metadata.csv", index=False)
    with pytest.raises(CatalogueError) as caught:
        read_catalogue("csv", str(photos))
    message = str(caught.value)
    for expected in (
        "10 problems",
        "2 x image_id that stands more than once (cure:",
        "1 x missing file (cure:",
        "gone.png",
        "4 x unreadable image (cure:",
        "a/0.png: broken or cut off",
        "a/1.png: empty file (0 bytes)",
        "b/0.png: not an image",
        "b/1.png: too small: 1x1 px",
        "1 x unusable bbox (cure:",
        "2 x the same photograph under two identities (cure:",
        "c/0.png = copy.png",
        "-p skip_unreadable True",
    ):
        assert expected in message


@pytest.mark.parametrize(
    ("there", "asked"), [(" d/1.png", "d/1.png"), ("D/1.PNG", "d/1.png"), ("d\\1.png", "d\\1.png")]
)
def test_a_missing_file_is_told_with_the_name_that_reads_alike(photos, there, asked):
    save_noise(photos / there, seed=77)
    if (photos / asked.replace("\\", "/")).exists():
        pytest.skip("this file system takes both for one")
    pd.DataFrame({PATH: ["a/0.png", asked], IDENTITY: ["a", "d"]}).to_csv(photos / "m.csv", index=False)
    with pytest.raises(CatalogueError) as caught:
        read_catalogue("csv", str(photos))
    assert f"d/1.png: there is {there!r}, which reads alike" in str(caught.value)


def test_only_the_first_of_many_are_shown_but_all_are_counted(photos):
    for i in range(25):
        (photos / "a" / f"bad{i:02}.jpg").write_bytes(b"")
    with pytest.raises(CatalogueError, match="25 x unreadable image") as caught:
        read_catalogue("folder", str(photos))
    assert "a/bad09.jpg" in str(caught.value) and "a/bad10.jpg" not in str(caught.value)
    assert "and 15 more" in str(caught.value)


def test_a_path_with_a_nul_byte_is_a_missing_file(photos):
    rows = normalise_table(pd.DataFrame({IMAGE_ID: ["1"], PATH: ["a\0.png"], IDENTITY: ["a"]}), dataset="d")[0]
    problems = audit(Catalogue(rows, photos, "d"), thorough=True)
    assert problems["kind"].tolist() == ["missing file"]


def test_skip_unreadable_leaves_out_and_says_so(photos):
    (photos / "a" / "bad.jpg").write_bytes(b"")
    shutil.copy(photos / "b" / "0.png", photos / "c" / "copy.png")
    whole = (photos / "a" / "1.png").read_bytes()
    (photos / "a" / "1.png").write_bytes(whole[:100] + b"?" * 50 + whole[150:])  # ends well, yet cannot be decoded
    catalogue = read_catalogue("folder", str(photos), skip_unreadable=True)
    assert list(catalogue.rows[PATH]) == ["a/0.png", "b/1.png", "c/0.png", "c/1.png"]
    assert list(catalogue.rows.index) == [0, 1, 2, 3]
    (note,) = (note for note in catalogue.notes if "left out" in note)
    assert note.startswith("4 of 8 images left out: 2 x unreadable image (a/1.png: broken or cut off")
    assert "; a/bad.jpg: empty file (0 bytes)), 2 x the same photograph under two identities (b/0.png: " in note
    assert note.endswith("left_out.csv of the run folder")
    assert list(catalogue.left_out[PATH]) == ["a/1.png", "a/bad.jpg", "b/0.png", "c/copy.png"]


def test_skip_unreadable_names_the_first_of_many_and_keeps_all(photos):
    for i in range(9):
        (photos / "a" / f"bad{i}.jpg").write_bytes(b"")
    catalogue = read_catalogue("folder", str(photos), skip_unreadable=True)
    (note,) = (note for note in catalogue.notes if "left out" in note)
    assert "a/bad0.jpg" in note and "a/bad2.jpg" in note and "a/bad3.jpg" not in note and "and 6 more" in note
    assert list(catalogue.left_out[PATH]) == [f"a/bad{i}.jpg" for i in range(9)]
    assert set(catalogue.left_out["detail"]) == {"empty file (0 bytes)"}


def test_what_is_no_file_is_told_and_never_opened(photos):
    """A named pipe would wait for ever for whoever writes into it."""
    os.mkfifo(photos / "a" / "pipe.jpg")
    listening = socket.socket(socket.AF_UNIX)
    listening.bind(str(photos / "a" / "socket.jpg"))
    (photos / "b" / "folder.jpg").mkdir()
    paths = ["a/0.png", "a/pipe.jpg", "a/socket.jpg", "b/folder.jpg", "b/gone.jpg"]
    pd.DataFrame({PATH: paths, IDENTITY: "x"}).to_csv(photos / "m.csv", index=False)
    told = ("a/pipe.jpg: a named pipe, not a file", "a/socket.jpg: a socket, not a file")
    with pytest.raises(CatalogueError) as caught:
        read_catalogue("csv", str(photos))
    for words in (*told, "b/folder.jpg: a folder, not a file", "1 x missing file", "b/gone.jpg"):
        assert words in str(caught.value)
    with pytest.raises(CatalogueError) as caught:  # the times of a folder's photographs are read before the audit
        read_catalogue("folder", str(photos))
    assert all(words in str(caught.value) for words in told)
    assert len(read_catalogue("folder", str(photos), skip_unreadable=True)) == 6


def test_skip_unreadable_does_not_hide_duplicated_ids(photos):
    pd.DataFrame({IMAGE_ID: ["1", "1"], PATH: ["a/0.png", "a/1.png"], IDENTITY: "a"}).to_csv(
        photos / "m.csv", index=False
    )
    with pytest.raises(CatalogueError, match=r"more than once(.|\n)*a/0.png: image_id '1'"):
        read_catalogue("csv", str(photos), skip_unreadable=True)


def test_nothing_left_is_an_error(tmp_path):
    (tmp_path / "photos" / "a").mkdir(parents=True)
    (tmp_path / "photos" / "a" / "0.jpg").write_bytes(b"")
    with pytest.raises(CatalogueError, match="no usable labelled image is left"):
        read_catalogue("folder", str(tmp_path / "photos"), skip_unreadable=True)


def test_copies_under_one_identity_are_a_note_not_an_error(photos):
    shutil.copy(photos / "a" / "0.png", photos / "a" / "copy.png")
    catalogue = read_catalogue("folder", str(photos))
    assert len(catalogue) == 7
    assert any("byte-identical" in note and "a/0.png = a/copy.png" in note for note in catalogue.notes)


def test_unlabelled_copy_is_no_second_identity(photos):
    shutil.copy(photos / "a" / "0.png", photos / "q.png")
    pd.DataFrame({PATH: ["a/0.png", "q.png"], IDENTITY: ["a", None]}).to_csv(photos / "m.csv", index=False)
    assert len(read_catalogue("csv", str(photos))) == 2


def test_equal_ends_and_sizes_are_not_yet_equal_files(photos):
    """Files of one size that differ in their first bytes only, behind the end that is compared first."""
    body = bytes(100_000)
    for name in ("a", "b"):
        whole = (photos / name / "0.png").read_bytes()
        (photos / name / "0.png").write_bytes(whole.ljust(2000, b"\0") + body)
    assert audit(read_catalogue("folder", str(photos))).empty
