"""Individuals among photographs without names: where to cut the tree of clusters, and what the clusters are.

Every cut is learnt on val, on individuals that the gallery does not have. Photographs that were named are left alone;
the others are clustered within their data set. Pairs of a left and a right flank are never compared: a cluster of left
flanks and one of right flanks become one individual by an encounter that shows these two and no third.
"""

from dataclasses import asdict, dataclass, field
from typing import Literal

import numpy as np
import pandas as pd

from reid_lib.core.names import DATASET, ENCOUNTER, IDENTITY, KNOWN, ORIENTATION
from reid_lib.discover.density import DensityTree
from reid_lib.discover.linkage import LOWEST, Linkage, Tree, link
from reid_lib.discover.measures import AMI, Contingency
from reid_lib.match.pairs import PairTable

Method = Literal[Linkage, "hdbscan"]
Rule = Literal["ami", "pair_precision"]
PRECISE = 0.95  # pair precision on val that the rule of that name asks for
MOST_CUTS = 200  # that are tried on val, evenly from the first to the last
LEFT, RIGHT = "left", "right"
Grown = Tree | DensityTree


@dataclass(frozen=True)
class Cuts:
    """Where trees are cut: probabilities, by data set.

    Attributes:
        values: data set of val -> cut; None: nothing is joined.
        overall: of data sets that val does not have, or has too little of; None likewise.
        reasons: data set -> why its cut is the overall one, or "".
        reached: data set, and "" -> AMI on val at the cut.
    """

    values: dict[str, float | None]
    overall: float | None
    reasons: dict[str, str] = field(default_factory=dict)
    reached: dict[str, float] = field(default_factory=dict)

    def of(self, dataset: str) -> float | None:
        """The cut in force for a data set."""
        return self.values.get(dataset, self.overall)

    def to_dict(self) -> dict:
        return asdict(self)


def fit_cuts(val: PairTable, probability: np.ndarray, *, method: Method, rule: Rule, min_individuals: int) -> Cuts:
    """The cuts that are best on val.

    Only photographs of individuals that the gallery lacks are looked at, since the others helped to train the network;
    where there are fewer than two such individuals in all, all labelled ones.

    Args:
        val: pairs among the photographs of val; rows with dataset, identity, and `known`.
        probability: (p,) of the pairs, out of fold.
        method: see `linkage.link`; "hdbscan": see `density`.
        rule: "ami": the cut of the highest mean AMI; "pair_precision": the lowest cut from which on upwards the pair
            precision is at least `PRECISE`. Of equal ones the higher, which joins less.
        min_individuals: that a data set needs for a cut of its own.
    """
    rows = val.queries
    labelled = rows[IDENTITY].notna().to_numpy(dtype=bool)
    unseen = labelled & ~rows[KNOWN].fillna(False).to_numpy(dtype=bool) if KNOWN in rows else labelled
    few = rows[unseen].groupby([DATASET, IDENTITY]).ngroups < 2
    used = labelled if few else unseen
    dataset, trees, values, reasons, reached = rows[DATASET].astype(str).to_numpy(), {}, {}, {}, {}
    for name in sorted(set(dataset[used])):
        members = np.flatnonzero(used & (dataset == name))
        trees[name] = grow_tree(val, probability, members, method), rows[IDENTITY].astype(str).to_numpy()[members]
    overall, reached[""] = _best_cut(list(trees.values()), rule)
    for name, tree in trees.items():
        n = len(set(tree[1]))
        values[name], reached[name] = _best_cut([tree], rule) if n >= min_individuals else (overall, np.nan)
        reasons[name] = (
            "" if n >= min_individuals else f"{n} individuals in val, a cut of its own takes {min_individuals}"
        )
    if few and labelled.any():
        reasons[""] = "fitted on individuals that the gallery has, too: val has none but these"
    return Cuts(values, overall, reasons, reached)


