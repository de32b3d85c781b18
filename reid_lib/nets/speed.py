"""torch.compile, where a compiler is found and the work is long enough to repay it; and quicker training on a CPU.

Compiling takes from ten seconds to some minutes, and changes features by rounding only. Whether it is done depends on
the settings and the number of images of the whole run, so that a resumed run decides as it did before.
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

from reid_lib.core.errors import first_line
from reid_lib.core.logs import LOGGER

AUTO, ALWAYS, NEVER = "auto", "always", "never"
# Images from which on compiling repays itself. On a CPU it gains nothing beyond `folding` (measured, docs/log.md). On a
# GPU this is an estimate: a minute of compiling against a tenth to a fifth of the time of a step.
WORTH_EMBEDDING = {"cuda": 500_000}
WORTH_TRAINING = {"cuda": 1_000_000}
SAME = 0.999  # least cosine between the features of the compiled and the original network

# Activations whose gradient needs their input, so that torch copies it where they work in place. ReLU needs no copy.
NEED_THEIR_INPUT = (nn.Hardtanh, nn.SiLU, nn.Hardswish, nn.Mish)
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3  # of glibc's malloc.h


def why_no_compiler(device: str) -> str:
    """Why torch.compile cannot work for a device on this machine; "" where it may."""
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


def why_not_compiled(torch_compile: str, n_images: int, device: str, *, worth: dict[str, int]) -> str:
    """Why a network is not compiled; "" where it is to be.

    Args:
        torch_compile: "auto", "always" or "never".
        n_images: that will run through the network, in all.
        device: "cpu", "cuda" or "mps".
        worth: `WORTH_EMBEDDING` or `WORTH_TRAINING`; on a device that is missing in it, compiling never repays itself.
    """
    if torch_compile == NEVER:
        return "torch_compile is never"
    if torch_compile == AUTO and device not in worth:
        return f"it makes nothing quicker on {device}"
    if torch_compile == AUTO and n_images < worth[device]:
        return f"{n_images:,} images do not repay it, {worth[device]:,} would"
    return why_no_compiler(device)


class Compiled:
    """A network that runs compiled for whole batches, and as it is for all others, each size of which would have to be
    compiled.

    Where compiling fails, or, with `freeze`, the features differ, it says so once and runs the network as it is from
    then on.

    Args:
        network: (n, 3, s, s) -> (n, d).
        batch: images of a whole batch.
        freeze: compile the weights as constants; for inference only.
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
        except (
            Exception
        ) as error:  # of any kind, also of the compiler; an error of the network itself comes again below
            return self._give_up(images, f"{type(error).__name__}: {first_line(error)[:200]}")
        if not self.checked:
            plain = self.network(images)
            alike = torch.cosine_similarity(features.float(), plain.float(), dim=1).min()
            if not alike > SAME:
                return self._give_up(images, f"its features differ (cosine {float(alike):.4f})")
        self.proven = True
        return features

    def _give_up(self, images: Tensor, why: str) -> Tensor:
        self.quick = None
        LOGGER.info(f"torch.compile is not used: {why}. The network runs as it is")
        return self.network(images)


@contextmanager
def out_of_place(network: nn.Module) -> Iterator[None]:
    """Within the block, the activations `NEED_THEIR_INPUT` of a network do not work in place: the same to the last bit,
    and quicker in training.

    In inference, working in place is quicker, so they do again afterwards. Measured in docs/log.md.
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
    """Let the C library keep freed memory for the rest of the process; only on Linux with glibc.

    By default each large tensor of a step is mapped and unmapped, and the kernel clears every page again: on a CPU that
    costs a training step a third of its time. Keeping the memory costs about 0.4 GB.
    """
    if sys.platform != "linux":
        return
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:  # other C libraries have none, and no such cost
        mallopt(M_MMAP_THRESHOLD, 1 << 30)
        mallopt(M_TRIM_THRESHOLD, 2**31 - 1)
