"""Folding for inference: batch normalisation after a convolution, and padding before it, become part of the
convolution.

In eval mode batch normalisation multiplies by constants and adds constants, which a convolution's weights and bias can
do as well. On a CPU an input that is padded more on one side than on the other ("same" padding) is copied first; a
kernel with a row of zeros makes that unnecessary. And oneDNN computes activations in the same pass (see `onednn`).
"""

from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass

import torch
from timm.layers import Conv2dSame
from torch import Tensor, nn
from torch.nn.functional import pad
from torch.nn.utils.fusion import fuse_conv_bn_weights

from reid_lib.nets import onednn

# Least cosine between the features of the folded and the original network: rounding leaves it far above this, a wrong
# fold far below.
SAME = 0.99999


@dataclass(frozen=True)
class Pass:
    """One run of a module without parts, or of a norm: its name, its input and its output."""

    name: str
    module: nn.Module
    taken: Tensor  # input; the tensor itself is kept, since the id of a deleted one may be reused
    given: Tensor  # output
    taken_version: int  # torch's count of changes in place, as by `x += shortcut`
    given_version: int


@torch.inference_mode(False)
@torch.no_grad()
def fold_network(network: nn.Module, images: Tensor, *, onednn_batch: int = 0) -> nn.Module:
    """A quicker copy in eval mode that gives the same features but for rounding; the network itself stays as it is.

    What follows a convolution is found by running the network, so no tracing is needed. The features of the copy are
    compared in float32. Where they differ, the folding is tried again without oneDNN; where they differ still, the
    network itself is returned.

    Args:
        network: (n, 3, s, s) -> (n, d).
        images: (n, 3, s, s) to run and compare with, as the network takes them; two are enough. The copy is for images
            of this size.
        onednn_batch: let oneDNN compute what it can, with weights laid out for so many images at a time; the copy is
            then for float32 on a CPU only. 0: without oneDNN.
    """
    images = images.clone()  # a tensor made in inference mode has no count of changes in place
    with torch.autocast(images.device.type, enabled=False):  # rounding to bfloat16 would pass for a wrong fold
        was_training = network.training
        expected = network.eval()(images)
        network.train(was_training)
        for batch in [onednn_batch, 0] if onednn_batch and onednn.is_usable(images) else [0]:
            copy = deepcopy(network).eval()
            try:
                changed = _change(copy, images[:1], batch)  # one image is enough to see what follows what
                alike = torch.cosine_similarity(copy(images), expected, dim=1)
            except RuntimeError:  # oneDNN has no such kernel, or not on this processor
                if not batch:
                    raise
                continue
            if changed and bool((alike > SAME).all()):
                return copy
    return network


def _change(network: nn.Module, images: Tensor, onednn_batch: int) -> int:
    """Make a network quicker, in place; returns how many of its modules were changed."""
    changed = _fold_norms(network, images)
    if images.device.type == "cpu":  # on a GPU cuDNN is slower with kernels of an even size
        changed += _pad_evenly(network, images)
    if onednn_batch:
        changed += _hand_to_onednn(network, images, onednn_batch)
    return changed


def _fold_norms(network: nn.Module, images: Tensor) -> int:
    """Fold each batch normalisation into the convolution whose output it takes; returns their number."""
    pairs = [
        (convolution, norm)
        for convolution, norm in _followed(_once(network, images), nn.Conv2d)
        if isinstance(norm.module, nn.BatchNorm2d) and norm.module.track_running_stats
    ]
    for convolution, norm in pairs:
        conv, bn = convolution.module, norm.module
        conv.weight, conv.bias = fuse_conv_bn_weights(
            conv.weight, conv.bias, bn.running_mean, bn.running_var, bn.eps, bn.weight, bn.bias
        )
        # timm's norm brings its activation along.
        left = [part for part in (getattr(bn, "drop", None), getattr(bn, "act", None)) if part is not None]
        _replace(network, norm.name, nn.Sequential(*left) if left else nn.Identity())
    return len(pairs)


