"""Parameters: spellings that are understood, mix-ups that are refused with their cure, names of runs."""

import json
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reid_lib.errors import ParameterError
from reid_lib.params import ALIASES, LOSS_DEFAULTS, EvaluateParams, TrainParams
from reid_lib.runfolder import check_name


@pytest.mark.parametrize(
    "name, given, meant",
    [
        ("lr", "1e-4", 1e-4),  # YAML 1.1 reads 1e-4 as text
        ("lr", 1, 1.0),
        ("num_epochs", "10", 10),
        ("num_epochs", 5.0, 5),
        ("pretrained", "false", False),  # papermill -p pretrained false
        ("pretrained", "True", True),
        ("margin", "", None),
        ("margin", "None", None),
        ("margin", "0.5", 0.5),
        ("run_name", "007", "007"),
        ("seed", 2**53 + 1, 2**53 + 1),  # by way of a float it would be another seed
        ("seed", "9007199254740993", 2**53 + 1),
        ("num_epochs", "1e3", 1000),
    ],
)
def test_spellings_of_shell_and_yaml_are_understood(name, given, meant):
    value = getattr(TrainParams.checked({name: given}), name)
    assert value == meant and type(value) is type(meant)


@pytest.mark.parametrize(
    "values, message",
    [
        ({"learning_rate": 1e-4}, r"unknown parameter 'learning_rate'; did you mean 'lr'\?"),
        ({"backbonne": "x"}, r"unknown parameter 'backbonne'; did you mean 'backbone'\?"),
        ({"LR": 1}, r"unknown parameter 'LR'; did you mean 'lr'\?"),
        ({"batchSize": 8}, r"unknown parameter 'batchSize'; did you mean 'batch_size'\?"),
        ({"qqq": 1}, r"unknown parameter 'qqq'; expected one of dataset, "),
        ({"lr": True}, r"lr: expected a number, not True or False; got True"),
        ({"num_epochs": False}, r"num_epochs: expected a number"),
        ({"run_name": 7}, r"run_name: expected text: .*-r run_name 7"),
        ({"pretrained": 2}, r"pretrained: expected True or False; got 2"),
        ({"num_epochs": 5.5}, r"num_epochs: expected a whole number; got 5.5"),
        ({"lr": "fast"}, r"lr: expected a number; got 'fast' \(learning rate"),
        ({"lr": math.nan}, r"lr: expected a finite number"),
        ({"lr": "inf"}, r"lr: expected a finite number"),
        ({"num_epochs": 0}, r"num_epochs: expected at least 1 and at most 100000; got 0"),
        ({"val_split": 0.9}, r"val_split: expected at least 0 and at most 0.5; got 0.9"),
        ({"dropout": 1}, r"dropout: expected at least 0 and less than 1; got 1"),
        ({"lr": -1}, r"lr: expected more than 0 and at most 10; got -1"),
        ({"seed": 10**400}, r"seed: expected a finite number"),
        ({"seed": 2**64}, r"seed: expected at least 0 and at most 18446744073709551615; got 18446744073709551616"),
        ({"seed": "18446744073709551616"}, r"seed: expected at least 0 and at most 18446744073709551615"),
        ({"seed": 1e30}, r"seed: expected at least 0 and at most 18446744073709551615"),
        ({"seed": -1}, r"seed: expected at least 0 and at most 18446744073709551615; got -1"),
        ({"split_seed": 2**64}, r"split_seed: expected at least 0 and at most 18446744073709551615"),
        ({"dataset": "a\x00b"}, r"dataset: expected text that UTF-8 can write.*; got 'a\\x00b'"),
        ({"run_name": "\ud800"}, r"run_name: expected text that UTF-8 can write"),
        ({"device": "x" * 5000}, r"device: .*; got 'xxx.*\.\.\. \(5002 characters\)"),
        ({"run_name": 10**900}, r"run_name: expected text: .*0\.\.\. \(901 characters\)\)"),
        ({"scale": 1e308}, r"scale: expected more than 0 and at most 1000; got 1e\+308"),
        ({"patience": 10**30}, r"patience: expected at least 0 and at most 1000000000"),
        ({"n": 1}, r"n: nothing can be told apart in one training image; expected 0 \(all\) or at least 2"),
        ({"loss": "softmax"}, r"loss: expected 'arcface', .*; got 'softmax'"),
        ({"m": 40, "batch_size": 32}, r"m: 40 images per individual do not fit into a batch_size of 32"),
        ({"loss": "triplet", "scale": 30}, r"scale: the loss 'triplet' has none \(those that have: arcface, "),
        ({"loss": "multisimilarity", "margin": 0.1}, r"margin: the loss 'multisimilarity' has none"),
        ({"margin": 28.6}, r"margin: 'arcface' takes radians, at most 1.57; got 28.6"),
    ],
)
def test_what_is_wrong_is_said_with_its_cure(values, message):
    with pytest.raises(ParameterError, match=message):
        TrainParams.checked(values)


