"""Dates as people, cameras and spreadsheets write them become times on the clock of the place."""

import re

import pandas as pd

# EXIF separates year, month and day by colons, which pandas takes for a time of day.
_EXIF = re.compile(r"^(\d{4}):(\d{1,2}):(\d{1,2})(?!\d|:)")
_CLOCK = r"\d{1,2}:\d{2}(?::\d{2}(?:[.,]\d+)?)?(?:\s*[AaPp]\.?[Mm]\.?)?|T\d{4}(?:\d{2}(?:[.,]\d+)?)?"
_ZONE = re.compile(rf"({_CLOCK})\s*(?:Z|(?:UTC|GMT)?\s*[+\-−]\d{{1,2}}(?::?\d{{2}})?|[A-Z]{{3,5}})$")
_ASIDE = re.compile(r"\s*(?:\[[^\]]*\]|\([^)]*\))$")  # the zone's name: "... 10:00+02:00[Europe/Berlin]"
_CLOCK_ALONE = re.compile(r"^T?\d{1,2}:\d{2}")
_DAY = re.compile(r"^(\d{4})([-_./:]?)(\d{2})\2(\d{2})(?!\d)")  # a plain day, whatever follows it
# Day and month before the year; a year of two digits behind points and slashes only.
_YEAR_LAST = re.compile(r"^(\d{1,2})([./-])(\d{1,2})\2(\d{4}|(?<=[./])\d{2})(?!\d)(.*)$", re.DOTALL)
_CENTURY_FROM = 69  # "68" is 2068, "69" is 1969, as in POSIX and Python
FIRST_YEAR = 1900  # of a photograph; a clock that was never set tells the year 0 or 1
# A year of four digits. Where there is none, pandas takes the current one ("May", "today"), or guesses which of three
# numbers is the year ("24-05-03", "102030"); and it takes a spreadsheet's day numbers for years ("44291").
_YEAR = re.compile(r"(?<!\d)(?:19|2\d)\d{2}")


def parse_days(dates: pd.Series) -> pd.Series:
    """When each photograph was taken: datetime64 without a zone, NaT where the text gives no day.

    Zones are dropped, not converted: times are those of the clock at the place, so that one evening stays one day. A
    time of day alone gives no day, and a date before 1900 counts as none.

    Args:
        dates: text or missing; ISO, EXIF ("2024:05:01 10:20:30"), or whatever else pandas understands.

    Example:
        >>> parse_days(pd.Series(["2024:05:01", "2024-05-01T23:30:00+02:00"])).dt.day.tolist()
        [1, 1]
    """
    plain = dates.map(_without_zone).astype(object)
    try:
        found = pd.to_datetime(plain, errors="coerce", format="mixed")
    except ValueError:  # zones in a spelling that `_ZONE` does not know
        found = None
    if found is None or not pd.api.types.is_datetime64_dtype(found):
        found = pd.to_datetime(plain.map(_one))
    unread = found.isna() & plain.notna()
    found = found.where(~unread, pd.to_datetime(plain.where(unread).map(_day_of), errors="coerce", format="%Y-%m-%d"))
    return found.where(found.dt.year >= FIRST_YEAR)


def settle_day_first(dates: pd.Series) -> tuple[pd.Series, list[str]]:
    """The same dates, those that are written day first ("13/05/2024", "1.5.24") as YYYY-MM-DD; and notes on them.

    Whether the day or the month comes first is decided for the whole column: a first number above 12 means that the day
    does, a second number above 12 that the month does (such dates stay as they are). With points the day always comes
    first. Where nothing decides, the day is taken to come first, and a note says so.

    Args:
        dates: text or missing, the column of a whole table.
    """
    found = {row: match for row, text in dates.dropna().items() if (match := _YEAR_LAST.match(str(text).strip()))}
    pointed = {row for row, match in found.items() if match[2] == "."}
    first = [row for row, match in found.items() if int(match[1]) > 12 >= int(match[3])]
    second = [row for row, match in found.items() if int(match[3]) > 12 >= int(match[1])]
    month_first = any(row not in pointed for row in second) and not any(row not in pointed for row in first)
    unsure = [row for row, match in found.items() if max(int(match[1]), int(match[3])) <= 12]
    unsure = [row for row in unsure if row in pointed or not month_first]
    settled = dates.astype(object).copy()
    for row in first + unsure:
        settled[row] = _year_first(found[row])
    return settled, _day_first_notes(dates, settled, first, second, [row for row in unsure if row not in pointed])


def _year_first(match: re.Match) -> str:
    year = int(match[4])
    if len(match[4]) == 2:
        year += 1900 if year >= _CENTURY_FROM else 2000
    return f"{year:04}-{int(match[3]):02}-{int(match[1]):02}{match[5]}"


def _day_first_notes(dates: pd.Series, settled: pd.Series, first: list, second: list, unsure: list) -> list[str]:
    if not unsure:
        return []
    told = f"{len(unsure)} dates are read day first, e.g. {dates[unsure[0]]!r} as {settled[unsure[0]]}"
    if first and second:
        against = f"{dates[first[0]]!r} and {dates[second[0]]!r}"
        return [f"{told}, though the column holds both {against}: write YYYY-MM-DD"]
    why = f", as {dates[first[0]]!r} can only be" if first else ""
    return [f"{told}{why}: write YYYY-MM-DD where that is wrong"]


def _without_zone(date) -> str | None:
    if pd.isna(date):
        return None
    text = _EXIF.sub(r"\1-\2-\3", str(date).strip())
    if _CLOCK_ALONE.match(text) or not _YEAR.search(text):
        return None
    return _ZONE.sub(r"\1", _ASIDE.sub("", text))


def _one(text) -> pd.Timestamp:
    time = pd.to_datetime(text, errors="coerce")
    return time if time is pd.NaT or time is None else time.tz_localize(None)


def _day_of(text) -> str | None:
    """The day alone, where a clock that cannot be read follows it ("20240501_102030")."""
    day = None if pd.isna(text) else _DAY.match(text)
    return f"{day[1]}-{day[3]}-{day[4]}" if day else None
