"""What is measured while training: unaugmented, on the right images, with losses that mean the same as in training."""

import numpy as np
import pandas as pd
import pytest
import torch

from reid_lib.errors import SplitError
from reid_lib.losses import make_loss
from reid_lib.model import build_model
from reid_lib.names import GALLERY, IMAGE_ID, TEST, VAL
from reid_lib.params import TrainParams
from reid_lib.split import Split
from reid_lib.validation import Validation, training_classes

PARAMS = TrainParams(image_size=32, embedding_dim=8, batch_size=8)


@pytest.fixture
def world():
    """Four individuals with two flanks: three in gallery and val, one only in val; and a test image."""
    rows = []
    for name, roles in {"a": "ggggvv", "b": "ggggvv", "c": "ggvv", "u": "vv", "t": "t"}.items():
        for place, role in enumerate(roles):
            rows.append(
                {
                    "image_id": f"{name}{place}",
                    "identity": name,
                    "dataset": "d",
                    "individual": f"d/{name}",
                    "orientation": "left" if place % 2 else "right",
                    "role": {"g": GALLERY, "v": VAL, "t": TEST}[role],
                    "known": name not in "ut",
                }
            )
    rows = pd.DataFrame(rows).astype({"known": "boolean"})
    pixels = np.random.default_rng(0).integers(0, 256, (len(rows), 32, 32, 3), dtype=np.uint8)
    return pixels, Split(rows, "random")


def make(world, *, classes="identity", loss="arcface", n=0):
    pixels, split = world
    trained = training_classes(split, classes=classes, n=n, seed=0)
    model = build_model("resnet10t", pretrained=False, image_size=32, embedding_dim=8, seed=0)
    loss = make_loss(loss, num_classes=len(trained.names), embedding_dim=8, seed=0)
    return model, loss, Validation(pixels, split, trained, PARAMS, device="cpu")


def test_classes_are_the_gallery_individuals(world):
    _, split = world
    trained = training_classes(split, classes="identity", n=0, seed=0)
    assert trained.names == ["d/a", "d/b", "d/c"]
    assert set(split.rows["role"].iloc[trained.rows]) == {GALLERY}
    assert [trained.names[label] for label in trained.labels] == split.rows["individual"].iloc[trained.rows].tolist()
    assert set(split.rows["identity"][trained.of_row < 0]) == {"u", "t"}


def test_training_images_of_one_animal_are_refused_before_a_step_is_made(world):
    """So that torch's batch normalisation, or a loss without negatives, is not what tells."""
    _, split = world
    alone = Split(split.rows[(split.rows["role"] != GALLERY) | (split.rows["identity"] == "a")].reset_index(), "random")
    with pytest.raises(SplitError, match="4 training images of 1 animal: .*add photographs of others"):
        training_classes(alone, classes="identity", n=0, seed=0)
    with pytest.raises(SplitError, match=r"1 training images of 1 animal: .*raise n \(1\)"):
        training_classes(split, classes="identity", n=1, seed=0)


def test_each_flank_can_be_a_class_of_its_own(world):
    trained = training_classes(world[1], classes="identity+orientation", n=0, seed=0)
    assert trained.names == [f"d/{name}/{flank}" for name in "abc" for flank in ("left", "right")]


def test_n_limits_training_images_and_does_not_follow_the_row_order(world):
    _, split = world
    few = training_classes(split, classes="identity", n=4, seed=0)
    assert len(few.rows) == 4
    order = split.rows.sample(frac=1, random_state=1).reset_index(drop=True)
    again = training_classes(Split(order, "random"), classes="identity", n=4, seed=0)
    assert set(split.rows[IMAGE_ID].iloc[few.rows]) == set(order[IMAGE_ID].iloc[again.rows])


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
