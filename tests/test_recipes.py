"""The recipes of variants/: accepted by the notebook that the first line names (else train.ipynb), and their
networks can be built."""

import re

import pytest
import timm
import torch

from reid_lib.core.paths import project_root
from reid_lib.nets import backbones
from reid_lib.nets.backbones import HUB, build_backbone, find_architecture
from reid_lib.params.fields import EvaluateParams, TrainParams
from reid_lib.params.papermill import papermill_params

RECIPES = sorted((project_root() / "variants").glob("*.yaml"))
# As the hub describes it: a Swin-L of timm, without a classifier.
MEGADESCRIPTOR = {"input_size": (3, 384, 384), "fixed_input_size": True, "num_classes": 0, "interpolation": "bicubic"}


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_a_recipe_is_accepted_by_its_notebook_and_its_network_takes_its_size(path, monkeypatch):
    first = path.read_text().splitlines()[0]
    notebook = (re.match(r"# (\w+)\.ipynb · ", first) or ["", "train"])[1]
    params = papermill_params(["-f", str(path)], notebook)
    assert isinstance(params, {"train": TrainParams, "evaluate": EvaluateParams}[notebook])
    assert params.run_name == path.stem and params.differences()

    def described(name):
        assert name == "BVRA/MegaDescriptor-L-384"
        return dict(MEGADESCRIPTOR), "swin_large_patch4_window12_384", {}

    monkeypatch.setattr(backbones, "load_model_config_from_hf", described)
    with torch.device("meta"):  # random weights of its shape, without the memory
        architecture = find_architecture(params.backbone)
        px = params.image_size or architecture.native_px
        architecture = architecture.sized(px)
        network, _ = build_backbone(architecture, params.backbone, pretrained=False)
        features = network(torch.empty(2, 3, px, px))
    assert features.shape == (2, network.num_features)
    known = params.backbone.startswith(HUB) or timm.get_pretrained_cfg(params.backbone).has_weights
    assert known and (network.num_features == 1536) == params.backbone.startswith(HUB)
