"""Any table of photographs as a frame with our column names."""

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from reid_lib.core.errors import CatalogueError
from reid_lib.core.names import (
    BBOX,
    DATASET,
    DATE,
    DRAW_KEY,
    ENCOUNTER,
    IDENTITY,
    IMAGE_ID,
    OPTIONAL_COLUMNS,
    ORIENTATION,
    PATH,
    REQUIRED_COLUMNS,
    SPECIES,
    SPLIT,
    UTC_OFFSET,
)
from reid_lib.core.suggest import did_you_mean, find_near
from reid_lib.data.file_states import FileStates
from reid_lib.data.readers.table_file import ENDINGS, read_cells

# What other people call these columns; capitals, blanks and dashes do not matter.
ALIASES = {
    IMAGE_ID: ("image_id", "imageid", "photo_id", "id", "uuid"),
    PATH: ("path", "file", "filename", "file_name", "filepath", "file_path", "image_path", "image", "photo", "img"),
    IDENTITY: ("identity", "individual", "individual_id", "animal", "animal_id", "individual_name", "name", "label"),
    DATASET: ("dataset",),
    SPECIES: ("species", "taxon"),
    ENCOUNTER: ("encounter", "encounter_id", "sighting", "sighting_id", "event", "event_id", "seq_id"),
    DATE: ("date", "datetime", "date_time", "timestamp", "time", "datetimeoriginal", "date_captured"),
    UTC_OFFSET: ("utc_offset", "offsettimeoriginal"),
    ORIENTATION: ("orientation", "viewpoint", "flank", "side", "view"),
    BBOX: ("bbox", "bounding_box"),
    SPLIT: ("split", "subset", "original_split"),
}
BBOX_COLUMNS = ("bbox_x", "bbox_y", "bbox_width", "bbox_height")
# What programs write for a missing value. In a column of names it counts as a name, with a note.
NOTHING = (
    *("NA", "N/A", "n/a", "#N/A", "#NA", "#N/A N/A", "<NA>", "NULL", "null", "None", "NaN", "nan", "-NaN", "-nan"),
    *("1.#IND", "-1.#IND", "1.#QNAN", "-1.#QNAN"),
)
NAMES = (IMAGE_ID, PATH, IDENTITY, DATASET)
# Columns that a table can have; `draw_key` is written by readers only.
OUR_COLUMNS = tuple(c for c in dict.fromkeys(REQUIRED_COLUMNS + OPTIONAL_COLUMNS) if c != DRAW_KEY)


@dataclass(frozen=True)
class Table:
    """What a reader found.

    Attributes:
        frame: one row per image, with our column names; values are as they stood, of any type.
        root: folder that paths are relative to.
        notes: what a person should know, one sentence each.
        misnamed: photographs that no row can name, since their paths are not UTF-8; as they can be printed.
        states: of the files that the reader has looked into; None where it has not.
        passed: files that are passed over, as pairs of a path and the reason with its cure.
    """

    frame: pd.DataFrame
    root: Path
    notes: tuple[str, ...] = ()
    misnamed: tuple[str, ...] = ()
    states: FileStates | None = None
    passed: tuple[tuple[str, str], ...] = ()


def read_table(source: Path, *, columns: str = "") -> Table:
    """Read a CSV file, or the one in a folder (`metadata.csv` where there are several), and give its columns our names.

    Encodings and separators: see `table_file.read_cells`. Everything stays text, so that the animal "007" keeps its
    name. In a column of names (`NAMES`) only an empty cell is missing, as an animal may be called "NA"; in all other
    columns words such as "NA" (`NOTHING`) are missing, too.

    Args:
        source: the file or the folder.
        columns: pairs "ours:theirs", blank-separated; names with blanks in quotes ('identity:"Animal name"').

    Raises:
        CatalogueError: there is no table, or a column is missing; the message lists the columns found.
    """
    file = _find_csv(source)
    cells, notes = read_cells(file)
    frame, understood = rename_columns(cells, parse_columns(columns), where=str(file))
    return Table(frame, file.parent, (*notes, *understood, *_nothing_notes(frame)))


def parse_columns(columns: str, known: Sequence[str] = OUR_COLUMNS) -> dict[str, str]:
    """Our names of columns -> theirs: of "identity:animal path:file", {"identity": "animal", "path": "file"}.

    Args:
        columns: see `read_table`.
        known: our columns that can be named.

    Raises:
        CatalogueError: a pair cannot be read, or its first name is not in `known`.
    """
    mapping = {}
    try:
        pairs = shlex.split(columns)
    except ValueError as error:
        raise CatalogueError(
            f"columns {columns!r} cannot be read ({error}): expected 'identity:animal path:file'"
        ) from None
    for pair in pairs:
        ours, colon, theirs = pair.partition(":")
        if not (ours and colon and theirs):
            raise CatalogueError(f"columns: {pair!r} is not a pair ours:theirs, as in 'identity:animal path:file'")
        if ours not in known:
            guess = did_you_mean(find_near(ours, known))
            raise CatalogueError(f"columns: {ours!r} is none of our columns ({', '.join(known)}){guess}")
        mapping[ours] = theirs
    return mapping


