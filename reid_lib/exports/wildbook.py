"""Wildbook's bulk-import sheet: a row for each encounter of one animal, its photographs side by side."""

import re
from pathlib import Path

import pandas as pd

from reid_lib.core.frames import write_csv
from reid_lib.core.names import ENCOUNTER, IDENTITY, PATH, SPECIES
from reid_lib.exports.sightings import BY, CLOCK, LATITUDE, LOCATION, LONGITUDE, MACHINE, TIME, Sightings

MOST_ROWS = 200  # encounters in a sheet, the limit that Wildbook's documentation names
FILE_NAMES = "file_names.csv"


def write_wildbook(sightings: Sightings, folder: Path, *, submitter: str = "") -> list[str]:
    """Write `wildbook_1.csv`, `wildbook_2.csv`, ... of at most 200 encounters each, and `file_names.csv`.

    Columns are those of Wildbook's documentation ("Bulk Import", fields available); columns without any value are left
    out, as it asks. Encounters whose animals people have named or accepted are "approved", all others "unapproved".
    Wildbook takes photographs from one folder, with names of plain letters, digits, points and blanks: `file_names.csv`
    says which photograph to copy under which name.

    Args:
        sightings: of `read_sightings`.
        folder: where to write.
        submitter: your user name there.

    Returns:
        Notes: what Wildbook asks for and the table does not have.
    """
    rows = sightings.rows
    names = _file_names(rows[PATH])
    alone = pd.Series(range(len(rows)), index=rows.index, dtype=object)  # numbers, as names of encounters are text
    key = rows[ENCOUNTER].astype(object).where(rows[ENCOUNTER].notna() & rows[IDENTITY].notna(), alone)
    encounters = [
        _encounter(those, [names[path] for path in dict.fromkeys(those[PATH])], submitter)
        for _, those in rows.groupby([key, rows[IDENTITY].fillna("")], sort=False)
    ]
    sheet = _columns(pd.DataFrame(encounters))
    for number, begin in enumerate(range(0, len(sheet), MOST_ROWS), 1):
        write_csv(folder / f"wildbook_{number}.csv", sheet.iloc[begin : begin + MOST_ROWS].dropna(axis=1, how="all"))
    write_csv(folder / FILE_NAMES, pd.DataFrame({"path": list(names), "copy_as": list(names.values())}))
    return _missing(sheet)


def _encounter(rows: pd.DataFrame, files: list[str], submitter: str) -> dict[str, object]:
    first = rows.sort_values(TIME, kind="stable").iloc[0]
    time, told = first[TIME], pd.notna(first[TIME])
    words = str(first[SPECIES]).split() if pd.notna(first[SPECIES]) else []
    seen = {f"Encounter.mediaAsset{number}": name for number, name in enumerate(files)}
    encounter = first[ENCOUNTER]
    return seen | {
        "Encounter.individualID": first[IDENTITY],
        "Encounter.year": time.year if told else None,
        "Encounter.month": time.month if told else None,
        "Encounter.day": time.day if told else None,
        "Encounter.hour": time.hour if told and first[CLOCK] else None,
        "Encounter.minutes": time.minute if told and first[CLOCK] else None,
        "Encounter.genus": words[0].capitalize() if words else None,
        "Encounter.specificEpithet": " ".join(words[1:]).lower() or None,
        "Encounter.verbatimLocality": first[LOCATION],
        "Encounter.decimalLatitude": rows[LATITUDE].mean(),
        "Encounter.decimalLongitude": rows[LONGITUDE].mean(),
        "Encounter.sightingID": re.sub(r"[^A-Za-z0-9_-]+", "-", str(encounter)) if pd.notna(encounter) else None,
        "Encounter.state": "unapproved" if (rows[BY] == MACHINE).any() else "approved",
        "Encounter.submitterID": submitter or None,
    }


def _columns(sheet: pd.DataFrame) -> pd.DataFrame:
    """Photographs first, by their number; whole numbers whole; no column without a value."""
    media = sorted((c for c in sheet if c.startswith("Encounter.mediaAsset")), key=lambda c: int(re.sub(r"\D", "", c)))
    sheet = sheet[[*media, *(column for column in sheet if column not in media)]].dropna(axis=1, how="all")
    whole = [
        f"Encounter.{what}" for what in ("year", "month", "day", "hour", "minutes") if f"Encounter.{what}" in sheet
    ]
    return sheet.astype(dict.fromkeys(whole, "Int64"))


def _file_names(paths: pd.Series) -> dict[str, str]:
    """A name for each photograph that Wildbook accepts unchanged, all different: its own name where that is one."""
    taken, names = set(), {}
    for path in dict.fromkeys(paths.astype(str)):
        stem, dot, ending = path.rsplit("/", 1)[-1].rpartition(".")
        stem = re.sub(r"[^A-Za-z0-9. ]+", " ", stem if dot else ending).strip() or "photo"
        ending = f".{re.sub(r'[^A-Za-z0-9]+', '', ending)}" if dot else ""
        name, number = f"{stem}{ending}", 1
        while name.lower() in taken:
            number += 1
            name = f"{stem} {number}{ending}"
        taken.add(name.lower())
        names[path] = name
    return names


def _missing(sheet: pd.DataFrame) -> list[str]:
    wanted = {
        "a location (column location, or --gps)": ("Encounter.verbatimLocality", "Encounter.decimalLatitude"),
        "a year (column date)": ("Encounter.year",),
        "genus and epithet (column species, or --species)": ("Encounter.genus",),
    }
    notes = []
    for what, columns in wanted.items():
        there = sheet.reindex(columns=list(columns)).notna().any(axis=1)
        if not there.all():
            notes.append(f"Wildbook asks for {what}: {(~there).sum()} of {len(sheet)} encounters have none")
    return notes
