"""The catalogue: what every later step counts on, the audit, the fingerprint."""

import shutil

import pandas as pd
import pytest
from catalogue_cases import save_noise

from reid_lib.core.names import BBOX, DATASET, IDENTITY, IMAGE_ID, INDIVIDUAL, PATH
from reid_lib.data.catalogue import Catalogue, read_catalogue

pytestmark = pytest.mark.usefixtures("clean_dirs")


# values


def test_rows_have_the_promised_columns(photos):
    catalogue = read_catalogue("folder", str(photos))
    assert list(catalogue.rows.columns) == [IMAGE_ID, PATH, IDENTITY, DATASET, INDIVIDUAL]
    assert list(catalogue.rows.index) == list(range(6))
    assert list(catalogue.rows[INDIVIDUAL]) == ["folder/a", "folder/a", "folder/b", "folder/b", "folder/c", "folder/c"]
    assert catalogue.files() == [photos / animal / f"{j}.png" for animal in "abc" for j in range(2)]
    assert len(catalogue) == 6 and catalogue.name == "folder" and catalogue.root == photos


def test_two_animals_of_one_photograph_have_their_boxes(photos):
    rows = {PATH: ["a/0.png"] * 2, IDENTITY: ["left one", "right one"], BBOX: ["0,0,12,16", "12,0,12,16"]}
    pd.DataFrame(rows).to_csv(photos / "m.csv", index=False)
    catalogue = read_catalogue("csv", str(photos))
    assert list(catalogue.rows[IMAGE_ID]) == ["a/0.png", "a/0.png#2"]


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
