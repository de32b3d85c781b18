"""CUDA graphs: a backbone's passes over a batch are recorded once and replayed, so that a GPU never waits for Python.

A step on a small batch starts about a thousand kernels of a few microseconds each, more slowly than a large GPU works
them off. A recording starts them all at once. The results are the same: it runs the same kernels on the same numbers.
"""

import warnings

import torch
from torch import Tensor, nn

from reid_lib.core.errors import first_line
from reid_lib.core.logs import LOGGER

# torch's warning at the first replay: the recording was made on another stream than that of the steps, as it has to be.
BESIDE = "The AccumulateGrad node's stream does not match"


class _Whole(nn.Module):
    """Recorded in place of the network: torch replaces the `forward` of what it records, and that of the network is
    needed for other batches."""

    def __init__(self, network: nn.Module):
        super().__init__()
        self.network = network

    def forward(self, images: Tensor) -> Tensor:
        return self.network(images)


class Graphed:
    """A network in training whose forward and backward pass is replayed for whole batches, and run for all others.

    Where it cannot be recorded (its Python code depends on computed numbers, or memory is short) it says so once and
    runs the network as it is from then on.

    Args:
        network: (n, 3, s, s) -> (n, d), on a GPU.
        batch: images of a whole batch.
    """

    def __init__(self, network: nn.Module, batch: int):
        self.network, self.batch, self.quick = network, batch, None

    def __call__(self, images: Tensor) -> Tensor:
        if len(images) != self.batch:
            return self.network(images)
        if self.quick is None:
            self.quick = self._recorded(images)
        return self.quick(images)

    def _recorded(self, images: Tensor) -> nn.Module:
        """The recording; afterwards running statistics and random generators are as if nothing had run."""
        if images.device.type != "cuda":
            raise ValueError(f"CUDA graphs are of a GPU; the images are on {images.device}")
        before = [buffer.clone() for buffer in self.network.buffers()]
        dtype, enabled = torch.get_autocast_dtype("cuda"), torch.is_autocast_enabled("cuda")
        autocast = torch.autocast("cuda", dtype, enabled=enabled, cache_enabled=False)
        warnings.filterwarnings("ignore", message=BESIDE)
        try:
            with torch.random.fork_rng(devices=[images.device]), autocast:
                return torch.cuda.make_graphed_callables(_Whole(self.network), (images.clone(),))
        except RuntimeError as error:
            LOGGER.info(f"no CUDA graph: {first_line(error)[:200]}. The network runs as it is")
            return self.network
        finally:
            with torch.no_grad():
                for buffer, value in zip(self.network.buffers(), before, strict=True):
                    buffer.copy_(value)
