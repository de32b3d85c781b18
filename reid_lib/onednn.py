"""Convolutions by oneDNN with the activation in the same pass and the weights laid out once, in float32 on a CPU.

It is what `torch.compile` makes of them, without its half a minute of compiling. torch keeps these two operators to
itself: where a version has them no more, `usable` says so, and `fold` compares what they compute.
"""

import torch
from torch import Tensor, nn

# Names that torch's oneDNN operators have for activations, and their numbers.
_ACTIVATIONS = {
    nn.ReLU: lambda _: ("relu", [], ""),
    nn.ReLU6: lambda _: ("hardtanh", [0.0, 6.0], ""),
    nn.Hardtanh: lambda act: ("hardtanh", [act.min_val, act.max_val], ""),
    nn.LeakyReLU: lambda act: ("leaky_relu", [act.negative_slope], ""),
    nn.SiLU: lambda _: ("swish", [], ""),
    nn.Hardswish: lambda _: ("hardswish", [], ""),
    nn.GELU: lambda act: ("gelu", [], act.approximate),
}
_BATCH = 16  # the layout of weights is chosen for about so many images


def usable(images: Tensor) -> bool:
    """Whether torch has what is needed, for such images."""
    has = all(hasattr(torch.ops.mkldnn, name) for name in ("_convolution_pointwise", "_reorder_convolution_weight"))
    return (
        has and torch.backends.mkldnn.is_available() and images.device.type == "cpu" and images.dtype == torch.float32
    )


def takes(module: nn.Module) -> bool:
    """Whether it is a plain convolution."""
    return type(module) is nn.Conv2d and module.padding_mode == "zeros" and not isinstance(module.padding, str)


def attributes(module: nn.Module) -> tuple[str, list[float], str] | None:
    """What oneDNN calls an activation; None where it has none that does the same."""
    make = _ACTIVATIONS.get(type(module))
    return make(module) if make else None


class Convolution(nn.Module):
    """A convolution and the activation after it.

    Args:
        conv: whose weights are taken.
        activation: from `attributes`; None for none.
        example: (n, c, h, w) float32 input, for the layout of the weights.
    """

    def __init__(self, conv: nn.Conv2d, activation: tuple[str, list[float], str] | None, example: Tensor):
        super().__init__()
        self.how = (conv.padding, conv.stride, conv.dilation, conv.groups)
        self.activation = activation or ("none", [], "")
        shape = (_BATCH, *example.shape[1:])
        self.weight = torch.ops.mkldnn._reorder_convolution_weight(conv.weight.detach(), *self.how, shape)
        self.bias = None if conv.bias is None else conv.bias.detach()

    def forward(self, images: Tensor) -> Tensor:
        return torch.ops.mkldnn._convolution_pointwise(images, self.weight, self.bias, *self.how, *self.activation)
