"""Errors of users as messages: in IPython, and which of a notebook's errors were shown that way."""

import sys

import pytest
from IPython.core.interactiveshell import InteractiveShell

from reid_lib.core import errors, messages
from reid_lib.core.kernel import TRACEBACKS


@pytest.fixture
def shell():
    """IPython in this process: cells are run as a kernel would run them."""
    InteractiveShell.clear_instance()
    shell = InteractiveShell.instance()
    shell.run_line_magic("colors", "nocolor")
    yield shell
    InteractiveShell.clear_instance()


def said(shell, capsys, cell: str) -> tuple[str, BaseException | None]:
    result = shell.run_cell(cell, store_history=True)
    return capsys.readouterr().out, result.error_in_exec


FAILS = "from reid_lib.core.errors import *\nraise {}('margin: expected a number\\nlr: expected another')"


@pytest.mark.parametrize("name", ["ReidError", "ParameterError", "RunDiffersError"])
def test_an_error_of_the_library_is_its_message_alone_and_the_traceback_comes_on_request(shell, capsys, name):
    messages.show_in_notebook()
    out, error = said(shell, capsys, FAILS.format(name))
    assert out.split() == "\x1b[0;31merror:\x1b[0m margin: expected a number lr: expected another".split()
    assert isinstance(error, getattr(errors, name))  # what asks for a cell's result still gets it
    out, _ = said(shell, capsys, "%tb")
    assert "Traceback" in out and "raise " in out and "lr: expected another" in out


def test_any_other_error_has_its_traceback(shell, capsys):
    messages.show_in_notebook()
    out, _ = said(shell, capsys, "1 / 0")
    assert "Traceback" in out and "1 / 0" in out


def test_what_was_asked_to_stop_is_no_error(shell, capsys):
    messages.show_in_notebook()
    assert "stopped:" in said(shell, capsys, FAILS.format("TrainingInterrupted"))[0]


def test_a_cell_that_imports_the_library_and_fails_in_one_is_told_by_message(shell, capsys):
    out, _ = said(shell, capsys, "import importlib, reid_lib\nimportlib.reload(reid_lib)\n" + FAILS.format("RunError"))
    assert "error:" in out and "Traceback" not in out


def test_the_handler_of_somebody_else_stays(shell, capsys):
    shell.set_custom_exc((errors.ReidError,), lambda *_, **__: print("mine"))
    messages.show_in_notebook()
    assert said(shell, capsys, FAILS.format("ReidError"))[0] == "mine\n"


def test_outside_of_ipython_nothing_happens():
    InteractiveShell.clear_instance()
    hook = sys.excepthook
    messages.show_in_notebook()
    assert not InteractiveShell.initialized() and sys.excepthook is hook


@pytest.mark.parametrize(
    "name, lines, told",
    [
        ("ParameterError", ["\x1b[0;31merror:\x1b[0m lr: a\nm: b"], "error: lr: a\nm: b"),
        ("TrainingInterrupted", ["stopped: x"], "stopped: x"),
        ("ParameterError", ["-----", "Traceback", "ParameterError: lr"], ""),
        ("ValueError", ["error: x"], ""),
        ("ParameterError", [], ""),
    ],
)
def test_which_errors_of_a_notebook_were_shown_as_messages(name, lines, told):
    assert messages.find_shown_error(name, lines) == told


def test_the_traceback_comes_where_papermills_engine_asks_for_it(shell, capsys, monkeypatch):
    messages.show_in_notebook()
    monkeypatch.setenv(TRACEBACKS, "1")
    assert "Traceback" in said(shell, capsys, FAILS.format("ReidError"))[0]


def test_one_thing_is_no_plural():
    assert [messages.counted(n, "photograph") for n in (0, 1, 1200)] == [
        "0 photographs",
        "1 photograph",
        "1,200 photographs",
    ]
    assert messages.counted(1, "row has", "rows have") == "1 row has" and messages.counted(2, "y", "ies") == "2 ies"


@pytest.mark.parametrize("seconds, words", [(10, "1 min"), (200, "3 min"), (3600, "1 h 0 min"), (9000, "2 h 30 min")])
def test_durations_in_words(seconds, words):
    assert messages.format_duration(seconds) == words


@pytest.mark.parametrize(
    "seconds, words", [(0.4, "0 s"), (59.6, "1 min 0 s"), (185, "3 min 5 s"), (7800, "2 h 10 min")]
)
def test_exact_durations_in_words(seconds, words):
    assert messages.format_duration(seconds, exact=True) == words


@pytest.mark.parametrize(
    "number, words", [(1, "1 byte"), (999, "999 bytes"), (1500, "1.5 kB"), (2e9, "2.0 GB"), (3.25e12, "3.2 TB")]
)
def test_sizes_are_told_as_disks_are_sold(number, words):
    assert messages.format_bytes(number) == words
