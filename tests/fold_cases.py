"""Networks whose norms do something, and images for them, for the tests of folding."""

import torch
from torch import nn


def with_statistics(network: nn.Module) -> nn.Module:
    """Norms as training leaves them: a fold that forgets one of the four numbers is seen."""
    generator = torch.Generator().manual_seed(0)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            for value, low in ((module.running_mean, -0.3), (module.running_var, 0.5), (module.weight.data, 0.5),
                               (module.bias.data, -0.3)):  # fmt: skip
                value.copy_(low + torch.rand(value.shape, generator=generator))
    return network.eval()


def images_of(n: int, *, px: int = 64) -> torch.Tensor:
    images = torch.randn(n, 3, px, px, generator=torch.Generator().manual_seed(1))
    return images.contiguous(memory_format=torch.channels_last)


def norms(network: nn.Module) -> int:
    return sum(isinstance(module, nn.BatchNorm2d) for module in network.modules())
