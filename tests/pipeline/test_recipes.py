"""What a finished run knows of answering, from its files alone."""

import json

import pytest

from reid_lib.core.errors import RunError
from reid_lib.core.names import CALIBRATION_JSON, METRICS_JSON
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
