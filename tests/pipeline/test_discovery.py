"""Clusters of the test photographs of an evaluation, and what metrics.json says of them."""

from contextlib import nullcontext
from dataclasses import replace
from types import SimpleNamespace

import pandas as pd
import pytest
from sklearn.metrics import adjusted_rand_score

from reid_lib.core.names import GALLERY, IDENTITY, IMAGE_ID, INDIVIDUAL, NEW_INDIVIDUAL, PREDICTED, TEST, VAL
from reid_lib.discover.known import fit_sure, keep_sure
from reid_lib.discover.measures import describe_discovery
from reid_lib.embed.embedding_set import EmbeddingSet
from reid_lib.openset.results import check_results
from reid_lib.pipeline import discovery, evaluation, scoring
from reid_lib.pipeline.discovery import choose_linkage, count_neighbours, discover_individuals
from reid_lib.pipeline.local_scores import LocalScores


@pytest.fixture(autouse=True)
def own_cache(cache, monkeypatch):
    monkeypatch.setenv("REID_CACHE", str(cache))


def discover(made, rows=None, **given):
    """The clusters of a finished evaluation, by its stored embeddings."""
    experiment, results, _ = made
    rows = experiment.split.rows if rows is None else rows
    experiment = replace(experiment, params=experiment.params.model_copy(update={"clusters": "average"} | given))
    stored = {r: EmbeddingSet.load(experiment.run.path(f"embeddings/{r}.npz"), rows) for r in (GALLERY, VAL, TEST)}
    scored = scoring.score_roles(experiment, evaluation.compare_roles(experiment, stored))
    val = results.predictions[results.predictions["role"] == VAL]
    return discover_individuals(experiment, stored, scored, results.test, val)


def test_clusters_hold_all_test_photographs_and_the_recognised_ones_by_name(fused):
    experiment, results, _ = fused
    clusters, told = discover(fused)
    test = experiment.split.rows[experiment.split.queries(TEST)]
    assert sorted(clusters[IMAGE_ID]) == clusters[IMAGE_ID].tolist() == sorted(test[IMAGE_ID])
    sure = told["discovery"]["sure"]
    assert sure == fit_sure(results.predictions[results.predictions["role"] == VAL], min_individuals=10)
    answers = keep_sure(results.test, sure).set_index(IMAGE_ID)[PREDICTED].reindex(clusters[IMAGE_ID])
    named = (answers != NEW_INDIVIDUAL).to_numpy()
    assert (clusters["cluster"][named] == "known " + answers.to_numpy()[named]).all()
    assert clusters["cluster"][~named].str.match(r"new \d+$").all()
    truth = test.set_index(IMAGE_ID)[IDENTITY].reindex(clusters[IMAGE_ID]).to_numpy()
    found = told["discovery"]["test"]
    scores = [
        adjusted_rand_score(truth[of.index], of["cluster"]) for _, of in clusters.groupby("dataset")
    ]  # as the scorer of AnimalCLEF 2026
    assert found["overall"]["ari"]["value"] == pytest.approx(sum(scores) / len(scores))


def test_one_bar_says_how_long_photographs_vote(fused, monkeypatch):
    """Each data set, flank and role had a bar of its own, which said nothing of the whole."""
    experiment, _, _ = fused
    asked, done = [], []

    def voting_bar(n, *, progress):
        asked.append((n, progress))
        return nullcontext(SimpleNamespace(update=done.append))

    monkeypatch.setattr(discovery, "voting_bar", voting_bar)
    discover(fused)
    n_photographs = sum(experiment.split.queries(role).sum() for role in (VAL, TEST))
    ((n, shown),) = asked
    assert shown and sum(done) == n >= n_photographs  # those that tell no flank vote among both


def test_test_labels_reach_no_cluster(fused):
    experiment, _, _ = fused
    rows = experiment.split.rows.copy()
    test = experiment.split.queries(TEST)
    rows.loc[test, [IDENTITY, INDIVIDUAL]] = None
    clusters, told = discover(fused)
    nameless, undefined = discover(fused, rows)
    pd.testing.assert_frame_equal(clusters, nameless)
    assert told["discovery"]["cuts"] == undefined["discovery"]["cuts"]
    assert undefined["discovery"]["test"]["counts"] == {}
    assert "nothing says how right" in describe_discovery(undefined)


def test_local_scores_find_more_than_an_untrained_network_alone(fused):
    found = [
        discover(fused, scores=scores)[1]["discovery"]["test"]["overall"] for scores in ("embedding+local", "embedding")
    ]
    assert found[0]["pair_f1"]["value"] > found[1]["pair_f1"]["value"]


@pytest.mark.parametrize(
    "given",
    [{"clusters": "components"}, {"clusters": "hdbscan"}, {"clusters_by": "pair_precision"}, {"scores": "local"}],
)
def test_what_is_said_of_clusters_goes_through_the_schema_of_metrics(fused, given):
    _, results, _ = fused
    _, told = discover(fused, **given)
    read = check_results(results.metrics | told).discovery
    assert (read.method, read.rule) == (given.get("clusters", "average"), given.get("clusters_by", "ami"))
    assert "adjusted Rand index" in describe_discovery(told) and describe_discovery({}) == ""


def test_photographs_are_clustered_where_asked_and_for_animalclef_2026(fused):
    experiment, results, _ = fused
    assert choose_linkage(experiment) is None and "discovery" not in results.metrics
    assert not experiment.run.path("clusters.csv").exists()
    clef = replace(experiment, params=experiment.params.model_copy(update={"dataset": "animalclef2026"}))
    assert choose_linkage(clef) == "average"


@pytest.mark.parametrize(
    "features, n_photographs, expected",
    [
        (None, 100_000, 50),
        ("sift", 300, 50),
        ("sift", 1000, 20),  # 20,000 pairs of a millisecond
        ("sift", 100_000, 10),
        ("aliked", 300, 10),  # 20,000 pairs of a third of a second would be two hours
        ("sift+aliked", 300, 10),
    ],
)
def test_more_neighbours_than_the_shortlist_are_compared_only_where_that_is_cheap(features, n_photographs, expected):
    local = None
    if features:
        local = object.__new__(LocalScores)
        local.n_shortlisted, local.keypoints = 10, dict.fromkeys(features.split("+"))
    assert count_neighbours(local, n_photographs) == expected
