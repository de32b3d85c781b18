"""Activations out of place while training: the same numbers, and as they were afterwards."""

import pytest
import timm
import torch

from reid_lib.activations import NEED_THEIR_INPUT, out_of_place


def in_place(network) -> list[str]:
    return [name for name, m in network.named_modules() if isinstance(m, NEED_THEIR_INPUT) and m.inplace]


def gradients(network, images) -> list[torch.Tensor]:
    network.zero_grad(set_to_none=True)
    network(images).square().sum().backward()
    return [parameter.grad.clone() for parameter in network.parameters()]


@pytest.mark.parametrize("name", ["tf_efficientnet_lite0", "mobilenetv3_small_050", "test_efficientnet"])
def test_gradients_are_the_same_to_the_last_bit(name):
    torch.manual_seed(0)
    network = timm.create_model(name, pretrained=False, num_classes=0, drop_rate=0.0).train()
    images = torch.randn(4, 3, 64, 64)
    before = in_place(network)
    assert before, "a network that has none would not tell"
    expected = gradients(network, images)
    with out_of_place(network):
        assert not in_place(network)
        found = gradients(network, images)
    assert all(torch.equal(a, b) for a, b in zip(expected, found, strict=True))
    assert in_place(network) == before


def test_they_are_put_back_when_training_stops():
    network = timm.create_model("test_efficientnet", pretrained=False, num_classes=0)
    before = in_place(network)
    with pytest.raises(KeyboardInterrupt), out_of_place(network):
        raise KeyboardInterrupt
    assert in_place(network) == before


def test_relu_stays_in_place():
    network = timm.create_model("resnet10t", pretrained=False, num_classes=0)
    there = [module for module in network.modules() if isinstance(module, torch.nn.ReLU) and module.inplace]
    with out_of_place(network):
        assert there and all(module.inplace for module in there)
