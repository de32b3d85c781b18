"""Capture histories: which animal was seen on which occasion, for capture-recapture; as CSV, for MARK, and for secr."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

import pandas as pd

from reid_lib.core.errors import CatalogueError
from reid_lib.core.messages import counted
from reid_lib.core.names import ENCOUNTER, IDENTITY
from reid_lib.exports.offered import OCCASIONS
from reid_lib.exports.sightings import LATITUDE, LOCATION, LONGITUDE, TIME, Sightings
from reid_lib.exports.utm import to_utm

_PERIOD = {"day": "D", "week": "W-SUN", "month": "M"}  # weeks from Monday to Sunday, as ISO 8601 counts them


@dataclass(frozen=True)
class CaptureHistories:
    """Animals and occasions.

    Attributes:
        seen: (animals, occasions) bool; the index are the animals, sorted, the columns the occasions' names in order.
        occasions: one row per occasion: `occasion` (from 1 on), `name`, `first` and `last` (days), `photographs` and
            `animals` (numbers of them).
        captures: one row per animal, occasion and place: `identity`, `occasion` (from 1 on), `location`, `latitude`,
            `longitude` (the mean of its photographs).
        notes: what a person should know, one sentence each.
    """

    seen: pd.DataFrame
    occasions: pd.DataFrame
    captures: pd.DataFrame
    notes: tuple[str, ...] = ()


def make_histories(sightings: Sightings, *, occasion: str = "day", fill: bool = False) -> CaptureHistories:
    """Which animal was seen on which occasion.

    An occasion is a day, week (Monday to Sunday), month or encounter of which there is any photograph, of whichever
    animal or of nobody known.

    Args:
        sightings: of `read_sightings`.
        occasion: one of `OCCASIONS`.
        fill: days, weeks or months without any photograph, between others, are occasions, too.

    Raises:
        CatalogueError: `occasion` is unknown, or no photograph has both an occasion and an animal.
    """
    if occasion not in OCCASIONS:
        raise CatalogueError(f"occasion {occasion!r}: expected one of {', '.join(OCCASIONS)}")
    rows = sightings.rows
    label, start = _occasions_of(rows, occasion)
    told = label.notna()
    if not (told & rows[IDENTITY].notna()).any():
        what = "an encounter" if occasion == "encounter" else "a date"
        raise CatalogueError(f"none of {len(rows)} photographs has {what} and an animal: nothing to tell by {occasion}")
    order = _ordered(label[told], start[told], occasion, fill)
    rows = rows[told].assign(occasion=label[told].map({name: number for number, name in enumerate(order, 1)}))
    named = rows[rows[IDENTITY].notna()]
    seen = pd.crosstab(named[IDENTITY], named["occasion"]).reindex(columns=range(1, len(order) + 1), fill_value=0) > 0
    seen.columns = order
    silent = counted((~told).sum(), "photograph tells", "photographs tell")
    notes = [] if told.all() else [f"{silent} no {occasion}: left out"]
    nobody = len(rows) - len(named)
    if nobody:
        said = counted(nobody, "photograph names no animal: it counts", "photographs name no animal: they count")
        notes.append(f"{said} for the occasion alone")
    if occasion == "encounter" and (seen.sum() <= 1).all():
        notes.append("every encounter is of one animal, so each occasion has one capture: day, week or month say more")
    return CaptureHistories(seen, _describe(rows, named, order), _captures(named), tuple(notes))


def tabulate_histories(histories: CaptureHistories) -> pd.DataFrame:
    """One row per animal: `identity`, `captures` (occasions it was seen on), then 0 or 1 for each occasion."""
    numbers = histories.seen.astype(int)
    return pd.concat([numbers.sum(axis=1).rename("captures"), numbers], axis=1).reset_index()


def format_inp(histories: CaptureHistories) -> str:
    """MARK's encounter histories, as RMark's convert.inp reads them: one animal a line, its name in a comment, its
    history, how many animals have it, a semicolon.

    Signs that would end the comment or the line are taken out of the names, which stay unique, so that
    `use.comments=TRUE` can be used.
    """
    names = make_unique(histories.seen.index, r"[;*/\r\n\t]+")
    text = histories.seen.astype(int).astype(str).agg("".join, axis=1)
    return "".join(f"/* {name} */ {history} 1;\n" for name, history in zip(names, text, strict=True))


def format_secr(histories: CaptureHistories, *, places: bool) -> tuple[str, str]:
    """Captures and traps for secr's read.capthist(fmt = "trapID"): session, animal, occasion, detector; and detector,
    x and y in metres (UTM, WGS 84).

    Args:
        histories: from `make_histories`.
        places: write the traps; else that text is empty.

    Returns:
        Text of the captures, and text of the traps.

    Raises:
        CatalogueError: a capture has no location, or, with `places`, a location has no coordinates.
    """
    captures = histories.captures
    if captures[LOCATION].isna().any():
        raise CatalogueError(
            f"secr wants to know at which detector an animal was seen: {captures[LOCATION].isna().sum()} of "
            f"{len(captures)} captures have no location. Say which column it is: --columns location:their_name"
        )
    animals = dict(zip(histories.seen.index, make_unique(histories.seen.index, r"[\s,#'\"]+"), strict=True))
    stations = sorted(captures[LOCATION].unique())
    detectors = dict(zip(stations, make_unique(stations, r"[\s,#'\"_]+"), strict=True))
    lines = [
        f"1 {animals[row.identity]} {row.occasion} {detectors[row.location]}\n"
        for row in captures.itertuples(index=False)
    ]
    head = f"# Session Animal Occasion Detector; {histories.seen.shape[1]} occasions\n"
    return head + "".join(lines), _traps(captures, detectors) if places else ""


def make_unique(names: Iterable[str], forbidden: str) -> list[str]:
    """The names without signs that a format forbids: a point replaces them, and a number follows where two names would
    become one.

    Args:
        names: all different.
        forbidden: a regular expression of the signs.
    """
    taken, made = set(), []
    for name in names:
        plain = re.sub(forbidden, ".", str(name)).strip() or "."
        unique, number = plain, 1
        while unique in taken:
            number += 1
            unique = f"{plain}.{number}"
        taken.add(unique)
        made.append(unique)
    return made


def _occasions_of(rows: pd.DataFrame, occasion: str) -> tuple[pd.Series, pd.Series]:
    """The name of each photograph's occasion, missing where it has none, and its time."""
    if occasion == "encounter":
        return rows[ENCOUNTER].astype(object), rows[TIME]
    periods = rows[TIME].dt.to_period(_PERIOD[occasion])
    return pd.Series(_name_periods(periods, occasion), index=rows.index, dtype=object), rows[TIME]


