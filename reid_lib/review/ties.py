"""What holds photographs together beside decisions: encounters that show both flanks of an animal, and pictures."""

import numpy as np
import pandas as pd

from reid_lib.core.names import DATASET, ENCOUNTER
from reid_lib.review.graph import Decided, find_root
from reid_lib.review.questions import code_flanks

TIED = 0.95  # how surely a tie holds two photographs: about as a person's answer


def tie_flanks(photographs: pd.DataFrame, cluster: np.ndarray) -> np.ndarray:
    """Left and right flanks that are in one cluster because an encounter makes them one animal.

    `discover.flanks.join_flanks` joined them. Nobody can compare them, so where an answer parts or joins clusters, each
    goes with the other.

    Args:
        photographs: `dataset`; `encounter` and `orientation` where they are known.
        cluster: (n,) int, present cluster of each (`code_clusters`).

    Returns:
        (t, 2) int, positions of a left and a right one: for each encounter all flanks of which are in one cluster, its
        first of one flank with each of the other.
    """
    if ENCOUNTER not in photographs:
        return np.empty((0, 2), dtype=np.int64)
    rows = pd.DataFrame(
        {
            "at": np.arange(len(photographs)),
            "flank": code_flanks(photographs),
            "dataset": photographs[DATASET].to_numpy(),
            "encounter": photographs[ENCOUNTER].to_numpy(),
            "cluster": cluster,
        }
    )
    rows = rows[(rows["flank"] > 0) & rows["encounter"].notna()]
    by_encounter = rows.groupby(["dataset", "encounter"], sort=False)
    rows = rows[by_encounter["cluster"].transform("nunique") == 1]
    ties = []
    for _, seen in rows.groupby(["dataset", "encounter"], sort=False):
        left, right = (seen.loc[seen["flank"] == k, "at"].tolist() for k in (1, 2))
        if left and right:
            ties += [(left[0], k) for k in right] + [(k, right[0]) for k in left[1:]]
    return np.array(ties, dtype=np.int64).reshape(-1, 2)


def keep_ties(m: int, same: np.ndarray, different: np.ndarray, tied: np.ndarray) -> np.ndarray:
    """(k, 2) int: the ties of m photographs that bring no two together that are *different*, the first ones first.

    Args:
        same, different: (s, 2), (d, 2) int, pairs that were decided, 0 ... m - 1.
        tied: (t, 2) int, all ties.
    """
    parent = list(range(m))
    for one, other in same.tolist():
        parent[find_root(parent, one)] = find_root(parent, other)
    foes: dict[int, set[int]] = {}
    for one, other in different.tolist():
        foes.setdefault(find_root(parent, one), set()).add(other)
        foes.setdefault(find_root(parent, other), set()).add(one)
    kept = []
    for one, other in tied.tolist():
        a, b = find_root(parent, one), find_root(parent, other)
        if any(find_root(parent, foe) == b for foe in foes.get(a, ())):
            continue
        parent[a] = b
        if a != b and a in foes:
            foes.setdefault(b, set()).update(foes.pop(a))
        kept.append((one, other))
    return np.array(kept, dtype=np.int64).reshape(-1, 2)


def hold_clusters(members: np.ndarray, cluster: np.ndarray, listed: tuple, tied: np.ndarray) -> list[Decided]:
    """What holds the photographs of each present cluster together: a spanning tree of ties and most probable pairs.

    Args:
        members: (m,) int, photographs, sorted.
        cluster: (m,) int, present cluster of each.
        listed: pairs among them: both places in `members` (q,), and the probability that both show one animal (q,).
        tied: (t, 2) int, ties among them, as places in `members`.

    Returns:
        A decision of weight 0 for each edge of the trees.
    """
    one, other = (np.concatenate([tied[:, k], listed[k]]) for k in (0, 1))
    probability = np.concatenate([np.full(len(tied), TIED), listed[2]])
    inside = np.flatnonzero(cluster[one] == cluster[other])
    order = inside[np.argsort(-probability[inside], kind="stable")]
    edges = [*zip(one[order].tolist(), other[order].tolist(), probability[order].tolist(), strict=True)]
    first = dict(zip(cluster[::-1].tolist(), range(len(cluster) - 1, -1, -1), strict=True))
    edges += [(first[label], k, 0.0) for k, label in enumerate(cluster.tolist()) if first[label] != k]
    parent, ties = list(range(len(members))), []
    for a, b, p in edges:
        if find_root(parent, a) != find_root(parent, b):
            parent[find_root(parent, a)] = find_root(parent, b)
            pair = int(members[min(a, b)]), int(members[max(a, b)])
            ties.append(Decided(pair, True, 0, p))
    return ties
