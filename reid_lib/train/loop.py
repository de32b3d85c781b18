"""The training loop: epochs, early stopping, checkpoints, exact resume; one process, or several in step.

It knows neither search nor metrics nor folders: it is handed `evaluate(model, loss) -> dict` and a run to report to.
All randomness derives from (seed, epoch, step, image), so a checkpoint stores epoch and step and no generator state.
"""

import math
import os
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import torch

from reid_lib.core.errors import ReidError, TrainingError, TrainingInterrupted
from reid_lib.core.logs import LOGGER
from reid_lib.core.messages import counted, format_duration
from reid_lib.core.names import CHECKPOINT
from reid_lib.core.progress import make_bar
from reid_lib.nets.network import ReidModel
from reid_lib.nets.speed import out_of_place, reuse_memory
from reid_lib.params.fields import TrainParams
from reid_lib.train import checkpoint
from reid_lib.train.batches import TrainingImages
from reid_lib.train.group import ALONE, Group
from reid_lib.train.reid_loss import ReidLoss
from reid_lib.train.step import TrainingStep

if TYPE_CHECKING:
    import pandas as pd

VAL_SCORE = "val_score"
BEGINS_AGAIN = (
    "Training begins again, and ends with the same numbers. Where there is a good copy of the file, stop now, put it "
    "back, and run the same command again"
)
Evaluate = Callable[[ReidModel, ReidLoss], dict]


class TrainingRun(Protocol):
    """What the loop needs of a run."""

    def path(self, name: str) -> Path: ...

    def write(self, name: str) -> AbstractContextManager[Path]: ...

    def add_epoch(self, row: dict) -> None: ...

    def cut_history(self, epoch: int, rows: list[dict] | None = None) -> None: ...

    def history(self) -> "pd.DataFrame": ...


@dataclass
class Progress:
    """How far training has come; part of the checkpoint."""

    epoch: int = -1  # the last whole epoch; 0 stands for the network before the first step
    best_epoch: int = -1
    best_score: float = -math.inf
    evaluations_since_best: int = 0
    # Of an unfinished epoch: loss and number of images of each step, and the time that these took.
    losses: list[float] = field(default_factory=list)
    sizes: list[int] = field(default_factory=list)
    seconds: float = 0.0

    def note(self, epoch: int, score: float) -> bool:
        """Note the val score of an epoch; returns whether it is the best so far, which NaN never is."""
        if score > self.best_score:
            self.best_epoch, self.best_score, self.evaluations_since_best = epoch, score, 0
            return True
        self.evaluations_since_best += 1
        return False


def fit(
    model: ReidModel,
    loss: ReidLoss,
    images: TrainingImages,
    params: TrainParams,
    *,
    evaluate: Evaluate,
    prepare: Callable[[ReidModel, ReidLoss], None],
    save_best: Callable[[ReidModel], None],
    run: TrainingRun,
    device: str = "cpu",
    precision: str = "fp32",
    stop: Callable[[], bool] = lambda: False,
    group: Group = ALONE,
    best_trouble: Callable[[], str] = lambda: "",
    origin: str = "",
) -> Progress:
    """Train `model` and the class weights of `loss`; continue from the run's checkpoint where there is one.

    Where the checkpoint or the best weights cannot be used, training begins again, and ends with the same numbers.

    Args:
        model, loss, images, params, device, precision, group: see `TrainingStep`. All processes of the group call
            `evaluate` and `prepare`; only the first one calls `save_best` and writes to `run`, and its `stop` counts.
        evaluate: called before the first step, every `eval_every` epochs and after the last; returns `val_score`
            (higher is better, may be NaN) and whatever else belongs into the epoch's row of the history.
        prepare: called once before the first step of a new run (class weights at the class means).
        save_best: stores the weights of the best epoch so far; called before the checkpoint is written.
        run: where to report.
        stop: called after each step; when it returns true, a checkpoint is written and training ends.
        best_trouble: returns why the stored best weights cannot be used; "" where they can.
        origin: digest of the run's key, see `checkpoint.write`.

    Returns:
        How far training has come.

    Raises:
        TrainingInterrupted: `stop` returned true; the same call again continues there.
        TrainingError: the loss or the weights are no longer finite numbers; the last good checkpoint stays.
    """
    if device == "cpu":
        reuse_memory()
    step = TrainingStep(model, loss, images, params, device=device, precision=precision, group=group)
    training = _Training(step, images, params, run, group, evaluate, save_best, stop, origin)
    training.resume(best_trouble)
    training.run_epochs(prepare)
    return training.progress


