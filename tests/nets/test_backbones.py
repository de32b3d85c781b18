"""The network: its weights, normalisation and sizes; that it comes back from its files as it was, or not at all."""

import pytest
import timm
import torch
from model_cases import LITE0, photograph

from reid_lib.core.errors import ModelError
from reid_lib.nets.backbones import has_batch_statistics, load_packaged_lite0

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


@pytest.mark.parametrize(
    ("name", "has"),
    [("test_resnet", True), ("test_efficientnet", True), ("test_efficientnet_evos", False), ("test_vit", False),
     ("test_nfnet", False), ("test_convnext", False), ("test_byobnet", True)],
)  # fmt: skip
def test_batch_normalisation_is_found(name, has):
    network = timm.create_model(name, num_classes=0).train()
    assert has_batch_statistics(network) == has
    images = torch.randn(4, 3, 160, 160, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        apart = torch.cat([network(images[:2]), network(images[2:])])
        assert torch.allclose(network(images), apart, atol=1e-4) != has


def test_other_norms_of_a_batch_are_found_and_those_of_one_image_are_not():
    assert has_batch_statistics(torch.nn.BatchNorm2d(3, track_running_stats=False))
    assert has_batch_statistics(timm.layers.EvoNorm2dB0(4)) and not has_batch_statistics(timm.layers.EvoNorm2dS0(32))
    assert not has_batch_statistics(torch.nn.InstanceNorm2d(3)) and not has_batch_statistics(torch.nn.GroupNorm(2, 4))
