"""Folding changes the speed, and nothing else."""

import pytest
import timm
import torch
from fold_cases import images_of, norms, with_statistics
from timm.layers.activations import GELU, GELUTanh
from torch import nn

from reid_lib.nets import onednn
from reid_lib.nets.folding import fold_network

needs_onednn = pytest.mark.skipif(not onednn.is_usable(torch.zeros(1)), reason="torch without oneDNN")


def count(network: nn.Module, kind: type) -> int:
    return sum(isinstance(module, kind) for module in network.modules())


@needs_onednn
@pytest.mark.parametrize(
    "name, fused",
    [
        ("tf_efficientnet_lite0", 33),
        ("resnet10t", 7),
        ("mobilenetv3_small_050", 26),
        ("regnetx_002", 27),
        ("resnet18", 9),
    ],
)
@pytest.mark.parametrize("px", [64, 75])
def test_activations_are_computed_by_the_convolutions_before_them(name, fused, px):
    """All that follow a convolution directly: those after the sum of a residual block stay where they are."""
    network = with_statistics(timm.create_model(name, pretrained=False, num_classes=0))
    images = images_of(5, px=px)
    with torch.inference_mode():  # as `extract` does
        quick = fold_network(network, images[:2], onednn_batch=4)
        found = quick(images)
    convolutions = [module for module in quick.modules() if isinstance(module, onednn.Convolution)]
    assert sum(conv.activation[0] != "none" for conv in convolutions) >= fused
    assert count(quick, nn.Conv2d) == 0 < len(convolutions)
    with torch.no_grad():
        torch.testing.assert_close(found, network(images), rtol=1e-3, atol=1e-4)


class Residual(nn.Module):
    """What the activation takes is the tensor that the convolution gave, but with something added in place."""

    def __init__(self):
        super().__init__()
        self.conv, self.act = nn.Conv2d(3, 3, 3, padding=1), nn.ReLU()

    def forward(self, x):
        y = self.conv(x)
        y += x
        return self.act(y).flatten(1)


@needs_onednn
@pytest.mark.parametrize("inference", [True, False])
def test_a_sum_in_place_before_the_activation_is_seen(inference):
    network = Residual().eval()
    images = images_of(3, px=16)
    with torch.inference_mode(inference), torch.no_grad():
        quick = fold_network(network, images[:2], onednn_batch=4)
        torch.testing.assert_close(quick(images), network(images))
    assert isinstance(quick.act, nn.ReLU) and isinstance(quick.conv, onednn.Convolution)


@needs_onednn
@pytest.mark.parametrize("broken", ["missing", "no layout", "raises", "wrong"])
def test_where_onednn_cannot_the_rest_is_folded_all_the_same(monkeypatch, broken):
    def refuse(self, *args):
        raise RuntimeError("could not create a primitive")

    if broken == "missing":
        monkeypatch.setattr(onednn, "is_usable", lambda images: False)
    elif broken == "no layout":
        monkeypatch.setattr(onednn.Convolution, "__init__", refuse)
    else:
        monkeypatch.setattr(
            onednn.Convolution, "forward", refuse if broken == "raises" else lambda self, images: images
        )
    network = with_statistics(timm.create_model("resnet10t", pretrained=False, num_classes=0))
    quick = fold_network(network, images_of(2), onednn_batch=4)
    assert norms(quick) == 0 and count(quick, nn.Conv2d) == count(network, nn.Conv2d)
    with torch.no_grad():
        torch.testing.assert_close(quick(images_of(3)), network(images_of(3)), rtol=1e-3, atol=1e-4)


@needs_onednn
@pytest.mark.parametrize(
    "activation",
    [nn.ReLU(), nn.ReLU6(), nn.Hardtanh(-0.5, 0.5), nn.LeakyReLU(0.2), nn.SiLU(), nn.Hardswish(), nn.GELU(),
     nn.GELU("tanh"), GELU(), GELUTanh()],
    ids=repr,
)  # fmt: skip
def test_each_activation_is_the_one_it_is_called(activation):
    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv2d(3, 8, 3), activation, nn.Flatten()).eval()
    images = 5 * images_of(4, px=8)
    quick = fold_network(network, images[:2], onednn_batch=4)
    assert isinstance(quick[0], onednn.Convolution) and isinstance(quick[1], nn.Identity)
    with torch.no_grad():
        torch.testing.assert_close(quick(images), network(images), rtol=1e-4, atol=1e-4)


@needs_onednn
@pytest.mark.parametrize("name", ["test_vit", "test_convnext", "swin_tiny_patch4_window7_224", "mixer_s32_224"])
def test_linear_maps_are_handed_over_with_their_activation(name):
    torch.manual_seed(0)
    network = timm.create_model(name, pretrained=False, num_classes=0).eval()
    images = images_of(5, px=160 if name.startswith("test") else 224)
    with torch.inference_mode():
        quick = fold_network(network, images[:2], onednn_batch=4)
        found = torch.cat([quick(images[:4]), quick(images[4:])])
        expected = network(images)
    assert count(network, nn.Linear) > 0 == count(quick, nn.Linear)
    assert any(isinstance(m, onednn.Linear) and m.activation[0] == "gelu" for m in quick.modules())
    torch.testing.assert_close(found, expected, rtol=1e-3, atol=1e-4)


@needs_onednn
@pytest.mark.parametrize("shape", [(6, 7), (6, 5, 7), (6, 2, 3, 7)])
@pytest.mark.parametrize("bias", [True, False])
def test_a_linear_map_is_the_same_for_any_shape(shape, bias):
    torch.manual_seed(0)
    network = nn.Sequential(nn.Linear(7, 9, bias=bias), nn.ReLU(), nn.Flatten()).eval()
    features = torch.randn(shape)
    quick = fold_network(network, features[:2], onednn_batch=6)
    assert isinstance(quick[0], onednn.Linear) and isinstance(quick[1], nn.Identity)
    with torch.no_grad():
        torch.testing.assert_close(quick(features), network(features))
        torch.testing.assert_close(quick(features[:3]), network(features[:3]))
