"""Scores of pairs by local features: shortlists, votes for individuals, photographs without keypoints."""

from dataclasses import replace
from itertools import product

import numpy as np
import pandas as pd
import pytest
from keypoint_cases import rows_of as keypoint_rows
from keypoint_cases import set_of

from reid_lib.core.names import GALLERY, IMAGE_ID, VAL
from reid_lib.data.flanks import find_flanks
from reid_lib.embed.embedding_set import EmbeddingSet
from reid_lib.match.cosine import Cosine
from reid_lib.match.lnbnn import Votes
from reid_lib.match.pairs import PairTable
from reid_lib.openset.answers import to_texts
from reid_lib.pipeline import local_scores
from reid_lib.pipeline.local_scores import LocalScores


@pytest.fixture(autouse=True)
def own_cache(cache, monkeypatch):
    monkeypatch.setenv("REID_CACHE", str(cache))


def rows_of(names, identities):
    return pd.DataFrame({IMAGE_ID: names, "dataset": "d", "identity": identities})


def table_of(pairs):
    query, image = np.array(pairs).T
    return PairTable(rows_of(["q0", "q1"], ["a", "b"]), rows_of(["a0", "a1", "b0"], ["a", "a", "b"]), query, image)


VOTES = Votes(
    query=np.array([0, 0, 0]),
    image=np.array([0, 1, 2]),
    votes=np.array([0.3, 0.1, 0.2], np.float32),
    individual_votes=np.array([0.36, 0.36, 0.2], np.float32),
    recall=1.0,
    method="exact",
)


def test_the_best_image_of_an_individual_holds_all_its_votes_the_others_their_share():
    found = local_scores._of_pairs(VOTES, table_of([(0, 0), (0, 1), (0, 2)]), np.array([5, 5]))
    np.testing.assert_allclose(found, [0.36, 0.36 * 0.1 / 0.3, 0.2], rtol=1e-6)


def test_no_votes_are_zero_and_a_query_without_keypoints_is_not_scored():
    found = local_scores._of_pairs(VOTES, table_of([(0, 2), (1, 0), (1, 2)]), np.array([5, 5]))
    np.testing.assert_allclose(found, [0.2, 0, 0], rtol=1e-6)
    found = local_scores._of_pairs(VOTES, table_of([(0, 2), (1, 0)]), np.array([5, 0]))
    assert found[0] > 0 and np.isnan(found[1])
    nobody = Votes(*(np.empty(0, kind) for kind in (int, int, "f4", "f4")), 1.0, "exact")
    assert local_scores._of_pairs(nobody, table_of([(0, 2), (1, 0)]), np.array([5, 5])).tolist() == [0, 0]


def test_a_shortlist_has_the_nearest_by_either_score(fused):
    """Each query is paired with as many as were asked for, or twice as many at most; or with all there are."""
    experiment, _, _ = fused
    rows, run = experiment.split.rows, experiment.run
    queries, gallery = (EmbeddingSet.load(run.path(f"embeddings/{role}.npz"), rows) for role in (VAL, GALLERY))
    cosine = Cosine(queries, gallery)
    table = LocalScores(experiment).score(cosine)
    counts = np.bincount(table.query, minlength=len(queries))
    asked, enrolled = (find_flanks(some) for some in (table.queries, table.gallery))
    may = (asked[:, None] == enrolled) | (asked[:, None] == "") | (enrolled == "")
    may &= table.queries["dataset"].to_numpy()[:, None] == table.gallery["dataset"].to_numpy()
    assert (counts >= np.minimum(experiment.params.shortlist, may.sum(axis=1))).all()
    assert counts.max() <= 2 * experiment.params.shortlist
    for start, stop, block in cosine.blocks():
        nearest = np.where(may[start:stop], block, -np.inf).argmax(axis=1)
        for query, image in zip(range(start, stop), nearest, strict=True):
            assert image in table.image[table.query == query]
    at = table.query, table.image
    np.testing.assert_allclose(table.scores["embedding"], cosine.exact(*at), atol=1e-6)


