"""Which parameters the optimiser steps on, and at which learning rate and weight decay."""

from torch import nn

from reid_lib.nets.network import ReidModel


def group_parameters(
    model: ReidModel, loss: nn.Module, *, lr: float, head_lr_factor: float, weight_decay: float
) -> list[dict]:
    """Parameter groups for the optimiser; every trainable parameter of model and loss is in exactly one.

    The backbone learns at `lr`; the head and the loss's class weights, which are not pretrained, at
    `lr * head_lr_factor`. Norms, biases and position embeddings are not decayed: they are few, and there is no capacity
    in them to restrain. Nor are class weights: the loss sees only their direction, and each step turns shorter ones
    further.

    Args:
        model: whose backbone and head are trained.
        loss: whose class weights are trained, if it has any.
        lr: learning rate of the backbone.
        head_lr_factor: learning rate of head and class weights, in multiples of `lr`.
        weight_decay: of AdamW, per unit of learning rate.

    Returns:
        Dictionaries of `name`, `params`, `lr` and `weight_decay`, the backbone's first.
    """
    spared = model.backbone.no_weight_decay() if hasattr(model.backbone, "no_weight_decay") else set()
    backbone = [(n, p) for n, p in model.backbone.named_parameters() if p.requires_grad]
    plain = [p for n, p in backbone if p.ndim <= 1 or n in spared]
    decayed = [p for n, p in backbone if not (p.ndim <= 1 or n in spared)]
    head_lr = lr * head_lr_factor
    groups = [
        {"name": "backbone", "params": decayed, "lr": lr, "weight_decay": weight_decay},
        {"name": "backbone, not decayed", "params": plain, "lr": lr, "weight_decay": 0.0},
        {"name": "head", "params": list(model.head.parameters()), "lr": head_lr, "weight_decay": weight_decay},
        {"name": "class weights", "params": list(loss.parameters()), "lr": head_lr, "weight_decay": 0.0},
    ]
    return [group for group in groups if group["params"]]