@dataclass
class _Training:
    """One call of `fit`: how far it has come, and what it reports."""

    step: TrainingStep
    images: TrainingImages
    params: TrainParams
    run: TrainingRun
    group: Group
    evaluate: Evaluate
    save_best: Callable[[ReidModel], None]
    stop: Callable[[], bool]
    origin: str
    progress: Progress = field(default_factory=Progress)
    rows: list[dict] = field(default_factory=list)  # of the history, as the checkpoint holds them
    began: tuple[float, int] | None = None  # when this call's first epoch began, and the epoch before it

    def run_epochs(self, prepare: Callable[[ReidModel, ReidLoss], None]) -> None:
        """Train the epochs that are left, until the last one, early stopping or a request to stop."""
        progress, params, model = self.progress, self.params, self.step.model
        new = progress.epoch < 0
        if new:
            self.group.broadcast(model, self.step.loss)
            prepare(model, self.step.loss)
        self.step.start()
        if new:
            self.close_epoch(0, {}, due=True)
        self.stop_if_asked()
        self.began = time.perf_counter(), progress.epoch
        while progress.epoch < params.num_epochs and not stops_early(progress, params.patience):
            epoch = progress.epoch + 1
            with out_of_place(model.backbone):
                row = self.epoch(epoch)
            self.close_epoch(epoch, row, due=epoch % params.eval_every == 0 or epoch == params.num_epochs)
            self.stop_if_asked()

    def epoch(self, epoch: int) -> dict:
        """Train one epoch, or the rest of it; returns train_loss, lr of the last step, images_per_s and seconds."""
        self.step.model.train()
        progress, n_steps = self.progress, self.images.steps(epoch)
        started, before, done = time.perf_counter(), progress.seconds, len(progress.losses)
        losses, sizes = [torch.tensor(value) for value in progress.losses], list(progress.sizes)
        batches = make_bar(
            self.images.epoch(epoch, start=done),
            total=n_steps,
            initial=done,
            desc=f"epoch {epoch} of {self.params.num_epochs}",
            unit="batch",
            delay=8,
            disable=not self.group.first,
        )
        for step, batch in enumerate(batches, start=done):
            lr = self.step.lr
            losses.append(self.step(epoch, step, batch))
            sizes.append(len(batch.labels))
            if step % 20 == 0:
                _check_finite(losses[-1], epoch, lr)
            if step + 1 < n_steps:  # after the last step, stopping waits until the epoch is closed
                progress.losses, progress.sizes = losses, sizes
                progress.seconds = before + time.perf_counter() - started
                self.stop_if_asked()
        train_loss = float(
            torch.stack([value.to(self.step.device) for value in losses]).double().cpu()
            @ torch.tensor(sizes, dtype=torch.float64)
        ) / sum(sizes)
        _check_finite(torch.tensor(train_loss), epoch, lr)
        seconds = before + time.perf_counter() - started
        progress.losses, progress.sizes, progress.seconds = [], [], 0.0
        return {"train_loss": train_loss, "lr": lr, "images_per_s": sum(sizes) / seconds, "seconds": seconds}

    def time_left(self) -> str:
        """Words on how long the remaining epochs will take, as long as those of this call took; "" before the first."""
        done = self.progress.epoch
        if self.began is None or not self.began[1] < done < self.params.num_epochs:
            return ""
        seconds = (time.perf_counter() - self.began[0]) / (done - self.began[1])
        return f"  {format_duration(seconds * (self.params.num_epochs - done))} left"

    def close_epoch(self, epoch: int, row: dict, *, due: bool) -> None:
        """Evaluate if due, save the best weights, report the epoch's row, and write the checkpoint last."""
        progress, first = self.progress, self.group.first
        progress.epoch = epoch
        row = {"epoch": epoch} | row
        _check_weights(self.step.model, self.step.loss, epoch, self.step.lr)
        if due:
            row |= self.evaluate_epoch(epoch)
            self.step.schedule.after_evaluation(row[VAL_SCORE])
            # The first evaluation counts as best even when it is NaN, so that a run always has weights.
            if progress.note(epoch, row[VAL_SCORE]) or progress.best_epoch < 0:
                progress.best_epoch = epoch
                if first:
                    self.save_best(self.step.model)
        if first:
            self.rows.append({name: value.item() if hasattr(value, "item") else value for name, value in row.items()})
            self.run.add_epoch(row)
        self.save()
        if first:
            LOGGER.info(_line(row, progress, self.params.num_epochs) + self.time_left())

    def evaluate_epoch(self, epoch: int) -> dict:
        """What `evaluate` returns. Embeddings that it refuses (not finite) are reported as training that diverged."""
        try:
            return self.evaluate(self.step.model, self.step.loss)
        except ValueError as error:
            if epoch == 0 or self.group.world_size > 1:  # nothing was trained yet, or only one of the processes failed
                raise
            raise TrainingError(_astray(str(error), epoch, self.step.lr)) from error

    def stop_if_asked(self) -> None:
        """If `stop` says so, write a checkpoint and raise `TrainingInterrupted`."""
        if not self.group.broadcast_object(self.stop()):
            return
        progress = self.progress
        steps = f" and {len(progress.losses)} steps" if progress.losses else ""
        if progress.losses:
            self.save()
        raise TrainingInterrupted(
            f"training was asked to stop: a checkpoint of {progress.epoch} epochs{steps} is written. "
            "Run the same command again: it continues there"
        )

    def save(self) -> None:
        """Write the checkpoint."""
        if not self.group.first:
            return
        self.progress.losses = [float(value) for value in self.progress.losses]
        state = {name: part.state_dict() for name, part in self.step.parts().items()}
        with self.run.write(CHECKPOINT) as path:
            checkpoint.write(path, state | {"progress": asdict(self.progress), "history": self.rows}, self.origin)

    def resume(self, best_trouble: Callable[[], str]) -> None:
        """Load the checkpoint, and cut the history to it: after a kill the history may be one epoch ahead.

        The first process reads it for all, since on a shared disk the others might still see an older file.
        """
        state = self.group.broadcast_object(self._usable(best_trouble) if self.group.first else None)
        if state is not None:
            if not self.group.first:
                checkpoint.load_parts(self.step.parts(), state, self.run.path(CHECKPOINT))
            self.progress, self.rows = Progress(**state["progress"]), list(state.get("history", []))
        if self.group.first:
            self.run.cut_history(self.progress.epoch, self.rows)
            if state is not None:
                steps = f" and {len(self.progress.losses)} steps" if self.progress.losses else ""
                LOGGER.info(f"continuing after epoch {self.progress.epoch}{steps}")

    def _usable(self, best_trouble: Callable[[], str]) -> dict | None:
        """The checkpoint, after loading it into network and optimiser; None where there is none that can be used, which
        is logged with the reason."""
        path = self.run.path(CHECKPOINT)
        if not os.path.lexists(path):
            if lost := _say_lost(self.run):
                LOGGER.warning(f"{path.name} is missing: {lost}. {BEGINS_AGAIN}")
            return None
        try:
            state = checkpoint.read(path, self.origin)
            progress = Progress(**state["progress"])
            untouched = checkpoint.load_parts(self.step.parts(), state, path)
            if trouble := best_trouble() if progress.best_epoch >= 0 else "":
                if progress.best_epoch != progress.epoch or progress.losses:
                    checkpoint.restore_parts(self.step.parts(), untouched)
                    raise checkpoint.UnusableCheckpoint(f"{trouble}, and {path.name} holds a later epoch")
                LOGGER.warning(f"{trouble}: the best weights are written again from {path.name}")
                self.save_best(self.step.model)
            if other := checkpoint.describe_other_torch(state):
                LOGGER.warning(other)
            return state
        except (checkpoint.UnusableCheckpoint, KeyError, TypeError) as error:
            lost = _say_lost(self.run) or "the training that it held is lost"
            LOGGER.warning(f"{error}: {lost}. {BEGINS_AGAIN}")
            return None


