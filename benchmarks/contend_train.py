"""Training: steps without augmentation, then whole epochs from the files."""

import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd
from contending import MEAN, BusyWatch, Clock, catalogue_of, contender, device_name

WATCHED_STEPS = 8


def fit_pixels(
    pixels: np.ndarray, labels: np.ndarray, options: dict, *, epochs: int, augment: bool, watched: int = -1
) -> tuple[list[dict], dict]:
    """The history of training by `loop.fit` in a run of no other use, and how busy a GPU was in epoch `watched`."""
    from types import SimpleNamespace

    from reid_lib.nets.device import choose_device, choose_precision, count_loader_processes
    from reid_lib.nets.network import build_model
    from reid_lib.runs.run import Run
    from reid_lib.train.batches import TrainingImages
    from reid_lib.train.loop import fit
    from reid_lib.train.losses import make_loss

    device = choose_device()
    model = build_model(options["backbone"], pretrained=False, image_size=options["px"], embedding_dim=512)
    loss = make_loss("arcface", num_classes=int(labels.max()) + 1, embedding_dim=512)
    batches = TrainingImages(
        pixels, np.arange(len(labels)), labels, batch_size=options["batch"], m=4, seed=0, augment=augment,
        num_workers=count_loader_processes(-1, device), pin_memory=device == "cuda",
    )  # fmt: skip
    params = SimpleNamespace(
        lr=1e-3, head_lr_factor=10.0, weight_decay=1e-4, scheduler="none", warmup=0.0, num_epochs=epochs,
        eval_every=999, patience=0, seed=0, torch_compile="auto",
    )  # fmt: skip
    steps, busy, watch = batches.epoch, {}, BusyWatch()

    def watching(epoch, **options):
        """Some steps in the middle, or the last ones: of a whole epoch the profiler would collect for a minute."""
        first = max(0, min(WATCHED_STEPS, batches.steps(epoch) - WATCHED_STEPS))
        for step, batch in enumerate(steps(epoch, **options)):
            if epoch == watched and step == first:
                watch.start()
            elif epoch == watched and step == first + WATCHED_STEPS:
                busy.update(watch.stop())
            yield batch
        if epoch == watched and not busy:  # the epoch ended first
            busy.update(watch.stop())

    batches.epoch = watching
    precision = choose_precision("auto", device, model.backbone)
    with tempfile.TemporaryDirectory() as root:
        run = Run.open("timed", params={}, key={}, provenance={}, root=Path(root))
        fit(
            model, loss, batches, params, evaluate=lambda m, w: {"val_score": 0.0}, prepare=lambda m, w: None,
            save_best=lambda m: None, run=run, device=device, precision=precision,
        )  # fmt: skip
        rows = run.history().to_dict("records")
        run.release()
    return rows, busy


def draw_pixels(options: dict) -> tuple[np.ndarray, np.ndarray]:
    """Pixels of noise for an epoch of so many steps, (n, px, px, 3) uint8, and their labels (n,), four of a class."""
    n = options["batch"] * options["steps"]
    pixels = np.random.default_rng(0).integers(0, 256, (n, options["px"], options["px"], 3), dtype=np.uint8)
    return pixels, np.arange(n) // 4


@contender
def step_reid_lib(options: dict, clock: Clock) -> dict:
    return _steps(options, clock, augment=False)


@contender
def step_reid_lib_augmented(options: dict, clock: Clock) -> dict:
    return _steps(options, clock, augment=True)


def _steps(options: dict, clock: Clock, *, augment: bool) -> dict:
    """The second epoch counts, as the first one warms up; a GPU is watched in a third one, as watching takes time."""
    pixels, labels = draw_pixels(options)
    watched = 3 if device_name() == "cuda" else -1
    with clock:
        rows, busy = fit_pixels(pixels, labels, options, epochs=max(2, watched), augment=augment, watched=watched)
    clock.seconds = rows[2]["seconds"]  # rows[0] is the network before the first step
    return {"n": len(labels)} | busy


