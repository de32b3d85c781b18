"""What the training loop is fed: batches of m images per class, augmented; the same for a (seed, epoch, image)."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset
from torchvision.transforms import v2


def epoch_batches(labels: np.ndarray, *, batch_size: int, m: int, seed: int, epoch: int) -> list[np.ndarray]:
    """Positions of the images of one epoch, batch by batch: every image exactly once, up to m of a class together.

    A class of fewer than m images (or its remainder) gives fewer; nothing is drawn twice. A last batch of a single
    image joins the batch before it, since batch normalisation needs two.

    Args:
        labels: (n,) int class of each image.
        batch_size: most images in a batch, 2 or more; more than n gives one batch.
        m: images per class in a batch, 1 or more.

    Example:
        >>> [b.tolist() for b in epoch_batches(np.array([0, 0, 1, 1]), batch_size=4, m=2, seed=0, epoch=1)][0].__len__()
        4
    """
    rng = np.random.default_rng([seed, epoch])
    order = rng.permutation(len(labels))
    by_class = order[np.argsort(labels[order], kind="stable")]
    groups = []
    for members in np.split(by_class, np.flatnonzero(np.diff(labels[by_class])) + 1):
        groups += [members[start : start + m] for start in range(0, len(members), m)]
    stream = np.concatenate([groups[i] for i in rng.permutation(len(groups))])
    batches = [stream[start : start + batch_size] for start in range(0, len(stream), batch_size)]
    if len(batches) > 1 and len(batches[-1]) == 1:
        batches[-2:] = [np.concatenate(batches[-2:])]
    return batches


def augmentation(*, flip: bool) -> v2.Compose:
    """What one animal's photographs differ in: pose, scale, viewpoint, light, sharpness, something in front.

    No hue: it would change the coat. No mirror unless `flip`: a mirrored flank is another animal's.
    """
    steps = [
        v2.RandomAffine(
            degrees=20,
            translate=(0.1, 0.1),
            scale=(0.8, 1.2),
            shear=8,
            interpolation=v2.InterpolationMode.BILINEAR,
            fill=128,
        ),
        v2.ColorJitter(brightness=0.35, contrast=0.35, saturation=0.35),
        v2.RandomApply([v2.GaussianBlur(5, sigma=(0.3, 1.5))], p=0.2),
        v2.RandomErasing(p=0.3, scale=(0.02, 0.15), value=128),
    ]
    if flip:
        steps.insert(0, v2.RandomHorizontalFlip())
    return v2.Compose(steps)


class _Images(Dataset):
    """Rows of the pixel cache, asked for by (epoch, position) so that workers need no state."""

    def __init__(self, pixels: np.ndarray, rows: np.ndarray, labels: np.ndarray, augment, seed: int):
        self.pixels, self.rows, self.labels, self.augment, self.seed = pixels, rows, labels, augment, seed

    def __getitem__(self, key: tuple[int, int]) -> tuple[torch.Tensor, int]:
        epoch, position = key
        image = torch.from_numpy(np.array(self.pixels[self.rows[position]])).permute(2, 0, 1)
        if self.augment is not None:
            state = np.random.SeedSequence([self.seed, epoch, position]).generate_state(1)[0]
            with torch.random.fork_rng(devices=[]):
                torch.manual_seed(int(state))
                image = self.augment(image)
        return image, int(self.labels[position])


class _EpochSampler:
    """The batches of the current epoch from `start` on, as (epoch, position) keys."""

    def __init__(self, labels: np.ndarray, **options):
        self.labels, self.options, self.epoch, self.start = labels, options, 1, 0

    def __iter__(self) -> Iterator[list[tuple[int, int]]]:
        for batch in epoch_batches(self.labels, epoch=self.epoch, **self.options)[self.start :]:
            yield [(self.epoch, int(position)) for position in batch]

    def __len__(self) -> int:
        return len(epoch_batches(self.labels, epoch=self.epoch, **self.options))


@dataclass
class TrainingImages:
    """The images that are trained on.

    Args:
        pixels: (N, s, s, 3) uint8 of the whole catalogue.
        rows: (n,) positions in `pixels` of the training images.
        labels: (n,) int64 class of each, 0 ... n_classes - 1.
        batch_size, m, seed: see `epoch_batches`.
        augment, flip: see `augmentation`.
        num_workers: loader processes; the batches do not depend on it.
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

    def __post_init__(self):
        augment = augmentation(flip=self.flip) if self.augment else None
        images = _Images(self.pixels, self.rows, self.labels, augment, self.seed)
        self._sampler = _EpochSampler(self.labels, batch_size=self.batch_size, m=self.m, seed=self.seed)
        self._loader = DataLoader(
            images,
            batch_sampler=self._sampler,
            num_workers=self.num_workers,
            persistent_workers=self.num_workers > 0,
            pin_memory=self.pin_memory,
        )

    def __len__(self) -> int:
        return len(self.rows)

    def epoch(self, epoch: int, *, start: int = 0) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        """Batches of one epoch, the first `start` left out: images (b, 3, s, s) uint8 and labels (b,) int64."""
        self._sampler.epoch, self._sampler.start = epoch, start
        return iter(self._loader)

    def steps(self, epoch: int) -> int:
        """Number of batches of an epoch."""
        self._sampler.epoch = epoch
        return len(self._sampler)
