"""Photographs as a run compares them: the same to the last bit, whatever they are embedded beside."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from reid_lib.core.errors import GalleryError
from reid_lib.core.names import GALLERY, IMAGE_ID, ROLE, TEST, VAL
from reid_lib.data.catalogue import Catalogue
from reid_lib.match.cosine import Cosine
from reid_lib.match.fuse import fit_fusion
from reid_lib.match.rerank import SHARED_NEIGHBOURS
from reid_lib.openset.answers import Answers
from reid_lib.openset.predictions import score_individuals
from reid_lib.pipeline import enrolment
from reid_lib.pipeline.local_scores import LocalScores
from reid_lib.pipeline.recipes import FinishedRun


@pytest.fixture
def finished(evaluated, monkeypatch, tmp_path):
    """The run, with a cache in which nothing was embedded before."""
    run = evaluated[0].run
    monkeypatch.setenv("REID_RUNS", str(run.folder.parent))
    monkeypatch.setenv("REID_CACHE", str(tmp_path / "empty"))
    return FinishedRun.load(run.name)


@pytest.fixture
def network(finished):
    return enrolment.Network(finished.model_folder, finished.recipe(), "cpu")


def test_a_few_photographs_embed_to_the_last_bit_as_among_all_of_the_run(finished, network):
    rows = finished.catalogue.rows
    some = rows[rows[ROLE] == TEST].iloc[[5, 2, 9]].reset_index(drop=True)
    found = enrolment.describe_photographs(network, Catalogue(some, finished.catalogue.root, "photos"))
    stored = finished.embeddings[TEST]
    place = [stored.rows[IMAGE_ID].tolist().index(name) for name in some[IMAGE_ID]]
    assert (found.embeddings.features == stored.features[place]).all()
    assert found.greys.any() and all(found.rows["content"])


def test_every_named_photograph_of_a_run_is_enrolled_once(finished, network):
    enrolled = enrolment.enroll_run(finished, network)
    rows = finished.catalogue.rows
    assert sorted(enrolled.rows[IMAGE_ID]) == sorted(rows.loc[rows["identity"].notna(), IMAGE_ID])
    searched = enrolment.enroll_run(finished, network, enrolled="gallery")
    assert sorted(searched.rows[IMAGE_ID]) == sorted(rows.loc[rows[ROLE] == "gallery", IMAGE_ID])


def test_a_run_whose_photographs_are_gone_answers_by_its_stored_embeddings(finished, network, tmp_path, monkeypatch):
    gone = Catalogue(finished.catalogue.rows, tmp_path / "gone", "demo:small")
    moved = FinishedRun(finished.run, finished.params, gone, finished.split, finished.model_folder)
    assert not enrolment.enroll_run(moved, network).greys.any()
    with_local = network.recipe.model_copy(update={"local_features": ["sift"]})
    with pytest.raises(GalleryError, match="put them back"):
        enrolment.enroll_run(moved, enrolment.Network(network.folder, with_local, "cpu"))


@pytest.mark.parametrize("combination", [None, "max"])
def test_the_shift_is_what_the_same_queries_get_from_both_galleries(finished, network, combination):
    """Against the rates of each data set, computed here from answers of a gallery made by hand."""
    recipe = network.recipe.model_copy(update={"combination": combination})
    found = enrolment.measure_shift(finished, enrolment.Network(network.folder, recipe, "cpu"))
    assert len(found) == 3
    gallery, val, test = (finished.embeddings[role] for role in ("gallery", "val", "test"))
    known = set(gallery.rows["individual"])
    others = test.rows["individual"].isin(known) | ~test.rows["individual"].isin(val.rows["individual"])
    both = gallery.joined(test.where(others))
    for name, sides in found.items():
        for when, part in (("before", gallery), ("after", both)):
            own = part.where(part.rows["dataset"] == name)
            asked = val.where(val.rows["dataset"] == name)
            cosine = asked.features.astype(float) @ own.features.astype(float).T
            if combination:  # the most alike photograph of each encounter
                units = asked.rows.groupby(["identity", "encounter"], sort=False).indices.values()
                cosine = np.array([cosine[unit].max(axis=0) for unit in units])
                asked = asked.where(~asked.rows.duplicated(["identity", "encounter"]))
            best, score = own.rows["identity"].to_numpy()[cosine.argmax(axis=1)], cosine.max(axis=1)
            assert sides[when]["right"] == pytest.approx((best == asked.rows["identity"].to_numpy()).mean())
            assert 0 <= sides[when]["promised"] <= 1
            limit = network.recipe.threshold["values"][name]
            who, is_known = asked.rows["identity"].to_numpy(), asked.rows["individual"].isin(known).to_numpy()
            right = np.where(is_known, (best == who) & (score >= limit), score < limit)
            for metric, mask in (("baks", is_known), ("baus", ~is_known)):
                share = np.mean([right[who == one].mean() for one in np.unique(who[mask])])
                assert sides[when][metric] == pytest.approx(share)
            assert sides[when]["images"] == len(own) and sides[when]["queries"] == len(asked)


def test_what_is_asked_of_many_queries_is_spread_over_them_in_whole_encounters(monkeypatch):
    monkeypatch.setattr(enrolment, "MOST_VAL", 6)
    rows = pd.DataFrame({"dataset": "d", "identity": list("aaaabbbbcccc"), "encounter": list("112233445566")})
    assert enrolment._spread_queries(rows, by_encounter=False).tolist() == [0, 2, 4, 7, 9, 11]
    assert enrolment._spread_queries(rows, by_encounter=True).tolist() == [0, 1, 4, 5, 10, 11]
    few = rows.head(4)
    assert enrolment._spread_queries(few, by_encounter=True).tolist() == [0, 1, 2, 3]


def test_image_ids_that_both_sides_have_are_kept_apart(finished, network):
    enrolled = enrolment.enroll_run(finished, network, enrolled="gallery")
    similarity, table = enrolment.compare_photographs(network, enrolled, enrolled)
    answers = Answers.of(score_individuals(similarity))
    assert table is None and answers.named.all() and (answers.score > 0.999).all()


def test_a_fit_that_looks_at_shared_neighbours_is_given_them(fused, monkeypatch):
    experiment = fused[0]
    monkeypatch.setenv("REID_RUNS", str(experiment.run.folder.parent))
    finished = FinishedRun.load(experiment.run.name)
    recipe = finished.recipe()
    params = experiment.params.model_copy(update={"rerank": "auto"})
    local = LocalScores(replace(experiment, params=params))
    table = local.score(Cosine(finished.embeddings[VAL], finished.embeddings[GALLERY]))
    fusion = fit_fusion(table).fusion  # as a score that is not only tried
    network = enrolment.Network(finished.model_folder, recipe.model_copy(update={"fusion": fusion}), "cpu")
    enrolled = enrolment.enroll_run(finished, network, enrolled="gallery")
    assert SHARED_NEIGHBOURS in enrolment.compare_photographs(network, enrolled, enrolled)[1].scores
