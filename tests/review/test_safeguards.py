"""Damage to a table of decisions: a flipped bit is told, and so is a row that is no longer there."""

import json

import pytest
from flipped import flip_bits

from reid_lib.core.errors import ReviewError
from reid_lib.review import safeguards
from reid_lib.review.decisions import DIFFERENT, SAME, DecisionTable


@pytest.fixture
def table(tmp_path) -> DecisionTable:
    table = DecisionTable(tmp_path / "decisions.csv")
    for k in range(4):
        shown = {"probability": 0.1 * k, "words": "Zoë, 'perhaps'", "left": float("nan")}
        last = table.append(
            f"a{k}", f"b{k}", SAME if k % 2 else DIFFERENT, who="Ana", shown=shown, dataset="lynx", run="r"
        )
    table.undo(last, who="Ben")
    return table


def test_a_row_says_itself_whether_it_is_as_it_was_written():
    row = safeguards.seal_row(["id", "Zoë", 'a "quoted" b'], {"probability": 0.25, "left": float("nan")})
    assert safeguards.find_damage(row) == "" and json.loads(row[-1])["left"] is None
    assert safeguards.find_damage(["id", "Zoé", *row[2:]]).startswith("its checksum differs")
    assert safeguards.find_damage([*row[:-1], row[-1].replace("0.25", "0.75")]).startswith("its checksum differs")
    assert safeguards.find_damage([*row[:-1], row[-1].replace(":", ";")]).startswith("its last column is no JSON")
    assert safeguards.find_damage(["id", "Zoé", "c", "{}"]) == ""  # of a version before
    assert safeguards.find_damage(["id", "Zoé", "c", "by hand"]) == ""


def test_no_flipped_bit_makes_another_decision(table, caplog):
    """An answer, a name, the name of a photograph: each would be obeyed for ever."""
    whole, noticed = table.read(), 0
    for place in flip_bits(table.path, 200):
        caplog.clear()
        try:
            rows = DecisionTable(table.path).read()
        except ReviewError:
            noticed += 1
        else:  # the name of the checksum itself; or the last row ends no more, and is told as lost
            columns = [column for column in rows if column != "shown"]
            assert rows[columns].equals(whole[columns]) or "1 are lost" in caplog.text, place
    assert noticed > 180


@pytest.mark.parametrize("left", [0, 1, 3])
def test_rows_that_were_cut_off_are_told_until_somebody_says_that_it_is_right(table, left, caplog):
    lines = table.path.read_bytes().splitlines(keepends=True)
    table.path.write_bytes(b"".join(lines[: left + 1]))
    fresh = DecisionTable(table.path)
    assert len(fresh.read()) == left and len(fresh.read()) == left
    assert caplog.text.count(f"has {left} rows, and 5 were written: {5 - left} are lost") == 1
    fresh.append("c", "d", SAME, who="Ana")
    caplog.clear()
    assert len(DecisionTable(table.path).read()) == left + 1
    assert f"has {left + 1} rows, and 6 were written: {5 - left} are lost" in caplog.text
    safeguards.counter_of(table.path).unlink()
    caplog.clear()
    assert len(DecisionTable(table.path).read()) == left + 1 and not caplog.text
    fresh.append("c", "e", SAME, who="Ana")
    assert safeguards.read_count(table.path) == left + 2


def test_an_emptied_table_is_told(table, caplog):
    table.path.write_bytes(b"")
    assert not len(DecisionTable(table.path).read()) and "has 0 rows, and 5 were written: 5 are lost" in caplog.text


def test_a_table_that_is_gone_is_told_and_one_that_never_was_is_not(table, tmp_path, caplog):
    assert not len(DecisionTable(tmp_path / "other.csv").read()) and not caplog.text
    table.path.unlink()
    assert not len(DecisionTable(table.path).read())
    assert "has 0 rows, and 5 were written: 5 are lost" in caplog.text


def test_a_counter_that_cannot_be_read_or_written_costs_no_decision(table, caplog):
    counter = safeguards.counter_of(table.path)
    counter.write_bytes(b"\xff no number")
    table.append("c", "d", SAME, who="Ana")
    assert safeguards.read_count(table.path) == 6
    counter.unlink()
    counter.mkdir()
    table.append("c", "e", SAME, who="Ana")
    assert len(DecisionTable(table.path).read()) == 7 and not caplog.text


def test_another_process_that_writes_meanwhile_is_no_loss(table, caplog, monkeypatch):
    mine, read_count = DecisionTable(table.path), safeguards.read_count

    def slow(path):
        counted = read_count(path)
        if not caplog.records and path == table.path and len(table._rows) == 5:
            monkeypatch.setattr(safeguards, "read_count", read_count)
            table.append("c", "d", SAME, who="Ben")
        return counted

    monkeypatch.setattr(safeguards, "read_count", slow)
    assert len(mine.read()) == 6 and not caplog.text
