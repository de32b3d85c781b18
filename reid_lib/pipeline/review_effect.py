"""What decisions change: clusters and names of a run's photographs with the decisions applied, beside the old ones.

Written are `applied/clusters.csv`, `applied/identities.csv` (the catalogue with corrected names),
`applied/left_out.csv` (decisions that others outweigh) and, where test photographs are labelled,
`applied/metrics.json`. Neither photographs nor catalogue nor run change.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from reid_lib.core import files, frames
from reid_lib.core.errors import ReviewError
from reid_lib.core.locks import hold_lock
from reid_lib.core.messages import counted
from reid_lib.core.names import (
    CLUSTER,
    CLUSTERS_CSV,
    DATASET,
    IDENTITY,
    IMAGE_ID,
    INDIVIDUAL,
    KNOWN,
    KNOWN_AS,
    METRICS_JSON,
    ROLE,
    TEST,
)
from reid_lib.core.paths import writing
from reid_lib.discover.measures import measure_clusters
from reid_lib.openset.measures import METRICS
from reid_lib.openset.metrics import animalclef2025_score, baks, baus
from reid_lib.openset.summary import describe_value
from reid_lib.pipeline.experiment import Experiment
from reid_lib.pipeline.review_folder import APPLIED, ReviewFolder
from reid_lib.review.decisions import WHO
from reid_lib.review.effect import CHANGED_BY, apply_decisions
from reid_lib.review.votes import keep_standing, tally_votes

IDENTITIES_CSV, LEFT_OUT_CSV = "identities.csv", "left_out.csv"
BEFORE = "identity_before"
MEASURED = {"ari": "adjusted Rand index", "ami": "AMI", "pair_precision": "pair precision", "pair_recall": "recall"}
PERSON = "with a person in the loop"


@dataclass(frozen=True)
class Applied:
    """What was written.

    Attributes:
        folder: where.
        clusters: image_id, dataset, cluster, changed_by.
        identities: the corrected catalogue: all columns, identity, identity_before, changed_by.
        left_out: decisions without effect, since others contradict and outweigh them.
        metrics: before and after; None where no test photograph is labelled.
        summary: in words.
    """

    folder: Path
    clusters: pd.DataFrame
    identities: pd.DataFrame
    left_out: pd.DataFrame
    metrics: dict | None
    summary: str


def write_effect(review: ReviewFolder, experiment: Experiment, rows: pd.DataFrame) -> Applied:
    """Apply decisions to the clusters and names of a review, and write what follows, whole and anew.

    Args:
        rows: of the table of decisions.

    Raises:
        ReviewError: the folder cannot be written.
    """
    effect = apply_decisions(review.photographs, review.pairs, tally_votes(rows))
    clusters, left_out = effect.clusters, effect.left_out
    identities = correct_catalogue(experiment.catalogue.rows, clusters)
    standing = keep_standing(rows)
    metrics = measure_effect(review.photographs, clusters, experiment.split.rows, standing)
    folder = review.path / APPLIED
    with writing(folder, "REID_RUNS", ReviewError):
        folder.mkdir(parents=True, exist_ok=True)
        with hold_lock(folder / ".lock"):
            frames.write_csv(folder / CLUSTERS_CSV, clusters)
            frames.write_csv(folder / IDENTITIES_CSV, identities)
            frames.write_csv(folder / LEFT_OUT_CSV, left_out)
            if metrics:
                files.write_json(folder / METRICS_JSON, metrics)
            else:
                (folder / METRICS_JSON).unlink(missing_ok=True)  # of labels that are no longer there
    summary = _describe(folder, clusters, identities, left_out, metrics, standing)
    return Applied(folder, clusters, identities, left_out, metrics, summary)


def correct_catalogue(catalogue: pd.DataFrame, clusters: pd.DataFrame) -> pd.DataFrame:
    """The catalogue with the names that decisions change: all its columns, `identity_before` and `changed_by`.

    A name of the catalogue stays unless a decision moved its photograph. A photograph without one has that of its
    cluster: of a known animal the name, else the cluster's own.
    """
    found = catalogue[[IMAGE_ID]].merge(clusters[[IMAGE_ID, CLUSTER, CHANGED_BY]], on=IMAGE_ID, how="left")
    before = catalogue[IDENTITY].reset_index(drop=True)
    moved = found[CHANGED_BY].notna() & (found[CHANGED_BY].astype(str) != "")
    name = found[CLUSTER].str.removeprefix(KNOWN_AS)
    of_test = (catalogue[ROLE] == TEST).to_numpy() if ROLE in catalogue else np.zeros(len(catalogue), dtype=bool)
    taken = name.notna() & (before.isna() | (moved & ~of_test))
    corrected = catalogue.drop(columns=[c for c in (ROLE, KNOWN, INDIVIDUAL) if c in catalogue]).reset_index(drop=True)
    corrected[IDENTITY] = before.mask(taken, name)
    return corrected.assign(**{BEFORE: before, CHANGED_BY: found[CHANGED_BY].where(moved)})


def measure_effect(
    before: pd.DataFrame, after: pd.DataFrame, rows: pd.DataFrame, standing: pd.DataFrame
) -> dict | None:
    """How right the clusters and names of labelled test photographs are without and with the decisions.

    Args:
        before, after: image_id, dataset, cluster.
        rows: of the split, with the true identity and whether the gallery knows it.
        standing: decisions that were not taken back.

    Returns:
        "with", "answers", "people", and "before" and "after", each with "clusters" (`measure_clusters`) and "names"
        (baks, baus, geometric_mean); None where no test photograph is labelled.
    """
    test = rows[(rows[ROLE] == TEST) & rows[IDENTITY].notna()]
    if not len(test):
        return None
    told = {"with": PERSON, "answers": len(standing), "people": sorted(set(standing[WHO]))}
    for when, clusters in (("before", before), ("after", after)):
        found = test.assign(**{CLUSTER: test[IMAGE_ID].map(clusters.set_index(IMAGE_ID)[CLUSTER]).to_numpy()})
        told[when] = {"clusters": measure_clusters(found), "names": _measure_names(found)}
    return told


def _measure_names(found: pd.DataFrame) -> dict[str, float]:
    """BAKS, BAUS and the headline score of clusters read as answers: a known animal, or a new one."""
    known = found[KNOWN].fillna(False).astype(bool).to_numpy()
    right = (found[CLUSTER] == KNOWN_AS + found[IDENTITY].astype(str)).to_numpy()
    correct = np.where(known, right, ~found[CLUSTER].str.startswith(KNOWN_AS).to_numpy())
    told = correct, known, found[INDIVIDUAL].to_numpy()
    score = animalclef2025_score(*told, found[DATASET].to_numpy())
    return {"baks": float(baks(*told)), "baus": float(baus(*told)), "geometric_mean": float(score)}


def _describe(
    folder: Path,
    clusters: pd.DataFrame,
    identities: pd.DataFrame,
    left_out: pd.DataFrame,
    metrics: dict | None,
    standing: pd.DataFrame,
) -> str:
    """What was written, in words."""
    people = ", ".join(sorted(set(standing[WHO]))) or "nobody"
    moved = int((clusters[CHANGED_BY].notna() & (clusters[CHANGED_BY].astype(str) != "")).sum())
    renamed = int((identities[BEFORE].notna() & (identities[BEFORE] != identities[IDENTITY])).sum())
    lines = [
        f"{len(standing):,} decisions ({people}) applied: {moved:,} photographs moved to another cluster, {renamed:,} "
        f"names of the catalogue corrected",
    ]
    if len(left_out):
        told = f"{counted(len(left_out), 'decision')} of these {'has' if len(left_out) == 1 else 'have'} no effect"
        lines.append(f"{told}: others contradict and outweigh them ({LEFT_OUT_CSV})")
    if metrics:
        for what, word in MEASURED.items():
            values = [describe_value(metrics[when]["clusters"]["overall"][what]) for when in ("before", "after")]
            lines.append(f"  {word}: {values[0]} before, {values[1]} after")
        values = [metrics[when]["names"]["geometric_mean"] for when in ("before", "after")]
        what = METRICS["geometric_mean"].label
        lines.append(f"  {what}, clusters taken for answers: {values[0]:.3f} before, {values[1]:.3f} after")
        lines.append(f"  measured on the labelled test photographs, {PERSON} ({metrics['answers']:,} answers)")
    return "\n".join([*lines, f"written: {folder}"])
