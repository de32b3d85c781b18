"""Convolutions and linear maps by oneDNN, the activation in the same pass, the weights laid out once; float32 on a CPU.

`torch.compile` makes the same of convolutions, but takes ten seconds to compile. Linear maps would otherwise be
computed by MKL, which on some processors takes twice as long.

The two operators of torch used here are private. They stay because both public ways cost a run more time (measured by
`python benchmarks/bench.py --only engine`, docs/log.md). torch's public functions compute the activation in a pass of
its own, which costs a tenth with AVX-512, and linear maps by MKL. OpenVINO is quicker once a network is converted, but
converting takes seconds, and a run would have to convert after every epoch. `is_usable` says whether torch still has
the operators; `fold_network` compares their results with those of the original network, and does without them where
these differ.
"""

from math import prod

import torch
from timm.layers.activations import GELU, GELUTanh
from torch import Tensor, nn

# Activation -> its name, numbers and algorithm, as torch's oneDNN operators take them.
_ACTIVATIONS = {
    nn.ReLU: lambda _: ("relu", [], ""),
    nn.ReLU6: lambda _: ("hardtanh", [0.0, 6.0], ""),
    nn.Hardtanh: lambda act: ("hardtanh", [act.min_val, act.max_val], ""),
    nn.LeakyReLU: lambda act: ("leaky_relu", [act.negative_slope], ""),
    nn.SiLU: lambda _: ("swish", [], ""),
    nn.Hardswish: lambda _: ("hardswish", [], ""),
    nn.GELU: lambda act: ("gelu", [], act.approximate),
    GELU: lambda _: ("gelu", [], "none"),
    GELUTanh: lambda _: ("gelu", [], "tanh"),
}


def is_usable(images: Tensor) -> bool:
    """Has torch the operators, and are the images float32 on a CPU, which they need?"""
    has = all(hasattr(torch.ops.mkldnn, name) for name in ("_convolution_pointwise", "_reorder_convolution_weight"))
    return (
        has and torch.backends.mkldnn.is_available() and images.device.type == "cpu" and images.dtype == torch.float32
    )


def find_counterpart(module: nn.Module) -> type["Convolution"] | None:
    """The class below that computes the same as a module; None where it is no plain convolution or linear map."""
    if type(module) is nn.Conv2d and module.padding_mode == "zeros" and not isinstance(module.padding, str):
        return Convolution
    return Linear if type(module) is nn.Linear else None


def describe_activation(module: nn.Module) -> tuple[str, list[float], str] | None:
    """An activation as the operators take it: name, numbers, algorithm; None where oneDNN has none like it."""
    make = _ACTIVATIONS.get(type(module))
    return make(module) if make else None


class Convolution(nn.Module):
    """A convolution and the activation after it.

    Args:
        conv: whose weights are taken.
        activation: from `describe_activation`; None for none.
        shape: (n, c, h, w) of its input. Inputs of another shape work, too, but the weights are then laid out each
            time.
    """

    def __init__(self, conv: nn.Conv2d, activation: tuple[str, list[float], str] | None, shape: tuple[int, ...]):
        super().__init__()
        self.how = (conv.padding, conv.stride, conv.dilation, conv.groups)
        self.activation = activation or ("none", [], "")
        self.weight = torch.ops.mkldnn._reorder_convolution_weight(conv.weight.detach(), *self.how, shape)
        self.bias = None if conv.bias is None else conv.bias.detach()

    def forward(self, images: Tensor) -> Tensor:
        return torch.ops.mkldnn._convolution_pointwise(images, self.weight, self.bias, *self.how, *self.activation)


class Linear(Convolution):
    """A linear map, which is a convolution of single pixels, and the activation after it.

    Args:
        linear: whose weights are taken.
        activation: from `describe_activation`; None for none.
        shape: (..., d) of its input.
    """

    def __init__(self, linear: nn.Linear, activation: tuple[str, list[float], str] | None, shape: tuple[int, ...]):
        conv = nn.Conv2d(linear.in_features, linear.out_features, 1, bias=linear.bias is not None, device="meta")
        conv.weight, conv.bias = nn.Parameter(linear.weight.detach()[:, :, None, None]), linear.bias
        super().__init__(conv, activation, (1, shape[-1], prod(shape[:-1]), 1))

    def forward(self, features: Tensor) -> Tensor:
        mapped = super().forward(_pixels(features))
        return mapped.permute(0, 2, 3, 1).reshape(*features.shape[:-1], -1)


def _pixels(features: Tensor) -> Tensor:
    """(..., d) as an image of d channels, n pixels high and 1 wide: (1, d, n, 1)."""
    return features.reshape(1, -1, 1, features.shape[-1]).permute(0, 3, 1, 2)
