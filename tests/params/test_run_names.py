"""Names of runs: short, told apart, of legal characters; none of two sets of parameters."""

import itertools

import pytest

from reid_lib.params.fields import EvaluateParams, TrainParams
from reid_lib.params.run_names import LONGEST_NAME, say_number


def test_name_of_a_run_tells_what_differs_and_nothing_that_does_not_matter():
    assert TrainParams().default_name() == "default"
    assert TrainParams(lr=1e-4, loss="cosface", flip=True).default_name() == "cosface_lr-1e-4_flip"
    assert TrainParams(device="cpu", num_workers=3, reference="x").default_name() == "default"
    assert EvaluateParams().default_name() == "eval"
    assert EvaluateParams(run="mine").default_name() == "eval_of-mine"


def test_the_data_set_comes_first_and_once():
    own = {"data_root": "../shared/data/my photos", "backbone": "hf-hub:a/b"}
    assert TrainParams(dataset="folder", **own).default_name() == "folder-my-photos_hf-hub-a-b"
    assert TrainParams(lr=1e-4, dataset="demo:small").default_name() == "demo-small_lr-1e-4"
    there = TrainParams(dataset="animalclef2025", data_root="data/animalclef2025")
    assert there.default_name() == "animalclef2025"
    assert TrainParams(backbone=":").default_name() == "backbone--"  # a name cannot begin with what is no letter
    assert TrainParams(data_root=".x").default_name() == "data-.x"


def test_a_training_its_evaluation_and_that_of_a_backbone_have_three_names():
    same = {"dataset": "demo:small"}
    asked = [EvaluateParams(run="demo-small"), EvaluateParams(**same), TrainParams(**same)]
    asked += [EvaluateParams(run="resnet50"), EvaluateParams(backbone="resnet50"), TrainParams(backbone="resnet50")]
    assert len({params.default_name() for params in asked}) == len(asked)


def test_a_long_name_is_cut_between_parts_and_stays_one_of_its_own():
    many = {"dataset": "demo:small", "backbone": "mobilenetv3_small_100", "pretrained": False, "image_size": 96}
    names = [
        TrainParams(**many, embedding_dim=d, seed=s).default_name() for d, s in itertools.product((16, 32), (0, 1))
    ]
    assert len(set(names)) == 4 and all(len(name) <= LONGEST_NAME for name in names)
    assert names[1].startswith("demo-small_mobilenetv3_small_100_seed-1_")
    assert len(names[1].rpartition("_")[2]) == 6
    long = [TrainParams(backbone="x" * 200, lr=lr).default_name() for lr in (1e-4, 2e-4)]
    assert all(len(name) <= LONGEST_NAME for name in long) and long[0] != long[1]


def test_what_runs_were_called_before_is_known():
    odd = TrainParams(dataset="wildlife:NyalaData", data_root="data/my photos", lr=1e-4, pretrained=False)
    assert odd.name_before() == "dataset-wildlife-NyalaData_data_root-my-photos_pretrained-False_lr-0.0001"
    assert EvaluateParams(run="mine").name_before() == "eval_run-mine"


def test_values_that_differ_in_the_seventh_digit_make_two_names():
    near = [TrainParams(lr=lr).default_name() for lr in (1.2345678e-4, 1.2345679e-4)]
    assert len(set(near)) == 2 and all(name.startswith("lr-0.000123456") for name in near)


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (3e-4, "3e-4"),
        (0.01, "0.01"),
        (1e-3, "1e-3"),
        (0.0015, "0.0015"),
        (1.5e-5, "1.5e-5"),
        (0.3, "0.3"),
        (2.5, "2.5"),
    ],
)
def test_numbers_have_few_letters_and_lose_nothing(value, words):
    assert say_number(value) == words and float(words) == value


@pytest.mark.parametrize("value", [1.2345678e-4, 1e22, 123456789.5, 1 / 3, 7e-300])
def test_a_number_of_many_digits_keeps_them(value):
    assert float(say_number(value)) == value
