"""`reid show` and `reid state` for programs; for people see test_main."""

import json

import pytest
from main_cases import say
from plain_runs import make_plain


@pytest.fixture(autouse=True)
def root(clean_dirs):
    return clean_dirs / "runs"


def test_show_as_json_has_the_numbers_and_the_words(capsys):
    make_plain("a", 0.75)
    told = json.loads(say(capsys, "show", "a", "--json")[1])
    assert told["metrics"]["test"]["top1"]["value"] == 0.75 and "geometric mean 0.750" in told["headline"]


def test_state_as_json(capsys):
    make_plain("a")
    told = json.loads(say(capsys, "state", "a", "--json")[1])
    assert (told["run"], told["state"], told["error"]) == ("a", "finished", None)
    assert say(capsys, "state", "nobody", "--json")[0] == 1
