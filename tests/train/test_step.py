"""One step: what it changes, and that its random numbers are its own."""

import numpy as np
import torch

from reid_lib.nets.network import build_model
from reid_lib.params.fields import TrainParams
from reid_lib.train.batches import TrainingImages
from reid_lib.train.group import ALONE
from reid_lib.train.losses import make_loss
from reid_lib.train.step import TrainingStep


def started(**options) -> tuple[TrainingStep, TrainingImages]:
    """A small network with dropout, and eight images of four classes."""
    params = TrainParams(num_epochs=1, warmup=0.0, scheduler="none", **options)
    model = build_model("test_resnet", pretrained=False, image_size=32, embedding_dim=8, dropout=0.5, seed=0).train()
    pixels = np.random.default_rng(0).integers(0, 256, (8, 32, 32, 3), dtype=np.uint8)
    images = TrainingImages(pixels, np.arange(8), np.arange(8) // 2, batch_size=8, m=2, seed=0)
    loss = make_loss("arcface", num_classes=4, embedding_dim=8, seed=0)
    step = TrainingStep(model, loss, images, params, device="cpu", precision="fp32", group=ALONE)
    step.start()
    return step, images


def after(step: TrainingStep, images: TrainingImages, number: int) -> torch.Tensor:
    """The backbone's first weights after a step of this number."""
    step(1, number, next(iter(images.epoch(1))))
    return next(step.model.backbone.parameters()).detach().clone()


def test_dropout_draws_from_the_number_of_the_step_and_not_from_what_was_drawn_before():
    torch.manual_seed(1)
    one = after(*started(), 3)
    torch.manual_seed(2)
    same, other = after(*started(), 3), after(*started(), 4)
    assert torch.equal(one, same) and not torch.equal(one, other)


def test_parts_put_back_make_the_next_step_the_same():
    step, images = started()
    after(step, images, 0)
    states = {name: part.state_dict() for name, part in step.parts().items()}
    states = torch.load(saved(states), weights_only=True)
    expected = after(step, images, 1)
    again, images = started()
    for name, part in again.parts().items():
        part.load_state_dict(states[name])
    assert torch.equal(after(again, images, 1), expected)


def saved(states: dict):
    """As a checkpoint holds them."""
    import io

    file = io.BytesIO()
    torch.save(states, file)
    file.seek(0)
    return file


def test_the_learning_rate_is_that_of_the_backbone():
    step, _ = started(lr=3e-4)
    assert step.lr == 3e-4
