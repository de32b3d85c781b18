"""What decisions do to clusters: new clusters beside the old ones, with the names that stay and who changed what.

Nothing here touches photographs, catalogue or clusters; the caller writes the result beside them.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from reid_lib.core.names import CLUSTER, DATASET, IMAGE_ID, KNOWN_AS, PROBABILITY
from reid_lib.review.decisions import DECIDED, DIFFERENT, FIRST, SAME, SECOND, WHO, order_pair
from reid_lib.review.graph import Decided
from reid_lib.review.grouping import Grouping
from reid_lib.review.questions import check_pairs, code_clusters
from reid_lib.review.votes import WEIGHT

CHANGED_BY = "changed_by"
NEW = "new"  # the name of a cluster that got none: "new 7"


@dataclass(frozen=True, eq=False)
class Effect:
    """What decisions do.

    Attributes:
        clusters: `image_id`, `dataset`, `cluster`, `changed_by` (names of the people whose decisions on the old and new
            clusters of a photograph changed the name of its cluster; "" where it is as before), in the order of the
            photographs.
        left_out: rows of `votes.tally_votes` that have no effect: other decisions contradict and outweigh them.
    """

    clusters: pd.DataFrame
    left_out: pd.DataFrame


def apply_decisions(photographs: pd.DataFrame, pairs: pd.DataFrame, current: pd.DataFrame) -> Effect:
    """Clusters with decisions applied to the present ones.

    *Same* brings together what both present clusters hold; *different* parts a cluster, each of its other photographs
    going to the side that it is more alike to. A photograph that hardly looks like its own cluster, and is the same as
    one of another, leaves alone. Where decisions contradict each other, the side with less evidence is left out. A
    cluster keeps the name of the present one that most of its photographs come from, one that is "known ..." before all
    others; no name is given twice.

    Args:
        photographs: `image_id`, `dataset`, `cluster` (missing: alone).
        pairs: as `ReviewQueue` takes them: what pictures say of pairs.
        current: of `votes.tally_votes`. Photographs that are not among `photographs` are passed over.

    Raises:
        ReviewError: see `questions.check_pairs`.
    """
    rows, pairs = photographs.reset_index(drop=True), check_pairs(photographs, pairs)
    place = {name: k for k, name in enumerate(rows[IMAGE_ID].astype(str))}
    first, second = (pairs[name].map(place).to_numpy(dtype=np.int64) for name in (FIRST, SECOND))
    probability = pairs[PROBABILITY].to_numpy(dtype=np.float64)
    known = {order_pair(a, b): p for a, b, p in zip(first.tolist(), second.tolist(), probability.tolist(), strict=True)}
    grouping, people = Grouping(code_clusters(rows), first, second, probability), {}
    decided, at = {}, {}
    columns = current[[FIRST, SECOND, DECIDED, WEIGHT, WHO]]
    for row, (one, other, told, weight, who) in enumerate(columns.itertuples(index=False, name=None)):
        if told in (SAME, DIFFERENT) and one in place and other in place:
            pair = order_pair(place[one], place[other])
            decided[pair] = Decided(pair, told == SAME, int(weight), known.get(pair, 0.5))
            people[pair], at[pair] = who.split("; "), row
    grouping.decide(decided)
    names = name_groups(rows, grouping.group)
    changed = names != rows[CLUSTER].astype(object).where(rows[CLUSTER].notna(), "")
    found = rows[[IMAGE_ID, DATASET]].assign(**{CLUSTER: names, CHANGED_BY: ""})
    found.loc[changed, CHANGED_BY] = _who_changed(grouping, np.flatnonzero(changed), people)
    return Effect(found, current.iloc[sorted(at[pair] for pair in grouping.left_out)].reset_index(drop=True))


def name_groups(rows: pd.DataFrame, group: np.ndarray) -> pd.Series:
    """(n,) str: the name of each photograph's group; "" of one that had no cluster, and still is alone.

    Args:
        rows: `dataset` and `cluster` (the present name) of each photograph, index 0 ... n-1.
        group: (n,) int, the position of the first photograph of its group.
    """
    told = pd.DataFrame({DATASET: rows[DATASET].astype(str), "group": group, "name": rows[CLUSTER]})
    claims = told.dropna().groupby([DATASET, "group", "name"], sort=False).size().rename("n").reset_index()
    claims["known"] = claims["name"].astype(str).str.startswith(KNOWN_AS)
    claims = claims.sort_values(["known", "n", "group"], ascending=[False, False, True], kind="stable")
    named: dict[int, str] = {}
    taken: set[tuple[str, str]] = set()
    for dataset, label, name in claims[[DATASET, "group", "name"]].itertuples(index=False, name=None):
        if label not in named and (dataset, name) not in taken:
            named[label] = str(name)
            taken.add((dataset, name))
    taken |= {(dataset, str(name)) for dataset, name in told[[DATASET, "name"]].dropna().itertuples(index=False)}
    sizes = told.groupby("group").size()
    number = dict.fromkeys(told[DATASET], 0)
    for label, dataset in told.drop_duplicates("group")[["group", DATASET]].itertuples(index=False, name=None):
        if label in named:
            continue
        if sizes[label] == 1 and told["name"].isna()[label]:  # a group is called by its first photograph
            named[label] = ""
            continue
        while (dataset, f"{NEW} {number[dataset]}") in taken:
            number[dataset] += 1
        named[label] = f"{NEW} {number[dataset]}"
        taken.add((dataset, named[label]))
    return pd.Series([named[label] for label in group.tolist()], index=rows.index, dtype=object)


def _who_changed(grouping: Grouping, changed: np.ndarray, people: dict[tuple[int, int], list[str]]) -> list[str]:
    """Of each photograph, the people who decided on pairs of its present cluster or its group."""
    found: dict[tuple[int, int], str] = {}
    members: dict[int, list[int]] = {}
    for k, label in enumerate(grouping.group.tolist()):
        members.setdefault(label, []).append(k)
    told = []
    for k in changed.tolist():
        key = int(grouping.group[k]), int(grouping.cluster[k])
        if key not in found:
            pairs: Iterable[tuple[int, int]] = sorted(grouping.decided_of([k, *members[key[0]]]))
            found[key] = "; ".join(dict.fromkeys(who for pair in pairs for who in people[pair]))
        told.append(found[key])
    return told