def grow_tree(table: PairTable, probability: np.ndarray, members: np.ndarray, method: Method) -> Grown:
    """The tree of some rows (positions, ascending) of one data set; flanks that differ are not compared."""
    place = np.full(len(table.queries), -1)
    place[members] = np.arange(len(members))
    first, second = place[table.query], place[table.image]
    kept = (first >= 0) & (second >= 0) & ~_other_flank(table)
    pairs = first[kept], second[kept], probability[kept], len(members)
    return DensityTree.of(*pairs) if method == "hdbscan" else link(*pairs, method=method)


def cluster_photographs(
    table: PairTable, probability: np.ndarray, named: pd.Series, cuts: Cuts, *, method: Method
) -> pd.Series:
    """The individual of each photograph: the name that it was given, or a number for each new one of a data set.

    Args:
        table: pairs among the photographs.
        probability: (p,) of the pairs.
        named: (n,) names of those that were recognised, missing for those to be clustered; by position.
        cuts: of `fit_cuts`.
        method: the one of the cuts.

    Returns:
        (n,) str: "known <name>" or "new <number>", numbered from 0 in the order of the rows.
    """
    rows = table.queries
    dataset, new = rows[DATASET].astype(str).to_numpy(), named.isna().to_numpy()
    found = np.array([f"known {name}" for name in named.astype(str)], dtype=object)
    for name in sorted(set(dataset[new])):
        members = np.flatnonzero(new & (dataset == name))
        labels = grow_tree(table, probability, members, method).cut(cuts.of(name))
        labels = join_flanks(rows.iloc[members], labels)
        found[members] = [f"new {label}" for label in labels]
    return pd.Series(found, index=rows.index)


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
    seen = pd.DataFrame({"flank": _flank(rows), "encounter": rows[ENCOUNTER].to_numpy(), "label": labels})
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


def _flank(rows: pd.DataFrame) -> np.ndarray:
    """(n,) "left", "right", or "" where it is neither."""
    flank = rows[ORIENTATION].astype(str).str.strip().str.lower()
    return flank.where(flank.isin([LEFT, RIGHT]), "").to_numpy(dtype=str)


def _other_flank(table: PairTable) -> np.ndarray:
    """(p,) bool: one photograph of the pair shows the left flank, the other the right one."""
    if ORIENTATION not in table.queries:
        return np.zeros(len(table), dtype=bool)
    flank = _flank(table.queries)
    one, other = flank[table.query], flank[table.image]
    return (one != "") & (other != "") & (one != other)


def _best_cut(trees: list[tuple[Grown, np.ndarray]], rule: Rule) -> tuple[float | None, float]:
    """The best cut of trees of one or several data sets, each with the individual of its leaves; and the AMI there."""
    if not trees:
        return None, np.nan
    trees = [(tree, pd.factorize(truth)[0]) for tree, truth in trees]
    heights = np.unique(np.concatenate([tree.height for tree, _ in trees]))[::-1]
    tried = (
        np.unique(np.linspace(0, len(heights) - 1, min(MOST_CUTS, len(heights))).astype(int)) if len(heights) else []
    )
    below = np.append(heights[1:], LOWEST)
    best, best_ami = None, _mean_ami(trees, None)
    for k in tried:  # from the highest on
        cut = float((heights[k] + below[k]) / 2)
        if rule != AMI:
            if not _mean_precision(trees, cut) >= PRECISE:
                break
            best = cut
        elif (ami := _mean_ami(trees, cut)) > best_ami:
            best, best_ami = cut, ami
    return best, best_ami if rule == AMI else _mean_ami(trees, best)


def _mean_ami(trees: list[tuple[Grown, np.ndarray]], cut: float | None) -> float:
    return float(np.mean([Contingency(truth, tree.cut(cut)).adjusted_mutual_information() for tree, truth in trees]))


def _mean_precision(trees: list[tuple[Grown, np.ndarray]], cut: float) -> float:
    """Pair precision, averaged over the trees where there is a pair."""
    found = np.array([float(Contingency(truth, tree.cut(cut)).measure()["pair_precision"][0]) for tree, truth in trees])
    found = found[~np.isnan(found)]
    return float(found.mean()) if len(found) else np.nan
