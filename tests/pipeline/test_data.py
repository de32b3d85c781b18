"""The steps together: killed at any moment and continued, bad data, results that follow from the files."""

import numpy as np
import pytest
from PIL import Image
from pipeline_cases import write_photos

from reid_lib.core import frames
from reid_lib.core.names import LEFT_OUT_CSV
from reid_lib.params.fields import TrainParams
from reid_lib.pipeline import data, steps

SMALL = {"backbone": "resnet10t", "pretrained": False, "image_size": 32, "embedding_dim": 16, "batch_size": 16}


@pytest.fixture(autouse=True)
def dirs(tmp_path, cache, monkeypatch):
    """Runs of this test alone; the drawn demo animals are shared."""
    monkeypatch.setenv("REID_RUNS", str(tmp_path / "runs"))
    monkeypatch.setenv("REID_CACHE", str(cache))
    return tmp_path / "runs"


def test_images_left_out_stand_in_the_run_folder(dirs, tmp_path):
    for i in range(40):
        (tmp_path / "photos" / f"a{i % 10}").mkdir(parents=True, exist_ok=True)
        pixels = np.random.default_rng(i).integers(0, 256, (16, 16, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(tmp_path / "photos" / f"a{i % 10}" / f"{i}.png")
    (tmp_path / "photos" / "a0" / "bad.jpg").write_bytes(b"")
    given = {"dataset": "folder", "data_root": str(tmp_path / "photos"), "skip_unreadable": True, "run_name": "r"}
    params = TrainParams.checked(SMALL | given)
    catalogue = data.read(params)
    steps.start(params, catalogue, data.split(catalogue, params))
    left_out = frames.read_csv(dirs / "r" / LEFT_OUT_CSV)
    assert left_out[["path", "detail"]].values.tolist() == [["a0/bad.jpg", "empty file (0 bytes)"]]


def test_a_reference_that_is_not_there_is_told(tmp_path, capsys):
    photos = write_photos(tmp_path / "photos", {f"a{k}": 5 for k in range(6)})
    settings = SMALL | {"dataset": "folder", "data_root": str(photos), "num_epochs": 1, "reference": "nosuch"}
    params = TrainParams.checked(settings)
    catalogue = data.read(params)
    steps.start(params, catalogue, data.split(catalogue, params)).run.release()
    assert "note: there is no run 'nosuch'" in capsys.readouterr().out
