"""The training loop: epochs, schedule, early stopping, checkpoints, exact resume.

It knows neither search nor metrics nor folders: it is handed `evaluate(model) -> dict` and a run to report to.
All randomness derives from (seed, epoch, step, image), so a checkpoint stores epoch and step and no generator state.
"""

import math
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field

import numpy as np
import torch
from accelerate import Accelerator
from accelerate.state import AcceleratorState
from tqdm.auto import tqdm

from reid_lib.batches import TrainingImages
from reid_lib.device import reuse_memory
from reid_lib.errors import TrainingError, TrainingInterrupted
from reid_lib.model import parameter_groups
from reid_lib.names import CHECKPOINT

VAL_SCORE = "val_score"


@dataclass
class Progress:
    """How far training has come; goes into the checkpoint."""

    epoch: int = -1  # the last whole epoch; 0 is the network before the first step
    best_epoch: int = -1
    best_score: float = -math.inf
    evaluations_since_best: int = 0
    # Of the epoch that an interruption cut short: loss and number of images of each step done, and their time.
    losses: list[float] = field(default_factory=list)
    sizes: list[int] = field(default_factory=list)
    seconds: float = 0.0

    def note(self, epoch: int, score: float) -> bool:
        """Take in the val score of an epoch; true when it is the best so far. NaN never is."""
        if score > self.best_score:
            self.best_epoch, self.best_score, self.evaluations_since_best = epoch, score, 0
            return True
        self.evaluations_since_best += 1
        return False


def fit(
    model: torch.nn.Module,
    loss: torch.nn.Module,
    images: TrainingImages,
    params,
    *,
    evaluate: Callable[[torch.nn.Module, torch.nn.Module], dict],
    prepare: Callable[[torch.nn.Module, torch.nn.Module], None],
    save_best: Callable[[torch.nn.Module], None],
    run,
    device: str = "cpu",
    precision: str = "fp32",
    stop: Callable[[], bool] = lambda: False,
) -> Progress:
    """Train `model` and the class weights of `loss`; continue from the run's checkpoint where there is one.

    Args:
        model: a `ReidModel`.
        loss: from `losses.make_loss`.
        images: what is trained on.
        params: `TrainParams`.
        evaluate: called every `eval_every` epochs and after the last; returns `val_score` (higher is better, may be
            NaN) and whatever else belongs into the line of the epoch.
        prepare: called once before the first step of a new run (class weights at the class means).
        save_best: keeps the weights of the best epoch so far; called before the checkpoint is written.
        run: has `write(name)`, `path(name)`, `report(row)` and `cut_history(epoch)`.
        device, precision: "cpu", "cuda", "mps"; "fp32" or "bf16".
        stop: asked after each step; when it says so, a checkpoint is written and training ends there.

    Raises:
        TrainingInterrupted: `stop` said so; the same call again continues after the step at hand.
        TrainingError: the loss is no longer a number; the last good checkpoint stays.
    """
    if device == "cpu":
        reuse_memory()
    accelerator = _accelerator(device)
    model, loss = model.to(accelerator.device), loss.to(accelerator.device)
    groups = parameter_groups(
        model, loss, lr=params.lr, head_lr_factor=params.head_lr_factor, weight_decay=params.weight_decay
    )
    optimizer = torch.optim.AdamW(groups)
    schedule = Schedule(optimizer, params, steps_per_epoch=images.steps(epoch=1))
    progress = _resume(run, model, loss, optimizer, schedule)
    if progress.epoch < 0:
        prepare(model, loss)
        _close_epoch(0, {}, model, loss, optimizer, schedule, progress, evaluate, save_best, run)
    _heed(stop, progress)
    model, optimizer = accelerator.prepare(model, optimizer)
    while progress.epoch < params.num_epochs and not _stop_early(progress, params.patience):
        epoch = progress.epoch + 1
        bare = accelerator.unwrap_model(model)

        def heed(bare=bare):
            if stop():
                _save(run, bare, loss, optimizer, schedule, progress)
                _heed(stop, progress)

        row = _train_epoch(
            epoch, model, loss, images, optimizer, schedule, accelerator, params.seed, precision, progress, heed
        )
        due = epoch % params.eval_every == 0 or epoch == params.num_epochs
        _close_epoch(epoch, row, bare, loss, optimizer, schedule, progress, evaluate if due else None, save_best, run)
        _heed(stop, progress)
    return progress


