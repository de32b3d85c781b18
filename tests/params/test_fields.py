"""Parameters: spellings that are understood, mix-ups that are refused with their cure, names of runs."""

import json
import math

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reid_lib.core.errors import ParameterError
from reid_lib.params.fields import EvaluateParams, TrainParams
from reid_lib.runs.folder import check_name


def test_every_parameter_says_what_it_means():
    for kind in (TrainParams, EvaluateParams):
        assert all(field.description for field in kind.model_fields.values())


def test_table_shows_what_was_changed_and_says_when_nothing_was():
    table = TrainParams(seed=3, lr=1e-4).table()
    assert table["value"].to_dict() == {"seed": "3", "lr": "0.0001"}
    assert table["default"].to_dict() == {"seed": "0", "lr": "0.001"}
    assert TrainParams().table()["value"].to_dict() == {"all parameters": "at their defaults"}


def test_a_long_path_does_not_break_the_table_of_a_log_into_two_halves(monkeypatch):
    monkeypatch.setattr("reid_lib.params.cells.notebook_values", lambda names: {"data_root": "/photos/of/a/season" * 5})
    in_kernel = ("display.width", 80, "display.max_colwidth", 50, "display.max_columns", 20)
    with pd.option_context(*in_kernel):  # which restores what the notebook's cell sets
        lines = str(TrainParams.from_notebook().table()).splitlines()
    assert len(lines) == 3 and "/photos/of/a/season" * 5 in lines[-1]


def test_parameters_that_do_not_fit_together_are_told_at_once():
    with pytest.raises(ParameterError) as caught:
        TrainParams.checked({"m": 64, "loss": "triplet", "scale": 30, "margin": 28.6})
    assert {line.split(":")[0] for line in str(caught.value).splitlines()} == {"m", "scale", "margin"}


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
    assert params.table().index.tolist() == (list(params.differences()) or ["all parameters"])


def test_size_and_length_may_be_left_to_the_photographs_in_numbers_and_in_a_word():
    params = TrainParams.checked({"image_size": "auto", "num_epochs": "Auto"})
    assert params == TrainParams() and params.left == ["image_size", "num_epochs"]
    assert TrainParams(image_size=32).left == ["num_epochs"]
    for size in (1, 31):
        with pytest.raises(ParameterError, match=rf"image_size: expected at least 32 px, or 0 \(auto\); got {size}"):
            TrainParams.checked({"image_size": size})
    with pytest.raises(ParameterError, match="embedding_dim: expected a number"):
        TrainParams.checked({"embedding_dim": "auto"})  # nothing decides on it
