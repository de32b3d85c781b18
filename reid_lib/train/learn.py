"""From parameters to a trained network: network, loss, batches and validation, built and handed to the loop."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pandas as pd

from reid_lib.core.errors import RunError
from reid_lib.core.files import digest
from reid_lib.core.logs import LOGGER
from reid_lib.core.messages import counted
from reid_lib.data.split import Split
from reid_lib.nets.device import choose_precision, count_loader_processes
from reid_lib.nets.model_files import find_weights_trouble, save_model
from reid_lib.nets.network import ReidModel, build_model
from reid_lib.params.fields import TrainParams
from reid_lib.train.batches import TrainingImages
from reid_lib.train.classes import TrainingClasses, assign_classes
from reid_lib.train.group import ALONE, Group
from reid_lib.train.loop import VAL_SCORE, Progress, TrainingRun, fit, stops_early
from reid_lib.train.losses import make_loss
from reid_lib.train.reid_loss import ReidLoss
from reid_lib.train.validation import Validation


class LearningRun(TrainingRun, Protocol):
    """What `learn` needs of a run, in addition to the loop."""

    folder: Path

    def described(self) -> dict[str, Any]: ...

    def history(self) -> pd.DataFrame: ...


def learn(
    params: TrainParams,
    split: Split,
    pixels_for: Callable[[ReidModel], np.ndarray],
    run: LearningRun,
    device: str,
    stop: Callable[[], bool],
    group: Group = ALONE,
) -> None:
    """Train a run's network, or continue its training.

    Args:
        params: of the run.
        split: roles of all images.
        pixels_for: model -> pixels (N, s, s, 3) uint8 of the whole catalogue at the size that the model takes.
        run: an open run; checkpoints, history and the best weights go there.
        device, stop, group: see `loop.fit`.
    """
    classes = assign_classes(split, classes=params.classes, n=params.n, seed=params.seed)
    model = group.call_first_on_machine(lambda: _network(params))
    pixels = group.call_first_on_machine(lambda: pixels_for(model))
    loss = _loss(params, classes, model)
    batches = _batches(params, pixels, classes, device, group)
    precision = choose_precision(params.precision, device, model.backbone)
    LOGGER.info(
        f"{len(batches)} training images of {len(classes.names)} classes, "
        f"{counted(batches.steps(1), 'batch', 'batches')} an epoch, trained in {precision}"
    )
    validation = Validation(pixels, split, classes, params, device=device, group=group)

    def save_best(best: ReidModel) -> None:
        save_model(best, run.write)
        validation.keep(best)

    fit(
        model,
        loss,
        batches,
        params,
        evaluate=validation,
        prepare=validation.prepare,
        save_best=save_best,
        run=run,
        stop=stop,
        device=device,
        precision=precision,
        group=group,
        best_trouble=lambda: find_weights_trouble(run.folder),
        origin=digest(run.described().get("identity", {})),
    )


def is_complete(params: TrainParams, run: LearningRun) -> bool:
    """Has a run been trained to its end, and are its best weights whole? Judged by its history and the weights' files.

    Then neither the checkpoint nor the training images are needed again.
    """
    try:
        history = run.history()
    except RunError:
        return False
    epochs = history["epoch"].tolist()
    if not epochs or epochs != list(range(len(epochs))) or VAL_SCORE not in history:
        return False
    progress = Progress()
    for epoch, score in zip(epochs, history[VAL_SCORE].tolist(), strict=True):
        if epoch % params.eval_every == 0 or epoch == params.num_epochs:
            progress.note(epoch, score)
    ended = epochs[-1] >= params.num_epochs or stops_early(progress, params.patience)
    return ended and not find_weights_trouble(run.folder)


def _network(params: TrainParams) -> ReidModel:
    return build_model(
        params.backbone,
        pretrained=params.pretrained,
        image_size=params.image_size,
        embedding_dim=params.embedding_dim,
        dropout=params.dropout,
        seed=params.seed,
    )


def _loss(params: TrainParams, classes: TrainingClasses, model: ReidModel) -> ReidLoss:
    return make_loss(
        params.loss,
        num_classes=len(classes.names),
        embedding_dim=model.embedding_dim,
        margin=params.margin,
        scale=params.scale,
        seed=params.seed,
    )


def _batches(
    params: TrainParams, pixels: np.ndarray, classes: TrainingClasses, device: str, group: Group
) -> TrainingImages:
    return TrainingImages(
        pixels,
        classes.rows,
        classes.labels,
        batch_size=params.batch_size,
        m=params.m,
        seed=params.seed,
        augment=params.augmentation,
        flip=params.flip,
        num_workers=count_loader_processes(params.num_workers, device, sharing=group.local_world_size),
        pin_memory=device == "cuda",
        group=group,
    )
