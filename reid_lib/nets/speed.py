"""torch.compile, where a compiler is found and the work is long enough to repay it; else the network as it is.

Compiling takes from ten seconds to some minutes and changes features by rounding alone. Whether it is done follows from
the settings and the number of images of the whole run, so that a run that continues does as it did before.
"""

import ctypes
import importlib.util
import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from reid_lib.core.logs import LOGGER

AUTO, ALWAYS, NEVER = "auto", "always", "never"
# Images from which on compiling repays itself. On a CPU (measured, docs/log.md) there is nothing to gain: `fold` does
# what it would. On a GPU estimated: a minute of compiling against a tenth to a fifth of the time of a step.
WORTH_EMBEDDING = {"cuda": 500_000}
WORTH_TRAINING = {"cuda": 1_000_000}
SAME = 0.999  # cosine to the features of the network as it is

# Their gradient needs the input, so that in place torch first copies it aside. That of ReLU needs only the output.
NEED_THEIR_INPUT = (nn.Hardtanh, nn.SiLU, nn.Hardswish, nn.Mish)
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3  # of glibc's malloc.h


def no_compiler(device: str) -> str:
    """Why torch.compile cannot work for a device on this machine; empty when nothing is known against it."""
    if device == "cuda":
        if importlib.util.find_spec("triton") is None:
            return "Triton is not installed"
        if not _found("cc", "gcc", "clang"):
            return "no C compiler is found, which Triton needs (cc, gcc or clang)"
        return ""
    if device == "cpu":
        name = "clang++" if sys.platform == "darwin" else "cl" if sys.platform == "win32" else "g++"
        return "" if _found(os.environ.get("CXX", name)) else f"no C++ compiler is found ({name}, or what CXX names)"
    return f"it is not supported on {device}"


def _found(*programs: str) -> bool:
    return any(shutil.which(program) for program in programs)


def why_not(torch_compile: str, n_images: int, device: str, *, worth: dict[str, int]) -> str:
    """Why a network is not compiled; empty when it is to be.

    Args:
        torch_compile: "auto", "always" or "never".
        n_images: that will run through it, in all.
        device: "cpu", "cuda" or "mps".
        worth: `WORTH_EMBEDDING` or `WORTH_TRAINING`; a device that is not in it never repays it.
    """
    if torch_compile == NEVER:
        return "torch_compile is never"
    if torch_compile == AUTO and device not in worth:
        return f"it makes nothing quicker on {device}"
    if torch_compile == AUTO and n_images < worth[device]:
        return f"{n_images:,} images do not repay it, {worth[device]:,} would"
    return no_compiler(device)


class Compiled:
    """A network that runs compiled for whole batches and as it is for all others, which would be compiled anew.

    Where compiling fails, or gives other features, it says so once and runs the network as it is from then on.

    Args:
        network: (n, 3, s, s) -> (n, d).
        batch: images of a whole batch.
        freeze: weights as constants; for inference.
    """

    def __init__(self, network: nn.Module, batch: int, *, freeze: bool = False):
        self.network, self.batch, self.checked = network, batch, not freeze
        options = {"freezing": True} if freeze else None
        self.quick = torch.compile(network, dynamic=False, options=options)
        self.proven = False

    def __call__(self, images: Tensor) -> Tensor:
        if self.quick is None or len(images) != self.batch:
            return self.network(images)
        if self.proven:
            return self.quick(images)
        return self._first(images)

    def _first(self, images: Tensor) -> Tensor:
        try:
            features = self.quick(images)
        except Exception as error:  # of dynamo, of the compiler, of the linker: a network that is wrong fails below too
            return self._given_up(images, f"{type(error).__name__}: {str(error).strip().splitlines()[0][:200]}")
        if not self.checked:
            plain = self.network(images)
            alike = torch.cosine_similarity(features.float(), plain.float(), dim=1).min()
            if not alike > SAME:
                return self._given_up(images, f"its features differ (cosine {float(alike):.4f})")
        self.proven = True
        return features

    def _given_up(self, images: Tensor, why: str) -> Tensor:
        self.quick = None
        LOGGER.info(f"torch.compile is not used: {why}. The network runs as it is")
        return self.network(images)


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


def reuse_memory() -> None:
    """Let the C library keep freed memory instead of handing it back to the system at every step; Linux with glibc.

    By default each large tensor of a step is mapped and unmapped anew, and the kernel clears every page again: on a CPU
    that costs a training step a third of its time. Holding on to it costs about 0.4 GB.
    """
    if sys.platform != "linux":
        return
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:  # other C libraries have none, and no such cost
        mallopt(M_MMAP_THRESHOLD, 1 << 30)
        mallopt(M_TRIM_THRESHOLD, 2**31 - 1)
