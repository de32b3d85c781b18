"""Sampler and collating: batches with up to m images of a class, the same for the same seed and epoch."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset

from reid_lib.core.errors import ParameterError
from reid_lib.train.augment import Draws, apply_changes, draw_changes
from reid_lib.train.group import ALONE, LEAST, Group


def draw_batches(
    labels: np.ndarray, *, batch_size: int, m: int, seed: int, epoch: int, least: int = 2
) -> list[np.ndarray]:
    """Positions of the images of one epoch, batch by batch: every image exactly once, in groups of m of one class.

    The last group of a class may have fewer; no image is repeated to fill it. A last batch that is too small joins the
    batch before it.

    Args:
        labels: (n,) int class of each image.
        batch_size: most images in a batch, 2 or more; more than n gives one batch.
        m: images of one class that are put into a batch together, 1 or more.
        seed, epoch: of the draw.
        least: fewest images in a batch: two for batch normalisation, more where several processes share it.

    Returns:
        (b,) int64 positions for each batch.

    Example:
        >>> batches = draw_batches(np.array([0, 0, 1, 1]), batch_size=4, m=2, seed=0, epoch=1)
        >>> [sorted(batch.tolist()) for batch in batches]
        [[0, 1, 2, 3]]
    """
    rng = np.random.default_rng([seed, epoch])
    order = rng.permutation(len(labels))
    by_class = order[np.argsort(labels[order], kind="stable")]
    groups = []
    for members in np.split(by_class, np.flatnonzero(np.diff(labels[by_class])) + 1):
        groups += [members[start : start + m] for start in range(0, len(members), m)]
    stream = np.concatenate([groups[i] for i in rng.permutation(len(groups))])
    batches = [stream[start : start + batch_size] for start in range(0, len(stream), batch_size)]
    if len(batches) > 1 and len(batches[-1]) < least:
        batches[-2:] = [np.concatenate(batches[-2:])]
    return batches


class _Images(Dataset):
    """Rows of the pixel cache, a batch at a time, and their changes, which are drawn here, in the loader processes."""

    def __init__(self, pixels: np.ndarray, rows: np.ndarray, seed: int, augment: bool, flip: bool):
        self.pixels, self.rows, self.seed, self.augment, self.flip = pixels, rows, seed, augment, flip

    def __getitems__(self, wanted: list[tuple[int, int]]) -> tuple[torch.Tensor, Draws | None]:
        """Images and draws of (epoch, position), all of one epoch."""
        epoch, positions = wanted[0][0], [position for _, position in wanted]
        draws = draw_changes(self.seed, epoch, positions, flip=self.flip) if self.augment else None
        return torch.from_numpy(self.pixels[self.rows[positions]]).permute(0, 3, 1, 2), draws


def _keep(batch: tuple[torch.Tensor, Draws | None]) -> tuple[torch.Tensor, Draws | None]:
    """Collates nothing: `_Images` returns whole batches. A function of the module, so that loader processes find it."""
    return batch


class _EpochSampler:
    """This process's share of the batches of an epoch from `start` on: (epoch, position) of training images."""

    def __init__(self, labels: np.ndarray, group: Group, **options):
        self.labels, self.group, self.options, self.epoch, self.start = labels, group, options, 1, 0

    def batches(self) -> list[np.ndarray]:
        whole = draw_batches(self.labels, epoch=self.epoch, least=self.group.least_batch, **self.options)
        return whole[self.start :]

    def __iter__(self) -> Iterator[list[tuple[int, int]]]:
        for batch in self.batches():
            yield [(self.epoch, position) for position in self.group.part(batch).tolist()]

    def __len__(self) -> int:
        return len(self.batches())


@dataclass(frozen=True)
class Batch:
    """What a training step gets.

    Attributes:
        images: (b, 3, s, s) uint8, this process's share of the batch, as they are in the cache.
        draws: the changes to these images; None without augmentation.
        positions: (b,) their numbers among the training images.
        labels: (B,) int64 classes of the whole batch, all processes together.
    """

    images: torch.Tensor
    draws: Draws | None
    positions: np.ndarray
    labels: torch.Tensor

    def on(self, device: torch.device) -> tuple[torch.Tensor, torch.Tensor]:
        """The images (b, 3, s, s) uint8 with their changes applied, and the labels (B,), on a device."""
        images, labels = (part.to(device, non_blocking=True) for part in (self.images, self.labels))
        return images if self.draws is None else apply_changes(images, self.draws), labels


@dataclass
class TrainingImages:
    """The images that are trained on.

    Args:
        pixels: (N, s, s, 3) uint8 of the whole catalogue.
        rows: (n,) positions in `pixels` of the training images.
        labels: (n,) int64 class of each, 0 ... n_classes - 1.
        batch_size, m, seed: see `draw_batches`.
        augment, flip: change images, and mirror them, see `augment.draw_changes`.
        num_workers: loader processes; the batches do not depend on their number.
        pin_memory: put batches into pinned memory, from which they are copied to a GPU without waiting.
        group: the processes that share each batch; `batch_size` counts the images of all of them.

    Raises:
        ParameterError: a batch has too few images for so many processes.
    """

    pixels: np.ndarray
    rows: np.ndarray
    labels: np.ndarray
    batch_size: int
    m: int
    seed: int
    augment: bool = True
    flip: bool = False
    num_workers: int = 0
    pin_memory: bool = False
    group: Group = ALONE

    def __post_init__(self):
        whole = min(self.batch_size, len(self.rows))
        if whole < self.group.least_batch > LEAST:
            raise ParameterError(
                f"{self.group.world_size} processes share a batch of {whole} images, and each "
                f"needs at least {LEAST}: pass a batch_size of {self.group.least_batch} or more, or a smaller num_gpus"
            )
        self._sampler = _EpochSampler(self.labels, self.group, batch_size=self.batch_size, m=self.m, seed=self.seed)
        self._loader = DataLoader(
            _Images(self.pixels, self.rows, self.seed, self.augment, self.flip),
            batch_sampler=self._sampler,
            collate_fn=_keep,
            num_workers=self.num_workers,
            persistent_workers=self.num_workers > 0,
            pin_memory=self.pin_memory,
        )

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def share(self) -> int:
        """Number of images of a whole batch that this process gets."""
        return self.group.sizes(min(self.batch_size, len(self.rows)))[self.group.rank]

    def epoch(self, epoch: int, *, start: int = 0) -> Iterator["Batch"]:
        """The batches of one epoch, without the first `start`."""
        self._sampler.epoch, self._sampler.start = epoch, start
        batches = self._sampler.batches()
        for (images, draws), positions in zip(self._loader, batches, strict=True):
            labels = torch.from_numpy(self.labels[positions])
            labels = labels.pin_memory() if self.pin_memory else labels
            yield Batch(images, draws, self.group.part(positions), labels)

    def steps(self, epoch: int) -> int:
        """Number of batches of an epoch."""
        self._sampler.epoch, self._sampler.start = epoch, 0
        return len(self._sampler)