def flanked(n, seed, prefix):
    """Embeddings and keypoints of photographs whose flanks are left, right, not known, and neither, in turns."""
    rng = np.random.default_rng(seed)
    rows = keypoint_rows([f"a{k // 4}" for k in range(n)], prefix)
    rows["orientation"] = np.array(["left", "right", "", "top"])[np.arange(n) % 4]
    features = rng.normal(size=(n, 8)).astype(np.float32)
    found = set_of(list(rng.integers(0, 60, (n, 20, 128))), rows["identity"], prefix)
    embeddings = EmbeddingSet(features / np.linalg.norm(features, axis=1, keepdims=True), rows)
    return embeddings, replace(found, rows=rows)


def test_the_other_flank_has_no_place_in_a_shortlist():
    (asked, ours), (enrolled, theirs) = flanked(12, 0, "q"), flanked(28, 1, "g")
    sets = {"sift": (ours, theirs)}
    table, _ = local_scores.score_shortlist(Cosine(asked, enrolled), sets, n_shortlisted=5, device="cpu")
    sides = (
        to_texts(rows["orientation"])[at] for rows, at in ((table.queries, table.query), (table.gallery, table.image))
    )
    flanks = set(zip(*sides, strict=True))
    assert flanks == set(product(["left", "right", "", "top"], repeat=2)) - {("left", "right"), ("right", "left")}
    assert np.bincount(table.query, minlength=12).min() >= 5  # the places are for those that count
    assert not np.isnan(table.scores["sift inliers"]).any()


def test_a_network_that_is_not_installed_is_named_with_its_cure(monkeypatch):
    from reid_lib.core.errors import ModelError

    monkeypatch.setattr("reid_lib.nets.packaged.import_module", lambda name: (_ for _ in ()).throw(ImportError(name)))
    with pytest.raises(ModelError, match=r"local"):
        local_scores.make_extractor("aliked", "cpu")


def test_photographs_are_paired_with_those_that_their_descriptors_vote_for(fused):
    """Each descriptor of another photograph among the four nearest beside itself, by how much nearer than the next."""
    experiment, _, _ = fused
    local = LocalScores(experiment)
    rows = local.rows[local.rows["dataset"] == local.rows["dataset"].iloc[0]].head(20).reset_index(drop=True)
    first, second = local.list_voted(rows, 2)
    assert (first < second).all()
    some = local.of("sift", rows[IMAGE_ID])
    descriptors, wanted = some.descriptors.astype(np.float32), set()
    image = np.repeat(np.arange(len(some)), some.counts)
    for asked in range(len(some)):
        votes = np.zeros(len(some))
        for own in np.flatnonzero(image == asked):
            distance = np.sqrt(((descriptors - descriptors[own]) ** 2).sum(axis=1)) / 512
            near = np.argsort(distance, kind="stable")[:5]
            np.add.at(votes, image[near[:-1]], distance[near[-1]] - distance[near[:-1]])
        votes[asked] = 0
        best = [k for k in np.argsort(-votes, kind="stable")[:2] if votes[k] > 0]
        wanted |= {(min(asked, k), max(asked, k)) for k in best}
    assert set(zip(first.tolist(), second.tolist(), strict=True)) == wanted


def test_pairs_of_several_tables_are_matched_in_one_go_and_scored_as_each_alone(fused, monkeypatch):
    experiment, _, _ = fused
    local = LocalScores(experiment)
    first, second = local.rows.head(6), local.rows[3:8].reset_index(drop=True)  # they share photographs
    pairs = [(first, [0, 3, 4], [1, 4, 5]), (second, [0], [1]), (first, [], [])]
    tables = [PairTable(rows, rows, np.array(one, int), np.array(other, int)) for rows, one, other in pairs]
    asked = []
    score = local_scores.score_pairs
    monkeypatch.setattr(local_scores, "score_pairs", lambda *given: (asked.append(len(given[3])), score(*given))[1])
    together = local.score_among(tables)
    assert asked == [4]
    for table, found in zip(tables, together, strict=True):
        some = local.of("sift", table.queries[IMAGE_ID])
        matcher = local_scores.make_matcher("sift", "cpu")
        alone = score(matcher, some, some, table.query, table.image)
        assert list(found.scores) == [f"sift {name}" for name in matcher.names] and len(found) == len(table)
        np.testing.assert_array_equal(np.stack(list(found.scores.values()), axis=1), alone)
    assert not tables[0].scores
