"""What is measured while training: unaugmented, on the right images, with losses that mean the same as in training."""

import numpy as np
import pytest
import torch

from reid_lib.core.names import GALLERY, TEST, VAL
from reid_lib.data.split import Split
from reid_lib.nets.network import build_model
from reid_lib.params.fields import TrainParams
from reid_lib.train.classes import assign_classes
from reid_lib.train.losses import make_loss
from reid_lib.train.validation import Validation

PARAMS = TrainParams(image_size=32, embedding_dim=8, batch_size=8)


def make(world, *, classes="identity", loss="arcface", n=0):
    pixels, split = world
    trained = assign_classes(split, classes=classes, n=n, seed=0)
    model = build_model("test_resnet", pretrained=False, image_size=32, embedding_dim=8, seed=0)
    loss = make_loss(loss, num_classes=len(trained.names), embedding_dim=8, seed=0)
    return model, loss, Validation(pixels, split, trained, PARAMS, device="cpu")


def test_val_is_measured_without_augmentation_dropout_or_test_images(world):
    pixels, split = world
    model, loss, validation = make(world)
    first = validation(model.train(), loss.train())
    assert validation(model, loss) == first  # nothing random in it
    changed = pixels.copy()
    changed[split.queries(TEST)] = 0
    assert make((changed, split))[2](model, loss) == first
    assert model.training and loss.training


def test_val_loss_is_the_loss_of_known_val_images_and_says_how_many_it_left_out(world):
    pixels, split = world
    model, loss, validation = make(world)
    row = validation(model, loss)
    known = np.flatnonzero(split.queries(VAL) & split.rows["known"].to_numpy(bool))
    model.eval(), loss.eval()
    with torch.no_grad():
        embeddings = model(model.normalise(torch.from_numpy(pixels[known])))
        labels = torch.tensor(["abc".index(name) for name in split.rows["identity"].iloc[known]])
        expected = float(loss(embeddings, labels))
    assert row["val_loss"] == pytest.approx(expected, rel=1e-5)
    assert row["val_loss_left_out"] == 0


def test_images_of_a_flank_that_was_not_trained_are_counted_as_left_out(world):
    pixels, split = world
    rows = split.rows.copy()
    rows.loc[(rows["identity"] == "c") & (rows["role"] == GALLERY), "orientation"] = "left"
    rows.loc[(rows["identity"] == "c") & (rows["role"] == VAL), "orientation"] = "right"
    model, loss, validation = make((pixels, Split(rows, "random")), classes="identity+orientation")
    assert validation(model, loss)["val_loss_left_out"] == 2


@pytest.mark.parametrize("loss", ["triplet", "contrastive", "multisimilarity", "cosface", "subcenter_arcface"])
def test_every_loss_has_a_val_loss(world, loss):
    model, loss, validation = make(world, loss=loss)
    validation.prepare(model, loss)
    row = validation(model, loss)
    assert np.isfinite([row["val_loss"], row["train_eval_loss"], row["val_score"]]).all()


def test_prepare_points_class_weights_at_the_class_means(world):
    pixels, split = world
    model, loss, validation = make(world)
    validation.prepare(model, loss)
    rows = np.flatnonzero((split.rows["individual"] == "d/b") & split.queries(GALLERY))
    model.eval()
    with torch.no_grad():
        mean = model(model.normalise(torch.from_numpy(pixels[rows]))).mean(dim=0)
    assert float(torch.cosine_similarity(mean, loss.class_weights[1].detach(), dim=0)) == pytest.approx(1, abs=1e-5)
