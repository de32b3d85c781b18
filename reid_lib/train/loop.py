"""The training loop: epochs, early stopping, checkpoints, exact resume; one process, or several in step.

It knows neither search nor metrics nor folders: it is handed `evaluate(model) -> dict` and a run to report to.
All randomness derives from (seed, epoch, step, image), so a checkpoint stores epoch and step and no generator state.
"""

import math
import os
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field

import numpy as np
import torch
from timm.layers import convert_sync_batchnorm
from torch import Tensor
from tqdm.auto import tqdm

from reid_lib.core.errors import TrainingError, TrainingInterrupted
from reid_lib.core.logs import LOGGER
from reid_lib.core.names import CHECKPOINT
from reid_lib.nets.device import full_precision
from reid_lib.nets.graphs import Graphed
from reid_lib.nets.network import parameter_groups
from reid_lib.nets.speed import WORTH_TRAINING, Compiled, out_of_place, reuse_memory, why_not
from reid_lib.train import checkpoint
from reid_lib.train.batches import Batch, TrainingImages
from reid_lib.train.group import ALONE, Group
from reid_lib.train.schedule import Schedule

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
    group: Group = ALONE,
    best_trouble: Callable[[], str] = lambda: "",
    origin: str = "",
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
        run: has `write(name)`, `path(name)`, `report(row)` and `cut_history(epoch, rows)`.
        device, precision: "cpu", "cuda", "mps"; "fp32" or "bf16".
        stop: asked after each step; when it says so, a checkpoint is written and training ends there.
        group: the processes that train together; all of them call `evaluate` and `prepare`, the first one alone asks
            `stop`, calls `save_best` and writes to `run`.
        best_trouble: says why the best weights that were kept cannot be used any more; empty where they can.
        origin: tells the run's own checkpoint from that of another.

    A checkpoint, or best weights, that cannot be used cost what they held and nothing else: training begins again, and
    ends with the same numbers.

    Raises:
        TrainingInterrupted: `stop` said so; the same call again continues after the step at hand.
        TrainingError: the loss is no longer a number; the last good checkpoint stays.
    """
    if device == "cpu":
        reuse_memory()
    training = _Training(model, loss, images, params, run, device, precision, stop, group, origin)
    progress = training.resume(save_best, best_trouble)
    if progress.epoch < 0:
        group.broadcast(model, loss)
        prepare(model, loss)
        training.start()
        training.close_epoch(0, {}, evaluate, save_best)
    else:
        training.start()
    training.heed()
    while progress.epoch < params.num_epochs and not stops_early(progress, params.patience):
        epoch = progress.epoch + 1
        with out_of_place(model.backbone):
            row = training.epoch(epoch)
        due = epoch % params.eval_every == 0 or epoch == params.num_epochs
        training.close_epoch(epoch, row, evaluate if due else None, save_best)
        training.heed()
    return progress


class _Training:
    """What the steps of one call of `fit` share."""

    def __init__(self, model, loss, images, params, run, device, precision, stop, group, origin):
        self.origin, self.rows = origin, []
        self.model, self.loss, self.images, self.run, self.group = model, loss, images, run, group
        self.seed, self.precision, self.stop, self.progress = params.seed, precision, stop, Progress()
        self.device = torch.device(device)  # of several GPUs the one that `init_group` has chosen
        if group.world_size > 1 and device == "cuda":  # torch has none for CPUs: there a process sees its own images
            model.backbone = convert_sync_batchnorm(model.backbone)
        for module in (model, loss):
            module.to(self.device)
        groups = parameter_groups(
            model, loss, lr=params.lr, head_lr_factor=params.head_lr_factor, weight_decay=params.weight_decay
        )
        self.optimizer = torch.optim.AdamW(groups, fused=device != "mps")
        self.schedule = Schedule(self.optimizer, params, steps_per_epoch=images.steps(epoch=1))
        self.backbone = model.backbone
        self.uncompiled = why_not(params.torch_compile, len(images) * params.num_epochs, device, worth=WORTH_TRAINING)

    def start(self) -> None:
        """Let all processes begin with the same weights; after this the backbone averages its gradients over them."""
        self.group.broadcast(self.model, self.loss)
        self.backbone = self.group.wrap(self.model.backbone)
        if not self.uncompiled:
            self.backbone = Compiled(self.backbone, self.images.share)
        elif self.device.type == "cuda" and self.group.world_size == 1:
            self.backbone = Graphed(self.backbone, self.images.share)
        if self.group.first:
            found = f"not used: {self.uncompiled}" if self.uncompiled else "the first step takes a while"
            LOGGER.info(f"torch.compile: {found}")

    def epoch(self, epoch: int) -> dict:
        """One pass over the images, or what is left of it: train_loss, lr of the last step, images_per_s, seconds."""
        self.model.train()
        progress, n_steps = self.progress, self.images.steps(epoch)
        started, before, done = time.perf_counter(), progress.seconds, len(progress.losses)
        losses, sizes = [torch.tensor(value) for value in progress.losses], list(progress.sizes)
        batches = tqdm(
            self.images.epoch(epoch, start=done),
            total=n_steps,
            initial=done,
            desc=f"epoch {epoch}",
            unit="batch",
            delay=8,
            leave=False,
            disable=not self.group.first,
        )
        for step, batch in enumerate(batches, start=done):
            lr = self.optimizer.param_groups[0]["lr"]
            losses.append(self.step(epoch, step, batch))
            sizes.append(len(batch.labels))
            if step % 20 == 0:
                _check_finite(losses[-1], epoch, lr)
            if step + 1 < n_steps:  # after the last step the epoch is closed first
                progress.losses, progress.sizes = losses, sizes
                progress.seconds = before + time.perf_counter() - started
                self.heed()
        train_loss = float(
            torch.stack([value.to(self.device) for value in losses]).double().cpu()
            @ torch.tensor(sizes, dtype=torch.float64)
        ) / sum(sizes)
        _check_finite(torch.tensor(train_loss), epoch, lr)
        seconds = before + time.perf_counter() - started
        progress.losses, progress.sizes, progress.seconds = [], [], 0.0
        return {"train_loss": train_loss, "lr": lr, "images_per_s": sum(sizes) / seconds, "seconds": seconds}

    def step(self, epoch: int, step: int, batch: Batch) -> Tensor:
        """One step; returns the loss of the whole batch.

        The backbone sees the images of this process, head and loss the features of all: they are small, and normalise
        and compare over the whole batch.
        """
        device, group = self.device, self.group
        images, labels = batch.on(device)
        images = self.model.normalise(images)
        _seed(self.seed, epoch, step, *([group.rank] if group.rank else []))
        with torch.autocast(device.type, torch.bfloat16, enabled=self.precision == "bf16"):
            features = self.backbone(images)
        features = group.all_gather(full_precision(features), len(labels))
        if group.world_size > 1:
            _seed(self.seed, epoch, step)  # the same dropout in the head everywhere
        value = self.loss(self.model.embedded(features), labels)
        self.optimizer.zero_grad(set_to_none=True)
        value.backward()
        group.all_reduce_gradients(self.model.head, self.loss)
        self.optimizer.step()
        self.schedule.per_step.step()
        return value.detach()

    def close_epoch(self, epoch: int, row: dict, evaluate, save_best) -> None:
        """Evaluate, keep the best weights, report the line of the epoch, and write the checkpoint last."""
        progress, first = self.progress, self.group.first
        progress.epoch = epoch
        row = {"epoch": epoch} | row
        _check_weights(self.model, self.loss, epoch, self.optimizer.param_groups[0]["lr"])
        if evaluate is not None:
            row |= self.evaluated(evaluate, epoch)
            self.schedule.after_evaluation(row[VAL_SCORE])
            # The first evaluation counts as best even when undefined: a run always has weights to show.
            if progress.note(epoch, row[VAL_SCORE]) or progress.best_epoch < 0:
                progress.best_epoch = epoch
                if first:
                    save_best(self.model)
        if first:
            self.rows.append({name: value.item() if hasattr(value, "item") else value for name, value in row.items()})
            self.run.report(row)
        self.save()
        if first:
            LOGGER.info(_line(row, progress))

    def evaluated(self, evaluate, epoch: int) -> dict:
        """What `evaluate` says; embeddings it cannot work with are told as what they are, training that went astray."""
        try:
            return evaluate(self.model, self.loss)
        except ValueError as error:
            if epoch == 0 or self.group.world_size > 1:  # nothing is trained yet; or one of several processes says so
                raise
            raise TrainingError(_astray(str(error), epoch, self.optimizer.param_groups[0]["lr"])) from error

    def heed(self) -> None:
        """Write a checkpoint and end training where that is asked for."""
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
        state = {name: part.state_dict() for name, part in self._parts().items()}
        with self.run.write(CHECKPOINT) as path:
            checkpoint.write(path, state | {"progress": asdict(self.progress), "history": self.rows}, self.origin)

    def resume(self, save_best, best_trouble) -> Progress:
        """Put back what the checkpoint holds, and cut the history to it: the two may be one epoch apart after a kill.

        The first process reads for all: on a shared disk the others might still see an older file.
        """
        state = self.group.broadcast_object(self._usable(save_best, best_trouble) if self.group.first else None)
        if state is not None:
            if not self.group.first:
                checkpoint.put_back(self._parts(), state, self.run.path(CHECKPOINT))
            self.progress, self.rows = Progress(**state["progress"]), list(state.get("history", []))
        if self.group.first:
            self.run.cut_history(self.progress.epoch, self.rows)
            if state is not None:
                steps = f" and {len(self.progress.losses)} steps" if self.progress.losses else ""
                LOGGER.info(f"continuing after epoch {self.progress.epoch}{steps}")
        return self.progress

    def _usable(self, save_best, best_trouble) -> dict | None:
        """The checkpoint, put back; None where there is none, or none that training can go on from, which is told."""
        path = self.run.path(CHECKPOINT)
        if not os.path.lexists(path):
            return None
        try:
            state = checkpoint.read(path, self.origin)
            progress = Progress(**state["progress"])
            untouched = checkpoint.put_back(self._parts(), state, path)
            if trouble := best_trouble() if progress.best_epoch >= 0 else "":
                if progress.best_epoch != progress.epoch or progress.losses:
                    checkpoint.restore(self._parts(), untouched)
                    raise checkpoint.UnusableCheckpoint(f"{trouble}, and {path.name} holds a later epoch")
                LOGGER.warning(f"{trouble}: the best weights are written again from {path.name}")
                save_best(self.model)
            return state
        except (checkpoint.UnusableCheckpoint, KeyError, TypeError) as error:
            LOGGER.warning(f"{error}: training begins again, and ends with the same numbers")
            return None

    def _parts(self) -> dict:
        return {"model": self.model, "loss": self.loss, "optimizer": self.optimizer, "schedule": self.schedule}


def _seed(*numbers: int) -> None:
    """Dropout draws from the global generator: a state of its own for every step makes a resumed epoch the same."""
    torch.manual_seed(int(np.random.SeedSequence(numbers).generate_state(1)[0]))


def stops_early(progress: Progress, patience: int) -> bool:
    return patience > 0 and progress.evaluations_since_best >= patience


def _check_finite(value: torch.Tensor, epoch: int, lr: float) -> None:
    if not torch.isfinite(value):
        raise TrainingError(_astray(f"the loss is {float(value)}", epoch, lr))


def _check_weights(model: torch.nn.Module, loss: torch.nn.Module, epoch: int, lr: float) -> None:
    """The last step of an epoch may ruin the weights after a loss that was still a number."""
    values = [v for part in (model, loss) for v in part.state_dict().values() if v.is_floating_point()]
    bad = sum(not bool(torch.isfinite(value).all()) for value in values)
    if bad:
        raise TrainingError(_astray(f"{bad} of {len(values)} weight tensors are not finite", epoch, lr))


def _astray(what: str, epoch: int, lr: float) -> str:
    return (
        f"{what} in epoch {epoch} at a learning rate of {lr:.3g}: training stopped, and the checkpoint of epoch "
        f"{max(epoch - 1, 0)} is kept. Try a smaller lr (a tenth), or a longer warmup"
    )


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
