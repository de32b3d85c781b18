"""What answers an evaluation: several scores, fused by what val teaches; and what is said of each."""

import json
from dataclasses import replace

import numpy as np
import pytest

from reid_lib.core.names import CALIBRATION_JSON, GALLERY, IDENTITY, IMAGE_ID, METRICS_JSON, SCORES, TEST, VAL
from reid_lib.embed.embedding_set import EmbeddingSet
from reid_lib.match.fuse import Fusion
from reid_lib.match.rerank import SHARED_NEIGHBOURS
from reid_lib.openset.answers import Answers
from reid_lib.openset.paired import compare_answers, to_entry
from reid_lib.pipeline import evaluation, scoring


def score_again(experiment, rows=None, **params):
    """The similarities of a run anew, from its stored embeddings; with these rows and parameters instead of its own."""
    rows = experiment.split.rows if rows is None else rows
    experiment = replace(experiment, params=experiment.params.model_copy(update=params))
    stored = {r: EmbeddingSet.load(experiment.run.path(f"embeddings/{r}.npz"), rows) for r in (GALLERY, VAL, TEST)}
    return scoring.score_roles(experiment, evaluation.compare_roles(experiment, stored))


@pytest.fixture(autouse=True)
def own_cache(cache, monkeypatch):
    monkeypatch.setenv("REID_CACHE", str(cache))


def test_local_scores_find_what_an_untrained_network_cannot(fused):
    _, results, _ = fused
    found, alone = results.metrics["test"]["overall"]["top1"], results.metrics["alone"]["embedding"]["test"]["top1"]
    assert found["value"] > alone["value"] + 0.3
    assert results.unit == "probability" and results.metrics["score"] == "fused"
    assert results.test["score"].between(0, 1).all()


def test_test_labels_reach_nothing(fused):
    """With the identities of test dealt out anew, fits, thresholds and answers are what they were."""
    experiment, results, _ = fused
    rows = experiment.split.rows.copy()
    test = experiment.split.queries(TEST)
    rows.loc[test, IDENTITY] = rows.loc[test, IDENTITY].to_numpy()[::-1]
    rows.loc[test, "individual"] = rows.loc[test, "dataset"] + "/" + rows.loc[test, IDENTITY]
    scored = score_again(experiment, rows)
    assert scored.fusion.to_dict() == json.loads(experiment.run.path(CALIBRATION_JSON).read_text())
    predictions, threshold = evaluation.answer_queries(scored.alike, experiment.params.threshold_individuals)
    assert threshold.to_dict() == results.threshold.to_dict()
    assert predictions["predicted"].tolist() == results.predictions["predicted"].tolist()


def test_the_fit_is_kept_in_the_run_and_read_again(fused):
    experiment, _, _ = fused
    stored = json.loads(experiment.run.path(CALIBRATION_JSON).read_text())
    assert Fusion.from_dict(stored).to_dict() == stored


def test_every_score_of_every_pair_is_kept_by_image_id(fused):
    experiment, _, _ = fused
    rows = experiment.split.rows.set_index(IMAGE_ID)
    for role in (VAL, TEST):
        with np.load(experiment.run.path(f"{SCORES}/{role}.npz"), allow_pickle=False) as stored:
            assert (rows.loc[stored["query"], "role"] == role).all() and (
                rows.loc[stored["image"], "role"] == GALLERY
            ).all()
            assert {"embedding", "sift votes", "sift inliers"} <= set(stored)
            assert (
                rows.loc[stored["query"], "dataset"].to_numpy() == rows.loc[stored["image"], "dataset"].to_numpy()
            ).all()


def test_each_score_alone_stands_beside_the_fused_one(fused):
    experiment, results, _ = fused
    scored = score_again(experiment)
    alone, _ = evaluation.answer_queries(scored.alone["sift votes"], experiment.params.threshold_individuals)
    wanted = compare_answers(Answers.of(results.predictions), Answers.of(alone))
    stored = results.metrics["than_alone"]["sift votes"]["differences"]
    assert stored == {m: pytest.approx(to_entry(d), nan_ok=True) for m, d in wanted.items()}
    table = results.scores()
    assert table.index[0] == "fused" and set(results.metrics["alone"]) == set(table.index[1:])
    difference = results.metrics["than_alone"]["embedding"]["differences"]["top1"]
    told = table.loc["embedding", "fused minus this, top-1"]
    assert told.startswith(f"{difference['value']:+.3f} (") and told.endswith(f": {difference['verdict']}")
    assert table.loc["fused", "fused minus this, top-1"] == ""


def test_a_second_evaluation_finds_no_keypoint_and_matches_no_pair_again(fused, monkeypatch):
    from reid_lib.match.ratio import RatioMatcher
    from reid_lib.match.sift import RootSift

    experiment, results, _ = fused
    computed = []
    monkeypatch.setattr(RootSift, "extract", lambda *args: computed.append("keypoints"))
    monkeypatch.setattr(RatioMatcher, "match", lambda *args: computed.append("matches"))
    monkeypatch.setattr("reid_lib.match.lnbnn.make_search", lambda *args: computed.append("votes"))
    predictions, _ = evaluation.answer_queries(score_again(experiment).alike, experiment.params.threshold_individuals)
    assert computed == []
    assert predictions["score"].tolist() == results.predictions["score"].tolist()


def test_the_embedding_alone_is_the_evaluation_of_before(evaluated):
    experiment, results, _ = evaluated
    assert results.metrics["score"] == "embedding" and results.unit == "cosine" and results.scores().empty
    assert not experiment.run.path(CALIBRATION_JSON).exists()
    assert "alone" not in json.loads(experiment.run.path(METRICS_JSON).read_text())


def test_local_scores_alone_take_nothing_of_the_embedding(fused):
    experiment, _, _ = fused
    scored = score_again(experiment, scores="local")
    assert "embedding" not in scored.fusion.scores and "embedding" in scored.alone


def test_shared_neighbours_are_one_more_score_that_only_a_lower_loss_takes(fused):
    experiment, results, _ = fused
    scored = score_again(experiment, rerank="auto")
    shared = scored.pairs[VAL].scores[SHARED_NEIGHBOURS]
    assert ((shared >= 0) & (shared <= 1)).all() and len(np.unique(shared)) > 2
    assert SHARED_NEIGHBOURS not in scored.fusion.scores  # it is tried, not given
    before = Fusion.from_dict(json.loads(experiment.run.path(CALIBRATION_JSON).read_text()))
    for name, fit in scored.fusion.fits.items():
        losses, kept = fit.pairs.loss, before.fits[name].pairs
        taken = SHARED_NEIGHBOURS in fit.pairs.calibrations
        assert taken or fit.pairs.weights == kept.weights
        assert not taken or losses[f"with {SHARED_NEIGHBOURS}"] < min(losses["mean"], losses["logistic"])
    assert "rerank" not in results.metrics  # nobody asked


@pytest.mark.parametrize("scores", ["embedding+local", "local"])
def test_shared_neighbours_belong_to_the_embedding(fused, scores):
    experiment, _, _ = fused
    scored = score_again(experiment, scores=scores, rerank="auto")
    assert (SHARED_NEIGHBOURS in scored.pairs[TEST].scores) == (scores != "local")
