"""Progress: a bar for people, lines for logs."""

import time

import pytest

from reid_lib.core import progress
from reid_lib.core.kernel import PROGRESS


def walk(n: int = 20, **options) -> None:
    for _ in progress.make_bar(range(n), desc="embed", unit="batch", delay=0, **options):
        time.sleep(0.005)


def test_in_a_log_it_is_a_line_now_and_then_that_says_what_how_far_and_how_long(monkeypatch, capsys):
    monkeypatch.setenv(PROGRESS, "0.03")
    walk()
    text = capsys.readouterr().err
    lines = text.splitlines()
    assert "\r" not in text and 2 <= len(lines) <= 8, "not one for each batch"
    assert all(line.startswith("embed: ") and " of 20 batches, " in line and line.endswith(" left") for line in lines)


def test_a_line_names_units_as_a_sentence_does_and_none_where_the_bar_has_none(monkeypatch, capsys):
    monkeypatch.setenv(PROGRESS, "0.001")
    for unit, words in (({"unit": "photograph"}, "photographs"), ({"unit": "B"}, "B"), ({}, "")):
        for _ in progress.make_bar(range(3), desc="read", delay=0, **unit):
            time.sleep(0.005)
        assert f"of 3{words and f' {words}'}, " in capsys.readouterr().err


@pytest.mark.parametrize("told", [None, "0", "often"])
def test_elsewhere_it_is_a_bar_that_is_gone_in_the_end(monkeypatch, capsys, told):
    monkeypatch.delenv(PROGRESS, raising=False)
    if told is not None:
        monkeypatch.setenv(PROGRESS, told)
    walk(mininterval=0)
    text = capsys.readouterr().err
    assert "| 20 of 20 batches, " in text and text.count("so far") > 2 and "it/s" not in text
    assert "embed: 100%|" in text and text.rsplit("\r", 2)[1].strip() == ""


def test_short_work_shows_nothing(monkeypatch, capsys):
    monkeypatch.setenv(PROGRESS, "0.001")
    for _ in progress.make_bar(range(3), desc="quick"):
        pass
    assert capsys.readouterr().err == ""
