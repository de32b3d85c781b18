"""Activations out of place while training, where in place costs a copy."""

from collections.abc import Iterator
from contextlib import contextmanager

from torch import nn

# Their gradient needs the input, so that in place torch first copies it aside. That of ReLU needs only the output.
NEED_THEIR_INPUT = (nn.Hardtanh, nn.SiLU, nn.Hardswish, nn.Mish)


@contextmanager
def out_of_place(network: nn.Module) -> Iterator[None]:
    """Let these activations of a network leave their input as it is; the same to the last bit, and quicker in training.

    In inference in place is quicker, so they are put back at the end. What was measured stands in docs/log.md.
    """
    changed = [m for m in network.modules() if isinstance(m, NEED_THEIR_INPUT) and getattr(m, "inplace", False)]
    for module in changed:
        module.inplace = False
    try:
        yield
    finally:
        for module in changed:
            module.inplace = True
