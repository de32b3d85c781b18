"""The catalogue: what every later step counts on, the audit, the fingerprint."""

import numpy as np
import pandas as pd
import pytest

from reid_lib.core.errors import CatalogueError
from reid_lib.core.names import BBOX, IDENTITY, IMAGE_ID, INDIVIDUAL, NEW_INDIVIDUAL, ORIENTATION, PATH, SPECIES, SPLIT
from reid_lib.data.normalise import normalise_table

pytestmark = pytest.mark.usefixtures("clean_dirs")


def frame(**columns) -> pd.DataFrame:
    given = {IMAGE_ID: ["1", "2"], PATH: ["a.png", "b.png"], IDENTITY: ["x", "y"]}
    return pd.DataFrame(given | columns)


def test_same_name_in_two_data_sets_is_two_animals():
    rows, _ = normalise_table(frame(identity=["01", "01"], dataset=["lynx", None]), dataset="csv")
    assert list(rows[INDIVIDUAL]) == ["lynx/01", "csv/01"]


def test_numbers_become_plain_text():
    rows, _ = normalise_table(frame(image_id=[1, 2], identity=[7.0, 12.0]), dataset="csv")
    assert list(rows[IMAGE_ID]) == ["1", "2"]
    assert list(rows[IDENTITY]) == ["7", "12"]


def test_leading_zeros_and_inner_blanks_stay_outer_blanks_go():
    rows, _ = normalise_table(frame(identity=[" 007", "Old  Tom "]), dataset="csv")
    assert list(rows[IDENTITY]) == ["007", "Old  Tom"]


def test_two_spellings_of_one_accent_are_one_animal():
    rows, _ = normalise_table(frame(identity=["Zoe\u0308", "Zo\u00eb"]), dataset="csv")
    assert rows[INDIVIDUAL].nunique() == 1


def test_backslashes_and_orientations_are_tidied():
    rows, _ = normalise_table(frame(path=["x\\a.png", "b.png"], orientation=["Left ", "Unknown"]), dataset="csv")
    assert list(rows[PATH]) == ["x/a.png", "b.png"]
    assert rows[ORIENTATION][0] == "left" and pd.isna(rows[ORIENTATION][1])


def test_several_species_in_one_cell_are_joined():
    rows, _ = normalise_table(frame(species=pd.Series([["lynx", "hare"], None], dtype=object)), dataset="csv")
    assert rows[SPECIES][0] == "lynx, hare"


@pytest.mark.parametrize("name", ["unknown", "Unidentified", NEW_INDIVIDUAL, " ", None, float("nan")])
def test_no_name_is_no_animal(name):
    rows, notes = normalise_table(frame(identity=["x", name]), dataset="csv")
    assert rows[IDENTITY].isna().tolist() == rows[INDIVIDUAL].isna().tolist() == [False, True]
    assert any("1 of 2 images have no identity" in note for note in notes)


def test_empty_optional_columns_go_and_strange_ones_too():
    rows, _ = normalise_table(frame(species=[None, None], weather=["sun", "rain"]), dataset="csv")
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
    rows, _ = normalise_table(frame(bbox=pd.Series([bbox, None], dtype=object)), dataset="csv")
    assert rows[BBOX][0] == text
    assert pd.isna(rows[BBOX][1])


def test_bbox_of_missing_numbers_is_missing():
    rows, _ = normalise_table(frame(bbox=pd.Series([[np.nan] * 4, [0, 0, 9, 9]], dtype=object)), dataset="csv")
    assert rows[BBOX].isna().tolist() == [True, False]


@pytest.mark.parametrize("column", [IMAGE_ID, PATH, IDENTITY])
def test_missing_column_is_named(column):
    with pytest.raises(CatalogueError, match=f"missing: {column}"):
        normalise_table(frame().drop(columns=column), dataset="csv")


def test_row_without_a_path_is_told():
    with pytest.raises(CatalogueError, match=r"1 row has no path \(rows 1"):
        normalise_table(frame(path=["a.png", None]), dataset="csv")


def test_a_row_without_a_path_is_told_as_such_where_the_path_names_the_image():
    with pytest.raises(CatalogueError, match=r"1 row has no path \(rows 1"):
        normalise_table(frame(path=["a.png", None], image_id=["a.png", None]), dataset="csv")


def test_nothing_labelled_is_an_error():
    with pytest.raises(CatalogueError, match="nothing to learn from"):
        normalise_table(frame(identity=[None, None]), dataset="csv")


def test_slash_in_a_data_set_must_not_merge_two_animals():
    with pytest.raises(CatalogueError, match="slashes"):
        normalise_table(frame(dataset=["a", "a/b"], identity=["b/c", "c"]), dataset="csv")


# the data set's own split


def official(identities, parts):
    n = len(parts)
    given = pd.DataFrame({IMAGE_ID: range(n), PATH: [f"{i}.png" for i in range(n)], IDENTITY: identities, SPLIT: parts})
    return normalise_table(given, dataset="csv")


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


@pytest.mark.parametrize(
    ("parts", "said"),
    [
        (["train", "train", "tset", "tets"], ["'tets' (did you mean 'test'?)", "'tset' (did you mean", "called test"]),
        (["trian", "trian", "test", "test"], ["'trian' (did you mean 'train'?)", "2 images are", "is called train"]),
        (["train"] * 4, ["not used: no row of it is called test"]),
        (["x", "y", "x", "y"], ["'x', 'y' are neither train nor test"]),
    ],
)
def test_a_mistyped_split_is_told_as_such(parts, said):
    """Dropping it with "no animal of its test part is in its training part" sent people to look at their animals."""
    rows, notes = official(["a", "b", "a", "b"], parts)
    assert SPLIT not in rows and all(any(words in note for note in notes) for words in said)
    assert not any("no animal of its test part" in note for note in notes)


def test_rows_without_a_split_value_are_told():
    rows, notes = official(["a", "a", "a", "b"], ["train", "test", None, ""])
    assert rows[SPLIT].isna().sum() == 2 and notes == ["2 images have no split value: left out of the official split"]


def test_unknown_split_value_is_told_and_left_out():
    rows, notes = official(["a", "a", "a"], ["train", "test", "junk"])
    assert rows[SPLIT].isna().tolist() == [False, False, True]
    assert "'junk'" in notes[0]
