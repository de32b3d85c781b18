"""What is stored is checked when it is read."""

import pytest

from reid_lib.core.errors import ParameterError
from reid_lib.match.answer import AnswerFit

GOOD = {"slope": 0.5, "margin": 0.1, "intercept": -1, "n_right": 3, "n_wrong": 4}


def test_what_was_stored_comes_back():
    assert AnswerFit.from_dict(GOOD).to_dict() == GOOD


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"slope": "0.5"}, "slope: .*number.*'0.5'"),
        ({"slope": float("nan")}, "slope: .*finite"),
        ({"n_right": 1.5}, "n_right: .*integer"),
        ({"colour": 1}, "colour: .*not permitted"),
    ],
)
def test_what_it_should_not_be_is_said(change, message):
    with pytest.raises(ParameterError, match=message):
        AnswerFit.from_dict(GOOD | change)
    with pytest.raises(ParameterError, match="all of it"):
        AnswerFit.from_dict(None)
