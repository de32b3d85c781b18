"""What of a finished run can be asked of a person: its photographs with their clusters, and the doubtful pairs.

Three kinds of doubt: "cluster", do two test photographs show one animal; "answer", is a test photograph the animal that
the run named, or one of the next best; "label", is a name of the catalogue right: two photographs of one name that look
different, two of two names that look the same. Labels of test photographs are not looked at.
"""

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from reid_lib.core.logs import LOGGER
from reid_lib.core.names import (
    BBOX,
    CLUSTER,
    CLUSTERS_CSV,
    DATASET,
    DATE,
    ENCOUNTER,
    GALLERY,
    IDENTITY,
    IMAGE_ID,
    KNOWN_AS,
    N_RANKS,
    ORIENTATION,
    PATH,
    PREDICTIONS_CSV,
    PROBABILITY,
    ROLE,
    ROLES,
    TEST,
    VAL,
    ranked_column,
)
from reid_lib.match.cosine import Cosine
from reid_lib.match.encounters import ByEncounter
from reid_lib.match.pairs import PairTable
from reid_lib.openset.probability import estimate_probabilities
from reid_lib.pipeline.discovery import (
    AVERAGE,
    SelfComparison,
    choose_linkage,
    cluster_test,
    plan_comparisons,
    score_pairs_among,
)
from reid_lib.pipeline.experiment import Experiment
from reid_lib.pipeline.local_scores import LocalScores, mask_of
from reid_lib.pipeline.recipes import FinishedRun
from reid_lib.review.decisions import FIRST, SECOND
from reid_lib.review.questions import ANSWER, CLUSTERS, DOUBT, LABEL, drop_other_flanks

MOST_PAIRS = 30_000  # of a queue
LABEL_NEIGHBOURS = 5  # of each named photograph: the nearest of all, and as many of its own name
MADE_ONCE = (
    "what can be asked is worked out, once: votes say which photographs to compare, then all pairs are matched; the "
    "bar says how much is done and how long the rest takes. Interrupted, it goes on where it was"
)
TOLD = (IMAGE_ID, DATASET, PATH, IDENTITY, CLUSTER, DATE, ENCOUNTER, ORIENTATION, ROLE, BBOX)


@dataclass(frozen=True)
class Askable:
    """What can be asked.

    Attributes:
        photographs: one row each, `TOLD` (as far as known): of gallery, val and test. The identity of test photographs
            is missing; `cluster` is "known <name>" or "new <number>" within the data set.
        pairs: image_id_1 < image_id_2, dataset, probability (that both show one animal), doubt; none of a left and a
            right flank.
        left_out: pairs beyond `MOST_PAIRS`.
    """

    photographs: pd.DataFrame
    pairs: pd.DataFrame
    left_out: int


def reopen(finished: FinishedRun, device: str = "auto") -> Experiment:
    """A finished run as its steps saw it, to compute with what it stored; the mask is the one that it chose.

    Args:
        device: "auto", "cpu", "cuda" or "mps".
    """
    experiment = Experiment(finished.params, finished.catalogue, finished.split, finished.run)
    settled = {"device": device}
    if getattr(finished.params, "features", ()):
        settled["mask"] = mask_of(experiment)
    return replace(experiment, params=finished.params.model_copy(update=settled))


def list_askable(finished: FinishedRun, experiment: Experiment) -> Askable:
    """Photographs and pairs of a finished run, with the probabilities that its validation teaches.

    Embeddings are the stored ones; keypoints and scores of pairs come from the cache, or are computed now.

    Args:
        experiment: of the run, by `reopen`.
    """
    embeddings = finished.embeddings
    local = LocalScores(experiment) if getattr(experiment.params, "features", ()) else None
    named = embeddings[GALLERY].joined(embeddings[VAL])
    named = named.where(named.rows[IDENTITY].notna())
    planned = plan_comparisons(embeddings, local) | {LABEL: SelfComparison(named, LABEL_NEIGHBOURS, LABEL_NEIGHBOURS)}
    if local is not None:
        LOGGER.info(MADE_ONCE)
    scored = score_pairs_among(experiment, local, planned)
    answers, val = _answers(finished)
    found = cluster_test(experiment, scored, answers, val, choose_linkage(experiment) or AVERAGE)
    clusters = found.clusters
    if finished.run.path(CLUSTERS_CSV).exists():
        clusters = finished.run.read_csv(CLUSTERS_CSV)
    photographs = _photographs(finished, clusters)
    parts = [
        _pairs(scored[TEST], found.fits.probability(scored[TEST]), CLUSTERS),
        _candidates(finished, answers),
        _pairs(scored[LABEL], found.fits.probability(scored[LABEL]), LABEL),
    ]
    comparable = drop_other_flanks(photographs, pd.concat(parts, ignore_index=True))
    pairs, left_out = choose_pairs(comparable, photographs)
    if left_out:
        LOGGER.warning(f"{len(pairs):,} pairs can be asked; {left_out:,} less doubtful ones are left out")
    return Askable(photographs, pairs, left_out)


