"""The processes that train one network together: who each is, and what they tell each other.

A process alone is a group of one, whose functions cost nothing: training has one path. Started by torchrun (see
`launch`), `join` reads who this process is from its environment. Numbers travel two ways: between GPUs (NCCL) what
has a gradient, between CPUs (gloo) everything else.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

import numpy as np
import torch
from torch import Tensor, distributed

LEAST = 2  # images of a batch for each process: batch normalisation knows no deviation of one
PATIENCE = timedelta(hours=2)  # one process decodes or writes while the others wait


@dataclass(frozen=True)
class Group:
    """This process and its fellows.

    Attributes:
        rank: number of this process among all, 0 ... size - 1.
        size: how many there are.
        local_rank: its number on this machine, which is also its GPU's.
        local_size: how many there are on this machine.
    """

    rank: int = 0
    size: int = 1
    local_rank: int = 0
    local_size: int = 1

    @property
    def first(self) -> bool:
        """Does this process write the files and talk to the user?"""
        return self.rank == 0

    @property
    def least_batch(self) -> int:
        """The smallest batch that this group can train on."""
        return LEAST * self.size

    def sizes(self, n: int) -> list[int]:
        """How many of n things each process takes: as evenly as can be."""
        return [n // self.size + (rank < n % self.size) for rank in range(self.size)]

    def part(self, items):
        """This process's share of a sequence: contiguous, so that the shares in a row are the sequence."""
        sizes = self.sizes(len(items))
        begin = sum(sizes[: self.rank])
        return items[begin : begin + sizes[self.rank]]

    def gather(self, mine: Tensor, n: int) -> Tensor:
        """The rows of all processes, (n, d), in their order and with their gradient.

        Each process computes the same loss from the result. Its gradient reaches the rows of this process alone, times
        the number of processes, since DistributedDataParallel averages over them what has to be summed.

        Args:
            mine: (sizes(n)[rank], d), what this process has computed.
        """
        return mine if self.size == 1 else _Gather.apply(mine, self.sizes(n), self.rank)

    def joined(self, mine: np.ndarray, n: int) -> np.ndarray:
        """As `gather`, for an array without gradient."""
        if self.size == 1:
            return mine
        parts: list = [None] * self.size
        distributed.all_gather_object(parts, mine, group=_cpu_group())
        whole = np.concatenate(parts)
        if len(whole) != n:
            raise RuntimeError(f"expected {n} rows from {self.size} processes, got {len(whole)}")
        return whole

    def one_by_one(self, make: Callable):
        """`make()`, first in one process of each machine, then in the others: what it downloads or caches is there."""
        made = make() if self.local_rank == 0 else None
        if self.size > 1:
            distributed.barrier(group=_cpu_group())
        return made if self.local_rank == 0 else make()

    def told(self, value):
        """What the first process says (any picklable value); those of the others are ignored."""
        if self.size == 1:
            return value
        box = [value]
        distributed.broadcast_object_list(box, src=0, group=_cpu_group())
        return box[0]

    def align(self, *modules: torch.nn.Module) -> None:
        """Give all processes the parameters and buffers of the first."""
        if self.size > 1:
            for module in modules:
                for value in [*module.parameters(), *module.buffers()]:
                    distributed.broadcast(value.detach(), src=0)

    def average_gradients(self, *modules: torch.nn.Module) -> None:
        """For what every process computes in whole: equal up to rounding, and from now on exactly."""
        if self.size > 1:
            for parameter in (p for module in modules for p in module.parameters() if p.grad is not None):
                distributed.all_reduce(parameter.grad)
                parameter.grad /= self.size


ALONE = Group()
_CPU: list = []


def join(device: str) -> Group:
    """Become part of the group that torchrun started this process for.

    Args:
        device: "cuda" or "cpu".
    """
    group = Group(*(int(os.environ[name]) for name in ("RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE")))
    if device == "cuda":
        torch.cuda.set_device(group.local_rank)
    distributed.init_process_group("nccl" if device == "cuda" else "gloo", timeout=PATIENCE)
    _CPU.append(distributed.new_group(backend="gloo", timeout=PATIENCE))
    return group


def leave() -> None:
    """End the group, in order: all processes wait for each other."""
    _CPU.clear()
    distributed.destroy_process_group()


def _cpu_group():
    return _CPU[0] if _CPU else None


class _Gather(torch.autograd.Function):
    """Rows of all processes; see `Group.gather`."""

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
