"""The catalogue: what every later step counts on, the audit, the fingerprint."""

import os
import shutil
import socket

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from reid_lib.catalogue import Catalogue, audit, read_catalogue
from reid_lib.errors import CatalogueError
from reid_lib.names import (
    BBOX,
    DATASET,
    IDENTITY,
    IMAGE_ID,
    INDIVIDUAL,
    NEW_INDIVIDUAL,
    ORIENTATION,
    PATH,
    SPECIES,
    SPLIT,
)
from reid_lib.tidy import tidy

pytestmark = pytest.mark.usefixtures("clean_dirs")


def save_noise(file, seed=0, size=(24, 16)):
    file.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(seed).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
    Image.fromarray(pixels).save(file)


@pytest.fixture
def photos(tmp_path):
    """Three animals with two photographs each, all different."""
    root = tmp_path / "photos"
    for i, animal in enumerate("abc"):
        for j in range(2):
            save_noise(root / animal / f"{j}.png", seed=10 * i + j)
    return root


def frame(**columns) -> pd.DataFrame:
    given = {IMAGE_ID: ["1", "2"], PATH: ["a.png", "b.png"], IDENTITY: ["x", "y"]}
    return pd.DataFrame(given | columns)


# values


def test_rows_have_the_promised_columns(photos):
    catalogue = read_catalogue("folder", str(photos))
    assert list(catalogue.rows.columns) == [IMAGE_ID, PATH, IDENTITY, DATASET, INDIVIDUAL]
    assert list(catalogue.rows.index) == list(range(6))
    assert list(catalogue.rows[INDIVIDUAL]) == ["folder/a", "folder/a", "folder/b", "folder/b", "folder/c", "folder/c"]
    assert catalogue.files() == [photos / animal / f"{j}.png" for animal in "abc" for j in range(2)]
    assert len(catalogue) == 6 and catalogue.name == "folder" and catalogue.root == photos


def test_same_name_in_two_data_sets_is_two_animals():
    rows, _ = tidy(frame(identity=["01", "01"], dataset=["lynx", None]), dataset="csv")
    assert list(rows[INDIVIDUAL]) == ["lynx/01", "csv/01"]


def test_numbers_become_plain_text():
    rows, _ = tidy(frame(image_id=[1, 2], identity=[7.0, 12.0]), dataset="csv")
    assert list(rows[IMAGE_ID]) == ["1", "2"]
    assert list(rows[IDENTITY]) == ["7", "12"]


def test_leading_zeros_and_inner_blanks_stay_outer_blanks_go():
    rows, _ = tidy(frame(identity=[" 007", "Old  Tom "]), dataset="csv")
    assert list(rows[IDENTITY]) == ["007", "Old  Tom"]


def test_two_spellings_of_one_accent_are_one_animal():
    rows, _ = tidy(frame(identity=["Zoe\u0308", "Zo\u00eb"]), dataset="csv")
    assert rows[INDIVIDUAL].nunique() == 1


def test_backslashes_and_orientations_are_tidied():
    rows, _ = tidy(frame(path=["x\\a.png", "b.png"], orientation=["Left ", "Unknown"]), dataset="csv")
    assert list(rows[PATH]) == ["x/a.png", "b.png"]
    assert rows[ORIENTATION][0] == "left" and pd.isna(rows[ORIENTATION][1])


def test_several_species_in_one_cell_are_joined():
    rows, _ = tidy(frame(species=pd.Series([["lynx", "hare"], None], dtype=object)), dataset="csv")
    assert rows[SPECIES][0] == "lynx, hare"


@pytest.mark.parametrize("name", ["unknown", "Unidentified", NEW_INDIVIDUAL, " ", None, float("nan")])
def test_no_name_is_no_animal(name):
    rows, notes = tidy(frame(identity=["x", name]), dataset="csv")
    assert rows[IDENTITY].isna().tolist() == rows[INDIVIDUAL].isna().tolist() == [False, True]
    assert any("1 of 2 images have no identity" in note for note in notes)


def test_empty_optional_columns_go_and_strange_ones_too():
    rows, _ = tidy(frame(species=[None, None], weather=["sun", "rain"]), dataset="csv")
    assert SPECIES not in rows and "weather" not in rows


@pytest.mark.parametrize(
    ("bbox", "text"),
    [
        ([1, 2, 3.5, 4], "1,2,3.5,4"),
        ("[1, 2, 3.5, 4]", "1,2,3.5,4"),
        ("1 2 3.50 4", "1,2,3.5,4"),
        ((1.0, 2, 30, 4), "1,2,30,4"),
    ],
)
def test_bbox_has_one_spelling(bbox, text):
    rows, _ = tidy(frame(bbox=pd.Series([bbox, None], dtype=object)), dataset="csv")
    assert rows[BBOX][0] == text
    assert pd.isna(rows[BBOX][1])


def test_bbox_of_missing_numbers_is_missing():
    rows, _ = tidy(frame(bbox=pd.Series([[np.nan] * 4, [0, 0, 9, 9]], dtype=object)), dataset="csv")
    assert rows[BBOX].isna().tolist() == [True, False]


