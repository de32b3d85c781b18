"""Messages that can be printed, whatever they quote."""

import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reid_lib.core.errors import CatalogueError, ReidError, is_text, printable


@pytest.mark.parametrize(
    ("name", "shown"), [("Zoë 猫", "Zoë 猫"), ("caf\udce9.jpg", r"caf\xe9.jpg"), ("\ud83d", r"\ud83d")]
)
def test_bytes_that_are_not_utf_8_are_written_out(name, shown):
    assert printable(name) == shown and is_text(name) == (name == shown)


@given(st.text(st.characters()))
def test_every_message_can_be_printed_and_a_plain_one_stands_as_it_is(text):
    message = str(CatalogueError(f"{text}: no"))
    message.encode("utf-8")
    assert message == f"{text}: no" or not is_text(text)


def test_errors_travel_between_processes():
    assert str(pickle.loads(pickle.dumps(ReidError("a\udce9")))) == r"a\xe9"
