"""Occasions: photographs of one encounter, else of one day, which a split keeps on one side."""

import pandas as pd

from reid_lib.core.names import DATASET, DATE, DRAW_KEY, ENCOUNTER, IMAGE_ID, INDIVIDUAL
from reid_lib.data.dates import FIRST_YEAR, parse_days


def has_occasions(rows: pd.DataFrame) -> bool:
    """Is the encounter, or at least the day, of any image known?"""
    return bool(occasions_of(rows).notna().any())


def units_of(rows: pd.DataFrame, *, by_encounter: bool) -> pd.Series:
    """What of an individual stays on one side: the encounter, else the day; the image alone in a data set where neither
    is told of any.

    Images without one among others of their data set that have one are one unit: they may be of the same sighting.
    """
    image = "image:" + rows[IMAGE_ID].astype(str)
    if not by_encounter:
        return image
    told = occasions_of(rows)
    return told.fillna("untold").where(told.notna().groupby(rows[DATASET]).transform("any"), image)


def draw_keys(rows: pd.DataFrame, *, by_encounter: bool) -> pd.Series:
    """(n,) text that each image draws by: its unit's name where that cannot change, else something that cannot.

    An encounter made of times gets another name when an earlier photograph is added. An image without an occasion was
    drawn for itself while no image had one.
    """
    image = "image:" + rows[IMAGE_ID].astype(str)
    if not by_encounter:
        return image
    return (rows[DRAW_KEY] if DRAW_KEY in rows else occasions_of(rows)).fillna(image)


def occasions_of(rows: pd.DataFrame) -> pd.Series:
    """(n,) text: the encounter of each image, else its day; missing where neither is there or can be read."""
    told = pd.Series(None, index=rows.index, dtype=object)
    if DATE in rows:
        day = parse_days(rows[DATE]).dt.strftime("%Y-%m-%d")
        told = ("date:" + day).astype(object).where(day.notna(), None)
    if ENCOUNTER in rows:
        told = ("encounter:" + rows[ENCOUNTER].astype(str)).astype(object).where(rows[ENCOUNTER].notna(), told)
    return told


def describe_gaps(rows: pd.DataFrame, policy: str) -> list[str]:
    """Dates that cannot be read, and images of which no occasion is known among others of which it is."""
    notes = []
    if DATE in rows:
        dates = rows[DATE][rows[ENCOUNTER].isna()] if ENCOUNTER in rows else rows[DATE]
        dates = dates.dropna()
        unread = dates[parse_days(dates).isna()]
        if len(unread):
            notes.append(
                f"{len(unread)} of {len(dates)} dates cannot be read, e.g. {str(unread.iloc[0])!r}: write YYYY-MM-DD, "
                f"of {FIRST_YEAR} or later"
            )
    named = rows[rows[INDIVIDUAL].notna()]
    told = occasions_of(named)
    without = [name for name, own in told.groupby(named[DATASET], sort=True) if own.isna().all()]
    if policy != "random" and without and told.notna().any():
        notes.append(
            f"encounters are unknown in {', '.join(map(str, without))}: photographs of one sighting may be on both "
            "sides and flatter the result"
        )
    told = told[~named[DATASET].isin(without)]
    if policy != "random" and told.isna().any():
        notes.append(
            f"{told.isna().sum()} of {len(told)} photographs have neither an encounter nor a date: those of one animal "
            "count as one encounter"
        )
    return notes
