"""The catalogue: what every later step counts on, the audit, the fingerprint."""

import hashlib
import os
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


def test_fingerprint_changes_with_a_photograph_of_equal_size_and_time(photos):
    """A run read "finished, nothing is computed again" over photographs that had been replaced."""
    target = photos / "a" / "0.png"
    before, stat = read_catalogue("folder", str(photos)), target.stat()
    replaced = photos / "b" / "0.png"
    data = replaced.read_bytes().ljust(stat.st_size, b"\0")
    target.write_bytes(data)
    os.utime(target, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    after = Catalogue(before.rows, photos, "folder")
    assert target.stat().st_size == stat.st_size and after.fingerprint != before.fingerprint


def test_runs_of_versions_that_knew_sizes_alone_go_on(photos):
    """Their fingerprint, written down here as they made it."""
    catalogue = read_catalogue("folder", str(photos))
    columns = [IMAGE_ID, IDENTITY, DATASET, PATH]
    sizes = [file.stat().st_size for file in catalogue.files()]
    rows = ["\t".join([*row, str(n)]) for row, n in zip(catalogue.rows[columns].to_numpy(), sizes, strict=True)]
    stored = hashlib.sha256("\n".join(["\t".join(columns), *sorted(rows)]).encode()).hexdigest()[:16]
    assert catalogue.fingerprint_like(stored) == stored != catalogue.fingerprint
    assert catalogue.fingerprint_like("") == catalogue.fingerprint_like("0" * 16) == catalogue.fingerprint


def test_real_photographs_pass_the_audit(nyala_root):
    pytest.importorskip("wildlife_datasets")
    catalogue = read_catalogue("wildlife:NyalaData", str(nyala_root))
    assert len(catalogue) == 1942
    assert catalogue.rows[INDIVIDUAL].nunique() == 237
