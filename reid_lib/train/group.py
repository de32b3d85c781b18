"""The process group that trains one network: rank of this process, and the collectives of training.

The collectives are named as in `torch.distributed`, and every process of the group has to call them. A single process
is a group of one, for which they do nothing, so that training needs no second code path. Between GPUs, tensors are
exchanged by NCCL; objects, arrays and everything between CPUs by gloo.
"""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeVar

import numpy as np
import torch
from torch import Tensor, distributed, nn
from torch.nn.parallel import DistributedDataParallel

T = TypeVar("T")
Rows = TypeVar("Rows", bound=Sequence | np.ndarray)
LEAST = 2  # images of a batch for each process: one alone has no standard deviation for batch normalisation
PATIENCE = timedelta(hours=2)  # for which processes wait while one decodes or writes


@dataclass(frozen=True)
class Group:
    """This process among those of its group, in torchrun's terms.

    Attributes:
        rank: number of this process among all, 0 ... world_size - 1.
        world_size: how many there are.
        local_rank: number of this process on its machine, which is also the number of its GPU.
        local_world_size: how many there are on this machine.
    """

    rank: int = 0
    world_size: int = 1
    local_rank: int = 0
    local_world_size: int = 1

    @property
    def first(self) -> bool:
        """Is this the process that writes the files and the messages?"""
        return self.rank == 0

    @property
    def least_batch(self) -> int:
        """The smallest batch that this group can train on."""
        return LEAST * self.world_size

    def sizes(self, n: int) -> list[int]:
        """How many of n things each process takes: as evenly as can be."""
        return [n // self.world_size + (rank < n % self.world_size) for rank in range(self.world_size)]

    def part(self, items: Rows) -> Rows:
        """This process's share of a sequence: a contiguous part; the parts of all ranks in order are the sequence."""
        sizes = self.sizes(len(items))
        begin = sum(sizes[: self.rank])
        return items[begin : begin + sizes[self.rank]]

    def all_gather(self, mine: Tensor, n: int) -> Tensor:
        """The rows of all processes, (n, d), in order of their ranks, with a gradient.

        Each process computes the same loss from the result. The gradient flows back only to the rows of this process,
        and is multiplied by the number of processes: DistributedDataParallel averages gradients that have to be summed.

        Args:
            mine: (sizes(n)[rank], d), the rows of this process.
            n: rows of all processes together.
        """
        return mine if self.world_size == 1 else _Gather.apply(mine, self.sizes(n), self.rank)

    def all_gather_array(self, mine: np.ndarray, n: int) -> np.ndarray:
        """As `all_gather`, for an array, without a gradient.

        Raises:
            RuntimeError: the processes have other than `n` rows in all.
        """
        if self.world_size == 1:
            return mine
        parts: list[Any] = [None] * self.world_size
        distributed.all_gather_object(parts, mine, group=_cpu_group())
        whole = np.concatenate(parts)
        if len(whole) != n:
            raise RuntimeError(f"expected {n} rows from {self.world_size} processes, got {len(whole)}")
        return whole

    def barrier(self) -> None:
        """Wait until every process is here."""
        if self.world_size > 1:
            distributed.barrier(group=_cpu_group())

    def call_first_on_machine(self, make: Callable[[], T]) -> T:
        """`make()`, called by the first process of each machine, then by the others, which find in the cache what it
        has downloaded or computed."""
        made = make() if self.local_rank == 0 else None
        self.barrier()
        return made if self.local_rank == 0 else make()

    def broadcast_object(self, value: T) -> T:
        """The value of the first process (anything picklable); those of the others are ignored."""
        if self.world_size == 1:
            return value
        box = [value]
        distributed.broadcast_object_list(box, src=0, group=_cpu_group())
        return box[0]

    def broadcast(self, *modules: nn.Module) -> None:
        """Give all processes the parameters and buffers of the first."""
        if self.world_size > 1:
            for module in modules:
                for value in [*module.parameters(), *module.buffers()]:
                    distributed.broadcast(value.detach(), src=0)

    def wrap(self, module: nn.Module) -> nn.Module:
        """The module, with gradients that every backward pass averages over the processes; as it is for a group of
        one.
        """
        return DistributedDataParallel(module) if self.world_size > 1 else module

    def all_reduce_gradients(self, *modules: nn.Module) -> None:
        """Average the gradients of modules that every process runs on the whole batch: they differ by rounding, and
        would let the weights drift apart."""
        if self.world_size > 1:
            for parameter in (p for module in modules for p in module.parameters() if p.grad is not None):
                distributed.all_reduce(parameter.grad)
                parameter.grad /= self.world_size


ALONE = Group()
_CPU: list[distributed.ProcessGroup] = []


def init_group(device: str) -> Group:
    """Join the process group that torchrun started this process for.

    Args:
        device: "cuda" or "cpu".
    """
    group = Group(*(int(os.environ[name]) for name in ("RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE")))
    if device == "cuda":
        torch.cuda.set_device(group.local_rank)
    distributed.init_process_group("nccl" if device == "cuda" else "gloo", timeout=PATIENCE)
    _CPU.append(distributed.new_group(backend="gloo", timeout=PATIENCE))
    return group


def destroy_group() -> None:
    """Leave the process group; all processes wait for each other."""
    _CPU.clear()
    distributed.destroy_process_group()


def _cpu_group() -> distributed.ProcessGroup | None:
    return _CPU[0] if _CPU else None


class _Gather(torch.autograd.Function):
    """Rows of all processes; see `Group.all_gather`."""

    @staticmethod
    def forward(ctx, mine: Tensor, sizes: list[int], rank: int) -> Tensor:
        ctx.sizes, ctx.rank = sizes, rank
        padded = mine.new_zeros(max(sizes), mine.shape[1])  # the processes' shares differ by one row at most
        padded[: len(mine)] = mine
        parts = [torch.empty_like(padded) for _ in sizes]
        distributed.all_gather(parts, padded)
        return torch.cat([part[:size] for part, size in zip(parts, sizes, strict=True)])

    @staticmethod
    def backward(ctx, gradient: Tensor):
        begin = sum(ctx.sizes[: ctx.rank])
        return gradient[begin : begin + ctx.sizes[ctx.rank]] * len(ctx.sizes), None, None
