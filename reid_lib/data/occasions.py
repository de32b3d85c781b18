"""Occasions: the encounter of each photograph, else its day. A split keeps photographs of one occasion on one side.

The occasions of capture histories (days, weeks, months, encounters) are others: `exports.histories`.
"""

import pandas as pd

from reid_lib.core.names import DATASET, DATE, DRAW_KEY, ENCOUNTER, IMAGE_ID, INDIVIDUAL
from reid_lib.data.dates import FIRST_YEAR, parse_days


def has_occasions(rows: pd.DataFrame) -> bool:
    """Is the encounter or the day of any image known?"""
    return bool(find_occasions(rows).notna().any())


def find_units(rows: pd.DataFrame, *, by_encounter: bool) -> pd.Series:
    """The unit of each image: images of an individual that share a unit stay on one side of the split.

    It is the occasion; in a data set where no image has one, the image itself. Where only some images of a data set
    have one, all others are one unit: they may be of one sighting.

    Args:
        rows: `image_id`, `dataset`, and what `find_occasions` takes.
        by_encounter: else every image is a unit.

    Returns:
        (n,) text.
    """
    image = "image:" + rows[IMAGE_ID].astype(str)
    if not by_encounter:
        return image
    told = find_occasions(rows)
    return told.fillna("untold").where(told.notna().groupby(rows[DATASET]).transform("any"), image)


def find_draw_keys(rows: pd.DataFrame, *, by_encounter: bool) -> pd.Series:
    """The text by which each image draws its role (`roles.draw_roles`): (n,), not changed by rows that are added later.

    It is the name of the occasion, except where that may change: an encounter that follows from times is named after
    its first photograph, so a reader gives `draw_key` for it. An image without an occasion draws by itself, as it did
    while no image of its data set had one.

    Args:
        rows, by_encounter: see `find_units`.
    """
    image = "image:" + rows[IMAGE_ID].astype(str)
    if not by_encounter:
        return image
    return (rows[DRAW_KEY] if DRAW_KEY in rows else find_occasions(rows)).fillna(image)


def find_occasions(rows: pd.DataFrame) -> pd.Series:
    """The occasion of each image: (n,) text, its encounter, else its day; missing where neither is known.

    Args:
        rows: with `encounter` and `date` where there are such columns.
    """
    told = pd.Series(None, index=rows.index, dtype=object)
    if DATE in rows:
        day = parse_days(rows[DATE]).dt.strftime("%Y-%m-%d")
        told = ("date:" + day).astype(object).where(day.notna(), None)
    if ENCOUNTER in rows:
        told = ("encounter:" + rows[ENCOUNTER].astype(str)).astype(object).where(rows[ENCOUNTER].notna(), told)
    return told


def describe_gaps(rows: pd.DataFrame, policy: str) -> list[str]:
    """Notes on dates that cannot be read, and on images without an occasion, since these may be on both sides.

    Args:
        rows: of a catalogue.
        policy: of the split, one of `split.POLICIES`.
    """
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
    told = find_occasions(named)
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
