"""The steps together: killed at any moment and continued, bad data, results that follow from the files."""

import pandas as pd
import pytest
from pipeline_cases import write_photos

from reid_lib.core.errors import ParameterError
from reid_lib.params.fields import EvaluateParams, TrainParams
from reid_lib.pipeline import data, steps, takeover
from reid_lib.pipeline.whole_run import run_all

SMALL = {"backbone": "resnet10t", "pretrained": False, "image_size": 32, "embedding_dim": 16, "batch_size": 16}


@pytest.fixture(autouse=True)
def dirs(tmp_path, cache, monkeypatch):
    """Runs of this test alone; the drawn demo animals are shared."""
    monkeypatch.setenv("REID_RUNS", str(tmp_path / "runs"))
    monkeypatch.setenv("REID_CACHE", str(cache))
    return tmp_path / "runs"


def test_an_evaluation_takes_over_the_data_and_split_of_its_run(tmp_path):
    photos = write_photos(tmp_path / "photos", {f"a{k}": 5 for k in range(6)})
    settings = {"dataset": "folder", "data_root": str(photos), "num_epochs": 1, "split_seed": 3, "run_name": "mine"}
    trained, results = run_all(TrainParams.checked(SMALL | settings))
    params = takeover.settle_params(EvaluateParams(run="mine", scores="embedding"))
    assert (params.dataset, params.data_root, params.split_seed) == ("folder", str(photos), 3)
    catalogue = data.read(params)
    experiment = steps.start(params, catalogue, data.split(catalogue, params))
    again = steps.evaluate(experiment)
    pd.testing.assert_series_equal(again.predictions["image_1"], results.predictions["image_1"])
    assert again.metrics["test_fingerprint"] == results.metrics["test_fingerprint"]


def test_an_evaluation_refuses_what_its_run_decides_and_takes_photographs_that_moved(tmp_path):
    photos = write_photos(tmp_path / "photos", {f"a{k}": 5 for k in range(6)})
    settings = {"dataset": "folder", "data_root": str(photos), "num_epochs": 1, "run_name": "mine"}
    run_all(TrainParams.checked(SMALL | settings))
    for given, says in (
        ({"backbone": "resnet18"}, "backbone: 'resnet10t' in the run, 'resnet18' here"),
        ({"image_size": 64}, "image_size: 32 in the run, 64 here"),
        ({"split_seed": 3}, "split_seed: 0 in the run, 3 here"),
        ({"image_size": 64, "dataset": "demo:small"}, "image_size: 32 in the run"),
    ):
        with pytest.raises(ParameterError, match=says):
            takeover.settle_params(EvaluateParams(run="mine", **given))
    assert takeover.settle_params(EvaluateParams(run="mine", image_size=32, backbone="resnet10t")).split_seed == 0
    assert takeover.settle_params(EvaluateParams(run="mine", dataset="demo:small", split_seed=3)).split_seed == 3
    photos.rename(tmp_path / "moved")
    params = takeover.settle_params(EvaluateParams(run="mine", data_root=str(tmp_path / "moved")))
    assert params.dataset == "folder" and len(data.read(params).rows) == 30