def test_everything_wrong_is_told_at_once():
    with pytest.raises(ParameterError) as caught:
        TrainParams.checked({"learning_rate": 1, "lr": "fast", "num_epochs": 0})
    lines = str(caught.value).splitlines()
    assert [line.split(":")[0] for line in lines] == [
        "unknown parameter 'learning_rate'; did you mean 'lr'?",
        "lr",
        "num_epochs",
    ]


def test_aliases_lead_to_parameters_that_exist():
    assert set(ALIASES.values()) <= set(TrainParams.model_fields)
    assert not set(ALIASES) & set(TrainParams.model_fields)


def test_parameters_cannot_be_changed_afterwards():
    with pytest.raises(Exception, match="frozen"):
        TrainParams().lr = 1.0


def test_every_parameter_says_what_it_means():
    for kind in (TrainParams, EvaluateParams):
        assert all(field.description for field in kind.model_fields.values())


def test_every_loss_is_a_choice():
    choices = TrainParams.model_fields["loss"].annotation.__args__
    assert set(choices) == set(LOSS_DEFAULTS)


def test_name_of_a_run_tells_what_differs_and_nothing_that_does_not_matter():
    assert TrainParams().default_name() == "default"
    assert TrainParams(lr=1e-4, loss="cosface").default_name() == "loss-cosface_lr-0.0001"
    assert TrainParams(device="cpu", num_workers=3, reference="x").default_name() == "default"
    assert EvaluateParams().default_name() == "eval"
    assert EvaluateParams(run="mine").default_name() == "eval_run-mine"


def test_name_of_a_run_has_legal_characters_and_a_bounded_length():
    odd = TrainParams(dataset="wildlife:NyalaData", data_root="../shared/data/my photos", backbone="hf-hub:a/b")
    assert odd.default_name() == "dataset-wildlife-NyalaData_data_root-my-photos_backbone-hf-hub-a-b"
    long = [TrainParams(backbone="x" * 200, lr=lr).default_name() for lr in (1e-4, 2e-4)]
    assert all(len(name) <= 80 for name in long)
    assert long[0] != long[1]


def test_table_shows_what_was_changed_and_says_when_nothing_was():
    table = TrainParams(seed=3, lr=1e-4).table()
    assert table["value"].to_dict() == {"seed": "3", "lr": "0.0001"}
    assert table["default"].to_dict() == {"seed": "0", "lr": "0.001"}
    assert TrainParams().table().empty and "defaults" in TrainParams().table().index.name


def test_parameters_that_do_not_fit_together_are_told_at_once():
    with pytest.raises(ParameterError) as caught:
        TrainParams.checked({"m": 64, "loss": "triplet", "scale": 30, "margin": 28.6})
    assert {line.split(":")[0] for line in str(caught.value).splitlines()} == {"m", "scale", "margin"}


def test_values_that_differ_in_the_seventh_digit_make_two_names():
    near = [TrainParams(lr=lr).default_name() for lr in (1.2345678e-4, 1.2345679e-4)]
    assert near == ["lr-0.00012345678", "lr-0.00012345679"]


ODD = st.one_of(
    st.booleans(),
    st.none(),
    st.integers(),
    st.sampled_from(
        [2**63, 2**64 - 1, 2**64, 10**30, -(10**30), 10**400, 1e308, 1e-320, math.nan, math.inf, -math.inf]
    ),
    st.floats(),
    st.text(max_size=20),
    st.characters(categories=["Cs", "Cc"]),
    st.sampled_from(["nan", "1e999", "0x10", "None", "null", "9" * 5000, "../x", "$HOME", "a'b\"c", "x" * 5000]),
    st.lists(st.integers(), max_size=2),
    st.dictionaries(st.text(max_size=2), st.integers(), max_size=1),
    st.binary(max_size=2),
)


@pytest.mark.parametrize("kind", [TrainParams, EvaluateParams])
@given(data=st.data())
@settings(max_examples=200)
def test_whatever_is_typed_is_a_value_that_can_be_written_or_a_message_that_names_its_parameter(kind, data):
    name = data.draw(st.sampled_from(sorted(kind.model_fields)))
    value = data.draw(ODD)
    try:
        params = kind.checked({name: value})
    except ParameterError as error:
        assert str(error).startswith(name) and len(str(error)) < 500
        return
    json.loads(json.dumps(params.model_dump(), allow_nan=False).encode())
    assert kind.checked({name: getattr(params, name)}) == params
    made = params.default_name()
    assert check_name(made) == made
    assert params.table().index.tolist() == list(params.differences())
