"""From parameters to a trained network: network, loss, batches and validation, built and handed to the loop."""

from collections.abc import Callable

from reid_lib.batches import TrainingImages
from reid_lib.device import choose_precision, loader_processes
from reid_lib.group import ALONE, Group
from reid_lib.losses import make_loss
from reid_lib.model import ReidModel, build_model, save_model
from reid_lib.split import Split
from reid_lib.train import fit
from reid_lib.validation import TrainingClasses, Validation, training_classes


def learn(
    params,
    split: Split,
    pixels_for: Callable,
    run,
    device: str,
    stop: Callable[[], bool],
    group: Group = ALONE,
) -> None:
    """Train a run's network, or continue.

    Args:
        params: `TrainParams`.
        split: roles of all images.
        pixels_for: a model -> (n, s, s, 3) uint8 of the whole catalogue, as it takes them.
        run: an open run; checkpoints, history and the best weights go there.
        device, stop, group: see `train.fit`.
    """
    classes = training_classes(split, classes=params.classes, n=params.n, seed=params.seed)
    model = group.one_by_one(lambda: _network(params))
    pixels = group.one_by_one(lambda: pixels_for(model))
    loss = make_loss(
        params.loss,
        num_classes=len(classes.names),
        embedding_dim=model.embedding_dim,
        margin=params.margin,
        scale=params.scale,
        seed=params.seed,
    )
    batches = _batches(params, pixels, classes, device, group)
    precision = choose_precision(params.precision, device, model.backbone)
    print(
        f"{len(batches)} training images of {len(classes.names)} classes, {batches.steps(1)} batches an epoch, "
        f"trained in {precision}"
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
    )


def _network(params) -> ReidModel:
    return build_model(
        params.backbone,
        pretrained=params.pretrained,
        image_size=params.image_size,
        embedding_dim=params.embedding_dim,
        dropout=params.dropout,
        seed=params.seed,
    )


def _batches(params, pixels, classes: TrainingClasses, device: str, group: Group) -> TrainingImages:
    return TrainingImages(
        pixels,
        classes.rows,
        classes.labels,
        batch_size=params.batch_size,
        m=params.m,
        seed=params.seed,
        augment=params.augmentation,
        flip=params.flip,
        num_workers=loader_processes(params.num_workers, device, sharing=group.local_size),
        pin_memory=device == "cuda",
        group=group,
    )