def choose_pairs(pairs: pd.DataFrame, photographs: pd.DataFrame, most: int = MOST_PAIRS) -> tuple[pd.DataFrame, int]:
    """The pairs whose answer is most likely to change something, ascending by their photographs, none twice.

    Between two clusters that is the probability that they are one animal, within one that they are two.

    Returns:
        At most `most` pairs, and how many were left out.
    """
    pairs = pairs.drop_duplicates([FIRST, SECOND], keep="first")
    cluster = photographs.set_index(IMAGE_ID)[CLUSTER]
    within = cluster.reindex(pairs[FIRST]).to_numpy() == cluster.reindex(pairs[SECOND]).to_numpy()
    change = np.where(within, 1 - pairs[PROBABILITY], pairs[PROBABILITY])
    kept = np.sort(np.argsort(-change, kind="stable")[:most])
    chosen = pairs.iloc[kept].sort_values([FIRST, SECOND], ignore_index=True)
    return chosen, len(pairs) - len(chosen)


def _answers(finished: FinishedRun) -> tuple[pd.DataFrame, pd.DataFrame]:
    """What the run answered to each test photograph; those of an encounter share its answer where that was asked.

    And what it answered to val.
    """
    predictions = finished.run.read_csv(PREDICTIONS_CSV)
    val = predictions[predictions[ROLE] == VAL]
    test = predictions[predictions[ROLE] == TEST].reset_index(drop=True)
    if combination := finished.run.metrics().get("combination"):
        cosine = Cosine(finished.embeddings[TEST], finished.embeddings[GALLERY])
        test = ByEncounter(cosine, combination).spread(test)
    return test, val


def _photographs(finished: FinishedRun, clusters: pd.DataFrame) -> pd.DataFrame:
    rows = finished.split.rows
    rows = rows[rows[ROLE].isin(ROLES)].reset_index(drop=True)
    rows = rows.assign(**{IDENTITY: rows[IDENTITY].mask(rows[ROLE] == TEST)})
    of_test = rows[IMAGE_ID].map(clusters.set_index(IMAGE_ID)[CLUSTER])
    alone = "new " + rows[IMAGE_ID].astype(str)  # neither named nor clustered: a photograph by itself
    named = (KNOWN_AS + rows[IDENTITY].astype(str)).where(rows[IDENTITY].notna(), alone)
    rows = rows.assign(**{CLUSTER: of_test.where(of_test.notna(), named)})
    return rows[[column for column in TOLD if column in rows]]


def _pairs(table: PairTable, probability: np.ndarray, doubt: str) -> pd.DataFrame:
    ids = table.queries[IMAGE_ID].astype(str).to_numpy(dtype=object)
    return _in_order(ids[table.query], ids[table.image], table.dataset, probability, doubt)


def _candidates(finished: FinishedRun, answers: pd.DataFrame) -> pd.DataFrame:
    """Each test photograph with the best photographs of its candidates."""
    probability = estimate_probabilities(answers, finished.recipe().curves)
    parts = []
    for rank in range(1, N_RANKS + 1):
        image = answers[ranked_column("image", rank)]
        there = image.notna().to_numpy() & ~np.isnan(probability[:, rank - 1])
        own = answers[there]
        told = own[DATASET].astype(str), probability[there, rank - 1]
        parts.append(_in_order(own[IMAGE_ID].astype(str), image[there].astype(str), *told, ANSWER))
    return pd.concat(parts, ignore_index=True)


def _in_order(one: pd.Series, other: pd.Series, dataset: pd.Series, probability: np.ndarray, doubt: str):
    one, other = np.asarray(one, dtype=object), np.asarray(other, dtype=object)
    swap = one > other
    return pd.DataFrame(
        {
            FIRST: np.where(swap, other, one),
            SECOND: np.where(swap, one, other),
            DATASET: np.asarray(dataset, dtype=object),
            PROBABILITY: np.clip(probability, 0.0, 1.0),
            DOUBT: doubt,
        }
    )
