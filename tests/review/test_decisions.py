"""The table of decisions under several writers, under kill -9, and when somebody else touched it."""

import csv
import json
import os
import random
import signal
import time
from collections import Counter

import pandas as pd
import pytest

from reid_lib.core.errors import ReviewError
from reid_lib.review.decisions import (
    COLUMNS,
    DIFFERENT,
    SAME,
    DecisionTable,
)
from reid_lib.review.votes import tally_votes


def fork_writer(path, who: str, n: int, *, pause: float = 0) -> tuple[int, int]:
    """A fork of this process that decides n times, and says through a pipe what `append` returned: pid, pipe.

    Seconds of a pause after each decision let others have the lock.
    """
    reader, writer = os.pipe()
    if child := os.fork():
        os.close(writer)
        return child, reader
    try:
        table = DecisionTable(path)
        for k in range(n):
            made = table.append(f"{who}-{k}", "other,\nphotograph", SAME, who=who, shown={"probability": k})
            os.write(writer, f"{made}\n".encode())
            time.sleep(pause)
    finally:
        os._exit(0)


def test_a_decision_is_a_row_that_any_program_reads(tmp_path):
    path = tmp_path / "new folder" / "decisions.csv"
    made = DecisionTable(path).append("b", "a", SAME, who="Ana", shown={"probability": 0.7}, dataset="lynx", run="r1")
    rows = pd.read_csv(path, dtype=str, keep_default_na=False)
    assert list(rows.columns) == COLUMNS
    assert rows.iloc[0].drop(["when", "decision_id", "shown"]).tolist() == [
        "Ana", "lynx", "a", "b", "same", "", "r1",
    ]  # fmt: skip
    assert json.loads(rows.loc[0, "shown"]).items() >= {"probability": 0.7}.items()
    assert rows.loc[0, "decision_id"] == made and pd.Timestamp(rows.loc[0, "when"]).tzinfo is not None


@pytest.mark.parametrize("name", ["a,b.jpg", 'a "quoted" b', "two\nlines", "cr\rlf\r\n", "=1+1", "käfer 🐞", " x"])
def test_names_come_back_as_they_were(tmp_path, name):
    table = DecisionTable(tmp_path / "decisions.csv")
    table.append(name, "z", SAME, who=name)
    table.append("y", name, DIFFERENT, who="B")
    for rows in (table.read(), DecisionTable(table.path).read()):
        assert set(rows.loc[0, ["image_id_1", "image_id_2"]]) == {name, "z"} and rows.loc[0, "who"] == name
        assert len(rows) == 2
    with open(table.path, newline="", encoding="utf-8") as file:
        assert len(list(csv.reader(file))) == 3


def test_what_cannot_be_a_decision_is_refused_and_nothing_written(tmp_path):
    table = DecisionTable(tmp_path / "decisions.csv")
    wrong = [
        ("a", "a", SAME, "Ana", "two photographs"), ("a", "b", "maybe", "Ana", "one of 'same'"),
        ("a", "", SAME, "Ana", "not blank"), ("a", "b", SAME, " ", "not blank"), ("a", "b\0", SAME, "Ana", "NUL"),
        ("a", "b\udce9", SAME, "Ana", "not UTF-8"),
    ]  # fmt: skip
    for one, other, decision, who, message in wrong:
        with pytest.raises(ReviewError, match=message):
            table.append(one, other, decision, who=who)
    with pytest.raises(ReviewError, match="32 hexadecimal"):
        table.append("a", "b", SAME, who="Ana", decision_id="7")
    assert not len(table.read())


def test_two_processes_at_once_lose_nothing(tmp_path):
    path, said = tmp_path / "decisions.csv", []
    writers = [fork_writer(path, who, 100, pause=0.01) for who in ("Ana", "Ben")]
    for child, reader in writers:
        with open(reader) as pipe:
            said.append(pipe.read().split())
        os.waitpid(child, 0)
    rows = DecisionTable(path).read()
    assert [len(of) for of in said] == [100, 100] and Counter(rows["decision_id"]) == Counter(said[0] + said[1])
    for who, of in zip(("Ana", "Ben"), said, strict=True):
        assert rows.loc[rows["who"] == who, "decision_id"].tolist() == of
    assert rows["who"].ne(rows["who"].shift()).sum() > 2, "they took turns"


