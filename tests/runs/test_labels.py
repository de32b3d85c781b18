"""Labels of runs: what differs among those shown, never two alike, the whole name where nothing tells them apart."""

import pandas as pd

from reid_lib.params.fields import EvaluateParams, TrainParams
from reid_lib.runs.labels import label_runs


def table(**runs):
    """name -> parameters, in rows as the table of all runs has them."""
    rows = [{"run": name} | {f"param_{n}": v for n, v in params.model_dump().items()} for name, params in runs.items()]
    return pd.DataFrame(rows)


def train(**given):
    return TrainParams.checked(given)


def test_runs_are_called_by_what_differs_among_those_shown():
    runs = table(a=train(lr=3e-4, seed=1), b=train(lr=3e-4), c=train(lr=1e-3, seed=1, run_name="mine", device="auto"))
    assert label_runs(runs) == {"a": "lr 3e-4, seed 1", "b": "lr 3e-4, seed 0", "c": "lr 1e-3, seed 1"}
    assert label_runs(runs.head(2)) == {"a": "seed 1", "b": "seed 0"}
    assert label_runs(runs.head(1)) == {"a": "a"} and label_runs(runs.head(0)) == {}


def test_equal_parameters_fall_back_to_the_whole_name():
    runs = table(first=train(), again=train(), other=train(seed=1))
    assert label_runs(runs) == {"first": "first", "again": "again", "other": "seed 1"}
    assert label_runs(pd.DataFrame({"run": ["x", "y"]})) == {"x": "x", "y": "y"}


def test_no_label_is_the_name_of_another_run():
    runs = table(**{"seed 1": train(seed=2), "b": train(seed=1)})
    assert len(set(label_runs(runs).values())) == 2 and label_runs(runs)["b"] == "b"


def test_of_many_parameters_those_at_their_default_are_left_out():
    changes = {"lr": 1e-2, "loss": "cosface", "image_size": 224, "seed": 3}
    runs = table(base=train(), **{name: train(**{name: value}) for name, value in changes.items()})
    found = {"base": "the defaults", "lr": "lr 0.01", "loss": "loss cosface", "image_size": "image size 224"}
    assert label_runs(runs) == found | {"seed": "seed 3"}


def test_a_label_longer_than_a_line_gives_way_to_the_name():
    long = {"backbone": "hf-hub:" + "x" * 60}
    assert label_runs(table(short=train(**long), b=train())) == {
        "short": "short",
        "b": "backbone tf_efficientnet_lite0",
    }


def test_a_missing_value_is_the_loss_s_own_and_whole_numbers_stay_whole():
    runs = table(a=train(), b=train(margin=0.5), c=train(margin=0.5, seed=1))
    runs = pd.concat([runs, table(d=EvaluateParams.checked({}))], ignore_index=True)  # param_seed is a float now
    shown = label_runs(runs)
    assert shown["a"] == "training, own margin, seed 0" and shown["c"] == "training, margin 0.5, seed 1"


def test_an_evaluation_beside_trainings_says_what_it_evaluates():
    runs = table(a=train(), b=train(seed=1))
    one = table(e=EvaluateParams.checked({"run": "a"}))
    kinds = {"a": "training, seed 0", "b": "training, seed 1", "e": "evaluation of a"}
    assert label_runs(pd.concat([runs, one], ignore_index=True)) == kinds
    frozen = table(f=EvaluateParams.checked({}), g=EvaluateParams.checked({"run": "a", "scores": "embedding"}))
    shown = label_runs(pd.concat([runs.head(1), frozen], ignore_index=True))
    told = {"f": "evaluation of the backbone alone, scores embedding+local", "g": "evaluation of a, scores embedding"}
    assert shown == {"a": "training"} | told
    assert label_runs(frozen)["g"] == "of a, scores embedding"


def test_a_run_of_before_has_later_parameters_at_their_default():
    new = table(new=EvaluateParams.checked({}), flip=EvaluateParams.checked({"views": "flip"}))
    both = pd.concat([new, new.head(1).assign(run="old", param_views=None)], ignore_index=True)
    assert label_runs(both) == {"new": "new", "flip": "views flip", "old": "old"}
