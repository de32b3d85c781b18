"""From parameters to a trained network: one small run, handed where to report."""

import pandas as pd
import pytest
import torch
from in_processes import Folder

from reid_lib.core.names import MODEL_WEIGHTS
from reid_lib.nets.model_files import load_model
from reid_lib.params.fields import TrainParams
from reid_lib.train.learn import learn

PARAMS = TrainParams(
    backbone="test_resnet",
    pretrained=False,
    image_size=32,
    embedding_dim=8,
    batch_size=4,
    m=2,
    num_epochs=1,
    num_workers=0,
)


@pytest.fixture
def run(tmp_path):
    return Folder(tmp_path)


def test_the_network_is_trained_reported_and_saved(world, run, capsys):
    pixels, split = world
    asked = []
    learn(PARAMS, split, lambda model: asked.append(model.config["image_size"]) or pixels, run, "cpu", lambda: False)
    assert asked == [32]
    assert "10 training images of 3 classes" in capsys.readouterr().out
    assert pd.DataFrame(run.rows)["epoch"].tolist() == [0, 1] and (run.folder / MODEL_WEIGHTS).exists()
    model = load_model(run.folder)
    assert model(torch.zeros(1, 3, 32, 32)).shape == (1, 8)


def test_the_same_parameters_give_the_same_history(world, tmp_path):
    pixels, split = world
    histories = []
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        run = Folder(tmp_path / name)
        learn(PARAMS, split, lambda model: pixels, run, "cpu", lambda: False)
        histories.append(pd.DataFrame(run.rows).drop(columns=["seconds", "images_per_s"]))
    pd.testing.assert_frame_equal(*histories)
