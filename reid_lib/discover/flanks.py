"""Flanks: a left and a right one are never compared; an encounter that shows one animal from both sides joins them."""

import numpy as np
import pandas as pd

from reid_lib.core.names import ENCOUNTER, ORIENTATION
from reid_lib.data.flanks import LEFT, RIGHT, find_flanks
from reid_lib.match.pairs import PairTable


def list_comparable(rows: pd.DataFrame) -> list[np.ndarray]:
    """Row numbers of photographs that can all be compared with each other: of one flank or of none; all, where there is
    no other flank."""
    flank = find_flanks(rows)
    if len(set(flank) - {""}) < 2:
        return [np.arange(len(rows))]
    return [np.flatnonzero((flank == side) | (flank == "")) for side in (LEFT, RIGHT)]


def find_other_flanks(table: PairTable) -> np.ndarray:
    """(p,) bool: one photograph of the pair shows the left flank, the other the right one."""
    flank = find_flanks(table.queries)
    one, other = flank[table.query], flank[table.image]
    return (one != "") & (other != "") & (one != other)


def join_flanks(rows: pd.DataFrame, labels: np.ndarray) -> np.ndarray:
    """Clusters of left and of right flanks joined where an encounter shows just one of each: one animal, both sides.

    An encounter with two clusters of one flank shows several animals, and joins nothing.

    Args:
        rows: of one data set; `orientation` and `encounter` where they are known.
        labels: (n,) int, cluster of each.

    Returns:
        (n,) int, numbered from 0 in the order in which they appear.
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    if ORIENTATION not in rows or ENCOUNTER not in rows or not len(rows):
        return labels
    seen = pd.DataFrame({"flank": find_flanks(rows), "encounter": rows[ENCOUNTER].to_numpy(), "label": labels})
    seen = seen[(seen["flank"] != "") & seen["encounter"].notna()].drop_duplicates()
    sides = [
        seen[seen["flank"] == flank].groupby("encounter")["label"].agg(["first", "size"]) for flank in (LEFT, RIGHT)
    ]
    both = sides[0].add_suffix("_left").join(sides[1].add_suffix("_right"), how="inner")
    both = both[(both["size_left"] == 1) & (both["size_right"] == 1)]
    n = int(labels.max()) + 1
    pairs = both["first_left"].to_numpy(int), both["first_right"].to_numpy(int)
    joined = connected_components(coo_array((np.ones(len(both), bool), pairs), shape=(n, n)), directed=False)[1]
    return pd.factorize(joined[labels])[0]