def _pad_evenly(network: nn.Module, images: Tensor) -> int:
    """Replace convolutions that pad their input as TensorFlow does by plain ones; returns their number."""
    found = [
        each
        for each in _once(network, images)
        if type(each.module) is Conv2dSame and each.module.padding_mode == "zeros"
    ]
    for each in found:
        _replace(network, each.name, _plain(each.module, each.taken.shape[-2:]))
    return len(found)


def _plain(conv: Conv2dSame, size: torch.Size) -> nn.Conv2d:
    """The same convolution for inputs of this size (height, width), padded alike on both sides: where it padded more
    behind the input, zeros are put before the kernel instead."""
    extents = zip(size, conv.kernel_size, conv.stride, conv.dilation, strict=True)
    totals = [max((-(-n // step) - 1) * step + gap * (k - 1) + 1 - n, 0) for n, k, step, gap in extents]
    weight = conv.weight
    if any(total % 2 for total in totals) and conv.dilation == (1, 1):
        weight = pad(weight, (totals[1] % 2, 0, totals[0] % 2, 0))
    elif any(total % 2 for total in totals):
        return conv
    plain = nn.Conv2d(
        conv.in_channels, conv.out_channels, tuple(weight.shape[-2:]), conv.stride, tuple(-(-t // 2) for t in totals),
        conv.dilation, conv.groups, bias=conv.bias is not None, device=weight.device, dtype=weight.dtype,
    ).eval()  # fmt: skip
    plain.weight, plain.bias = nn.Parameter(weight.contiguous(memory_format=torch.channels_last)), conv.bias
    return plain


def _hand_to_onednn(network: nn.Module, images: Tensor, batch: int) -> int:
    """Let oneDNN compute convolutions, linear maps and, in the same pass, the activations after them; returns their
    number."""
    passes = _once(network, images)
    after = {each.name: following for each, following in _followed(passes, nn.Conv2d | nn.Linear)}
    found = [(each, kind) for each in passes if (kind := onednn.find_counterpart(each.module))]
    for each, kind in found:
        following = after.get(each.name)
        activation = onednn.describe_activation(following.module) if following else None
        shape = (len(each.taken) * batch // len(images), *each.taken.shape[1:])
        _replace(network, each.name, kind(each.module, activation, shape))
        if activation:
            _replace(network, following.name, nn.Identity())
    return len(found)


def _followed(passes: list[Pass], kind) -> Iterator[tuple[Pass, Pass]]:
    """Modules of a kind, each with the first module that takes its output unchanged; both run once for a batch."""
    for place, each in enumerate(passes):
        if isinstance(each.module, kind):
            takers = (other for other in passes[place + 1 :] if other.taken is each.given)
            following = next(takers, None)
            if following and following.taken_version == each.given_version:
                yield each, following


def _once(network: nn.Module, images: Tensor) -> list[Pass]:
    """The modules that run exactly once for a batch, in the order in which they run."""
    passes: list[Pass] = []
    versions: dict[str, int] = {}
    hooks = []

    def watch(name: str, module: nn.Module) -> None:
        # `_version` is where torch counts changes in place, for its own gradients; there is no public name for it.
        def before(_, args):
            versions[name] = args[0]._version if args and isinstance(args[0], Tensor) else -1

        def after(_, args, output):
            if versions[name] >= 0 and isinstance(output, Tensor):
                passes.append(Pass(name, module, args[0], output, versions[name], output._version))

        hooks.extend([module.register_forward_pre_hook(before), module.register_forward_hook(after)])

    for name, module in network.named_modules():
        alone = not any(module.children()) and not isinstance(module, nn.Identity)
        if alone or isinstance(module, nn.BatchNorm2d):
            watch(name, module)
    try:
        network(images)
    finally:
        for hook in hooks:
            hook.remove()
    names = [each.name for each in passes]
    return [each for each in passes if names.count(each.name) == 1]


def _replace(network: nn.Module, name: str, module: nn.Module) -> None:
    parent, _, last = name.rpartition(".")
    setattr(network.get_submodule(parent), last, module)
