"""`reid identify`: what is typed reaches the question; what is wrong is one message."""

import pytest
from main_cases import say

from reid_lib.pipeline import identification as module


@pytest.fixture
def asked(monkeypatch, clean_dirs):
    """The parameters that were asked with."""
    told = []

    def ask(params):
        told.append(params)
        return module.Identified(clean_dirs / "runs" / "answers" / "x", None, "2 photographs: all new.")

    monkeypatch.setattr(module, "identify", ask)
    return told


def test_run_photographs_and_options(capsys, asked):
    code, out, err = say(capsys, "identify", "my-run", "neue Fotos", "--folders", "encounter", "--answers", "x")
    assert (code, err) == (0, "") and out.startswith("2 photographs: all new.\nanswers: ") and "answers.html" in out
    expected = {"run": "my-run", "photos": "neue Fotos", "folders": "encounter", "answers": "x"}
    assert asked[0].differences() == expected


def test_a_gallery_needs_no_run(capsys, asked):
    assert say(capsys, "identify", "--gallery", "lynxes", "photos")[0] == 0
    assert (asked[0].run, asked[0].gallery, asked[0].photos) == ("", "lynxes", "photos")


@pytest.mark.parametrize(
    "arguments, words",
    [
        (["photos"], "expected a run and photographs"),
        ([], "expected a run and photographs"),
        (["a", "b", "c"], "expected a run and photographs"),
        (["my-run", "photos", "--folders", "animals"], "folders: expected 'none' or 'encounter'"),
    ],
)
def test_what_is_wrong_is_one_message(capsys, asked, arguments, words):
    code, _, err = say(capsys, "identify", *arguments)
    assert code == 1 and words in err and not asked


def test_a_run_that_is_not_there_is_told(capsys, clean_dirs):
    code, _, err = say(capsys, "identify", "nobody", "photos")
    assert code == 1 and "there is no run 'nobody'" in err
