"""Queries of an evaluation with local scores whose own photograph is in the gallery (parameter `same_photo`).

Recognising a copy, or another crop, says nothing about recognising the animal another day. Such pairs are looked for
among those that were matched anyway, by pixels alone: no label is needed.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from reid_lib.core.errors import SplitError
from reid_lib.core.names import (
    IDENTITY,
    IMAGE_ID,
    IMAGES_CSV,
    KNOWN,
    ROLE,
    SAME_PHOTOS_CSV,
    TEST,
    UNUSED,
    VAL,
)
from reid_lib.data.split import Split
from reid_lib.discover.suspects import OF_A_SIDE
from reid_lib.figures import sheets
from reid_lib.match.encounters import ByEncounter
from reid_lib.match.matches import INLIERS
from reid_lib.match.pairs import PairTable
from reid_lib.match.same_photo import MEASURED, find_same_photos
from reid_lib.match.similarity import Similarity
from reid_lib.openset.answers import Answers
from reid_lib.openset.same_photo import count_queries, measure_without
from reid_lib.pipeline.drawing import save_figure
from reid_lib.pipeline.local_scores import LocalScores, make_matcher

if TYPE_CHECKING:
    from reid_lib.pipeline.experiment import Experiment

LEAVE_OUT = "leave_out"
QUERY, IMAGE, CORRELATION = f"{IMAGE_ID}_1", f"{IMAGE_ID}_2", "correlation"


def find_own_photos(experiment: "Experiment", local: LocalScores, tables: Mapping[str, PairTable]) -> pd.DataFrame:
    """The pairs of each role that are one photograph.

    Args:
        tables: role -> shortlisted pairs, with the inliers of each of the local features.

    Returns:
        One row per pair, by role and query: `suspects.OF_A_SIDE` of the query (_1) and of the gallery image (_2),
        `correlation`, `everywhere` and `overlap` (see `match.same_photo.correlate`).
    """
    root, parts = experiment.catalogue.root, []
    for role, table in tables.items():
        for features in local.keypoints:
            sides = [local.of(features, rows[IMAGE_ID]) for rows in (table.queries, table.gallery)]
            matcher, inliers = make_matcher(features, local.device), table.scores[f"{features} {INLIERS}"]
            found = find_same_photos(matcher, *sides, table.query, table.image, inliers, (root, root))
            parts.append(_with_rows(found, table).assign(**{f"{ROLE}_1": role}))
    pairs = pd.concat(parts, ignore_index=True).sort_values(
        [f"{ROLE}_1", QUERY, CORRELATION, IMAGE], ascending=[True, True, False, True], kind="stable"
    )
    return pairs.drop_duplicates([QUERY, IMAGE]).reset_index(drop=True)


def _with_rows(found: pd.DataFrame, table: PairTable) -> pd.DataFrame:
    sides = []
    for rows, at, side in ((table.queries, "query", 1), (table.gallery, "image", 2)):
        told = rows.iloc[found[at].to_numpy()].reindex(columns=list(OF_A_SIDE)).reset_index(drop=True)
        sides.append(told.add_suffix(f"_{side}"))
    return pd.concat([*sides, found[list(MEASURED)]], axis=1)


def leave_out_own(
    experiment: "Experiment", found: pd.DataFrame, cosines: Mapping[str, Similarity], tables: Mapping[str, PairTable]
) -> tuple[dict[str, Similarity], dict[str, PairTable]]:
    """The similarities without the labelled queries that have their own photograph in the gallery.

    The roles of the experiment, and images.csv, say so: the queries become unused, except where val is enrolled for
    test, where they stay. Queries without a label are answered: they count nowhere.

    Args:
        found: from `find_own_photos`.
        cosines, tables: role -> of all queries.

    Raises:
        SplitError: no known val query is left, or no labelled test query.
    """
    names = set(found[QUERY])
    out = {role: _of(table.queries, names) & table.queries[IDENTITY].notna() for role, table in tables.items()}
    left = {role: ~mask.to_numpy() for role, mask in out.items()}
    counts = {role: {"queries": int((~keep).sum()), "of": len(keep)} for role, keep in left.items()}
    if told := count_queries(counts):
        gone = {name for role, table in tables.items() for name in table.queries[IMAGE_ID][~left[role]]}
        why = f"{told} are left out: their own photograph is in the gallery ({SAME_PHOTOS_CSV})"
        _check_left(experiment.split, tables, left, why)
        experiment.split = _without(experiment.split, gone, {role: c["queries"] for role, c in counts.items()}, why)
        experiment.run.write_csv(IMAGES_CSV, experiment.split.rows)
    everything = slice(None)
    return (
        {role: cosine.part(left[role], everything) for role, cosine in cosines.items()},
        {role: table.of_queries(left[role]) for role, table in tables.items()},
    )


def _of(rows: pd.DataFrame, names: set[str]) -> pd.Series:
    return rows[IMAGE_ID].isin(names)


def _check_left(split: Split, tables: Mapping[str, PairTable], left: Mapping[str, np.ndarray], why: str) -> None:
    known = set(split.rows.loc[split.rows[KNOWN].fillna(False).astype(bool), IMAGE_ID])
    for role, table in tables.items():
        rows = table.queries
        wanted = rows[IMAGE_ID].isin(known) if role == VAL else rows[IDENTITY].notna()
        if wanted.any() and not (wanted & left[role]).any():
            raise SplitError(
                f"{why}. Nothing is left to ask in {role}: photographs of another day are needed, or same_photo "
                "'report', which tells the result with and without them"
            )


def _without(split: Split, names: set[str], counts: dict[str, int], why: str) -> Split:
    """The split with these queries unused; one that is in the gallery of test keeps its role for that."""
    out = _of(split.rows, names).to_numpy() & ~split.gallery_for(TEST)
    rows = split.rows.assign(**{ROLE: split.rows[ROLE].mask(out, UNUSED)})
    both = {role: split.left_out.get(role, 0) + n for role, n in counts.items()}
    remarks = (*split.remarks[:-1], f"{split.remarks[-1]}; {why}") if split.left_out else (*split.remarks, why)
    return replace(split, rows=rows, left_out=both, remarks=remarks)


def measure_own_photos(
    experiment: "Experiment", found: pd.DataFrame | None, alike: Mapping[str, Similarity], predictions: pd.DataFrame
) -> dict:
    """What metrics.json says of queries whose own photograph is in the gallery; empty where nobody looked for them.

    Args:
        found: from `find_own_photos`, or None.
        alike: role -> similarity of those that are asked, photographs or encounters.
        predictions: the answers to these.
    """
    if found is None:
        return {}
    if experiment.params.same_photo == LEAVE_OUT:
        queries = found[~found[IDENTITY + "_1"].isna()].groupby(f"{ROLE}_1")[QUERY].nunique()
        asked = {role: len(getattr(alike[role], "photographs", alike[role]).queries) for role in (VAL, TEST)}
        out = {role: int(queries.get(role, 0)) for role in (VAL, TEST)}
        return {"same_photo": {r: {"queries": n, "of": n + asked[r], "left_out": True} for r, n in out.items()}}
    own = {role: _queries_with(alike[role], set(found[QUERY])) for role in (VAL, TEST)}
    return {"same_photo": measure_without(Answers.of(predictions), own)}


def _queries_with(similarity: Similarity, names: set[str]) -> set[str]:
    """image_id of the queries that show one of these photographs: of an encounter, that of its first one."""
    queries = similarity.queries
    if not isinstance(similarity, ByEncounter):
        return set(queries.loc[_of(queries, names), IMAGE_ID])
    of = similarity.spread(pd.DataFrame({"first": queries[IMAGE_ID]}))
    return set(of.loc[_of(of, names), "first"])


def show_own_photos(experiment: "Experiment") -> None:
    """Show pairs of a query and a gallery image that are one photograph, where there are any."""
    stored = experiment.run.path(SAME_PHOTOS_CSV)
    if stored.exists() and len(pairs := experiment.run.read_csv(SAME_PHOTOS_CSV)):
        title = "One photograph as query and in the gallery"
        save_figure(experiment, stored.stem, sheets.suspects, pairs, experiment.photo, title=title)
