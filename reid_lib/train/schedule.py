"""The learning rate over the steps of a run."""

import math

import torch

from reid_lib.params.fields import TrainParams


class Schedule:
    """Learning-rate factors: a linear warm-up, then cosine to zero, halving on a plateau of the val score, or constant.

    Args:
        optimizer: whose learning rates are multiplied.
        params: `scheduler`, `warmup` (epochs) and `num_epochs` count.
        steps_per_epoch: number of batches.
    """

    def __init__(self, optimizer: torch.optim.Optimizer, params: TrainParams, *, steps_per_epoch: int):
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
