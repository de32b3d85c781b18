"""The loop: exact resume, schedule, early stopping, the best epoch, a loss that is not a number."""

from contextlib import contextmanager
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import torch
from in_processes import Folder

from reid_lib.core.errors import ParameterError, TrainingError, TrainingInterrupted
from reid_lib.core.names import CHECKPOINT
from reid_lib.nets.network import build_model
from reid_lib.train import checkpoint
from reid_lib.train.batches import TrainingImages
from reid_lib.train.loop import fit
from reid_lib.train.losses import make_loss

PARAMS = {
    "lr": 1e-3,
    "head_lr_factor": 10.0,
    "weight_decay": 1e-4,
    "scheduler": "cosine",
    "warmup": 1.0,
    "num_epochs": 3,
    "eval_every": 1,
    "patience": 0,
    "torch_compile": "auto",
    "seed": 0,
}


class FakeRun(Folder):
    """`stop_before_checkpoint` ends training there as a kill would, between an epoch and its checkpoint."""

    def __init__(self, folder, *, stop_before_checkpoint=None):
        super().__init__(folder)
        self.stop = stop_before_checkpoint

    @contextmanager
    def write(self, name):
        if self.rows and self.rows[-1]["epoch"] == self.stop:
            raise KeyboardInterrupt
        yield self.folder / name


def make_images(**options):
    """Eight classes of four images, each class a colour of its own under noise."""
    rng = np.random.default_rng(0)
    labels = np.repeat(np.arange(8), 4)
    colours = rng.integers(30, 220, (8, 1, 1, 3))
    pixels = (colours[labels] + rng.integers(-30, 30, (32, 32, 32, 3))).astype(np.uint8)
    return TrainingImages(pixels, np.arange(32), labels, batch_size=8, m=2, seed=0, **options)


def make_model(dropout=0.2, loss="arcface", backbone="test_resnet"):
    model = build_model(backbone, pretrained=False, image_size=32, embedding_dim=16, dropout=dropout, seed=0)
    return model, make_loss(loss, num_classes=8, embedding_dim=16, seed=0)


def weights_score(model, loss):
    """A stand-in for the val score that any change of the weights changes."""
    return {"val_score": float(sum(p.detach().double().abs().sum() for p in model.parameters()))}


def train(
    run,
    *,
    params=None,
    evaluate=weights_score,
    loss="arcface",
    best=None,
    precision="fp32",
    images=None,
    stop=lambda: False,
    backbone="test_resnet",
):
    model, loss = make_model(loss=loss, backbone=backbone)
    settings = SimpleNamespace(**PARAMS | (params or {}))
    save_best = (
        (lambda m: best.append(run.rows[-1]["epoch"] + 1 if run.rows else 0)) if best is not None else (lambda m: None)
    )
    progress = fit(
        model,
        loss,
        images or make_images(),
        settings,
        evaluate=evaluate,
        prepare=lambda m, w: None,
        save_best=save_best,
        run=run,
        precision=precision,
        stop=stop,
    )
    return model, loss, progress


def comparable(rows):
    return pd.DataFrame(rows).drop(columns=["images_per_s", "seconds"])


@pytest.mark.parametrize(("scheduler", "killed_in"), [("cosine", 1), ("plateau", 2)])
def test_a_killed_run_ends_exactly_as_an_uninterrupted_one(tmp_path, scheduler, killed_in):
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    whole.mkdir(), parts.mkdir()
    params = {"scheduler": scheduler}
    model, loss, _ = train(run_a := FakeRun(whole), params=params)
    interrupted = FakeRun(parts, stop_before_checkpoint=killed_in)
    with pytest.raises(KeyboardInterrupt):
        train(interrupted, params=params)
    interrupted.stop = None
    again, loss_again, _ = train(interrupted, params=params)
    for (name, a), b in zip(model.state_dict().items(), again.state_dict().values(), strict=True):
        assert torch.equal(a, b), name
    assert torch.equal(loss.class_weights, loss_again.class_weights)
    pd.testing.assert_frame_equal(comparable(run_a.rows), comparable(interrupted.rows), check_exact=True)