@contender
def step_plain(options: dict, clock: Clock) -> dict:
    """NCHW, fp32 (AMP on a GPU), AdamW, the same loss: a loop as tutorials write it."""
    import timm
    import torch
    from pytorch_metric_learning.losses import ArcFaceLoss

    pixels, labels = draw_pixels(options)
    device = device_name()
    network = timm.create_model(options["backbone"], num_classes=512).to(device).train()
    loss = ArcFaceLoss(num_classes=int(labels.max()) + 1, embedding_size=512).to(device)
    optimizer = torch.optim.AdamW([*network.parameters(), *loss.parameters()], lr=1e-3)
    images = torch.from_numpy(pixels).permute(0, 3, 1, 2).float().div(255).contiguous()

    def epoch():
        for begin in range(0, len(labels), options["batch"]):
            batch = images[begin : begin + options["batch"]].to(device)
            target = torch.from_numpy(labels[begin : begin + options["batch"]]).to(device)
            with torch.autocast(device, enabled=device == "cuda"):
                value = loss(network(batch), target)
            optimizer.zero_grad()
            value.backward()
            optimizer.step()
            value.item()

    epoch()
    with clock:
        epoch()
    return {"n": len(labels)}


@contender
def epoch_reid_lib(options: dict, clock: Clock) -> dict:
    """The second epoch, augmented; and what share of it the loading of batches takes."""
    from reid_lib.data import pixels as images
    from reid_lib.train.batches import TrainingImages

    catalogue = catalogue_of(options)
    labels = pd.factorize(catalogue.rows["identity"])[0].astype(np.int64)
    with clock:
        pixels = images.load_pixels(catalogue, image_size=options["px"], interpolation="bilinear", progress=False)
        rows, _ = fit_pixels(pixels, labels, options, epochs=2, augment=True)
    clock.seconds = rows[-1]["seconds"]
    batches = TrainingImages(pixels, np.arange(len(labels)), labels, batch_size=options["batch"], m=4, seed=0)
    begun = time.perf_counter()
    for _ in batches.epoch(2):
        pass
    return {"n": len(labels), "loading_share": (time.perf_counter() - begun) / clock.seconds}


def _from_files(options: dict):
    """Images decoded in full whenever they are asked for, with torchvision's version of our augmentation."""
    from torchvision import transforms
    from wildlife_tools.data import WildlifeDataset

    varied = transforms.Compose([
        transforms.Resize((options["px"], options["px"])),
        transforms.RandomAffine(20, translate=(0.1, 0.1), scale=(0.8, 1.2), shear=8, fill=128),
        transforms.ColorJitter(0.35, 0.35, 0.35),
        transforms.ToTensor(), transforms.Normalize(mean=MEAN, std=MEAN), transforms.RandomErasing(0.3),
    ])  # fmt: skip
    catalogue = catalogue_of(options)
    return WildlifeDataset(catalogue.rows, root=str(catalogue.root), transform=varied)


@contender
def epoch_wildlife_tools(options: dict, clock: Clock) -> dict:
    import timm
    import torch
    from wildlife_tools.train import ArcFaceLoss, BasicTrainer

    dataset = _from_files(options)
    network = timm.create_model(options["backbone"], num_classes=0)
    objective = ArcFaceLoss(num_classes=dataset.num_classes, embedding_size=network.num_features, margin=0.5, scale=64)
    optimizer = torch.optim.SGD([*network.parameters(), *objective.parameters()], lr=1e-3, momentum=0.9)
    trainer = BasicTrainer(
        dataset, network, objective, optimizer, epochs=1, device=device_name(), batch_size=options["batch"],
        num_workers=1,
    )  # fmt: skip
    trainer.train()
    with clock:
        trainer.train()
    return {"n": len(dataset)}


@contender
def epoch_replaced(options: dict, clock: Clock) -> dict:
    """The loop of the scripts that this library replaced.

    One loader process, every file decoded in full every epoch, AMP on a GPU, ArcFace.
    """
    import timm
    import torch
    from pytorch_metric_learning.losses import ArcFaceLoss

    dataset, device = _from_files(options), device_name()
    loader = torch.utils.data.DataLoader(dataset, batch_size=options["batch"], shuffle=True, num_workers=1)
    network = timm.create_model(options["backbone"], num_classes=512).to(device).train()
    loss = ArcFaceLoss(num_classes=dataset.num_classes, embedding_size=512).to(device)
    optimizer = torch.optim.Adam([*network.parameters(), *loss.parameters()], lr=1e-4)
    scaler = torch.amp.GradScaler(device, enabled=device == "cuda")

    def epoch():
        for images, labels in loader:
            with torch.autocast(device, torch.float16, enabled=device == "cuda"):
                value = loss(network(images.to(device)), labels.to(device))
            optimizer.zero_grad()
            scaler.scale(value).backward()
            scaler.step(optimizer)
            scaler.update()
            value.item()

    epoch()
    with clock:
        epoch()
    return {"n": len(dataset)}