class Schedule:
    """Learning-rate factors: a linear warm-up, then cosine to zero, halving on a plateau of the val score, or none."""

    def __init__(self, optimizer, params, *, steps_per_epoch: int):
        self.kind = params.scheduler
        self.warmup_steps = round(params.warmup * steps_per_epoch)
        self.total_steps = params.num_epochs * steps_per_epoch
        self.plateau = 1.0
        self.per_step = torch.optim.lr_scheduler.LambdaLR(optimizer, self.factor)
        self.stalled, self.best = 0, -math.inf

    def factor(self, step: int) -> float:
        """Factor on the learning rate of the step with this 0-based number."""
        if step < self.warmup_steps:
            return (step + 1) / (self.warmup_steps + 1)
        if self.kind == "cosine":
            left = max(self.total_steps - self.warmup_steps, 1)
            return 0.5 * (1 + math.cos(math.pi * min((step - self.warmup_steps) / left, 1.0)))
        return self.plateau

    def after_evaluation(self, score: float) -> None:
        """Halve the rate after two evaluations in a row without a better val score (plateau only)."""
        self.best, self.stalled = (score, 0) if score > self.best else (self.best, self.stalled + 1)
        if self.kind == "plateau" and self.stalled == 2:
            self.plateau, self.stalled = self.plateau / 2, 0

    def state_dict(self) -> dict:
        return {"steps": self.per_step.last_epoch, "plateau": self.plateau, "stalled": self.stalled, "best": self.best}

    def load_state_dict(self, state: dict) -> None:
        self.plateau, self.stalled, self.best = state["plateau"], state["stalled"], state["best"]
        self.per_step.last_epoch = state["steps"]


def _train_epoch(epoch, model, loss, images, optimizer, schedule, accelerator, seed, precision, progress, heed) -> dict:
    """One pass over the images, or what is left of it; returns train_loss, lr of the last step, images_per_s, seconds.

    `heed` is called after each step, with `progress` telling how far the epoch has come.
    """
    model.train()
    started, before, done = time.perf_counter(), progress.seconds, len(progress.losses)
    losses, sizes = [torch.tensor(value) for value in progress.losses], list(progress.sizes)
    n_steps = images.steps(epoch)
    bar = tqdm(
        images.epoch(epoch, start=done),
        total=n_steps,
        initial=done,
        desc=f"epoch {epoch}",
        unit="batch",
        delay=8,
        leave=False,
    )
    for step, (batch, labels) in enumerate(bar, start=done):
        # Dropout draws from the global generator: a state of its own for every step makes a resumed epoch the same.
        torch.manual_seed(int(np.random.SeedSequence([seed, epoch, step]).generate_state(1)[0]))
        batch, labels = (
            batch.to(accelerator.device, non_blocking=True),
            labels.to(accelerator.device, non_blocking=True),
        )
        with torch.autocast(accelerator.device.type, torch.bfloat16, enabled=precision == "bf16"):
            embeddings = model(accelerator.unwrap_model(model).normalise(batch))
        value = loss(embeddings.float(), labels)
        optimizer.zero_grad(set_to_none=True)
        accelerator.backward(value)
        optimizer.step()
        lr = optimizer.param_groups[0]["lr"]
        schedule.per_step.step()
        losses.append(value.detach())
        sizes.append(len(labels))
        if step % 20 == 0:
            _check_finite(losses[-1], epoch, lr)
        if step + 1 < n_steps:  # after the last step the epoch is closed first
            progress.losses, progress.sizes = losses, sizes
            progress.seconds = before + time.perf_counter() - started
            heed()
    train_loss = float(
        torch.stack([value.to(accelerator.device) for value in losses]).double().cpu()
        @ torch.tensor(sizes, dtype=torch.float64)
    ) / sum(sizes)
    _check_finite(torch.tensor(train_loss), epoch, lr)
    seconds = before + time.perf_counter() - started
    progress.losses, progress.sizes, progress.seconds = [], [], 0.0
    return {"train_loss": train_loss, "lr": lr, "images_per_s": sum(sizes) / seconds, "seconds": seconds}


