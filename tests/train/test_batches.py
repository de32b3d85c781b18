"""Batches: every image once, m of a class together, the same whatever the workers, augmentation from its own seed."""

import numpy as np
import pytest
import torch

from reid_lib.train.batches import TrainingImages, draw_batches

CPU = torch.device("cpu")


def test_every_image_exactly_once_an_epoch():
    labels = np.repeat(np.arange(13), [1, 2, 3, 4, 5, 6, 7, 1, 1, 9, 4, 4, 3])
    batches = draw_batches(labels, batch_size=8, m=4, seed=1, epoch=1)
    assert sorted(np.concatenate(batches)) == list(range(len(labels)))
    assert max(map(len, batches)) <= 8


def test_m_of_a_class_stand_together():
    labels = np.repeat(np.arange(10), 4)
    for batch in draw_batches(labels, batch_size=8, m=4, seed=0, epoch=3):
        assert np.unique(labels[batch], return_counts=True)[1].tolist() == [4, 4]


def test_small_classes_give_fewer_images_and_none_twice():
    labels = np.array([0, 1, 1, 2, 2, 2])
    batches = draw_batches(labels, batch_size=6, m=5, seed=0, epoch=1)
    assert len(batches) == 1 and sorted(batches[0]) == list(range(6))


def test_batch_larger_than_the_data_is_one_batch():
    assert [len(b) for b in draw_batches(np.zeros(5, int), batch_size=64, m=4, seed=0, epoch=1)] == [5]


def test_a_last_image_alone_joins_the_batch_before():
    assert [len(b) for b in draw_batches(np.arange(9), batch_size=4, m=1, seed=0, epoch=1)] == [4, 5]


def test_order_depends_on_seed_and_epoch_alone():
    labels = np.repeat(np.arange(8), 4)

    def order(seed, epoch):
        return np.concatenate(draw_batches(labels, batch_size=8, m=2, seed=seed, epoch=epoch)).tolist()

    np.random.seed(1)  # noqa: NPY002 - the global generator must not matter
    first = order(0, 1)
    np.random.seed(2)  # noqa: NPY002 - the global generator must not matter
    assert order(0, 1) == first
    assert order(0, 2) != first
    assert order(1, 1) != first


def make_images(**options):
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (20, 16, 16, 3), dtype=np.uint8)
    rows = np.arange(4, 20)
    settings = {"batch_size": 4, "m": 2, "seed": 0} | options
    return pixels, TrainingImages(pixels, rows, np.arange(16) // 2, **settings)


def test_labels_and_pixels_belong_together():
    pixels, images = make_images(augment=False)
    for batch in images.epoch(1):
        assert batch.images.shape == (4, 3, 16, 16) and batch.images.dtype == torch.uint8
        for image, position, label in zip(batch.images, batch.positions, batch.labels, strict=True):
            row = next(i for i in range(20) if np.array_equal(pixels[i], image.permute(1, 2, 0).numpy()))
            assert row - 4 == position and position // 2 == int(label)
        assert torch.equal(batch.on(CPU)[0], batch.images)


def gather(images, epoch):
    return [(b.on(CPU)[0].numpy(), b.labels.tolist()) for b in images.epoch(epoch)]


def same(a, b):
    return len(a) == len(b) and all(np.array_equal(p, r) and q == s for (p, q), (r, s) in zip(a, b, strict=True))


@pytest.mark.parametrize("num_workers", [0, 2])
def test_batches_and_augmentation_depend_on_seed_and_epoch_alone(num_workers):
    _, images = make_images()
    _, others = make_images(num_workers=num_workers)
    torch.manual_seed(7)
    second = gather(images, 2)  # without having drawn epoch 1 before
    gather(others, 1)
    assert same(gather(others, 2), second)
    assert not same(gather(images, 1), second)


def test_an_epoch_can_be_begun_in_its_middle():
    _, images = make_images()
    whole = gather(images, 3)
    rest = [b.positions.tolist() for b in images.epoch(3, start=2)]
    assert rest == [b.positions.tolist() for b in images.epoch(3)][2:] and len(rest) == len(whole) - 2
