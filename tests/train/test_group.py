"""Several processes train as one: the same losses, weights and val scores, on the CPU with gloo."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from in_processes import train

from reid_lib.core.errors import ParameterError
from reid_lib.train.batches import TrainingImages, draw_batches
from reid_lib.train.group import ALONE, Group


def torchrun(folder: Path, n: int, *arguments: str) -> None:
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={n}"]
    env = os.environ | {"PYTHONPATH": str(Path(__file__).parents[1]), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [*command, "--module", "in_processes", str(folder), *arguments],
        env=env, capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]


@pytest.mark.slow
@pytest.mark.parametrize(("loss", "n"), [("triplet", 2), pytest.param("arcface", 3, marks=pytest.mark.long)])
def test_processes_that_share_a_batch_learn_what_one_process_learns(tmp_path, loss, n):
    """In float64, where sums in another order differ by some 1e-16 of their size, on any processor.

    The gradients of the first step are what the processes compute together, and equal but for that. Nine steps of AdamW
    divide by them: a gradient that is nothing but rounding moves a weight by up to lr times 1e-16 / 1e-8, its eps. In
    float32 these would be whole steps, and how far apart the weights end would depend on the processor. What is
    embedded for val is stored in float32.
    """
    one, more = tmp_path / "one", tmp_path / "more"
    one.mkdir(), more.mkdir()
    train(one, ALONE, loss, dtype=torch.float64)
    torchrun(more, n, loss)
    a, b = (pd.read_csv(folder / "history.csv") for folder in (one, more))
    np.testing.assert_allclose(a["train_loss"], b["train_loss"], rtol=1e-8)
    measured = [c for c in a if c.startswith("val_") or c.startswith("train_eval")]
    np.testing.assert_allclose(a[measured], b[measured], rtol=1e-6)
    mine = torch.load(one / "gradients0.pt", weights_only=True)
    largest = max(float(gradient.abs().max()) for gradient in mine.values())
    for rank in range(n):
        theirs = torch.load(more / f"gradients{rank}.pt", weights_only=True)
        assert theirs.keys() == mine.keys() and {"head.linear.weight"} < mine.keys()
        for name, gradient in mine.items():
            assert gradient.dtype == torch.float64
            np.testing.assert_allclose(theirs[name], gradient, rtol=1e-9, atol=1e-13 * largest, err_msg=name)
    states = [torch.load(more / f"state{rank}.pt", weights_only=True) for rank in range(n)]
    alone = torch.load(one / "state0.pt", weights_only=True)
    for name, value in alone.items():
        assert all(torch.equal(states[0][name], other[name]) for other in states[1:]), name
        assert value.dtype == torch.float64 or not value.is_floating_point(), name
        np.testing.assert_allclose(states[0][name], value, rtol=1e-8, atol=1e-8, err_msg=name)


@pytest.mark.slow
@pytest.mark.skipif(torch.cuda.device_count() < 2, reason="needs two GPUs: SyncBatchNorm exists for CUDA alone")
def test_on_gpus_batch_normalisation_sees_the_whole_batch(tmp_path):
    """A network with BatchNorm: with local statistics, the losses of the first epoch differ by far more than this."""
    one, more = tmp_path / "one", tmp_path / "more"
    one.mkdir(), more.mkdir()
    train(one, ALONE, "arcface", device="cuda", backbone="test_resnet")
    torchrun(more, 2, "arcface", "cuda", "test_resnet")
    a, b = (pd.read_csv(folder / "history.csv") for folder in (one, more))
    np.testing.assert_allclose(a["train_loss"], b["train_loss"], rtol=1e-3)


def test_shares_are_even_contiguous_and_complete():
    for n in (0, 1, 5, 12):
        groups = [Group(rank, 3) for rank in range(3)]
        parts = [group.part(np.arange(n)) for group in groups]
        assert np.concatenate(parts).tolist() == list(range(n))
        assert [len(part) for part in parts] == groups[0].sizes(n) and max(map(len, parts)) - min(map(len, parts)) <= 1


def test_no_image_is_twice_in_a_step_and_every_one_is_in_an_epoch():
    labels = np.repeat(np.arange(9), 5)
    pixels = np.arange(45, dtype=np.uint8).reshape(45, 1, 1, 1).repeat(3, axis=3)
    options = {"batch_size": 8, "m": 2, "seed": 0, "augment": False}
    shares = [
        list(TrainingImages(pixels, np.arange(45), labels, group=Group(r, 2), **options).epoch(1)) for r in (0, 1)
    ]
    seen = []
    for mine, other in zip(*shares, strict=True):
        step = torch.cat([mine.images, other.images])[:, 0, 0, 0].tolist()
        assert step == [*mine.positions, *other.positions] and len(step) == len(set(step)) == len(mine.labels)
        assert mine.labels.tolist() == other.labels.tolist() == labels[step].tolist()
        seen += step
    assert sorted(seen) == list(range(45))


def test_a_last_batch_too_small_for_all_processes_joins_the_one_before():
    labels = np.arange(19)
    sizes = [len(b) for b in draw_batches(labels, batch_size=8, m=1, seed=0, epoch=1, least=Group(0, 2).least_batch)]
    assert sizes == [8, 11]
    assert [len(b) for b in draw_batches(labels, batch_size=8, m=1, seed=0, epoch=1)] == [8, 8, 3]


def test_more_processes_than_a_batch_can_feed_are_refused():
    with pytest.raises(ParameterError, match="8 processes share a batch of 12.*batch_size of 16.*smaller num_gpus"):
        TrainingImages(np.zeros((40, 1, 1, 3), np.uint8), np.arange(40), np.arange(40), 12, 2, 0, group=Group(0, 8))
