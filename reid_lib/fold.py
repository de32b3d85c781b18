"""A network for inference: batch normalisation folded into the convolutions before it, where that changes nothing."""

from copy import deepcopy

import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_weights

# Cosine to the features of the network as it was: rounding is far above this, a wrong fold far below.
SAME = 0.99999


@torch.no_grad()
def folded(network: nn.Module, images: Tensor) -> nn.Module:
    """A copy in eval mode whose convolutions do what normalisation after them did; the network itself stays as it is.

    In eval mode batch normalisation multiplies and adds constants, which a convolution can do by its own weights: one
    pass over memory less for each. Which norm follows which convolution is seen by running the network, so it needs no
    tracing; the result is compared in float32, and the network itself comes back where the two differ.

    Args:
        network: (n, 3, s, s) -> (n, d).
        images: (n, 3, s, s) to look at and compare with, as the network takes them; two will do.
    """
    with torch.autocast(images.device.type, enabled=False):  # rounding to bfloat16 would pass for a wrong fold
        copy = deepcopy(network).eval()
        pairs = _followed_by_norm(copy, images)
        if not pairs:
            return network
        for convolution, norm in pairs.items():
            _fold(copy, convolution, norm)
        was_training = network.training
        expected = network.eval()(images)
        network.train(was_training)
        alike = torch.cosine_similarity(copy(images), expected, dim=1)
    return copy if bool((alike > SAME).all()) else network


def _followed_by_norm(network: nn.Module, images: Tensor) -> dict[str, str]:
    """Name of a convolution -> name of the batch normalisation that takes its output; each is run once."""
    made: list[tuple[Tensor, str]] = []  # the tensors themselves: an id may be given away again
    pairs: dict[str, str] = {}
    runs: dict[str, int] = {}
    hooks = []

    def after(name):
        def hook(module, args, output):
            runs[name] = runs.get(name, 0) + 1
            made.append((output, name))

        return hook

    def before(name):
        def hook(module, args):
            runs[name] = runs.get(name, 0) + 1
            pairs.update({convolution: name for tensor, convolution in made if tensor is args[0]})

        return hook

    for name, module in network.named_modules():
        if isinstance(module, nn.Conv2d):
            hooks.append(module.register_forward_hook(after(name)))
        elif isinstance(module, nn.BatchNorm2d) and module.track_running_stats:
            hooks.append(module.register_forward_pre_hook(before(name)))
    try:
        network(images)
    finally:
        for hook in hooks:
            hook.remove()
    return {c: n for c, n in pairs.items() if runs[c] == runs[n] == 1 and list(pairs.values()).count(n) == 1}


def _fold(network: nn.Module, convolution: str, norm: str) -> None:
    conv, bn = network.get_submodule(convolution), network.get_submodule(norm)
    conv.weight, conv.bias = fuse_conv_bn_weights(
        conv.weight, conv.bias, bn.running_mean, bn.running_var, bn.eps, bn.weight, bn.bias
    )
    # timm's norm brings its activation along.
    left = nn.Sequential(*(part for part in (getattr(bn, "drop", None), getattr(bn, "act", None)) if part is not None))
    parent, _, name = norm.rpartition(".")
    setattr(network.get_submodule(parent), name, left)
