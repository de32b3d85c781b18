"""The readers, one by one: what each layout on disk becomes."""

import sys

import numpy as np
import pandas as pd
import pytest
from readers_cases import save

from reid_lib.core.errors import CatalogueError
from reid_lib.core.names import BBOX, ENCOUNTER, IMAGE_ID, INDIVIDUAL, ORIENTATION, SPLIT
from reid_lib.data.catalogue import read_catalogue

pytestmark = pytest.mark.usefixtures("clean_dirs")


# wildlife-datasets


def test_unknown_class_names_the_near_ones(tmp_path):
    pytest.importorskip("wildlife_datasets")
    with pytest.raises(CatalogueError, match="did you mean 'NyalaData'"):
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