def _name_periods(periods: Iterable, occasion: str) -> list[str | None]:
    form = {"day": "%Y-%m-%d", "week": "%G-W%V", "month": "%Y-%m"}[occasion]
    return [None if pd.isna(period) else period.start_time.strftime(form) for period in periods]


def _ordered(label: pd.Series, start: pd.Series, occasion: str, fill: bool) -> list[str]:
    if fill and occasion != "encounter":
        periods = pd.period_range(start.min(), start.max(), freq=_PERIOD[occasion])
        return [name for name in _name_periods(periods, occasion) if name]
    first = start.groupby(label).min()
    return list(pd.DataFrame({"first": first, "name": first.index}).sort_values(["first", "name"])["name"])


def _describe(rows: pd.DataFrame, named: pd.DataFrame, order: list[str]) -> pd.DataFrame:
    by = rows.groupby("occasion")
    described = pd.DataFrame({"occasion": range(1, len(order) + 1), "name": order}).set_index("occasion")
    described["first"], described["last"] = by[TIME].min().dt.date, by[TIME].max().dt.date
    described["photographs"] = by.size()
    described["animals"] = named.groupby("occasion")[IDENTITY].nunique()
    return described.fillna({"photographs": 0, "animals": 0}).astype({"photographs": int, "animals": int}).reset_index()


def _captures(named: pd.DataFrame) -> pd.DataFrame:
    by = named.groupby([IDENTITY, "occasion", LOCATION], dropna=False, sort=True)
    return by[[LATITUDE, LONGITUDE]].mean().reset_index()


def _traps(captures: pd.DataFrame, detectors: dict[str, str]) -> str:
    where = captures.groupby(LOCATION)[[LATITUDE, LONGITUDE]].mean()
    absent = where.index[where.isna().any(axis=1)]
    if len(absent):
        raise CatalogueError(
            f"{len(absent)} of {len(where)} locations have no coordinates, e.g. {absent[0]!r}: add the columns "
            "latitude and longitude, or leave out --gps and write the traps yourself"
        )
    x, y, zone = to_utm(where[LATITUDE].to_numpy(), where[LONGITUDE].to_numpy())
    lines = [f"{detectors[name]} {e:.1f} {n:.1f}\n" for name, e, n in zip(where.index, x, y, strict=True)]
    return f"# Detector X Y; metres, UTM zone {zone}, WGS 84\n" + "".join(lines)
