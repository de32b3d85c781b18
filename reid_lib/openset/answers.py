"""Labelled queries as arrays: the animals, whether they are known, whether the best individual is right."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from reid_lib.core.names import (
    AVERAGE_PRECISION,
    DATASET,
    IDENTITY,
    IMAGE_ID,
    KNOWN,
    MATCH_ORIENTATION,
    NEW_INDIVIDUAL,
    ORIENTATION,
    PREDICTED,
    RANK,
    SAME_ORIENTATION,
    SCORE,
    ranked,
)


def texts(column: pd.Series) -> np.ndarray:
    return column.astype(str).to_numpy(dtype=object)


def labelled(predictions: pd.DataFrame) -> pd.DataFrame:
    """The labelled queries, sorted by image_id, so that sums do not depend on the order of rows.

    Returns:
        The predictions' rows with `known` as plain bool, and `named` (bool): the best individual is the right one.
    """
    known = predictions[KNOWN].astype("boolean")
    rows = predictions[known.notna().to_numpy()].sort_values(IMAGE_ID, kind="stable", ignore_index=True)
    known = rows[KNOWN].astype("boolean").to_numpy(dtype=bool)
    best = rows[ranked(IDENTITY, 1)]
    named = known & best.notna().to_numpy(dtype=bool) & (texts(best) == texts(rows[IDENTITY]))
    return rows.assign(**{KNOWN: known, "named": named})


def individual_keys(queries: pd.DataFrame) -> np.ndarray:
    """(n,) int: a code per animal, in the order of their names; the same name in two data sets is two animals."""
    names = texts(queries[DATASET]) + "\0" + texts(queries[IDENTITY])
    return pd.factorize(names, sort=True)[0]


@dataclass(frozen=True)
class Queries:
    """The labelled queries of one data set as arrays (n,), by descending score, equal ones by image_id."""

    known: np.ndarray
    individual: np.ndarray
    score: np.ndarray
    named: np.ndarray
    rank: np.ndarray
    average_precision: np.ndarray
    correct: np.ndarray | None = None  # no decision was taken
    same_flank: np.ndarray | None = None  # has its individual a gallery image of its flank: 1, 0, NaN where not known
    crossed: np.ndarray | None = None  # does the best match show another flank: 1, 0, NaN where not known

    def n_individuals(self, among: np.ndarray) -> int:
        return len(np.unique(self.individual[among]))


def datasets(predictions: pd.DataFrame) -> dict[str, Queries]:
    """Data set -> its labelled queries; a data set without any is left out."""
    rows = labelled(predictions).sort_values(SCORE, ascending=False, kind="stable")
    return {str(name): arrays(own) for name, own in rows.groupby(DATASET, sort=True)}


def arrays(rows: pd.DataFrame) -> Queries:
    known, more = rows[KNOWN].to_numpy(dtype=bool), {}
    if PREDICTED in rows:
        truth = np.where(known, rows[IDENTITY].astype(str).to_numpy(dtype=object), NEW_INDIVIDUAL)
        more["correct"] = rows[PREDICTED].astype(str).to_numpy(dtype=object) == truth
    if SAME_ORIENTATION in rows and ORIENTATION in rows and MATCH_ORIENTATION in rows:
        same = rows[SAME_ORIENTATION].astype("boolean").astype("Float64")
        more["same_flank"] = same.to_numpy(dtype=float, na_value=np.nan)
        comparable = rows[[ORIENTATION, MATCH_ORIENTATION]].notna().all(axis=1).to_numpy()
        other = (rows[ORIENTATION].astype(str) != rows[MATCH_ORIENTATION].astype(str)).to_numpy()
        more["crossed"] = np.where(comparable, other, np.nan)
    score, rank, precision = (rows[column].to_numpy(dtype=float) for column in (SCORE, RANK, AVERAGE_PRECISION))
    return Queries(known, individual_keys(rows), score, rows["named"].to_numpy(dtype=bool), rank, precision, **more)
