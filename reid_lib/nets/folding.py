"""Folding for inference: the normalisation after a convolution, and the padding before it, become part of it.

In eval mode batch normalisation multiplies and adds constants, which the weights before it can do as well. On a CPU an
input that is padded on one side more than on the other ("same" padding) is copied first, which a kernel with a row of
zeros spares, and oneDNN takes activations along in the same pass (see `onednn`).
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

# Cosine to the features of the network as it was: rounding is far above this, a wrong fold far below.
SAME = 0.99999


@dataclass(frozen=True)
class Pass:
    """A module without parts, or a norm, that has run: its name, what it took and what it gave."""

    name: str
    module: nn.Module
    taken: Tensor  # the tensors themselves: an id may be given away again
    given: Tensor
    taken_version: int  # counts what was changed in place, as by `x += shortcut`
    given_version: int


@torch.inference_mode(False)
@torch.no_grad()
def fold_network(network: nn.Module, images: Tensor, *, onednn_batch: int = 0) -> nn.Module:
    """A copy in eval mode that is quicker and gives the same features; the network itself stays as it is.

    What follows which convolution is seen by running the network, so it needs no tracing; the result is compared in
    float32, and where it differs less is folded, down to the network itself.

    Args:
        network: (n, 3, s, s) -> (n, d).
        images: (n, 3, s, s) to look at and compare with, as the network takes them; two will do. The copy is for
            images of this size.
        onednn_batch: let oneDNN compute what it can, laid out for so many images at a time; the copy then is for
            float32 on a CPU alone. 0: nothing.
    """
    images = images.clone()  # a tensor of inference mode does not count what is done to it
    with torch.autocast(images.device.type, enabled=False):  # rounding to bfloat16 would pass for a wrong fold
        was_training = network.training
        expected = network.eval()(images)
        network.train(was_training)
        for batch in [onednn_batch, 0] if onednn_batch and onednn.usable(images) else [0]:
            copy = deepcopy(network).eval()
            try:
                changed = _changed(copy, images[:1], batch)  # to see what follows what, one image will do
                alike = torch.cosine_similarity(copy(images), expected, dim=1)
            except RuntimeError:  # of oneDNN: not this kernel, or not on this processor
                if not batch:
                    raise
                continue
            if changed and bool((alike > SAME).all()):
                return copy
    return network


def _changed(network: nn.Module, images: Tensor, onednn_batch: int) -> int:
    """Make a network quicker, in place; how many of its modules were changed."""
    changed = _norms_folded(network, images)
    if images.device.type == "cpu":  # cuDNN is made for odd kernels
        changed += _evenly_padded(network, images)
    if onednn_batch:
        changed += _done_by_onednn(network, images, onednn_batch)
    return changed


def _norms_folded(network: nn.Module, images: Tensor) -> int:
    """Fold each batch normalisation into the convolution whose output it takes; how many were."""
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


def _evenly_padded(network: nn.Module, images: Tensor) -> int:
    """Replace convolutions that pad their input as TensorFlow does by plain ones; how many were."""
    found = [
        each
        for each in _once(network, images)
        if type(each.module) is Conv2dSame and each.module.padding_mode == "zeros"
    ]
    for each in found:
        _replace(network, each.name, _plain(each.module, each.taken.shape[-2:]))
    return len(found)


def _plain(conv: Conv2dSame, size: torch.Size) -> nn.Conv2d:
    """The same for inputs of this size (height, width): zeros before the kernel, instead of more behind the input."""
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


def _done_by_onednn(network: nn.Module, images: Tensor, batch: int) -> int:
    """Let oneDNN do convolutions, linear maps and, in the same pass, the activations after them; how many it does."""
    passes = _once(network, images)
    after = {each.name: following for each, following in _followed(passes, nn.Conv2d | nn.Linear)}
    found = [(each, kind) for each in passes if (kind := onednn.counterpart(each.module))]
    for each, kind in found:
        following = after.get(each.name)
        activation = onednn.attributes(following.module) if following else None
        shape = (len(each.taken) * batch // len(images), *each.taken.shape[1:])
        _replace(network, each.name, kind(each.module, activation, shape))
        if activation:
            _replace(network, following.name, nn.Identity())
    return len(found)


def _followed(passes: list[Pass], kind) -> Iterator[tuple[Pass, Pass]]:
    """Modules of a kind and the first that takes their output; both run once for a batch."""
    for place, each in enumerate(passes):
        if isinstance(each.module, kind):
            takers = (other for other in passes[place + 1 :] if other.taken is each.given)
            following = next(takers, None)
            if following and following.taken_version == each.given_version:
                yield each, following


def _once(network: nn.Module, images: Tensor) -> list[Pass]:
    """What runs exactly once for a batch, in its order."""
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
