"""The network: its weights, normalisation and sizes; that it comes back from its files as it was, or not at all."""

import pytest
import timm
import torch
from model_cases import LITE0, photograph

from reid_lib.core.errors import ModelError
from reid_lib.nets.backbones import load_packaged_lite0

SMALL = "resnet10t"  # three times faster than the default


@pytest.mark.parametrize(("name", "imagenet_class"), [("china.jpg", 698), ("flower.jpg", 985)])  # palace, daisy
def test_packaged_weights_recognise_photographs(lite0, name, imagenet_class):
    network = timm.create_model(LITE0).eval()
    load_packaged_lite0(network)
    with torch.inference_mode():
        assert network(lite0.normalise(photograph(name, 224))).argmax() == imagenet_class


def test_packaged_weights_that_do_not_fit_are_refused():
    with pytest.raises(ModelError, match="do not fit timm"):
        load_packaged_lite0(timm.create_model(SMALL, num_classes=0))
