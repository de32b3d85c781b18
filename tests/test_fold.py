"""Folding changes the speed, and nothing else."""

import pytest
import timm
import torch
from torch import nn

from reid_lib.fold import folded


def with_statistics(network: nn.Module) -> nn.Module:
    """Norms as training leaves them: a fold that forgets one of the four numbers is seen."""
    generator = torch.Generator().manual_seed(0)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            for value, low in ((module.running_mean, -0.3), (module.running_var, 0.5), (module.weight.data, 0.5),
                               (module.bias.data, -0.3)):  # fmt: skip
                value.copy_(low + torch.rand(value.shape, generator=generator))
    return network.eval()


def norms(network: nn.Module) -> int:
    return sum(isinstance(module, nn.BatchNorm2d) for module in network.modules())


@pytest.mark.parametrize(
    "name", ["tf_efficientnet_lite0", "resnet10t", "resnet18", "mobilenetv3_small_050", "regnetx_002"]
)
def test_features_are_the_same_and_no_norm_is_left(name):
    network = with_statistics(timm.create_model(name, pretrained=False, num_classes=0))
    images = torch.randn(3, 3, 64, 64, generator=torch.Generator().manual_seed(1)).contiguous(
        memory_format=torch.channels_last
    )
    quick = folded(network, images[:2])
    assert norms(quick) == 0 < norms(network)
    with torch.no_grad():
        torch.testing.assert_close(quick(images), network(images), rtol=1e-3, atol=1e-4)


def test_it_is_folded_under_autocast_too():
    """In bfloat16 features differ by more than the comparison allows; only a wrong fold may do that."""
    network = with_statistics(timm.create_model("resnet18", pretrained=False, num_classes=0))
    images = torch.randn(2, 3, 64, 64, generator=torch.Generator().manual_seed(1))
    with torch.autocast("cpu", torch.bfloat16):
        quick = folded(network, images)
    assert norms(quick) == 0
    with torch.no_grad():
        torch.testing.assert_close(quick(images), network(images), rtol=1e-3, atol=1e-4)


def test_a_network_without_batch_normalisation_comes_back_itself():
    network = timm.create_model("test_convnext", pretrained=False, num_classes=0)
    assert folded(network, torch.randn(2, 3, 64, 64)) is network


class Odd(nn.Module):
    """The output of the convolution is used twice: folding would change the second use."""

    def __init__(self):
        super().__init__()
        self.conv, self.norm = nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4)

    def forward(self, x):
        y = self.conv(x)
        return (self.norm(y) * y).mean(dim=(2, 3))


def test_where_folding_would_change_the_features_the_network_comes_back_itself():
    network = with_statistics(Odd())
    assert folded(network, torch.randn(2, 3, 16, 16)) is network


def test_the_network_is_left_as_it_was():
    network = with_statistics(timm.create_model("resnet10t", pretrained=False, num_classes=0)).train()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    folded(network, torch.randn(2, 3, 64, 64))
    assert network.training
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())