@pytest.mark.parametrize("scheduler", ["cosine", "plateau"])
def test_training_that_is_stopped_again_and_again_ends_exactly_as_an_uninterrupted_one(tmp_path, scheduler):
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    whole.mkdir(), parts.mkdir()
    params = {"scheduler": scheduler, "eval_every": 2}
    model, loss, progress = train(run_a := FakeRun(whole), params=params)
    stopped, times = FakeRun(parts), 0
    while True:
        asked = iter(
            [False] * 3 + [True] * 1000
        )  # before the first step of three, then after each: three steps at most
        try:
            again, loss_again, progress_again = train(stopped, params=params, stop=lambda asked=asked: next(asked))
            break
        except TrainingInterrupted as error:
            times += 1
            assert "continues there" in str(error) and times < 50
    assert times >= 4
    for (name, a), b in zip(model.state_dict().items(), again.state_dict().values(), strict=True):
        assert torch.equal(a, b), name
    assert torch.equal(loss.class_weights, loss_again.class_weights) and progress == progress_again
    pd.testing.assert_frame_equal(comparable(run_a.rows), comparable(stopped.rows), check_exact=True)


def test_a_stop_within_an_epoch_says_how_far_it_came_and_does_no_further_step(tmp_path):
    answers = iter([False, False, True, True])
    steps = []
    images = make_images()
    draw = images.epoch
    images.epoch = lambda epoch, *, start=0: steps.append((epoch, start)) or draw(epoch, start=start)
    with pytest.raises(TrainingInterrupted, match="0 epochs and 2 steps"):
        train(run := FakeRun(tmp_path), images=images, stop=lambda: next(answers))
    kept = torch.load(tmp_path / CHECKPOINT, weights_only=True)
    assert kept["schedule"]["steps"] == 2 and kept["progress"]["sizes"] == [8, 8] and len(run.rows) == 1
    train(run, images=images)
    assert steps[:2] == [(1, 0), (1, 2)]


def test_a_finished_training_does_no_further_step(tmp_path):
    train(run := FakeRun(tmp_path))
    before = len(run.rows)
    train(run)
    assert len(run.rows) == before


def test_resuming_under_another_torch_is_noted(tmp_path, monkeypatch, capsys):
    train(run := FakeRun(tmp_path), params={"num_epochs": 1})
    monkeypatch.setattr(checkpoint.torch, "__version__", "99.0")
    train(run, params={"num_epochs": 1})
    assert "note: the checkpoint was written under torch 2" in capsys.readouterr().out


def test_class_weights_move_and_come_back_from_the_checkpoint(tmp_path):
    _, start = make_model()
    _, loss, _ = train(FakeRun(tmp_path), params={"num_epochs": 1})
    moved = (loss.class_weights - start.class_weights).abs().amax(dim=1)
    assert (moved > 0).all()
    _, continued, _ = train(FakeRun(tmp_path), params={"num_epochs": 1})
    assert torch.equal(continued.class_weights, loss.class_weights)


def test_class_weights_stay_float32_after_bfloat16_steps(tmp_path):
    model, loss, _ = train(FakeRun(tmp_path), params={"num_epochs": 1}, precision="bf16")
    assert loss.class_weights.dtype == torch.float32
    assert {p.dtype for p in model.parameters()} == {torch.float32}


def test_training_learns_the_classes(tmp_path):
    train(run := FakeRun(tmp_path), params={"num_epochs": 6}, images=make_images(augment=False), backbone="resnet10t")
    losses = [row["train_loss"] for row in run.rows[1:]]
    assert losses[-1] < 0.5 * losses[0]


@pytest.mark.parametrize("loss", ["cosface", "subcenter_arcface", "triplet", "contrastive", "multisimilarity"])
def test_every_loss_trains(tmp_path, loss):
    before = make_model(loss=loss)[0].state_dict()
    model, _, _ = train(run := FakeRun(tmp_path), params={"num_epochs": 1}, loss=loss)
    assert np.isfinite(run.rows[-1]["train_loss"])
    assert any(not torch.equal(before[name], value) for name, value in model.state_dict().items())


