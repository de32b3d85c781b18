"""What is measured while training: unaugmented, on the right images, with losses that mean the same as in training."""

import pytest

from reid_lib.core.errors import SplitError
from reid_lib.core.names import GALLERY, IMAGE_ID
from reid_lib.data.split import Split
from reid_lib.train.classes import assign_classes


def test_classes_are_the_gallery_individuals(world):
    _, split = world
    trained = assign_classes(split, classes="identity", n=0, seed=0)
    assert trained.names == ["d/a", "d/b", "d/c"]
    assert set(split.rows["role"].iloc[trained.rows]) == {GALLERY}
    assert [trained.names[label] for label in trained.labels] == split.rows["individual"].iloc[trained.rows].tolist()
    assert set(split.rows["identity"][trained.of_row < 0]) == {"u", "t"}


def test_training_images_of_one_animal_are_refused_before_a_step_is_made(world):
    """So that torch's batch normalisation, or a loss without negatives, is not what tells."""
    _, split = world
    alone = Split(split.rows[(split.rows["role"] != GALLERY) | (split.rows["identity"] == "a")].reset_index(), "random")
    with pytest.raises(SplitError, match="4 training images of 1 animal: .*add photographs of others"):
        assign_classes(alone, classes="identity", n=0, seed=0)
    with pytest.raises(SplitError, match=r"1 training images of 1 animal: .*raise n \(1\)"):
        assign_classes(split, classes="identity", n=1, seed=0)


def test_each_flank_can_be_a_class_of_its_own(world):
    trained = assign_classes(world[1], classes="identity+orientation", n=0, seed=0)
    assert trained.names == [f"d/{name}/{flank}" for name in "abc" for flank in ("left", "right")]


def test_n_limits_training_images_and_does_not_follow_the_row_order(world):
    _, split = world
    few = assign_classes(split, classes="identity", n=4, seed=0)
    assert len(few.rows) == 4
    order = split.rows.sample(frac=1, random_state=1).reset_index(drop=True)
    again = assign_classes(Split(order, "random"), classes="identity", n=4, seed=0)
    assert set(split.rows[IMAGE_ID].iloc[few.rows]) == set(order[IMAGE_ID].iloc[again.rows])
