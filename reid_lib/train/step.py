"""One step of training: forward pass, loss, backward pass, optimiser; alone, or with the processes of a group."""

import numpy as np
import torch
from timm.layers import convert_sync_batchnorm
from torch import Tensor

from reid_lib.core.logs import LOGGER
from reid_lib.nets.device import to_full_precision
from reid_lib.nets.graphs import Graphed
from reid_lib.nets.network import ReidModel
from reid_lib.nets.speed import WORTH_TRAINING, Compiled, why_not_compiled
from reid_lib.params.fields import TrainParams
from reid_lib.train.batches import Batch, TrainingImages
from reid_lib.train.group import Group
from reid_lib.train.optimiser import group_parameters
from reid_lib.train.reid_loss import ReidLoss
from reid_lib.train.schedule import Schedule


class TrainingStep:
    """Network, class weights, optimiser and schedule, which a step changes; call it for one batch after the other.

    Args:
        model, loss: are moved to the device.
        images: what is trained on.
        params: of the run.
        device: "cpu", "cuda" or "mps"; of several GPUs the one that `init_group` has chosen.
        precision: "fp32" or "bf16".
        group: the processes that train together.
    """

    def __init__(
        self,
        model: ReidModel,
        loss: ReidLoss,
        images: TrainingImages,
        params: TrainParams,
        *,
        device: str,
        precision: str,
        group: Group,
    ):
        self.model, self.loss, self.group, self.share = model, loss, group, images.share
        self.device, self.precision, self.seed = torch.device(device), precision, params.seed
        # Batch statistics over all processes; torch has this for GPUs only.
        if group.world_size > 1 and device == "cuda":
            model.backbone = convert_sync_batchnorm(model.backbone)
        for module in (model, loss):
            module.to(self.device)
        groups = group_parameters(
            model, loss, lr=params.lr, head_lr_factor=params.head_lr_factor, weight_decay=params.weight_decay
        )
        self.optimizer = torch.optim.AdamW(groups, fused=device != "mps")
        self.schedule = Schedule(self.optimizer, params, steps_per_epoch=images.steps(epoch=1))
        self.backbone = model.backbone
        self.uncompiled = why_not_compiled(
            params.torch_compile, len(images) * params.num_epochs, device, worth=WORTH_TRAINING
        )

    @property
    def lr(self) -> float:
        """Learning rate of the backbone in the next step."""
        return self.optimizer.param_groups[0]["lr"]

    def start(self) -> None:
        """Give all processes the same weights, and make the backbone ready to train: gradients averaged over the
        processes, compiled or recorded where that is quicker."""
        self.group.broadcast(self.model, self.loss)
        self.backbone = self.group.wrap(self.model.backbone)
        if not self.uncompiled:
            self.backbone = Compiled(self.backbone, self.share)
        elif self.device.type == "cuda" and self.group.world_size == 1:
            self.backbone = Graphed(self.backbone, self.share)
        if self.group.first:
            found = f"not used: {self.uncompiled}" if self.uncompiled else "the first step takes a while"
            LOGGER.info(f"torch.compile: {found}")

    def __call__(self, epoch: int, step: int, batch: Batch) -> Tensor:
        """Train on a batch; returns the loss of the whole batch, all processes together.

        The backbone gets the images of this process; head and loss get the features of all, as they normalise and
        compare over the whole batch.

        Args:
            epoch, step: numbers that random draws (dropout) are seeded with.
            batch: of `TrainingImages.epoch`.
        """
        images, labels = batch.on(self.device)
        images = self.model.normalise(images)
        _seed(self.seed, epoch, step, *([self.group.rank] if self.group.rank else []))
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.precision == "bf16"):
            features = self.backbone(images)
        features = self.group.all_gather(to_full_precision(features), len(labels))
        if self.group.world_size > 1:
            _seed(self.seed, epoch, step)  # the same dropout in the head of every process
        value = self.loss(self.model.embed_features(features), labels)
        self.optimizer.zero_grad(set_to_none=True)
        value.backward()
        self.group.all_reduce_gradients(self.model.head, self.loss)
        self.optimizer.step()
        self.schedule.per_step.step()
        return value.detach()

    def parts(self) -> dict:
        """What a checkpoint stores, by name; each has `state_dict` and `load_state_dict`."""
        return {"model": self.model, "loss": self.loss, "optimizer": self.optimizer, "schedule": self.schedule}


def _seed(*numbers: int) -> None:
    """Seed torch's global generator, from which dropout draws, for one step: a resumed epoch then draws the same."""
    torch.manual_seed(int(np.random.SeedSequence(numbers).generate_state(1)[0]))
