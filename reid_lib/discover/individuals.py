"""Individuals among photographs without names: where to cut the tree of clusters, and what the clusters are.

Every cut is learnt on val, on individuals that the gallery does not have. Photographs that were named are left alone;
the others are clustered within their data set. Pairs of a left and a right flank are never compared: a cluster of left
flanks and one of right flanks become one individual by an encounter that shows these two and no third.
"""

from dataclasses import asdict, dataclass, field
from functools import cached_property
from typing import Literal

import numpy as np
import pandas as pd

from reid_lib.core.names import DATASET, IDENTITY, KNOWN, KNOWN_AS
from reid_lib.discover.density import DensityTree
from reid_lib.discover.flanks import find_other_flanks, join_flanks
from reid_lib.discover.linkage import LOWEST, Linkage, Tree, link
from reid_lib.discover.measures import AMI, Contingency
from reid_lib.match.pairs import PairTable

Method = Literal[Linkage, "hdbscan"]
Rule = Literal["ami", "pair_precision"]
PRECISE = 0.95  # pair precision on val that the rule of that name asks for
MOST_CUTS = 200  # that are tried on val, spread evenly over the heights of the trees
Grown = Tree | DensityTree


@dataclass(frozen=True)
class Cuts:
    """Where trees are cut: probabilities, by data set.

    Attributes:
        values: data set of val -> cut; None: nothing is joined.
        overall: of data sets that val does not have, or has too little of; None likewise.
        reasons: data set -> why its cut is the overall one, or ""; "": what is to be known of the overall one.
        reached: data set ("": all together) -> AMI on val at its own cut; NaN where it has none.
    """

    values: dict[str, float | None]
    overall: float | None
    reasons: dict[str, str] = field(default_factory=dict)
    reached: dict[str, float] = field(default_factory=dict)

    def of(self, dataset: str) -> float | None:
        """The cut in force for a data set."""
        return self.values.get(dataset, self.overall)

    def to_dict(self) -> dict:
        """For JSON; see `results.DiscoveryCuts`."""
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
        trees[name] = _Judged(grow_tree(val, probability, members, method), rows.iloc[members])
    overall, reached[""] = _best_cut(list(trees.values()), rule)
    for name, tree in trees.items():
        n = tree.rows[IDENTITY].nunique()
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
    kept = (first >= 0) & (second >= 0) & ~find_other_flanks(table)
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
    found = np.array([f"{KNOWN_AS}{name}" for name in named.astype(str)], dtype=object)
    for name in sorted(set(dataset[new])):
        members = np.flatnonzero(new & (dataset == name))
        labels = grow_tree(table, probability, members, method).cut(cuts.of(name))
        labels = join_flanks(rows.iloc[members], labels)
        found[members] = [f"new {label}" for label in labels]
    return pd.Series(found, index=rows.index)


@dataclass(frozen=True, eq=False)
class _Judged:
    """The tree of one data set with its photographs, whose individuals are known."""

    tree: Grown
    rows: pd.DataFrame

    @cached_property
    def truth(self) -> np.ndarray:
        return pd.factorize(self.rows[IDENTITY])[0]

    def contingency(self, cut: float | None) -> Contingency:
        """Of the clusters as they are given in the end, with their flanks joined."""
        return Contingency(self.truth, join_flanks(self.rows, self.tree.cut(cut)))


def _best_cut(trees: list[_Judged], rule: Rule) -> tuple[float | None, float]:
    """The best cut of trees of one or several data sets; and the AMI there."""
    if not trees:
        return None, np.nan
    heights = np.unique(np.concatenate([judged.tree.height for judged in trees]))[::-1]
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


def _mean_ami(trees: list[_Judged], cut: float | None) -> float:
    return float(np.mean([judged.contingency(cut).adjusted_mutual_information() for judged in trees]))


def _mean_precision(trees: list[_Judged], cut: float) -> float:
    """Pair precision, averaged over the trees where there is a pair."""
    found = np.array([float(judged.contingency(cut).measure()["pair_precision"][0]) for judged in trees])
    found = found[~np.isnan(found)]
    return float(found.mean()) if len(found) else np.nan
