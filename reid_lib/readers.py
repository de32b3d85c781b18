"""From a data set as it lies on disk to one table: a reader for each layout, chosen by `dataset=`.

A reader finds the rows and derives what the layout tells (encounters, flanks, the data set's own split);
`catalogue` then checks them, the same way for every reader.
"""

import difflib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pandas as pd

from reid_lib.errors import CatalogueError
from reid_lib.folder import read_folder
from reid_lib.names import ENCOUNTER, IDENTITY, PATH, SPLIT
from reid_lib.paths import find_data
from reid_lib.tables import OUR_COLUMNS, Table, read_table

TABLES = ("csv", "animalclef2025", "animalclef2026", "wildlifereid10k")
DEMO_SIZES = {"demo": "default", "demo:small": "small", "demo:large": "large"}
WILDLIFE = "wildlife:"
READERS = (*DEMO_SIZES, "folder", *TABLES, WILDLIFE + "<ClassName>")

# dataset= -> where it comes from, and how it spells its own split.
KAGGLE_PAGES = {
    "animalclef2025": ("https://www.kaggle.com/competitions/animal-clef-2025/data", "database or query"),
    "animalclef2026": ("https://www.kaggle.com/competitions/animal-clef-2026/data", "train or test"),
    "wildlifereid10k": ("https://www.kaggle.com/datasets/wildlifedatasets/wildlifereid-10k", "train or test"),
}

# Where a class of wildlife-datasets leaves the encounter in the file's name: one group of the pattern.
ENCOUNTER_IN_NAME = {"NyalaData": r"/(\d+)_(?:left|right)photo[^/]*$"}


def read(dataset: str, data_root: str, *, columns: str = "", split_seed: int = 0) -> Table:
    """Read a data set.

    Args:
        dataset: one of `READERS`.
        data_root: folder (or table) on disk; empty for the demo data.
        columns: for the tables, pairs "ours:theirs".
        split_seed: the demo data are drawn from it.

    Raises:
        CatalogueError: unknown data set, nothing there, a column is missing, data_root or columns do not belong to it.
    """
    if columns and dataset not in TABLES:
        raise CatalogueError(f"columns are for tables ({', '.join(TABLES)}), not for dataset {dataset!r}")
    if data_root and dataset in DEMO_SIZES:
        raise CatalogueError(
            f"data_root is {data_root!r}, but dataset {dataset!r} draws its own animals: pass dataset folder for "
            "folder/animal/photograph.jpg, csv for a table, or leave data_root empty"
        )
    if dataset in DEMO_SIZES:
        return _read_demo(dataset, split_seed)
    if dataset == "folder":
        return read_folder(find_data(data_root))
    if dataset in TABLES:
        with _told_where_from(dataset):
            return read_table(find_data(data_root), columns=columns)
    if dataset.startswith(WILDLIFE):
        return _read_wildlife(dataset.removeprefix(WILDLIFE), find_data(data_root))
    near = difflib.get_close_matches(dataset, READERS, 1)
    guess = f"; did you mean {near[0]!r}?" if near else ""
    raise CatalogueError(f"unknown dataset {dataset!r}: expected one of {', '.join(READERS)}{guess}")


@contextmanager
def _told_where_from(dataset: str) -> Iterator[None]:
    """A refusal in the block also says where a data set of Kaggle comes from, and how it is laid out."""
    try:
        yield
    except CatalogueError as error:
        if dataset not in KAGGLE_PAGES:
            raise
        page, split = KAGGLE_PAGES[dataset]
        join = " (join the competition there first)" if "/competitions/" in page else ""
        raise CatalogueError(
            f"{error}\n{dataset} comes from {page}{join}: `python -m reid_lib download -p dataset {dataset} "
            "-p data_root path/to/it` fetches it with Kaggle's own tool, or download the zip there and unpack it. "
            "data_root is the folder that then holds metadata.csv (image_id, identity, path, date, orientation, "
            f"species, split: {split}, dataset) and images/, as in images/LynxID2025/.../1.jpg"
        ) from None


def default_dataset(dataset: str) -> str:
    """The `dataset` value of rows that have none. Not the folder's name: moving the photographs changes no result."""
    return dataset.removeprefix(WILDLIFE)


def _read_demo(dataset: str, seed: int) -> Table:
    from reid_lib.demo import draw_demo  # draws for seconds: only when asked for

    return read_table(draw_demo(DEMO_SIZES[dataset], seed))


def _read_wildlife(name: str, root: Path) -> Table:
    kind = wildlife_class(name)
    try:
        # The audit looks for missing files itself, and tells all of them.
        frame = kind(root=str(root), check_files=False).df
    except Exception as error:  # a class trips over a wrong folder in its own way
        raise CatalogueError(
            f"wildlife-datasets' {name} cannot read {root} ({type(error).__name__}: {error}): "
            f"expected the folder as `{name}.get_data(root)` leaves it"
        ) from error
    if frame.empty:
        raise CatalogueError(f"wildlife-datasets' {name} finds no images in {root}")
    frame = frame.rename(columns={"original_split": SPLIT} if SPLIT not in frame else {})
    frame[IDENTITY] = frame[IDENTITY].mask(frame[IDENTITY].astype(str) == kind.unknown_name)
    if ENCOUNTER not in frame:
        frame = _derive_encounters(frame, name)
    return Table(frame[[column for column in OUR_COLUMNS if column in frame]], root)


def wildlife_class(name: str):
    """A class of wildlife-datasets by its name.

    Raises:
        CatalogueError: the package is not installed, or has no such class.
    """
    try:
        from wildlife_datasets import datasets
    except ImportError as error:
        raise CatalogueError(
            f"dataset 'wildlife:{name}' needs the package wildlife-datasets ({error}): pip install -e '.[wildlife]'"
        ) from error
    classes = {
        key: value
        for key, value in vars(datasets).items()
        if isinstance(value, type)
        and issubclass(value, datasets.WildlifeDataset)
        and value is not datasets.WildlifeDataset
    }
    if name not in classes:
        by_lower = {key.lower(): key for key in classes}
        near = [by_lower[match] for match in difflib.get_close_matches(name.lower(), by_lower, 3)]
        guess = f"; did you mean {' or '.join(near)}?" if near else f": expected one of {', '.join(sorted(classes))}"
        raise CatalogueError(f"wildlife-datasets has no class {name!r}{guess}")
    return classes[name]


def _derive_encounters(frame: pd.DataFrame, name: str) -> pd.DataFrame:
    """An encounter from the file's name or the video, where the class gives none. Numbered within the animal."""
    if name in ENCOUNTER_IN_NAME:
        number = frame[PATH].str.replace("\\", "/").str.extract(ENCOUNTER_IN_NAME[name])[0]
    elif "video" in frame:  # frames of one video share place, light and minute
        number = frame["video"]
    else:
        return frame
    return frame.assign(**{ENCOUNTER: (frame[IDENTITY].astype(str) + "-" + number.astype(str)).where(number.notna())})