@pytest.mark.parametrize(("epoch", "step", "says", "kept"), [
    (3, 1, "the loss is nan", 2),
    (2, None, "weight tensors are not finite", 1),  # ruined by its last step, after a loss that was still a number
])  # fmt: skip
def test_what_is_not_a_number_stops_training_and_keeps_the_last_good_checkpoint(tmp_path, epoch, step, says, kept):
    class Broken(TrainingImages):
        def epoch(self, number, *, start=0):
            for k, batch in enumerate(super().epoch(number, start=start)):
                yield batch
                if (number, k) == (epoch, step):
                    self.spoil()
            if (number, None) == (epoch, step):
                self.spoil()

    images = make_images()
    images.__class__ = Broken
    model_of = {}

    def evaluate(model, loss):
        model_of["loss"] = loss
        return weights_score(model, loss)

    images.spoil = lambda: model_of["loss"].inner.W.data.fill_(float("nan"))
    with pytest.raises(TrainingError, match=rf"{says} in epoch {epoch} at a learning rate of .*epoch {kept} is kept"):
        train(FakeRun(tmp_path), images=images, evaluate=evaluate, params={"num_epochs": 4})
    stored = torch.load(tmp_path / CHECKPOINT, weights_only=True)
    assert stored["progress"]["epoch"] == kept
    assert all(torch.isfinite(value).all() for part in ("model", "loss") for value in stored[part].values())


def test_embeddings_that_cannot_be_compared_are_told_with_epoch_and_learning_rate(tmp_path):
    def evaluate(model, loss):
        if evaluate.calls:
            raise ParameterError("feature row 0 is zero or not finite: it has no cosine with anything")
        evaluate.calls += 1
        return {"val_score": 0.0}

    evaluate.calls = 0
    with pytest.raises(TrainingError, match=r"feature row 0 .* in epoch 1 at a learning rate of .*smaller lr"):
        train(FakeRun(tmp_path), evaluate=evaluate, params={"num_epochs": 2})


def scripted(scores):
    """`evaluate` that returns these val scores one after the other."""
    values = iter(scores)
    return lambda model, loss: {"val_score": next(values)}


def test_the_best_epoch_is_the_highest_val_score_and_its_weights_are_saved(tmp_path, capsys):
    best = []
    _, _, progress = train(
        FakeRun(tmp_path), evaluate=scripted([0.1, 0.5, 0.3, 0.4]), best=best, params={"num_epochs": 3}
    )
    assert best == [0, 1]
    assert (progress.best_epoch, progress.best_score) == (1, 0.5)
    told = [line for line in capsys.readouterr().out.splitlines() if "val score" in line]
    assert [line.split("  ")[0] for line in told] == [
        "before training", "epoch 1 of 3", "epoch 2 of 3", "epoch 3 of 3"
    ]  # fmt: skip
    assert [line.endswith("  1 min left") for line in told] == [False, True, True, False]


def test_early_stopping_counts_evaluations_without_a_better_score(tmp_path):
    scores = [0.1, 0.5, 0.5, 0.4, 0.3, 0.9]
    _, _, progress = train(run := FakeRun(tmp_path), evaluate=scripted(scores), params={"num_epochs": 5, "patience": 2})
    assert [row["epoch"] for row in run.rows] == [0, 1, 2, 3]
    assert progress.best_epoch == 1


def test_an_undefined_val_score_still_leaves_weights(tmp_path):
    best = []
    train(FakeRun(tmp_path), evaluate=scripted([float("nan")] * 3), best=best, params={"num_epochs": 2})
    assert best == [0]


def test_eval_every_skips_epochs_but_not_the_last(tmp_path):
    train(run := FakeRun(tmp_path), params={"num_epochs": 3, "eval_every": 2})
    assert [row["epoch"] for row in run.rows if "val_score" in row] == [0, 2, 3]