def test_kill_9_fifty_times_loses_none_and_doubles_none(tmp_path):
    path, rng, said = tmp_path / "decisions.csv", random.Random(0), []
    for _ in range(50):
        child, reader = fork_writer(path, "Ana", 100_000)
        first = os.read(reader, 33)  # it is at work
        time.sleep(rng.uniform(0, 0.01))
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        with open(reader) as rest:
            said += (first.decode() + rest.read()).split()
        DecisionTable(path).append("after", "a kill", SAME, who="Ben")
    rows = DecisionTable(path).read()
    assert rows["decision_id"].is_unique and set(said) <= set(rows["decision_id"])
    assert (rows["who"] == "Ben").sum() == 50
    assert 0 <= len(rows) - len(said) - 50 <= 50, "each kill leaves at most the decision that was under way"


@pytest.mark.parametrize("cut", [1, 5, 40, 80])
def test_a_torn_last_row_is_not_read_and_makes_room_for_the_next(tmp_path, cut, caplog):
    table = DecisionTable(tmp_path / "decisions.csv")
    table.append("a", "b", SAME, who="Ana")
    kept = table.path.read_bytes()
    table.append("c\nd", "e\nf", SAME, who="Ana")
    torn = table.path.read_bytes()[:-cut]
    assert torn.startswith(kept)
    table.path.write_bytes(torn)
    assert len(DecisionTable(table.path).read()) == 1 and table.path.read_bytes() == torn, "reading changes nothing"
    DecisionTable(table.path).append("c", "d", DIFFERENT, who="Ben")
    assert table.path.read_bytes().startswith(kept) and "cut off" in caplog.text
    assert table.read()["decision"].tolist() == [SAME, DIFFERENT]


def test_a_table_killed_within_its_header_begins_anew(tmp_path):
    table = DecisionTable(tmp_path / "decisions.csv")
    table.path.write_bytes(b"decision_id,wh")
    assert not len(table.read())
    table.append("a", "b", SAME, who="Ana")
    assert len(DecisionTable(table.path).read()) == 1


def test_others_decisions_are_seen(tmp_path):
    mine, others = DecisionTable(tmp_path / "decisions.csv"), DecisionTable(tmp_path / "decisions.csv")
    assert not mine.refresh()
    made = others.append("a", "b", SAME, who="Ben")
    assert mine.refresh() and not mine.refresh() and len(mine.read()) == 1
    mine.undo(made, who="Ana")
    assert others.refresh() and others.read()["decision"].tolist() == [SAME, "undo"]
    mine.path.unlink()
    assert mine.refresh() and not len(mine.read())


def test_rows_after_one_are_read_and_all_where_it_is_not_there(tmp_path):
    table = DecisionTable(tmp_path / "decisions.csv")
    first, second = (table.append("a", other, SAME, who="Ana") for other in "bc")
    assert [row[0] for row in table.read_after(first)] == [second] and not table.read_after(second)
    assert first in table and "0" * 32 not in table
    assert [row[0] for row in table.read_after("0" * 32)] == [first, second] == [row[0] for row in table.read_after()]


def test_a_decision_sent_twice_is_written_once(tmp_path):
    table, made = DecisionTable(tmp_path / "decisions.csv"), "0" * 32
    for again in (table, DecisionTable(table.path)):
        assert again.append("a", "b", SAME, who="Ana", decision_id=made) == made
    assert len(table.read()) == 1


