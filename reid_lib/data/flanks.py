"""Which flank of an animal a photograph shows: what a left and a right one show is never compared.

Nor is a flank mirrored: the mirror image of a left flank looks like the right one of another animal.
"""

from collections.abc import Collection, Iterator

import numpy as np
import pandas as pd

from reid_lib.core.names import DATASET, ORIENTATION

LEFT, RIGHT = "left", "right"
SIDED = r"left|(?<!up)right|^[lr]$"  # also "topleft" and "front-right", whose mirror image shows the other side


def find_flanks(rows: pd.DataFrame) -> np.ndarray:
    """(n,) "left", "right", or "" where it is neither, or not known."""
    if ORIENTATION not in rows:
        return np.full(len(rows), "", dtype=str)
    flank = rows[ORIENTATION].astype(str).str.strip().str.lower()
    return flank.where(flank.isin([LEFT, RIGHT]), "").to_numpy(dtype=str)


def comparable_parts(queries: pd.DataFrame, gallery: pd.DataFrame) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Queries of one flank, and the gallery photographs that do not show the other one, as row numbers.

    A photograph whose flank is not known is compared with all of them. Each query is in one part; where no flank is
    known there is one part of everything.

    Args:
        queries, gallery: rows, with `orientation` where it is known.

    Yields:
        (m,), (n,) int64, ascending.
    """
    asked, enrolled = find_flanks(queries), find_flanks(gallery)
    for flank in np.unique(asked):
        other = {LEFT: RIGHT, RIGHT: LEFT}.get(flank)
        yield np.flatnonzero(asked == flank), np.flatnonzero(enrolled != other)


def find_flanked(rows: pd.DataFrame) -> list[str]:
    """The data sets that tell flanks: of at least one photograph the orientation is a left or a right one."""
    return sorted(rows.loc[told_orientations(rows).str.contains(SIDED), DATASET].unique())


def may_be_mirrored(rows: pd.DataFrame, flanked: Collection[str] = ()) -> np.ndarray:
    """(n,) bool: photographs whose mirror image may show the same animal.

    Not where the orientation is a left or a right one. Where it is not known, only in data sets that tell no flanks.

    Args:
        rows: with `dataset` and, where it is known, `orientation`.
        flanked: data sets that tell flanks (`find_flanked`).
    """
    told = told_orientations(rows)
    unknown = (told == "") & rows[DATASET].isin(flanked)
    return (~told.str.contains(SIDED) & ~unknown).to_numpy(dtype=bool)


def told_orientations(rows: pd.DataFrame) -> pd.Series:
    """The orientation of each photograph in small letters, "" where it is not known."""
    if ORIENTATION not in rows:
        return pd.Series("", index=rows.index, dtype=str)
    return rows[ORIENTATION].astype(object).fillna("").astype(str).str.strip().str.lower()
