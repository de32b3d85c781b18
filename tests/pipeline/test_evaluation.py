"""The steps together: killed at any moment and continued, bad data, results that follow from the files."""

import json
import os
from pathlib import Path

import pytest
from pipeline_cases import write_photos

from reid_lib.core.names import CHECKPOINT, GALLERY, METRICS_JSON, PREDICTIONS_CSV, TEST, VAL
from reid_lib.params.fields import TrainParams
from reid_lib.pipeline import evaluation, steps
from reid_lib.pipeline.whole_run import run_all
from reid_lib.runs.run import Run

SMALL = {"backbone": "test_resnet", "pretrained": False, "image_size": 32, "embedding_dim": 16, "batch_size": 16}


@pytest.fixture(autouse=True)
def dirs(tmp_path, cache, monkeypatch):
    """Runs of this test alone; the drawn demo animals are shared."""
    monkeypatch.setenv("REID_RUNS", str(tmp_path / "runs"))
    monkeypatch.setenv("REID_CACHE", str(cache))
    return tmp_path / "runs"


def test_test_labels_never_reach_the_threshold(evaluated):
    """Everything after the embeddings again, with the test identities dealt out anew."""
    experiment, results, _ = evaluated
    from reid_lib.embed.embedding_set import EmbeddingSet

    rows = experiment.split.rows.copy()
    test = experiment.split.queries(TEST)
    rows.loc[test, "identity"] = rows.loc[test, "identity"].to_numpy()[::-1]
    rows.loc[test, "individual"] = rows.loc[test, "dataset"] + "/" + rows.loc[test, "identity"]
    stored = {r: EmbeddingSet.load(experiment.run.path(f"embeddings/{r}.npz"), rows) for r in (GALLERY, VAL, TEST)}
    predictions, threshold = evaluation.answer_queries(evaluation.compare_roles(experiment, stored), 10)
    assert threshold.to_dict() == results.threshold.to_dict()
    assert predictions["predicted"].tolist() == results.predictions["predicted"].tolist()


def test_a_step_that_fails_marks_the_run_and_keeps_what_was_computed(tmp_path, monkeypatch):
    photos = write_photos(tmp_path / "photos", {f"a{k}": 5 for k in range(6)})
    params = TrainParams.checked(SMALL | {"dataset": "folder", "data_root": str(photos), "num_epochs": 1})
    monkeypatch.setattr(steps, "measure_metrics", lambda *args: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        run_all(params)
    folder = next(Path(os.environ["REID_RUNS"]).iterdir())
    assert json.loads((folder / "status.json").read_text())["state"] == "failed"
    assert (folder / CHECKPOINT).exists() and not (folder / METRICS_JSON).exists()
    monkeypatch.undo()
    os.environ["REID_RUNS"] = str(folder.parent)
    run_all(params)
    assert Run(folder).finished and (folder / PREDICTIONS_CSV).exists()
