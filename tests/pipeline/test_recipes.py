"""What a finished run knows of answering, from its files alone."""

import json
from types import SimpleNamespace

import pytest

from reid_lib.core.errors import RunError
from reid_lib.core.names import CALIBRATION_JSON, METRICS_JSON
from reid_lib.gallery.recipe import Recipe
from reid_lib.match.sift import RootSift
from reid_lib.pipeline import enrolment
from reid_lib.pipeline.recipes import FinishedRun


@pytest.fixture(autouse=True)
def own_cache(cache, monkeypatch):
    monkeypatch.setenv("REID_CACHE", str(cache))


def load(evaluated, monkeypatch) -> FinishedRun:
    run = evaluated[0].run
    monkeypatch.setenv("REID_RUNS", str(run.folder.parent))
    return FinishedRun.load(run.name)


def test_threshold_and_calibration_are_those_of_the_run(fused, monkeypatch):
    finished = load(fused, monkeypatch)
    recipe, folder = finished.recipe(), finished.run.folder
    assert recipe.threshold == json.loads((folder / METRICS_JSON).read_text())["threshold"]
    assert recipe.fusion.to_dict() == json.loads((folder / CALIBRATION_JSON).read_text())
    assert (recipe.scores, recipe.local_features, recipe.unit) == ("embedding+local", ["sift"], "probability")
    assert recipe.curves == {} and recipe.votes == "exact"


def test_keypoints_are_as_many_as_the_fits_were_made_with(fused, monkeypatch):
    """Also of a run from before that stood in its metrics: counts of matches grow with them."""
    finished = load(fused, monkeypatch)
    assert finished.recipe().sift == RootSift().size == finished.run.metrics()["sift"]
    former = {name: value for name, value in finished.run.metrics().items() if name != "sift"}
    monkeypatch.setattr(finished.run, "metrics", lambda: former)
    recipe = finished.recipe()
    assert recipe.sift == {"max_keypoints": 300, "max_side_px": 384} != RootSift().size
    assert Recipe.from_dict({name: value for name, value in recipe.to_dict().items() if name != "sift"}) == recipe
    monkeypatch.setattr(enrolment, "extract_keypoints", lambda extractor, *_, **__: extractor)
    network = SimpleNamespace(recipe=recipe, local_device="cpu")
    assert enrolment.find_needed_keypoints(network, finished.catalogue, None) == {"sift": RootSift(**recipe.sift)}


def test_of_an_embedding_alone_candidates_are_calibrated_on_val(evaluated, monkeypatch):
    recipe = load(evaluated, monkeypatch).recipe()
    n_val = len(evaluated[1].val)
    assert recipe.fusion is None and recipe.local_features == [] and recipe.unit == "cosine"
    assert recipe.curves[""].first.n_same + recipe.curves[""].first.n_different == n_val
    assert recipe.joining["overall"] == recipe.threshold["overall"]  # both are of the same cosines


def test_all_named_photographs_are_enrolled_or_those_that_test_was_asked_of(evaluated, monkeypatch):
    finished = load(evaluated, monkeypatch)
    rows = finished.catalogue.rows
    assert finished.is_enrolled("all").equals(rows["identity"].notna())
    assert set(rows.loc[finished.is_enrolled("gallery"), "role"]) == {"gallery"}


def test_a_run_without_its_weights_is_told(evaluated, monkeypatch, tmp_path):
    folder = evaluated[0].run.folder
    hidden = (folder / "model.safetensors").rename(folder / "elsewhere")
    try:
        with pytest.raises(RunError, match="model.safetensors is missing"):
            load(evaluated, monkeypatch)
    finally:
        hidden.rename(folder / "model.safetensors")
