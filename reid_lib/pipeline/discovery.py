"""Clusters of the test photographs by animal: known ones first, then the new ones, by what val teaches."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pandas as pd
from tqdm import tqdm

from reid_lib.core.logs import LOGGER
from reid_lib.core.names import (
    DATASET,
    EMBEDDING,
    IDENTITY,
    IMAGE_ID,
    INDIVIDUAL,
    NEW_INDIVIDUAL,
    PREDICTED,
    TEST,
    VAL,
)
from reid_lib.discover.flanks import list_comparable
from reid_lib.discover.individuals import Cuts, cluster_photographs, fit_cuts
from reid_lib.discover.known import fit_sure, keep_sure
from reid_lib.discover.measures import CLUSTER, measure_clusters
from reid_lib.discover.pairs import PairFits, fit_pair_probabilities, list_pairs
from reid_lib.embed.embedding_set import EmbeddingSet
from reid_lib.match.cosine import Cosine
from reid_lib.match.lnbnn import voting_bar
from reid_lib.match.pairs import PairTable, join_pairs
from reid_lib.pipeline.experiment import Experiment
from reid_lib.pipeline.local_scores import LocalScores
from reid_lib.pipeline.scoring import Scored
from reid_lib.pipeline.submission import CLUSTERED

AUTO, AVERAGE = "auto", "average"
NEIGHBOURS = 50  # of each photograph, where nothing but embeddings is compared, or where there are few photographs
CHEAP_PAIRS = 20_000  # that descriptors compare in a minute, whatever `shortlist` says; a network takes hours


def choose_linkage(experiment: Experiment) -> str | None:
    """How the parameters have photographs clustered: see `linkage.link`, or "hdbscan"; None: not at all."""
    asked = getattr(experiment.params, "clusters", AUTO)
    if asked != AUTO:
        return asked
    return AVERAGE if experiment.params.dataset == CLUSTERED else None


class SelfComparison(NamedTuple):
    """Photographs that are compared with each other.

    Attributes:
        embeddings: of the photographs.
        n_neighbours: how many of the nearest of its data set each photograph is compared with, at least 1.
        n_own: how many of the nearest under its own name, besides.
    """

    embeddings: EmbeddingSet
    n_neighbours: int
    n_own: int = 0


@dataclass(frozen=True, eq=False)
class Discovery:
    """What the test photographs show, by animal, and what it was learnt from.

    Attributes:
        fits: from scores of pairs to probabilities, fitted on val.
        cuts: where clusters end, likewise.
        sure: by data set the score from which on a name counts, likewise; see `known.fit_sure`.
        clusters: clusters.csv: image_id, dataset, cluster, ascending by image_id.
    """

    fits: PairFits
    cuts: Cuts
    sure: dict[str, float | None]
    clusters: pd.DataFrame


def discover_individuals(
    experiment: Experiment,
    embeddings: dict[str, EmbeddingSet],
    scored: Scored,
    answers: pd.DataFrame,
    val: pd.DataFrame,
) -> tuple[pd.DataFrame | None, dict]:
    """Cluster the test photographs, where the parameter `clusters` says so.

    Args:
        embeddings: role -> embeddings of its photographs.
        scored: the scores of the evaluation.
        answers: of test, one row for each photograph, with `predicted` and `score`.
        val: the answers to val.

    Returns:
        clusters.csv: image_id, dataset, cluster ("known <identity>" or "new <number>"), ascending by image_id; and what
        metrics.json says of it. None and nothing where photographs are not clustered.
    """
    method = choose_linkage(experiment)
    if method is None:
        return None, {}
    planned = plan_comparisons(embeddings, scored.local)
    pairs = score_pairs_among(experiment, scored.local, planned)
    found = cluster_test(experiment, pairs, answers, val, method)
    truth = pairs[TEST].queries[IDENTITY].to_numpy()
    measured = measure_clusters(found.clusters.assign(**{IDENTITY: truth}))
    entry = {"method": method, "rule": choose_rule(experiment), "neighbours": planned[TEST].n_neighbours}
    return found.clusters, {"discovery": entry | {"sure": found.sure, "cuts": found.cuts.to_dict(), TEST: measured}}


def choose_rule(experiment: Experiment) -> str:
    """The rule by which val says where clusters end."""
    return getattr(experiment.params, "clusters_by", "ami")


def cluster_test(
    experiment: Experiment, pairs: dict[str, PairTable], answers: pd.DataFrame, val: pd.DataFrame, method: str
) -> Discovery:
    """Cluster the test photographs.

    Photographs that were surely recognised are their individual's. The others are clustered by the same scores that
    answer, computed for the photographs among each other; calibration and cuts come from val. No label of test is
    looked at.

    Args:
        pairs: role -> pairs among the photographs of val and of test, by `score_pairs_among`.
        answers, val: as of `discover_individuals`.
        method: see `linkage.link`.
    """
    params = experiment.params
    fits = fit_pair_probabilities(pairs[VAL], kind=getattr(params, "fusion", AUTO))
    if not fits.fits:
        LOGGER.warning("val has no two labelled photographs to learn from: no new animal has more than one photograph")
    how = {"rule": choose_rule(experiment), "min_individuals": params.threshold_individuals}
    cuts = fit_cuts(pairs[VAL], fits.out_of_fold, method=method, **how)
    rows = pairs[TEST].queries
    sure = fit_sure(val, min_individuals=params.threshold_individuals)
    named = keep_sure(answers, sure).set_index(IMAGE_ID)[PREDICTED].reindex(rows[IMAGE_ID])
    named = named.mask(named == NEW_INDIVIDUAL)
    found = cluster_photographs(pairs[TEST], fits.probability(pairs[TEST]), named, cuts, method=method)
    clusters = rows[[IMAGE_ID, DATASET]].assign(**{CLUSTER: found.to_numpy()})
    return Discovery(fits, cuts, sure, clusters.reset_index(drop=True))


def plan_comparisons(embeddings: Mapping[str, EmbeddingSet], local: LocalScores | None) -> dict[str, SelfComparison]:
    """Role -> the photographs of val, and of test, that are compared with each other to cluster those of test."""
    n = count_neighbours(local, max(len(embeddings[role]) for role in (VAL, TEST)))
    return {role: SelfComparison(embeddings[role], n) for role in (VAL, TEST)}


def count_neighbours(local: LocalScores | None, n_photographs: int) -> int:
    """With how many neighbours each photograph is compared.

    A pair that is not listed counts as 0, and in a large cluster such pairs keep photographs apart: so as many are
    listed as are cheap. Where a network matches (some pairs a second on a CPU), it is `shortlist`.

    Args:
        local: the local features; None where embeddings are compared alone.
        n_photographs: that are compared with each other; the larger number of both roles.
    """
    if local is None:
        return NEIGHBOURS
    cheap = CHEAP_PAIRS // max(1, n_photographs) if local.is_cheap else 0
    return max(local.n_shortlisted, min(NEIGHBOURS, cheap))


def score_pairs_among(
    experiment: Experiment, local: LocalScores | None, planned: Mapping[str, SelfComparison]
) -> dict[str, PairTable]:
    """Pairs among photographs with every score that answers in this run, rows ascending by image_id.

    All of them are matched together, so that one bar says how long that takes; and one, how long they vote.
    """
    ordered = {name: _in_order(one.embeddings) for name, one in planned.items()}
    n_voting = sum(len(members) for own in ordered.values() for members in list_comparable(own.rows))
    with voting_bar(n_voting, progress=local is not None) as bar:
        tables = {
            name: _list_pairs_among(experiment, local, one._replace(embeddings=ordered[name]), bar)
            for name, one in planned.items()
        }
    if local is None:
        return tables
    left_out = {EMBEDDING} if experiment.params.scores == "local" else set()
    scored = local.score_among(list(tables.values()))
    return {
        name: table.only([score for score in table.scores if score not in left_out])
        for name, table in zip(tables, scored, strict=True)
    }


def _in_order(embeddings: EmbeddingSet) -> EmbeddingSet:
    """Rows ascending by image_id."""
    order = np.argsort(embeddings.rows[IMAGE_ID].astype(str).to_numpy(dtype=str), kind="stable")
    return EmbeddingSet(embeddings.features[order], embeddings.rows.iloc[order].reset_index(drop=True))


def _list_pairs_among(
    experiment: Experiment, local: LocalScores | None, planned: SelfComparison, bar: tqdm | None = None
) -> PairTable:
    """The pairs of ordered rows, with their cosines: nearest by the embedding, and by votes where descriptors vote."""
    embeddings, n_neighbours, n_own = planned
    rows = embeddings.rows
    cosine = Cosine(embeddings, embeddings, device=experiment.device)
    pairs = []
    for members in list_comparable(rows):
        part = cosine.part(members, members)
        found = [list_pairs(part, n_neighbours), *([list_pairs(part, n_own, within=INDIVIDUAL)] if n_own else [])]
        some = [(table.query, table.image) for table in found]
        some += [local.list_voted(rows.iloc[members], n_neighbours, bar)] if local is not None else []
        pairs += [(members[one], members[other]) for one, other in some]
    query, image = join_pairs(pairs)
    return PairTable(rows, rows, query, image, {EMBEDDING: cosine.exact(query, image)})
