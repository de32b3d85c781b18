"""From a data set as it lies on disk to one table: a reader for each layout, chosen by `dataset=`.

A reader finds the rows and derives what the layout says (encounters, flanks, the data set's own split);
`data.catalogue` then checks them, the same way for every reader.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from reid_lib.core.errors import CatalogueError
from reid_lib.core.paths import find_data
from reid_lib.core.suggest import did_you_mean, find_near
from reid_lib.data.readers.camtrap import read_camtrap
from reid_lib.data.readers.coco import COCO, MEGADETECTOR, read_coco, read_megadetector
from reid_lib.data.readers.folder import read_folder
from reid_lib.data.readers.tables import Table, read_table
from reid_lib.data.readers.wildlife import read_wildlife

TABLES = ("csv", "animalclef2025", "animalclef2026", "wildlifereid10k")
CAMTRAP = "camtrap-dp"
FOLDERS = ("folder", MEGADETECTOR)
RENAMED = (*TABLES, COCO)  # those whose columns can be named
OWN = ("csv", *FOLDERS, CAMTRAP, COCO)  # photographs of the user's own
DEMO_SIZES = {"demo": "default", "demo:small": "small", "demo:large": "large"}
WILDLIFE = "wildlife:"
READERS = (*DEMO_SIZES, "folder", *TABLES, CAMTRAP, COCO, MEGADETECTOR, WILDLIFE + "<ClassName>")

# Parameter `dataset` -> where the data set comes from, and how it spells its own split.
KAGGLE_PAGES = {
    "animalclef2025": ("https://www.kaggle.com/competitions/animal-clef-2025/data", "database or query"),
    "animalclef2026": ("https://www.kaggle.com/competitions/animal-clef-2026/data", "train or test"),
    "wildlifereid10k": ("https://www.kaggle.com/datasets/wildlifedatasets/wildlifereid-10k", "train or test"),
}


def read(dataset: str, data_root: str, *, columns: str = "", encounter: str = "", split_seed: int = 0) -> Table:
    """Read a data set.

    Args:
        dataset: one of `READERS`.
        data_root: folder (or table) on disk; empty for the demo data.
        columns: for the tables, pairs "ours:theirs".
        encounter: for the folder, a pattern of the paths, such as "{identity}/{encounter}_*".
        split_seed: the demo data are drawn from it.

    Raises:
        CatalogueError: unknown data set, nothing there, a column is missing, data_root or columns do not belong to it.
    """
    if columns and dataset not in RENAMED:
        raise CatalogueError(f"columns are for tables ({', '.join(RENAMED)}), not for dataset {dataset!r}")
    if encounter and dataset not in FOLDERS:
        raise CatalogueError(
            f"encounter is a pattern of paths, for dataset {' or '.join(FOLDERS)}, not for {dataset!r}: of a table, "
            "-p columns 'encounter:their_name' says which column tells the encounter"
        )
    if data_root and dataset in DEMO_SIZES:
        raise CatalogueError(
            f"data_root is {data_root!r}, but dataset {dataset!r} draws its own animals: pass dataset folder for "
            "folder/animal/photograph.jpg, csv for a table, or leave data_root empty"
        )
    if dataset in DEMO_SIZES:
        return _read_demo(dataset, split_seed)
    if dataset == "folder":
        return read_folder(find_data(data_root), encounter=encounter)
    if dataset in TABLES:
        with _told_where_from(dataset):
            return read_table(find_data(data_root), columns=columns)
    if dataset == CAMTRAP:
        return read_camtrap(find_data(data_root))
    if dataset == COCO:
        return read_coco(find_data(data_root), columns=columns)
    if dataset == MEGADETECTOR:
        return read_megadetector(find_data(data_root), encounter=encounter)
    if dataset.startswith(WILDLIFE):
        return read_wildlife(dataset.removeprefix(WILDLIFE), find_data(data_root))
    raise make_unknown_error(dataset)


def make_unknown_error(dataset: str) -> CatalogueError:
    """The error for a data set that no reader knows, with the nearest one that there is."""
    guess = did_you_mean(find_near(dataset, READERS))
    return CatalogueError(f"unknown dataset {dataset!r}: expected one of {', '.join(READERS)}{guess}")


@contextmanager
def _told_where_from(dataset: str) -> Iterator[None]:
    """Within the block, an error about a data set of Kaggle also says where it comes from, and how it is laid out."""
    try:
        yield
    except CatalogueError as error:
        if dataset not in KAGGLE_PAGES:
            raise
        page, split = KAGGLE_PAGES[dataset]
        join = " (join the competition there first)" if "/competitions/" in page else ""
        raise CatalogueError(
            f"{error}\n{dataset} comes from {page}{join}: `reid download -p dataset {dataset} "
            "-p data_root path/to/it` fetches it with Kaggle's own tool, or download the zip there and unpack it. "
            "data_root is the folder that then holds metadata.csv (image_id, identity, path, date, orientation, "
            f"species, split: {split}, dataset) and images/, as in images/LynxID2025/.../1.jpg"
        ) from None


def default_dataset(dataset: str) -> str:
    """The `dataset` of rows that name none. Not the folder's name, so that moving the photographs changes no result."""
    return dataset.removeprefix(WILDLIFE)


def _read_demo(dataset: str, seed: int) -> Table:
    from reid_lib.data.demo.study import draw_demo  # draws for seconds: only when asked for

    return read_table(draw_demo(DEMO_SIZES[dataset], seed))
