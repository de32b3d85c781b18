"""One logger: shown in words by default, silenced or redirected by whoever uses the library."""

import logging
import subprocess
import sys

import pytest

from reid_lib.core import logs
from reid_lib.core.logs import LOGGER, Shown, quieten, show_messages, show_notes_on


@pytest.fixture(autouse=True)
def as_before():
    handlers, level, propagate = list(LOGGER.handlers), LOGGER.level, LOGGER.propagate
    yield
    LOGGER.handlers[:] = handlers
    LOGGER.setLevel(level)
    LOGGER.propagate = propagate


def tell() -> None:
    LOGGER.info("epoch 1  100 % of it")
    LOGGER.warning("the cache is not whole")


def test_progress_and_notes_are_printed_in_the_order_in_which_they_come(capsys):
    tell()
    print("a result")
    assert capsys.readouterr() == ("epoch 1  100 % of it\nnote: the cache is not whole\na result\n", "")


def test_on_the_command_line_notes_are_no_part_of_the_result(capsys):
    with show_notes_on("stderr"):
        tell()
    assert capsys.readouterr() == ("epoch 1  100 % of it\n", "note: the cache is not whole\n")
    tell()
    assert capsys.readouterr().err == ""


def test_one_who_wants_silence_gets_it(capsys):
    LOGGER.setLevel(logging.ERROR)
    show_messages()
    tell()
    assert capsys.readouterr() == ("", "")


def test_a_handler_of_somebody_else_stays_and_the_root_logger_tells_nothing_twice(capsys, caplog):
    told = []
    own = logging.Handler()
    own.emit = lambda record: told.append((record.levelname, record.getMessage()))
    LOGGER.handlers[:] = [own]
    show_messages()
    tell()
    assert told == [("INFO", "epoch 1  100 % of it"), ("WARNING", "the cache is not whole")]
    assert capsys.readouterr() == ("", "")
    LOGGER.handlers[:] = []
    show_messages()
    show_messages()
    tell()
    assert len(LOGGER.handlers) == 1 and isinstance(LOGGER.handlers[0], Shown) and not caplog.records


def test_importing_the_library_is_enough_and_what_was_set_before_counts():
    code = "import logging\n{}\nimport reid_lib\nfrom reid_lib.core.logs import LOGGER\nLOGGER.warning('x')"
    for before, said in (("", "note: x\n"), ("logging.getLogger('reid_lib').setLevel(logging.ERROR)", "")):
        done = subprocess.run([sys.executable, "-c", code.format(before)], capture_output=True, text=True, check=True)
        assert (done.stdout, done.stderr) == (said, "")
    assert logs.LOGGER.name == "reid_lib"


def test_another_librarys_logger_is_quiet_in_the_block_alone(caplog):
    other = logging.getLogger("some.library")
    with pytest.raises(ValueError), quieten("some.library", below=logging.ERROR):
        other.warning("unheard")
        other.error("heard")
        raise ValueError
    other.warning("heard again")
    assert caplog.messages == ["heard", "heard again"]
