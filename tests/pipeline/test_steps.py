"""The steps together: killed at any moment and continued, bad data, results that follow from the files."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from pipeline_cases import write_photos

from reid_lib.core import frames
from reid_lib.core.errors import CatalogueError, RunDiffersError, SplitError
from reid_lib.core.names import CHECKPOINT, GALLERY, HISTORY_CSV, METRICS_JSON, NEW_INDIVIDUAL, TEST, THRESHOLD_CSV, VAL
from reid_lib.data.catalogue import Catalogue
from reid_lib.embed import projection
from reid_lib.figures import planes
from reid_lib.params.fields import EvaluateParams, TrainParams
from reid_lib.pipeline import data, drawing, steps, takeover
from reid_lib.pipeline.experiment import load_evaluation
from reid_lib.pipeline.whole_run import run_all
from reid_lib.runs.folder import read_fingerprint

SMALL = {"backbone": "test_resnet", "pretrained": False, "image_size": 32, "embedding_dim": 16, "batch_size": 16}
# Of what is to be killed an epoch takes a while.
LAUNCHED = {"backbone": "resnet10t", "dataset": "demo:small", "num_epochs": 6}
# The order, the losses and the metrics of a run are exact for one thread count; the test fixes it.
SCRIPT = """
import json, sys
import torch
torch.set_num_threads(1)
from reid_lib import pipeline
from reid_lib.params.fields import TrainParams
params = TrainParams.checked(json.loads(sys.argv[1]))
catalogue = pipeline.read(params)
split = pipeline.split(catalogue, params)
experiment = pipeline.start(params, catalogue, split)
pipeline.train(experiment)
results = pipeline.evaluate(experiment)
pipeline.finish(experiment, results)
"""


@pytest.fixture(autouse=True)
def dirs(tmp_path, cache, monkeypatch):
    """Runs of this test alone; the drawn demo animals are shared."""
    monkeypatch.setenv("REID_RUNS", str(tmp_path / "runs"))
    monkeypatch.setenv("REID_CACHE", str(cache))
    return tmp_path / "runs"


def launch(**params) -> subprocess.Popen:
    command = [sys.executable, "-c", SCRIPT, json.dumps(SMALL | LAUNCHED | params)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=os.environ.copy())


def wait_until(condition, process, seconds=90):
    deadline = time.time() + seconds
    while not condition() and process.poll() is None and time.time() < deadline:
        time.sleep(0.005)


def epochs_in(folder: Path) -> int:
    try:
        return len(frames.read_csv(folder / HISTORY_CSV))
    except (OSError, ValueError):
        return 0


@pytest.fixture(scope="module")
def whole(tmp_path_factory, cache) -> Path:
    """A run that nothing disturbs."""
    runs = tmp_path_factory.mktemp("whole")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("REID_RUNS", str(runs))
        patch.setenv("REID_CACHE", str(cache))
        process = launch(run_name="whole")
    _, errors = process.communicate(timeout=300)
    assert process.returncode == 0, errors
    return runs / "whole"


@pytest.mark.slow
@pytest.mark.long
def test_a_run_killed_and_told_to_stop_twice_each_ends_with_exactly_the_metrics_of_an_undisturbed_one(dirs, whole):
    """Killed around the first checkpoint and within a later epoch; asked to stop by both signals in between."""
    disturbed = dirs / "disturbed"
    for number, pause in ((signal.SIGKILL, 0.03), (signal.SIGTERM, 0), (signal.SIGKILL, 0.3), (signal.SIGUSR1, 0)):
        before = epochs_in(disturbed)
        process = launch(run_name="disturbed")
        wait_until(lambda n=before: epochs_in(disturbed) > n, process)
        time.sleep(pause)
        process.send_signal(number)
        _, errors = process.communicate(timeout=300)
        state = json.loads((disturbed / "status.json").read_text())["state"]
        if number == signal.SIGKILL:
            assert process.returncode == -number and state == "running"  # nobody had time to say otherwise
        else:
            assert process.returncode == 1 and "TrainingInterrupted" in errors and state == "interrupted"
    last = launch(run_name="disturbed")
    output, errors = last.communicate(timeout=300)
    assert last.returncode == 0, errors
    assert "continuing after epoch" in output
    assert (whole / METRICS_JSON).read_text() == (disturbed / METRICS_JSON).read_text()
    a, b = (
        frames.read_csv(folder / HISTORY_CSV).drop(columns=["images_per_s", "seconds"]) for folder in (whole, disturbed)
    )
    pd.testing.assert_frame_equal(a, b, check_exact=True)
    assert (whole / "model.safetensors").read_bytes() == (disturbed / "model.safetensors").read_bytes()
    assert not list(disturbed.rglob("*.tmp-*")) or (disturbed / CHECKPOINT).exists()


def test_every_query_is_answered_once_and_no_gallery_image_is_a_query(evaluated):
    experiment, results, _ = evaluated
    roles = experiment.split.rows.set_index("image_id")["role"]
    assert set(results.predictions["image_id"]) == set(roles.index[roles.isin([VAL, TEST])])
    assert results.predictions["image_id"].is_unique
    assert set(results.predictions["image_1"]) <= set(roles.index[roles == GALLERY])


def test_answers_stay_within_the_querys_own_data_set(evaluated):
    experiment, results, _ = evaluated
    dataset = experiment.split.rows.set_index("image_id")["dataset"]
    for rank in range(1, 6):
        matched = results.predictions[f"image_{rank}"].dropna()
        assert (matched.map(dataset) == results.predictions.loc[matched.index, "dataset"]).all()


def test_the_decision_is_the_threshold_applied_to_the_score(evaluated):
    _, results, _ = evaluated
    for row in results.predictions.itertuples():
        accepted = row.score >= results.threshold.values[row.dataset]
        assert row.predicted == (row.identity_1 if accepted else NEW_INDIVIDUAL)


def test_loaded_results_equal_the_computed_ones(evaluated):
    experiment, results, _ = evaluated
    assert experiment.run.finished
    again = load_evaluation(experiment.run)
    for name in ("image_id", "predicted", "identity", "role", "identity_3"):
        assert again.predictions[name].fillna("").tolist() == results.predictions[name].fillna("").tolist()
    np.testing.assert_array_equal(again.predictions["score"], results.predictions["score"])
    assert again.threshold.values == results.threshold.values
    assert again.table().shape == results.table().shape
    curve = frames.read_csv(experiment.run.path(THRESHOLD_CSV))
    assert {"threshold", "baks", "baus", "geometric_mean"} <= set(curve)


def test_leak_compares_an_encounter_split_with_a_random_one(evaluated):
    _, _, leak = evaluated
    assert leak["split"].tolist() == ["encounter", "random"]
    assert leak["value"].between(0, 1).all() and (leak["n"] > 0).all()


def test_own_folders_with_odd_names_become_a_trained_model(tmp_path, capsys):
    photos = write_photos(tmp_path / "my photos ü", {f"Žofie {k}": 5 for k in range(8)})
    params = TrainParams.checked(SMALL | {"dataset": "folder", "data_root": str(photos), "num_epochs": 1, "m": 16})
    experiment, results = run_all(params)
    assert set(results.test["identity"]) <= {f"Žofie {k}" for k in range(8)}
    assert experiment.run.name.startswith("folder-my-photos")
    assert "encounters are unknown" in capsys.readouterr().out


def test_no_unknown_individuals_is_said_and_everybody_gets_a_name(tmp_path, capsys):
    photos = write_photos(tmp_path / "photos", {f"a{k}": 5 for k in range(5)})
    settings = {"dataset": "folder", "data_root": str(photos), "num_epochs": 1, "unknown_split": 0, "batch_size": 512}
    _, results = run_all(TrainParams.checked(SMALL | settings))
    assert "no unknown individuals: BAUS and the geometric mean are undefined" in capsys.readouterr().out
    assert np.isnan(results.metrics[TEST]["overall"]["baus"]["value"])
    assert results.threshold.overall is None
    assert NEW_INDIVIDUAL not in set(results.predictions["predicted"])


def test_an_empty_folder_and_single_photographs_are_refused_before_a_run_is_made(tmp_path, dirs):
    (tmp_path / "empty").mkdir()
    with pytest.raises(CatalogueError, match="no images under"):
        run_all(TrainParams.checked(SMALL | {"dataset": "folder", "data_root": str(tmp_path / "empty")}))
    photos = write_photos(tmp_path / "single", {f"a{k}": 1 for k in range(6)})
    with pytest.raises(SplitError, match="no individual can be found again"):
        run_all(TrainParams.checked(SMALL | {"dataset": "folder", "data_root": str(photos)}))
    assert not dirs.exists() or not list(dirs.iterdir())


def test_more_photographs_under_the_same_name_are_refused_in_words(tmp_path):
    photos = write_photos(tmp_path / "photos", {f"a{k}": 5 for k in range(6)})
    params = TrainParams.checked(SMALL | {"dataset": "folder", "data_root": str(photos), "num_epochs": 1})
    run_all(params)
    small, *_, large = sorted(photos.rglob("*.*g"), key=lambda path: path.stat().st_size)
    before, times = large.read_bytes(), large.stat()
    large.write_bytes(small.read_bytes().ljust(len(before), b"\0"))  # replaced by one of equal size and time
    os.utime(large, ns=(times.st_atime_ns, times.st_mtime_ns))
    with pytest.raises(RunDiffersError, match=r"photographs.*not those of then"):
        run_all(params)
    large.write_bytes(before)
    next(photos.rglob("*.*g")).unlink()
    with pytest.raises(RunDiffersError, match=r"photographs.*not those of then.*\n.*\n.*-r run_name NAME") as caught:
        run_all(params)
    assert "here" not in str(caught.value), "fingerprints say nothing to a person"


def test_a_run_of_before_that_knew_files_by_their_size_goes_on(tmp_path, monkeypatch):
    photos = write_photos(tmp_path / "photos", {f"a{k}": 5 for k in range(6)})
    params = TrainParams.checked(SMALL | {"dataset": "folder", "data_root": str(photos), "run_name": "before"})
    catalogue = data.read(params)
    split = data.split(catalogue, params)
    by_size = catalogue._hash([str(file.stat().st_size) for file in catalogue.files()])
    with monkeypatch.context() as patch:
        patch.setattr(Catalogue, "fingerprint", by_size)
        run = steps.start(params, catalogue, split).run
        run.add_epoch({"epoch": 0})
        run.release()
    assert read_fingerprint("before") == by_size and read_fingerprint("none") == ""
    steps.start(params, data.read(params), split).run.release()
    with open(catalogue.files()[0], "ab") as file:
        file.write(b"more")
    with pytest.raises(RunDiffersError, match="not those of then"):
        steps.start(params, data.read(params), split)


def test_an_evaluation_of_a_run_that_was_trained_again_is_another_one(tmp_path, dirs):
    photos = write_photos(tmp_path / "photos", {f"a{k}": 5 for k in range(6)})
    settings = SMALL | {"dataset": "folder", "data_root": str(photos), "num_epochs": 1, "run_name": "mine"}
    run_all(TrainParams.checked(settings))
    params = takeover.settle_params(EvaluateParams(run="mine", scores="embedding"))
    catalogue = data.read(params)
    split = data.split(catalogue, params)
    experiment = steps.start(params, catalogue, split)
    steps.finish(experiment, steps.evaluate(experiment))
    shutil.rmtree(dirs / "mine")
    run_all(TrainParams.checked(settings | {"seed": 1}))
    with pytest.raises(RunDiffersError, match="weights_sha256"):
        steps.start(params, catalogue, split)


def test_a_projection_that_fails_leaves_all_other_results(dirs, monkeypatch, capsys):
    def fails(features, *, seed):
        raise FloatingPointError("t-SNE ran away")

    monkeypatch.setattr(projection, "reduce_to_plane", fails)
    params = EvaluateParams(
        backbone="test_resnet", pretrained=False, image_size=32, dataset="demo:small", run_name="flat"
    )
    catalogue = data.read(params)
    experiment = steps.start(params, catalogue, data.split(catalogue, params))
    results = steps.evaluate(experiment)
    drawing.save_figure(experiment, "projection", planes.projection, results.projection)
    steps.finish(experiment, results)
    assert "2-D projection is not drawn: FloatingPointError('t-SNE ran away')" in capsys.readouterr().out
    assert experiment.run.finished and experiment.run.path("figures/projection.png").exists()
    again = load_evaluation(experiment.run)
    assert again.projection["x"].isna().all() and len(again.projection) == len(results.projection)
    assert "t-SNE ran away" in experiment.run.path("projection.txt").read_text()
    assert np.isfinite(again.metrics["test"]["overall"]["top1"]["value"])
