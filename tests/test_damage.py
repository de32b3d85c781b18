"""Files lost or damaged, a run's own or its neighbours': it says which, and goes on from what is whole."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from reid_lib import files, pipeline
from reid_lib.names import ALL_METRICS_CSV, PARAMS_JSON, REPORT_HTML
from reid_lib.params import TrainParams
from reid_lib.runs import Run

SMALL = {
    "backbone": "resnet10t",
    "pretrained": False,
    "image_size": 32,
    "embedding_dim": 16,
    "batch_size": 16,
    "num_epochs": 2,
}


@pytest.fixture
def photos(clean_dirs) -> Path:
    """Eight animals of noise, six photographs each."""
    rng = np.random.default_rng(0)
    for k in range(48):
        path = clean_dirs / "photos" / f"a{k // 6}" / f"{k}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(rng.integers(0, 256, (40, 40, 3), dtype=np.uint8)).save(path)
    return clean_dirs / "photos"


@pytest.fixture
def params(photos) -> TrainParams:
    return TrainParams.checked(SMALL | {"dataset": "folder", "data_root": str(photos), "run_name": "mine"})


def run_all(params):
    catalogue = pipeline.read(params)
    experiment = pipeline.start(params, catalogue, pipeline.split(catalogue, params))
    pipeline.train(experiment)
    results = pipeline.evaluate(experiment)
    pipeline.finish(experiment, results)
    return experiment, results


def test_a_damaged_neighbour_and_a_table_that_cannot_be_written_cost_a_finished_run_nothing(params, clean_dirs, capsys):
    runs = clean_dirs / "runs"
    (runs / "neighbour").mkdir(parents=True)
    (runs / "neighbour" / PARAMS_JSON).write_text("")
    (runs / ALL_METRICS_CSV).mkdir()
    experiment, _ = run_all(params)
    assert experiment.run.finished and experiment.run.status()["error"] is None
    said = capsys.readouterr().out
    assert "note: run 'mine' is finished, but all_model_metrics.csv could not be brought up to date" in said
    (runs / ALL_METRICS_CSV).rmdir()
    run_all(params.model_copy(update={"run_name": "next"}))
    assert files.read_csv(runs / ALL_METRICS_CSV)["run"].tolist() == ["mine", "next"]


def test_a_finished_run_always_has_its_report(params, clean_dirs, monkeypatch):
    """Its state is written after the report; where that was lost, the next look makes it again."""
    report, finish, there = clean_dirs / "runs" / "mine" / REPORT_HTML, Run.finish, []
    monkeypatch.setattr(Run, "finish", lambda run: (there.append(report.exists()), finish(run)))
    run_all(params)
    assert there == [True] and report.exists()
    report.unlink()
    run_all(params)
    assert report.exists() and there == [True]