def _close_epoch(epoch, row, model, loss, optimizer, schedule, progress, evaluate, save_best, run) -> None:
    """Evaluate, keep the best weights, report the line of the epoch, and write the checkpoint last."""
    progress.epoch = epoch
    row = {"epoch": epoch} | row
    if evaluate is not None:
        row |= evaluate(model, loss)
        schedule.after_evaluation(row[VAL_SCORE])
        # The first evaluation counts as best even when undefined: a run always has weights to show.
        if progress.note(epoch, row[VAL_SCORE]) or progress.best_epoch < 0:
            progress.best_epoch = epoch
            save_best(model)
    run.report(row)
    _save(run, model, loss, optimizer, schedule, progress)
    print(_line(row, progress), flush=True)


def _save(run, model, loss, optimizer, schedule, progress) -> None:
    progress.losses = [float(value) for value in progress.losses]
    state = {
        "model": model.state_dict(),
        "loss": loss.state_dict(),
        "optimizer": optimizer.state_dict(),
        "schedule": schedule.state_dict(),
        "progress": asdict(progress),
    }
    with run.write(CHECKPOINT) as path:
        torch.save(state, path)


def _heed(stop: Callable[[], bool], progress: Progress) -> None:
    if stop():
        steps = f" and {len(progress.losses)} steps" if progress.losses else ""
        raise TrainingInterrupted(
            f"training was asked to stop: a checkpoint of {progress.epoch} epochs{steps} is written. "
            "Run the same command again: it continues there"
        )


def _resume(run, model, loss, optimizer, schedule) -> Progress:
    """Put back what the checkpoint holds, and cut the history to it: the two may be one epoch apart after a kill."""
    path = run.path(CHECKPOINT)
    if not path.exists():
        run.cut_history(-1)
        return Progress()
    state = torch.load(path, map_location="cpu", weights_only=True)
    model.load_state_dict(state["model"])
    loss.load_state_dict(state["loss"])
    optimizer.load_state_dict(state["optimizer"])
    schedule.load_state_dict(state["schedule"])
    progress = Progress(**state["progress"])
    run.cut_history(progress.epoch)
    steps = f" and {len(progress.losses)} steps" if progress.losses else ""
    print(f"continuing after epoch {progress.epoch}{steps}", flush=True)
    return progress


def _stop_early(progress: Progress, patience: int) -> bool:
    return patience > 0 and progress.evaluations_since_best >= patience


def _check_finite(value: torch.Tensor, epoch: int, lr: float) -> None:
    if not torch.isfinite(value):
        raise TrainingError(
            f"the loss is {float(value)} in epoch {epoch} at a learning rate of {lr:.3g}: training stopped, and the "
            f"checkpoint of epoch {epoch - 1} is kept. Try a smaller lr (a tenth), or a longer warmup"
        )


def _accelerator(device: str) -> Accelerator:
    """A fresh accelerator: its state is global, and a process may run several notebooks' worth of training."""
    AcceleratorState._reset_state(reset_partial_state=True)
    return Accelerator(cpu=device == "cpu", mixed_precision="no")


def _line(row: dict, progress: Progress) -> str:
    parts = [f"epoch {row['epoch']}"]
    for key, label in (
        ("train_loss", "train loss"),
        ("val_loss", "val loss"),
        (VAL_SCORE, "val score"),
        ("val_top1", "top-1"),
    ):
        if key in row:
            parts.append(f"{label} {row[key]:.3f}")
    if "images_per_s" in row:
        parts.append(f"{row['images_per_s']:.0f} images/s")
    return "  ".join(parts) + ("  (best)" if progress.best_epoch == row["epoch"] else "")
