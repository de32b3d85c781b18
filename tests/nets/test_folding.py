"""Folding changes the speed, and nothing else."""

import pytest
import timm
import torch
from fold_cases import images_of, norms, with_statistics
from timm.layers import Conv2dSame, pad_same
from torch import nn

from reid_lib.nets import onednn
from reid_lib.nets.folding import fold_network

needs_onednn = pytest.mark.skipif(not onednn.is_usable(torch.zeros(1)), reason="torch without oneDNN")


@pytest.mark.parametrize(
    "name", ["tf_efficientnet_lite0", "resnet10t", "resnet18", "mobilenetv3_small_050", "regnetx_002"]
)
def test_features_are_the_same_and_no_norm_is_left(name):
    network = with_statistics(timm.create_model(name, pretrained=False, num_classes=0))
    images = torch.randn(3, 3, 64, 64, generator=torch.Generator().manual_seed(1)).contiguous(
        memory_format=torch.channels_last
    )
    quick = fold_network(network, images[:2])
    assert norms(quick) == 0 < norms(network)
    with torch.no_grad():
        torch.testing.assert_close(quick(images), network(images), rtol=1e-3, atol=1e-4)


def test_it_is_folded_under_autocast_too():
    """In bfloat16 features differ by more than the comparison allows; only a wrong fold may do that."""
    network = with_statistics(timm.create_model("resnet18", pretrained=False, num_classes=0))
    images = torch.randn(2, 3, 64, 64, generator=torch.Generator().manual_seed(1))
    with torch.autocast("cpu", torch.bfloat16):
        quick = fold_network(network, images)
    assert norms(quick) == 0
    with torch.no_grad():
        torch.testing.assert_close(quick(images), network(images), rtol=1e-3, atol=1e-4)


def test_a_network_without_batch_normalisation_comes_back_itself():
    network = timm.create_model("test_convnext", pretrained=False, num_classes=0)
    assert fold_network(network, torch.randn(2, 3, 64, 64)) is network


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
    assert fold_network(network, torch.randn(2, 3, 16, 16)) is network


def test_the_network_is_left_as_it_was():
    network = with_statistics(timm.create_model("resnet10t", pretrained=False, num_classes=0)).train()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    fold_network(network, torch.randn(2, 3, 64, 64))
    assert network.training
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())


@pytest.mark.parametrize("size", [(32, 32), (31, 30), (33, 35)])
@pytest.mark.parametrize("kernel, stride, dilation", [(3, 2, 1), (5, 2, 1), (4, 3, 1), (3, 2, 2), ((3, 5), (2, 1), 1)])
def test_a_kernel_with_zeros_pads_as_tensorflow_does(size, kernel, stride, dilation):
    torch.manual_seed(0)
    convolution = Conv2dSame(3, 6, kernel, stride, dilation=dilation, groups=3)
    network = nn.Sequential(convolution, nn.AdaptiveAvgPool2d(4), nn.Flatten()).eval()
    images = torch.randn(4, 3, *size)
    quick = fold_network(network, images[:2])
    with torch.no_grad():
        torch.testing.assert_close(quick(images), network(images))
    uneven = any(total % 2 for total in padding_of(convolution, size))
    assert type(quick[0]) is (Conv2dSame if uneven and dilation > 1 else nn.Conv2d)


def padding_of(convolution: nn.Conv2d, size: tuple[int, int]) -> list[int]:
    before = pad_same(torch.zeros(1, 1, *size), convolution.kernel_size, convolution.stride, convolution.dilation)
    return [padded - n for padded, n in zip(before.shape[-2:], size, strict=True)]


class Shared(nn.Module):
    """A map that runs twice: what follows it is not the same each time."""

    def __init__(self):
        super().__init__()
        self.map, self.act = nn.Linear(8, 8), nn.ReLU()

    def forward(self, x):
        return self.map(self.act(self.map(x)))


@needs_onednn
def test_what_runs_twice_is_left():
    network = Shared().eval()
    assert fold_network(network, torch.randn(2, 8), onednn_batch=2) is network


def test_an_activation_unknown_to_onednn_stays():
    network = nn.Sequential(nn.Conv2d(3, 8, 3), nn.Softplus(), nn.Flatten()).eval()
    quick = fold_network(network, images_of(2, px=8), onednn_batch=4)
    assert isinstance(quick[1], nn.Softplus)
