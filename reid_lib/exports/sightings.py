"""A table of answers, or of named photographs, read as sightings: which animal, when, where, and how sure that is."""

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from reid_lib.core.errors import CatalogueError
from reid_lib.core.messages import counted
from reid_lib.core.names import (
    BBOX,
    DATASET,
    DATE,
    DECISION,
    DOUBTFUL,
    ENCOUNTER,
    IDENTITY,
    IMAGE_ID,
    NEW_ANIMAL,
    NEW_INDIVIDUAL,
    PATH,
    PROBABILITY,
    PROBLEM,
    SPECIES,
    UTC_OFFSET,
)
from reid_lib.data.accepted import YES, list_animals, read_accepted
from reid_lib.data.dates import parse_days, settle_day_first
from reid_lib.data.exif_dates import read_offset
from reid_lib.data.readers.table_file import read_cells
from reid_lib.data.readers.tables import ALIASES, NOTHING, find_columns, list_columns, parse_columns

LOCATION, LATITUDE, LONGITUDE = "location", "latitude", "longitude"
TIME, CLOCK, BY = "time", "clock", "by"  # see `Sightings.rows`
HUMAN, MACHINE = "human", "machine"

NAMED = {
    **{name: ALIASES[name] for name in (IMAGE_ID, PATH, IDENTITY, DATASET, SPECIES, ENCOUNTER, DATE, UTC_OFFSET, BBOX)},
    LOCATION: ("location", "site", "station", "deployment", "deployment_id", "camera", "trap", "detector", "locality"),
    LATITUDE: ("latitude", "lat", "decimal_latitude", "decimallatitude"),
    LONGITUDE: ("longitude", "lon", "lng", "long", "decimal_longitude", "decimallongitude"),
    PROBABILITY: ("probability", "confidence"),
}
TABLE_NAMES = ("answers.csv", "catalogue.csv", "images.csv", "metadata.csv")  # looked for in a folder, in this order
_CLOCK = re.compile(r"\d[T_ ]\s*\d{1,2}[:.h]?\d{2}")
_ZONE_AT_END = re.compile(r"\d(Z|\s*(?:UTC|GMT)?[+\-−]\d{1,2}:?\d{2})$")


@dataclass(frozen=True)
class Sightings:
    """Photographs that can be used.

    Attributes:
        rows: one per photograph: `image_id`, `path`, `identity` (missing where it is not known), `time` (datetime64 on
            the clock of the place, NaT where there is none), `clock` (bool: is the time of day known?), `utc_offset`
            ("+02:00" or missing), `encounter`, `species`, `location`, `latitude` and `longitude` (degrees or NaN),
            `bbox` (text or missing), `probability` (0 to 1 or NaN), `by` (who named the animal: "human" or "machine").
        notes: what a person should know, one sentence each.
    """

    rows: pd.DataFrame
    notes: tuple[str, ...] = ()


def read_sightings(source: Path, *, columns: str = "", species: str = "", doubtful: bool = False) -> Sightings:
    """Read a table of answers (answers.csv), of a run (images.csv), or any other with a row for each photograph.

    In a table of answers the word of a person (column `accepted`) counts before the decision. A new animal is named
    after the group that its photographs were put in. A doubtful answer that nobody accepted names no animal.

    Args:
        source: the table, or a folder with one of `TABLE_NAMES` in it.
        columns: pairs "ours:theirs", as for the reader of tables; also for location, latitude, longitude, probability.
        species: scientific name, for rows that have none.
        doubtful: take doubtful answers, too.

    Raises:
        CatalogueError: there is no table, or it has no column of photographs or of animals.
    """
    file = _find_table(source)
    cells, notes = read_cells(file)
    given = parse_columns(columns, tuple(NAMED))
    table = _rename(cells, given, file)
    by, said = pd.Series(HUMAN, index=cells.index, dtype=object), []
    if DECISION in cells:
        settled, by, said = _settle_answers(cells, doubtful)
        table = table.assign(**{name: settled[name] for name in settled if name == IDENTITY or name in table})
        usable = cells[PROBLEM].isna() if PROBLEM in cells else pd.Series(True, index=cells.index)
        said += [f"{counted((~usable).sum(), 'photograph')} could not be used: left out"] if not usable.all() else []
        table, by = table[usable], by[usable]
    if IDENTITY not in table:
        raise CatalogueError(
            f"{file} has no column of animals. It has: {list_columns(cells)}. Say which: --columns identity:their_name"
        )
    rows, told = _as_sightings(table, by, species)
    return Sightings(rows, tuple([*notes, *said, *told]))


