"""The reader of wildlife-datasets: any of its classes as a catalogue."""

from pathlib import Path

import pandas as pd

from reid_lib.core.errors import CatalogueError
from reid_lib.core.names import ENCOUNTER, IDENTITY, PATH, SPLIT
from reid_lib.core.suggest import did_you_mean, find_near
from reid_lib.data.readers.tables import OUR_COLUMNS, Table

# Where a class of wildlife-datasets leaves the encounter in the file's name: one group of the pattern.
ENCOUNTER_IN_NAME = {"NyalaData": r"/(\d+)_(?:left|right)photo[^/]*$"}


def read_wildlife(name: str, root: Path) -> Table:
    """One row per image of a data set that wildlife-datasets knows.

    Args:
        name: of the class, such as "NyalaData".
        root: the data set's folder, as the class's `get_data` leaves it.

    Raises:
        CatalogueError: no such class, or it finds no images there.
    """
    kind = find_wildlife_class(name)
    try:
        # Not checked: the audit finds missing files, and reports all of them.
        frame = kind(root=str(root), check_files=False).df
    except Exception as error:  # every class fails in its own way in a wrong folder
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


def find_wildlife_class(name: str) -> type:
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
        guess = did_you_mean(find_near(name, classes, most=3), f": expected one of {', '.join(sorted(classes))}")
        raise CatalogueError(f"wildlife-datasets has no class {name!r}{guess}")
    return classes[name]


def _derive_encounters(frame: pd.DataFrame, name: str) -> pd.DataFrame:
    """The frame with encounters by names of files or videos, numbered within the animal; as it is without both."""
    if name in ENCOUNTER_IN_NAME:
        number = frame[PATH].str.replace("\\", "/").str.extract(ENCOUNTER_IN_NAME[name])[0]
    elif "video" in frame:  # frames of one video share place, light and minute
        number = frame["video"]
    else:
        return frame
    return frame.assign(**{ENCOUNTER: (frame[IDENTITY].astype(str) + "-" + number.astype(str)).where(number.notna())})
