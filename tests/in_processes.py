"""Run by torchrun in tests/train/test_group.py: trains a small network in each process and stores what came out.

torchrun --module in_processes FOLDER LOSS [DEVICE BACKBONE]; in float64 on a CPU
"""

import sys
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import torch
from torch.optim.optimizer import register_optimizer_step_pre_hook

from reid_lib.core.names import GALLERY, IMAGE_ID, INDIVIDUAL, KNOWN, ROLE, VAL
from reid_lib.data.split import Split
from reid_lib.nets.network import build_model
from reid_lib.train.batches import TrainingImages
from reid_lib.train.classes import assign_classes
from reid_lib.train.group import ALONE, destroy_group, init_group
from reid_lib.train.loop import fit
from reid_lib.train.losses import make_loss
from reid_lib.train.validation import Validation

PARAMS = {
    "lr": 1e-3,
    "head_lr_factor": 10.0,
    "weight_decay": 1e-4,
    "scheduler": "cosine",
    "warmup": 0.5,
    "num_epochs": 3,
    "eval_every": 2,
    "patience": 0,
    "torch_compile": "auto",
    "precision": "fp32",
    "seed": 0,
    "batch_size": 12,
}
# 7 classes of 5 images to train on, so the last batch of 11 is shared unevenly; then 2 queries of each, 3 unknown ones.
CLASSES, IMAGES, UNKNOWN = 7, 5, 3


class Folder:
    """A run as `fit` needs one, in a folder of its own."""

    def __init__(self, folder: Path):
        self.folder, self.rows = folder, []

    def path(self, name):
        return self.folder / name

    @contextmanager
    def write(self, name):
        yield self.folder / name

    def add_epoch(self, row):
        self.rows.append(row)

    def described(self):
        return {}

    def history(self):
        return pd.DataFrame(self.rows)

    def cut_history(self, epoch, rows=None):
        self.rows = [row for row in self.rows if row["epoch"] <= epoch]


def data():
    """Pixels of all images, each class a colour of its own under noise, and their roles."""
    rng = np.random.default_rng(0)
    names = [f"a{k}" for k in range(CLASSES)]
    rows = [(name, GALLERY) for name in names for _ in range(IMAGES)] + [(name, VAL) for name in names for _ in (0, 1)]
    rows += [(f"new{k}", VAL) for k in range(UNKNOWN)]
    frame = pd.DataFrame(rows, columns=["identity", ROLE])
    frame[INDIVIDUAL], frame["dataset"] = "d/" + frame["identity"], "d"
    frame[IMAGE_ID] = [f"i{k}" for k in range(len(frame))]
    frame[KNOWN] = (~frame["identity"].str.startswith("new")).astype("boolean").where(frame[ROLE] == VAL)
    codes = frame["identity"].astype("category").cat.codes.to_numpy()
    colours = rng.integers(40, 215, (codes.max() + 1, 1, 1, 3))
    pixels = (colours[codes] + rng.integers(-40, 40, (len(frame), 64, 64, 3))).astype(np.uint8)
    return pixels, Split(frame, "random")


def train(
    folder: Path, group, loss_name: str, *, device="cpu", backbone="test_nfnet", dtype=torch.float32, stop=lambda: False
):
    """Train as `learn` does; by the number of the process: weights, and the gradients of the first step."""
    pixels, split = data()
    params = SimpleNamespace(**PARAMS)
    classes = assign_classes(split, classes="identity", n=0, seed=0)
    model = build_model(backbone, pretrained=False, image_size=64, embedding_dim=16, seed=group.rank)  # broadcast later
    loss = make_loss(loss_name, num_classes=CLASSES, embedding_dim=16, seed=group.rank)
    model, loss = model.to(dtype), loss.to(dtype)
    images = TrainingImages(pixels, classes.rows, classes.labels, batch_size=12, m=2, seed=0, group=group)
    run = Folder(folder)
    validation = Validation(pixels, split, classes, params, device=device, group=group)
    first = {}

    def keep_first(*_) -> None:
        for part in (model, loss) if not first else ():
            first.update({name: p.grad.cpu().clone() for name, p in part.named_parameters() if p.grad is not None})

    hook = register_optimizer_step_pre_hook(keep_first)
    fit(
        model, loss, images, params, evaluate=validation, prepare=validation.prepare, save_best=lambda m: None, run=run,
        device=device, group=group, stop=stop,
    )  # fmt: skip
    hook.remove()
    torch.save(first, folder / f"gradients{group.rank}.pt")
    state = {f"model.{k}": v for k, v in model.state_dict().items()} | {
        f"loss.{k}": v for k, v in loss.state_dict().items()
    }
    torch.save({k: v.cpu() for k, v in state.items()}, folder / f"state{group.rank}.pt")
    if group.first:
        pd.DataFrame(run.rows).to_csv(folder / "history.csv", index=False)


if __name__ == "__main__":
    where, loss_of, *given = sys.argv[1:]
    options = dict(zip(("device", "backbone"), given, strict=False))
    on_cpu = options.get("device", "cpu") == "cpu"
    options["dtype"] = torch.float64 if on_cpu else torch.float32
    mine = init_group(options.get("device", "cpu"))
    assert mine != ALONE
    train(Path(where), mine, loss_of, **options)
    destroy_group()