@pytest.mark.parametrize("column", [IMAGE_ID, PATH, IDENTITY])
def test_missing_column_is_named(column):
    with pytest.raises(CatalogueError, match=f"missing: {column}"):
        tidy(frame().drop(columns=column), dataset="csv")


def test_row_without_a_path_is_told():
    with pytest.raises(CatalogueError, match=r"1 rows have no path \(rows 1"):
        tidy(frame(path=["a.png", None]), dataset="csv")


def test_nothing_labelled_is_an_error():
    with pytest.raises(CatalogueError, match="nothing to learn from"):
        tidy(frame(identity=[None, None]), dataset="csv")


def test_slash_in_a_data_set_must_not_merge_two_animals():
    with pytest.raises(CatalogueError, match="slashes"):
        tidy(frame(dataset=["a", "a/b"], identity=["b/c", "c"]), dataset="csv")


# the data set's own split


def official(identities, parts):
    n = len(parts)
    given = pd.DataFrame({IMAGE_ID: range(n), PATH: [f"{i}.png" for i in range(n)], IDENTITY: identities, SPLIT: parts})
    return tidy(given, dataset="csv")


def test_own_split_is_spelled_train_and_test():
    rows, notes = official(["a", "a", "a", "a", "b"], ["database", "Query", "TRAINING", "val", "test"])
    assert list(rows[SPLIT]) == ["train", "test", "train", "train", "test"]
    assert notes == []


def test_own_split_without_known_animals_in_test_is_dropped_and_told():
    rows, notes = official(["a", "a", "b"], ["train", "train", "test"])
    assert SPLIT not in rows
    assert "not used" in notes[0]


def test_own_split_with_unlabelled_test_stays():
    rows, _ = official(["a", "a", None], ["train", "train", "test"])
    assert list(rows[SPLIT]) == ["train", "train", "test"]


def test_unknown_split_value_is_told_and_left_out():
    rows, notes = official(["a", "a", "a"], ["train", "test", "junk"])
    assert rows[SPLIT].isna().tolist() == [False, False, True]
    assert "'junk'" in notes[0]


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
        "skip_unreadable=True",
    ):
        assert expected in message


def test_only_the_first_of_many_are_shown_but_all_are_counted(photos):
    for i in range(25):
        (photos / "a" / f"bad{i:02}.jpg").write_bytes(b"")
    with pytest.raises(CatalogueError, match="25 x unreadable image") as caught:
        read_catalogue("folder", str(photos))
    assert "a/bad09.jpg" in str(caught.value) and "a/bad10.jpg" not in str(caught.value)
    assert "and 15 more" in str(caught.value)


def test_a_path_with_a_nul_byte_is_a_missing_file(photos):
    rows = tidy(pd.DataFrame({IMAGE_ID: ["1"], PATH: ["a\0.png"], IDENTITY: ["a"]}), dataset="d")[0]
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
    assert note.startswith("4 of 8 images left out: 2 unreadable image (a/1.png: broken or cut off")
    assert "; a/bad.jpg: empty file (0 bytes)), 2 the same photograph under two identities (b/0.png: " in note
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


def test_two_animals_of_one_photograph_have_their_boxes(photos):
    rows = {PATH: ["a/0.png"] * 2, IDENTITY: ["left one", "right one"], BBOX: ["0,0,12,16", "12,0,12,16"]}
    pd.DataFrame(rows).to_csv(photos / "m.csv", index=False)
    catalogue = read_catalogue("csv", str(photos))
    assert list(catalogue.rows[IMAGE_ID]) == ["a/0.png", "a/0.png#2"]


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


# the fingerprint


def test_fingerprint_knows_nothing_of_place_and_order(photos, tmp_path):
    catalogue = read_catalogue("folder", str(photos))
    shutil.copytree(photos, tmp_path / "moved")
    moved = read_catalogue("folder", str(tmp_path / "moved"))
    turned = Catalogue(catalogue.rows[::-1].reset_index(drop=True), photos, "folder")
    assert catalogue.fingerprint == moved.fingerprint == turned.fingerprint
    assert len(catalogue.fingerprint) == 16 and int(catalogue.fingerprint, 16) >= 0


@pytest.mark.parametrize("column", [IMAGE_ID, IDENTITY, DATASET, "encounter", "orientation", "split", "bbox", "date"])
def test_fingerprint_changes_with_every_value_that_changes_results(photos, column):
    rows = read_catalogue("folder", str(photos)).rows
    before = Catalogue(rows.assign(**{column: rows[column] if column in rows else "1"}), photos, "folder")
    changed = before.rows.copy()
    changed.loc[3, column] = "changed"
    assert Catalogue(changed, photos, "folder").fingerprint != before.fingerprint


def test_fingerprint_changes_with_the_size_of_a_file(photos):
    before = read_catalogue("folder", str(photos)).fingerprint
    save_noise(photos / "a" / "0.png", size=(40, 40))
    assert read_catalogue("folder", str(photos)).fingerprint != before


def test_real_photographs_pass_the_audit(nyala_root):
    pytest.importorskip("wildlife_datasets")
    catalogue = read_catalogue("wildlife:NyalaData", str(nyala_root))
    assert len(catalogue) == 1942
    assert catalogue.rows[INDIVIDUAL].nunique() == 237
