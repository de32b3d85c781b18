"""Which flank of an animal a photograph shows: a left flank is never compared with a right one, as their coats differ.

Nor is a flank mirrored: the mirror image of a left flank looks like the right flank of another animal.
"""

from collections.abc import Collection, Iterator

import numpy as np
import pandas as pd

from reid_lib.core.names import DATASET, ORIENTATION

LEFT, RIGHT = "left", "right"
SIDED = r"left|(?<!up)right|^[lr]$"  # also "topleft" and "front-right", whose mirror image shows the other side


def find_flanks(rows: pd.DataFrame) -> np.ndarray:
    """The flank that each of n photographs shows: (n,) "left", "right", or "" where it is neither, or not known."""
    if ORIENTATION not in rows:
        return np.full(len(rows), "", dtype=str)
    flank = rows[ORIENTATION].astype(str).str.strip().str.lower()
    return flank.where(flank.isin([LEFT, RIGHT]), "").to_numpy(dtype=str)


def group_comparable(queries: pd.DataFrame, gallery: pd.DataFrame) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Groups of queries of one flank, each with the gallery photographs that do not show the other flank.

    A query whose flank is not known is compared with the whole gallery. Each query is in one group; where no flank is
    known, all are in one.

    Args:
        queries, gallery: rows, with `orientation` where it is known.

    Yields:
        Row numbers (m,) of queries and (n,) of the gallery, int64, ascending.
    """
    asked, enrolled = find_flanks(queries), find_flanks(gallery)
    for flank in np.unique(asked):
        other = {LEFT: RIGHT, RIGHT: LEFT}.get(flank)
        yield np.flatnonzero(asked == flank), np.flatnonzero(enrolled != other)


def find_flanked_datasets(rows: pd.DataFrame) -> list[str]:
    """The data sets that record flanks: at least one photograph has a left or a right orientation."""
    return sorted(rows.loc[read_orientations(rows).str.contains(SIDED), DATASET].unique())


def may_be_mirrored(rows: pd.DataFrame, flanked: Collection[str] = ()) -> np.ndarray:
    """(n,) bool: photographs whose mirror image may show the same animal.

    A photograph of a left or a right orientation may not. One of unknown orientation may, unless its data set records
    flanks.

    Args:
        rows: with `dataset` and, where it is known, `orientation`.
        flanked: data sets that record flanks (`find_flanked_datasets`).
    """
    told = read_orientations(rows)
    unknown = (told == "") & rows[DATASET].isin(flanked)
    return (~told.str.contains(SIDED) & ~unknown).to_numpy(dtype=bool)


def read_orientations(rows: pd.DataFrame) -> pd.Series:
    """The orientation of each photograph in small letters, "" where it is not known."""
    if ORIENTATION not in rows:
        return pd.Series("", index=rows.index, dtype=str)
    return rows[ORIENTATION].astype(object).fillna("").astype(str).str.strip().str.lower()
