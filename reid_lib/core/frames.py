"""Tables as CSV files that are read back as they were written: text stays text, numbers keep every digit."""

import csv
from pathlib import Path

import pandas as pd

from reid_lib.core.files import atomic
from reid_lib.core.names import (
    ACCEPTED,
    ALREADY,
    ASKED_TWICE,
    BBOX,
    DATASET,
    DATE,
    DECISION,
    ENCOUNTER,
    IDENTITY,
    IMAGE_ID,
    INDIVIDUAL,
    KNOWN,
    N_RANKS,
    NEW_ANIMAL,
    ORIENTATION,
    PATH,
    PREDICTED,
    PROBLEM,
    ROLE,
    SPECIES,
    SPLIT,
    UTC_OFFSET,
    WORDS,
    ranked_column,
)

# pandas 3 reads floats back exactly by default, and deprecates asking for it.
EXACT = {} if int(pd.__version__.split(".")[0]) >= 3 else {"float_precision": "round_trip"}
# Names stay text when read back: "007" is no number, and "NA" may be an animal.
TEXT_COLUMNS = {
    *(IMAGE_ID, PATH, IDENTITY, DATASET, INDIVIDUAL, ENCOUNTER, DATE, ORIENTATION, SPECIES, SPLIT, ROLE, PREDICTED),
    *(ranked_column(what, rank) for what in (IDENTITY, "image", ORIENTATION, DATE) for rank in range(1, N_RANKS + 1)),
    BBOX,
    UTC_OFFSET,
    *(DECISION, WORDS, NEW_ANIMAL, ACCEPTED, ALREADY, ASKED_TWICE, PROBLEM),  # of answers
    *(f"{name}_{side}" for name in (IMAGE_ID, PATH, DATASET, ROLE) for side in (1, 2)),  # of pairs of images
    "run",
    "reference",
}


def write_csv(path: Path, frame: pd.DataFrame) -> None:
    """Write `frame` whole, without its index; floats with all their digits."""
    # A lone carriage return ends the line for pandas' reader, yet Python's writer puts no quotes around it.
    quoting = csv.QUOTE_NONNUMERIC if _holds_a_return(frame) else csv.QUOTE_MINIMAL
    with atomic(path) as temporary:
        frame.to_csv(temporary, index=False, quoting=quoting)


def _holds_a_return(frame: pd.DataFrame) -> bool:
    texts = frame.select_dtypes(exclude=["number", "bool", "boolean"])
    return any(isinstance(value, str) and "\r" in value for name in texts for value in texts[name])


def read_csv(path: Path) -> pd.DataFrame:
    """What `write_csv` wrote: the same floats, names as text, `known` as nullable boolean."""
    columns = pd.read_csv(path, nrows=0).columns
    # Names are taken as they stand: only an empty field is missing, an animal may well be called "NA" or "None".
    types = {column: object for column in columns if column in TEXT_COLUMNS} | {KNOWN: "boolean"}
    types = {column: kind for column, kind in types.items() if column in columns}
    return pd.read_csv(path, dtype=types, keep_default_na=False, na_values=_missing(columns), **EXACT)


def _missing(columns: pd.Index) -> dict[str, list[str]]:
    """Column -> the cells that count as missing."""
    return {column: [""] if column in TEXT_COLUMNS else ["", "nan", "NaN", "<NA>"] for column in columns}