def _find_table(source: Path) -> Path:
    if source.is_file():
        return source
    for name in TABLE_NAMES:
        if (source / name).is_file():
            return source / name
    raise CatalogueError(f"{source} is no table, nor a folder with {', '.join(TABLE_NAMES)}: pass a CSV file")


def _rename(cells: pd.DataFrame, given: dict[str, str], file: Path) -> pd.DataFrame:
    """The columns we know, under our names; a missing path is replaced by the id, and a missing id by the path."""
    table = pd.DataFrame({o: cells[t] for o, t in find_columns(cells, given, where=str(file), aliases=NAMED).items()})
    there = [table[name] for name in (PATH, IMAGE_ID) if name in table]
    if not there:
        raise CatalogueError(f"{file} has no column of photographs: say which, --columns path:their_name")
    return table.assign(**{PATH: there[0].fillna(there[-1]), IMAGE_ID: there[-1].fillna(there[0])})


def _settle_answers(cells: pd.DataFrame, doubtful: bool) -> tuple[pd.DataFrame, pd.Series, list[str]]:
    """The animal of each photograph (identity, dataset) by its answer, who says so (HUMAN or MACHINE), and notes."""
    nobody = pd.Series(None, index=cells.index, dtype=object)
    new = cells[NEW_ANIMAL] if NEW_ANIMAL in cells else nobody
    decision = cells[DECISION].where(cells[DECISION] != NEW_INDIVIDUAL, new)
    accepted, notes = read_accepted(cells, list_animals(cells))
    said, refused = accepted["said"], accepted["refused"]
    unsure = (
        cells[DOUBTFUL].astype(str).str.lower().isin(YES) if DOUBTFUL in cells else pd.Series(False, index=cells.index)
    )
    unsure &= ~said
    identity = decision.where(~said, accepted["identity"].where(~accepted["is_new"], new))
    if refused.any():
        notes.append(f"{counted(refused.sum(), 'answer was', 'answers were')} refused: no animal is named by that")
    if unsure.any() and not doubtful:
        identity = identity.where(~unsure, None)
        answers = counted(unsure.sum(), "doubtful answer names", "doubtful answers name")
        notes.append(f"{answers} no animal: accept in the column accepted, or --doubtful")
    by = pd.Series(np.where(said, HUMAN, MACHINE), index=cells.index, dtype=object)
    return pd.DataFrame({IDENTITY: identity, DATASET: accepted["dataset"]}), by, notes


def _as_sightings(table: pd.DataFrame, by: pd.Series, species: str) -> tuple[pd.DataFrame, list[str]]:
    notes = []
    rows = pd.DataFrame({name: table.get(name) for name in (IMAGE_ID, PATH, IDENTITY)}).astype(object)
    rows[PATH] = rows[PATH].str.replace("\\", "/", regex=False)
    for name in (ENCOUNTER, SPECIES, LOCATION, UTC_OFFSET, BBOX):
        rows[name] = table[name].mask(table[name].isin(NOTHING)).astype(object) if name in table else None
    if species:
        rows[SPECIES] = rows[SPECIES].fillna(species)
    if DATASET in table and table[DATASET].nunique() > 1:
        rows[IDENTITY] = (table[DATASET].astype(object) + "/" + rows[IDENTITY]).where(rows[IDENTITY].notna(), None)
        notes.append("animals of several data sets: each is called <dataset>/<identity>")
    dates = table[DATE].astype(object) if DATE in table else pd.Series(None, index=rows.index, dtype=object)
    settled, said = settle_day_first(dates)
    rows[TIME] = parse_days(settled)
    rows[CLOCK] = [bool(_CLOCK.search(str(text))) for text in settled]
    zones = [_ZONE_AT_END.search(str(text).strip()) for text in settled]
    told = pd.Series([read_offset(zone[1]) or None if zone else None for zone in zones], index=rows.index, dtype=object)
    rows[UTC_OFFSET] = told.where(told.notna(), rows[UTC_OFFSET])
    for name in (LATITUDE, LONGITUDE, PROBABILITY):
        rows[name] = pd.to_numeric(table[name], errors="coerce") if name in table else np.nan
    rows[BY] = by
    unread = dates.notna() & rows[TIME].isna()
    notes += said
    notes += [f"{counted(unread.sum(), 'date')} cannot be read, e.g. {dates[unread].iloc[0]!r}"] if unread.any() else []
    nameless = rows[PATH].isna()
    notes += [f"{counted(nameless.sum(), 'row names', 'rows name')} no photograph: left out"] if nameless.any() else []
    return rows[~nameless].reset_index(drop=True), notes