def test_undo(tmp_path):
    table = DecisionTable(tmp_path / "decisions.csv")
    first = table.append("a", "b", SAME, who="Ana")
    second = table.append("a", "b", DIFFERENT, who="Ana")
    assert tally_votes(table.read())["decision"].tolist() == [DIFFERENT]
    taken_back = table.undo(second, who="Ana")
    assert tally_votes(table.read())["decision"].tolist() == [SAME], "the word before counts again"
    for wrong, message in ((second, "already"), (taken_back, "not undone"), ("f" * 32, "no decision")):
        with pytest.raises(ReviewError, match=message):
            table.undo(wrong, who="Ana")
    table.undo(first, who="Ben")
    assert not len(tally_votes(table.read())) and len(table.read()) == 4


def test_a_foreign_file_is_refused_and_stays(tmp_path):
    table = DecisionTable(tmp_path / "decisions.csv")
    for text in ("image_id,identity\na,Ana\n", "\ufeff" + ",".join(COLUMNS) + "\n", "\x89PNG\n", "no line end"):
        table.path.write_text(text, encoding="utf-8")
        for do in (table.read, lambda: table.append("a", "b", SAME, who="Ana")):
            with pytest.raises(ReviewError, match="not a table of decisions"):
                do()
        assert table.path.read_text(encoding="utf-8") == text


def test_a_damaged_table_is_told_and_stays(tmp_path):
    whole = DecisionTable(tmp_path / "whole.csv")
    for k in range(4):
        whole.append(f"{k}", "x", SAME, who="Ana")
    lines = whole.path.read_text().splitlines(keepends=True)
    damaged = {
        "columns": [*lines[:2], "1,2\n", *lines[3:]],
        "decision 'perhaps'": [*lines[:2], lines[2].replace("same", "perhaps"), *lines[3:]],
        "twice": [*lines, lines[2].replace("Ana", "Ben")],
        "quotation mark": [*lines[:2], lines[2].replace("Ana", '"Ana'), *lines[3:]],
        "columns, not": [*lines[:2], "\n", *lines[3:]],
    }
    for why, text in damaged.items():
        path = tmp_path / "damaged.csv"
        path.write_text("".join(text))
        for do in (DecisionTable(path).read, lambda p=path: DecisionTable(p).append("a", "b", SAME, who="Ana")):
            with pytest.raises(ReviewError, match=why):
                do()
        assert path.read_text() == "".join(text)
    path.write_text("".join([*lines, lines[2]]))
    assert len(DecisionTable(path).read()) == 4, "a row copied behind itself adds nothing"
    path.write_bytes(b"".join(line.encode() for line in lines[:2]) + b"\xff\xfe\n")
    with pytest.raises(ReviewError, match="damaged"):
        DecisionTable(path).read()


def test_what_the_disk_refuses_is_told(tmp_path, monkeypatch):
    table = DecisionTable(tmp_path / "decisions.csv")
    table.append("a", "b", SAME, who="Ana")
    kept, write_really = table.path.read_bytes(), os.write
    monkeypatch.setattr(os, "write", lambda file, data: write_really(file, data[:20]))
    with pytest.raises(ReviewError, match="disk is full"):
        table.append("c", "d", SAME, who="Ana")
    assert table.path.read_bytes() == kept
    (tmp_path / "folder.csv").mkdir()
    with pytest.raises(ReviewError, match="cannot be used"):
        DecisionTable(tmp_path / "folder.csv").append("c", "d", SAME, who="Ana")


def test_ten_thousand_decisions_are_read_once(tmp_path):
    table = DecisionTable(tmp_path / "decisions.csv")
    table.append("a", "b", SAME, who="Ana")
    row = table.path.read_text().splitlines()[1].partition('"{')[0] + "{}"  # without a checksum, as of a version before
    with open(table.path, "a") as file:
        file.writelines(f"{k:032x}{row[32:]}\n" for k in range(10_000))
    assert len(table.read()) == 10_001
    begun = time.process_time()
    for _ in range(100):
        table.refresh()
        assert len(table.read_after(f"{9_998:032x}")) == 1
    table.append("a", "c", SAME, who="Ana")
    assert time.process_time() - begun < 0.1
