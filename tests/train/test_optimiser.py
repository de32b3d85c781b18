"""Every parameter is stepped on once, at its own rate."""

import pytest
import torch
from model_cases import SMALL, images, small

from reid_lib.nets.network import build_model
from reid_lib.train.losses import make_loss
from reid_lib.train.optimiser import group_parameters


@pytest.mark.parametrize("loss_name", ["arcface", "subcenter_arcface", "triplet"])
@pytest.mark.parametrize("backbone", [SMALL, "vit_tiny_patch16_224"])
@pytest.mark.parametrize("embedding_dim", [0, 8])
def test_every_parameter_is_in_exactly_one_group(loss_name, backbone, embedding_dim):
    model = build_model(backbone, pretrained=False, image_size=32, embedding_dim=embedding_dim)
    loss = make_loss(loss_name, num_classes=3, embedding_dim=model.embedding_dim)
    groups = group_parameters(model, loss, lr=1e-3, head_lr_factor=10.0, weight_decay=0.1)
    placed = [id(parameter) for group in groups for parameter in group["params"]]
    wanted = [id(parameter) for module in (model, loss) for parameter in module.parameters()]
    assert sorted(placed) == sorted(wanted) and len(set(placed)) == len(placed)
    assert all(group["params"] for group in groups)


def test_groups_give_the_head_its_rate_and_spare_norms_and_class_weights_the_decay():
    model = build_model("vit_tiny_patch16_224", pretrained=False, image_size=32, embedding_dim=8)
    loss = make_loss("arcface", num_classes=3, embedding_dim=8)
    groups = group_parameters(model, loss, lr=1e-3, head_lr_factor=10.0, weight_decay=0.1)
    found = {id(p): (group["lr"], group["weight_decay"]) for group in groups for p in group["params"]}
    block = model.backbone.blocks[0]
    assert found[id(block.mlp.fc1.weight)] == (1e-3, 0.1)
    for spared in (block.mlp.fc1.bias, block.norm1.weight, model.backbone.pos_embed, model.backbone.cls_token):
        assert found[id(spared)] == (1e-3, 0.0)
    assert found[id(model.head.linear.weight)] == (1e-2, 0.1)
    assert found[id(loss.inner.W)] == (1e-2, 0.0)
    optimizer = torch.optim.AdamW(groups)
    optimizer.load_state_dict(optimizer.state_dict())


def test_frozen_parameters_are_left_to_themselves():
    model = small()
    model.backbone.requires_grad_(False)
    loss = make_loss("triplet", num_classes=3, embedding_dim=8)
    groups = group_parameters(model, loss, lr=1e-3, head_lr_factor=10.0, weight_decay=0.1)
    assert [group["name"] for group in groups] == ["head"]


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_one_step_moves_backbone_head_and_class_weights(precision):
    model, batch, labels = small().train(), images(8), torch.arange(8) % 3
    loss = make_loss("arcface", num_classes=3, embedding_dim=8)
    watched = [model.backbone.conv1[0].weight, model.head.linear.weight, loss.inner.W]
    before = [parameter.detach().clone() for parameter in watched]
    optimizer = torch.optim.AdamW(group_parameters(model, loss, lr=1e-3, head_lr_factor=10.0, weight_decay=0.0))
    with torch.autocast("cpu", torch.bfloat16, enabled=precision == "bf16"):
        embeddings = model(model.normalise(batch))
    loss(embeddings, labels).backward()
    optimizer.step()
    for parameter, old in zip(watched, before, strict=True):
        assert parameter.dtype == torch.float32 and not torch.equal(parameter, old)