def find_columns(
    frame: pd.DataFrame, given: dict[str, str], *, where: str, aliases: dict[str, tuple[str, ...]] = ALIASES
) -> dict[str, str]:
    """Our names of a table's columns -> theirs, those given first, the others by their usual names.

    Args:
        frame: the table.
        given: from `parse_columns`.
        where: what the table is called in a message.
        aliases: our names -> the usual names of others, the likeliest first.

    Raises:
        CatalogueError: a given column is not there.
    """
    theirs_of = {}
    for ours, theirs in given.items():
        if theirs not in frame.columns:
            guess = did_you_mean(find_near(theirs, map(str, frame.columns)))
            raise CatalogueError(f"{where} has no column {theirs!r} (for {ours}). It has: {list_columns(frame)}{guess}")
        theirs_of[ours] = theirs
    by_plain_name = _by_plain_name(frame)
    for ours, usual in aliases.items():
        free = (by_plain_name[a] for a in usual if by_plain_name.get(a) not in {None, *theirs_of.values()})
        if ours not in theirs_of and (theirs := next(free, None)) is not None:
            theirs_of[ours] = theirs
    return theirs_of


def has_column(frame: pd.DataFrame, ours: str) -> bool:
    """Has the table a column with one of the usual names (`ALIASES`) of `ours`?"""
    return not _by_plain_name(frame).keys().isdisjoint(ALIASES[ours])


def list_columns(frame: pd.DataFrame) -> str:
    """What the columns of a table are called, for a message."""
    return ", ".join(repr(str(column)) for column in frame.columns)


def rename_columns(frame: pd.DataFrame, given: dict[str, str], *, where: str) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """The columns we know, under our names, and notes on those that were found by their usual names.

    Args:
        frame, given, where: see `find_columns`.

    Raises:
        CatalogueError: there is no column of paths or none of identities.
    """
    theirs_of = find_columns(frame, given, where=where)
    missing = [column for column in (PATH, IDENTITY) if column not in theirs_of]
    if missing:
        example = " ".join(f"{ours}:their_name" for ours in missing)
        raise CatalogueError(
            f"{where} has no column for {' and '.join(missing)}. It has: {list_columns(frame)}. "
            f"Say which is which, e.g. -p columns '{example}'"
        )
    named = pd.DataFrame(
        {ours: frame[theirs] if ours in NAMES else _filled(frame[theirs]) for ours, theirs in theirs_of.items()}
    )
    by_plain_name = _by_plain_name(frame)
    if BBOX not in named and all(column in by_plain_name for column in BBOX_COLUMNS):
        named[BBOX] = _join_bbox(frame[[by_plain_name[column] for column in BBOX_COLUMNS]].apply(_filled))
    if IMAGE_ID not in named:
        named[IMAGE_ID] = _ids_from_paths(named)
    guessed = [f"{ours} from {theirs!r}" for ours, theirs in theirs_of.items() if ours not in given and ours != theirs]
    return named, (f"columns understood: {', '.join(guessed)}",) if guessed else ()


def _find_csv(source: Path) -> Path:
    if source.is_file():
        return source
    tables = sorted(p for p in source.iterdir() if p.suffix.lower() in ENDINGS and not p.name.startswith("."))
    named = [p for p in tables if p.name.lower() == "metadata.csv"]
    if len(tables) == 1 or named:
        return (named or tables)[0]
    if tables:
        names = ", ".join(p.name for p in tables[:10])
        raise CatalogueError(f"{source} has several tables ({names}): pass the file itself as data_root")
    raise CatalogueError(
        f"no table in {source}: expected metadata.csv (or one other .csv file) there; "
        "pass dataset='folder' for photographs in one folder per animal"
    )


def _filled(values: pd.Series) -> pd.Series:
    """The values, missing where a program wrote a word for it (`NOTHING`)."""
    return values.mask(values.isin(NOTHING))


def _nothing_notes(frame: pd.DataFrame) -> list[str]:
    words = frame.loc[frame[IDENTITY].isin(NOTHING), IDENTITY].value_counts(sort=False)
    if words.empty:
        return []
    counts = ", ".join(f"{word!r} ({count} image{'' if count == 1 else 's'})" for word, count in words.items())
    return [f"taken for animals: {counts}; only an empty cell is no identity: empty these cells if that is meant"]


def _by_plain_name(frame: pd.DataFrame) -> dict[str, str]:
    """Columns by their names in small letters, with "_" for blanks and dashes; of several that agree, the first."""
    found = {}
    for column in frame.columns:
        found.setdefault(str(column).strip().lower().replace(" ", "_").replace("-", "_"), column)
    return found


def _join_bbox(parts: pd.DataFrame) -> pd.Series:
    """Four columns as one text "x,y,width,height"; missing where any part is."""
    text = [",".join(map(str, numbers)) for numbers in parts.itertuples(index=False)]
    return pd.Series(text, index=parts.index, dtype=object).where(parts.notna().all(axis=1))


def _ids_from_paths(named: pd.DataFrame) -> pd.Series:
    """The path as image id; a number follows where boxes cut several animals out of one photograph."""
    ids = named[PATH].astype(object)
    if BBOX not in named:
        return ids
    number = named.groupby(PATH, dropna=False).cumcount()
    return ids.where(number == 0, ids.astype(str) + "#" + (number + 1).astype(str))