def _say_lost(run: TrainingRun) -> str:
    """What is lost with a checkpoint, by the run's history; "" where that has no epochs or cannot be read."""
    try:
        history = run.history()
    except ReidError:  # damaged as well
        return ""
    n = int(history["epoch"].max()) if len(history) else 0
    return f"what {counted(n, 'epoch')} had learnt is lost" if n else ""


def stops_early(progress: Progress, patience: int) -> bool:
    """Has the val score not become better for `patience` evaluations in a row? Never with a patience of 0."""
    return patience > 0 and progress.evaluations_since_best >= patience


def _check_finite(value: torch.Tensor, epoch: int, lr: float) -> None:
    if not torch.isfinite(value):
        raise TrainingError(_astray(f"the loss is {float(value)}", epoch, lr))


def _check_weights(model: torch.nn.Module, loss: torch.nn.Module, epoch: int, lr: float) -> None:
    """The weights are checked as well, since the last step of an epoch may ruin them after a finite loss."""
    values = [v for part in (model, loss) for v in part.state_dict().values() if v.is_floating_point()]
    bad = sum(not bool(torch.isfinite(value).all()) for value in values)
    if bad:
        raise TrainingError(_astray(f"{bad} of {len(values)} weight tensors are not finite", epoch, lr))


def _astray(what: str, epoch: int, lr: float) -> str:
    return (
        f"{what} in epoch {epoch} at a learning rate of {lr:.3g}: training stopped, and the checkpoint of epoch "
        f"{max(epoch - 1, 0)} is kept. Try a smaller lr (a tenth), or a longer warmup"
    )


def _line(row: dict, progress: Progress, n_epochs: int) -> str:
    parts = [f"epoch {row['epoch']} of {n_epochs}" if row["epoch"] else "before training"]
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
