"""Parameters: spellings that are understood, mix-ups that are refused with their cure, names of runs."""

import math

import numpy as np
import pytest

from reid_lib.core.errors import ParameterError
from reid_lib.params.base import ALIASES, NUMBERS
from reid_lib.params.fields import EvaluateParams, TrainParams
from reid_lib.params.look import LookParams


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
        (
            {"run_name": 7},
            r"run_name: expected text: .*\(-p reads 007 as 7, -r run_name 007 does not\)",
        ),
        ({"pretrained": 2}, r"pretrained: expected True or False; got 2"),
        ({"num_epochs": 5.5}, r"num_epochs: expected a whole number; got 5.5"),
        ({"lr": "fast"}, r"lr: expected a number; got 'fast' \(learning rate"),
        ({"lr": math.nan}, r"lr: expected a finite number"),
        ({"lr": "inf"}, r"lr: expected a finite number"),
        ({"num_epochs": -1}, r"num_epochs: expected at least 0 and at most 100000; got -1"),
        ({"val_split": 0.9}, r"val_split: expected at least 0 and at most 0.5; got 0.9"),
        ({"dropout": 1}, r"dropout: expected at least 0 and less than 1; got 1"),
        ({"lr": -1}, r"lr: expected more than 0 and at most 10; got -1"),
        ({"seed": 10**400}, r"seed: expected a finite number"),
        ({"seed": 2**64}, r"seed: expected at least 0 and at most 9223372036854775807; got 18446744073709551616"),
        ({"seed": "18446744073709551616"}, r"seed: expected at least 0 and at most 9223372036854775807"),
        ({"seed": 2**64 - 1}, r"seed: expected at least 0 and at most 9223372036854775807; got 18446744073709551615"),
        ({"split_seed": "18446744073709551615"}, r"split_seed: expected at least 0 and at most 9223372036854775807"),
        ({"seed": 1e30}, r"seed: expected at least 0 and at most 9223372036854775807"),
        ({"seed": -1}, r"seed: expected at least 0 and at most 9223372036854775807; got -1"),
        ({"split_seed": 2**64}, r"split_seed: expected at least 0 and at most 9223372036854775807"),
        ({"dataset": "a\x00b"}, r"dataset: expected text that UTF-8 can write.*; got 'a\\x00b'"),
        ({"run_name": "\ud800"}, r"run_name: expected text that UTF-8 can write"),
        ({"device": "x" * 5000}, r"device: .*; got 'xxx.*\.\.\. \(5002 characters\)"),
        ({"run_name": 10**900}, r"run_name: expected text: .*0\.\.\. \(901 characters\)"),
        ({"scale": 1e308}, r"scale: expected more than 0 and at most 1000; got 1e\+308"),
        ({"patience": 10**30}, r"patience: expected at least 0 and at most 1000000000"),
        ({"scale": "1e400"}, r"scale: expected a finite number; got '1e400'"),
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


def numeric_fields():
    return [
        pytest.param(kind, name, id=f"{kind.__name__}.{name}")
        for kind in (TrainParams, EvaluateParams, LookParams)
        for name, field in kind.model_fields.items()
        if field.annotation in NUMBERS
    ]


@pytest.mark.parametrize("kind, name", numeric_fields())
def test_no_numeric_parameter_takes_what_only_python_reads_as_a_number(kind, name):
    """1_0 is ten to Python, and so are digits of other scripts; booleans are numbers, and bytes are read as text."""
    plain = r"expected a number in plain digits, as 10 or 1e-4"
    finite = "expected a finite number"
    for typed, message in (
        ("1_0", plain), ("0_1", plain), ("1_0e0", plain), ("\u0661\u0662", plain), ("\uff11\uff12", plain),
        ("1e400", finite), ("-1e400", finite), ("nan", finite), ("-Infinity", finite), (math.nan, finite),
        (True, "expected a number, not True or False"), (False, "expected a number, not True or False"),
        (np.True_, "expected a number"), (b"10", "expected a number"), (1j, "expected a number"),
        ([10], "expected a number"), ("0x10", "expected a number"),
    ):  # fmt: skip
        with pytest.raises(ParameterError, match=f"^{name}: {message}") as told:
            kind.checked({name: typed})
        assert "; got " in str(told.value)


def test_numbers_as_people_and_numpy_write_them_are_understood():
    for typed in ("10", " 10 ", "+10", "10.", "1e1", "1.0E+1", "010", np.int64(10), np.float32(10)):
        assert TrainParams.checked({"num_epochs": typed}).num_epochs == 10, typed
    assert TrainParams.checked({"lr": ".5e-1"}).lr == 0.05


def test_everything_wrong_is_told_at_once():
    with pytest.raises(ParameterError) as caught:
        TrainParams.checked({"learning_rate": 1, "lr": "fast", "num_epochs": -1})
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
