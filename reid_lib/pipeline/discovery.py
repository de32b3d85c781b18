"""Clusters of the test photographs by animal: known ones first, then the new ones, by what val teaches."""

import numpy as np
import pandas as pd

from reid_lib.core.logs import LOGGER
from reid_lib.core.names import DATASET, EMBEDDING, IDENTITY, IMAGE_ID, NEW_INDIVIDUAL, PREDICTED, TEST, VAL
from reid_lib.discover.individuals import cluster_photographs, fit_cuts
from reid_lib.discover.measures import CLUSTER, measure_clusters
from reid_lib.discover.pairs import fit_pair_probabilities, list_pairs
from reid_lib.embed.embedding_set import EmbeddingSet
from reid_lib.match.cosine import Cosine
from reid_lib.match.pairs import PairTable
from reid_lib.pipeline.experiment import Experiment
from reid_lib.pipeline.local_scores import LocalScores
from reid_lib.pipeline.scoring import Scored
from reid_lib.pipeline.submission import CLUSTERED

AUTO, AVERAGE = "auto", "average"
NEIGHBOURS = 50  # of each photograph, where nothing but embeddings is compared


def choose_method(experiment: Experiment) -> str | None:
    """The linkage that the parameters mean; None: photographs are not clustered."""
    asked = getattr(experiment.params, "clusters", AUTO)
    if asked != AUTO:
        return asked
    return AVERAGE if experiment.params.dataset == CLUSTERED else None


def discover_individuals(
    experiment: Experiment, embeddings: dict[str, EmbeddingSet], scored: Scored, answers: pd.DataFrame
) -> tuple[pd.DataFrame | None, dict]:
    """Cluster the test photographs, where the parameter `clusters` says so.

    Photographs that were recognised are their individual's. The others are clustered by the same scores that answer,
    computed for the photographs among each other; calibration and cuts come from val. No label of test is looked at
    before the clusters stand, and are measured.

    Args:
        embeddings: role -> embeddings of its photographs.
        scored: the scores of the evaluation.
        answers: of test, one row for each photograph, with `predicted`.

    Returns:
        clusters.csv: image_id, dataset, cluster ("known <identity>" or "new <number>"), ascending by image_id; and what
        metrics.json says of it. None and nothing where photographs are not clustered.
    """
    method = choose_method(experiment)
    if method is None:
        return None, {}
    params = experiment.params
    rule, kind = getattr(params, "clusters_by", "ami"), getattr(params, "fusion", AUTO)
    n = params.shortlist if scored.local is not None else NEIGHBOURS
    pairs = {role: _score_pairs(experiment, embeddings[role], scored.local, n) for role in (VAL, TEST)}
    fits = fit_pair_probabilities(pairs[VAL], kind=kind)
    if not fits.fits:
        LOGGER.warning("val has no two labelled photographs to learn from: no new animal has more than one photograph")
    n_least = params.threshold_individuals
    cuts = fit_cuts(pairs[VAL], fits.out_of_fold, method=method, rule=rule, min_individuals=n_least)
    rows = pairs[TEST].queries
    named = answers.set_index(IMAGE_ID)[PREDICTED].reindex(rows[IMAGE_ID])
    named = named.mask(named == NEW_INDIVIDUAL)
    found = cluster_photographs(pairs[TEST], fits.probability(pairs[TEST]), named, cuts, method=method)
    clusters = rows[[IMAGE_ID, DATASET]].assign(**{CLUSTER: found.to_numpy()})
    measured = measure_clusters(clusters.assign(**{IDENTITY: rows[IDENTITY]}))
    entry = {"method": method, "rule": rule, "neighbours": n, "cuts": cuts.to_dict(), TEST: measured}
    return clusters.reset_index(drop=True), {"discovery": entry}


def _score_pairs(
    experiment: Experiment, embeddings: EmbeddingSet, local: LocalScores | None, n_neighbours: int
) -> PairTable:
    """Pairs among the photographs of a role with every score that answers in this run, rows ascending by image_id."""
    order = np.argsort(embeddings.rows[IMAGE_ID].astype(str).to_numpy(dtype=str), kind="stable")
    rows = embeddings.rows.iloc[order].reset_index(drop=True)
    ordered = EmbeddingSet(embeddings.features[order], rows)
    table = list_pairs(Cosine(ordered, ordered, device=experiment.device), n_neighbours)
    if local is None:
        return table
    table = local.score_among(table)
    return table.only([name for name in table.scores if name != EMBEDDING or experiment.params.scores != "local"])
