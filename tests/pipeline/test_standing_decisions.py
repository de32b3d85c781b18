"""What people said in a review: what stands, each person's last word, whose last decision it is."""

import time

import pytest

from reid_lib.pipeline.standing_decisions import StandingDecisions
from reid_lib.review.decisions import DecisionTable


@pytest.fixture
def said(tmp_path):
    table = DecisionTable(tmp_path / "decisions.csv")
    first = table.append("a", "b", "same", who="ada")
    table.append("b", "a", "different", who="bo")
    table.append("a", "b", "different", who="ada")
    table.append("c", "d", "cannot tell", who="ada")
    table.undo(first, who="ada")
    return StandingDecisions(table)


def test_undone_decisions_do_not_stand(said):
    assert said.count() == 3 and said.count("ada") == 2 and said.count("cy") == 0
    assert said.people() == ["ada", "bo"] and len(said.rows) == 5
    said.table.undo(said.last_of("bo", "ab")["decision_id"], who="bo")
    said.read()
    assert said.people() == ["ada"] and said.count() == 2 and said.votes(("a", "b")) == "ada said different"


def test_the_last_word_of_each_person_on_a_pair(said):
    assert said.votes(("a", "b")) == "bo said different, ada said different"
    assert said.votes(("c", "d")) == "ada said cannot tell" and said.votes(("a", "d")) == ""
    assert said.holds_of(("b", "a")) == ("different", 2) and said.holds_of(("a", "d")) is None
    assert said.holds()[["decision", "weight"]].values.tolist() == [["different", 2], ["cannot tell", 1]]


def test_the_last_decision_of_a_person_on_photographs_that_are_known(said):
    assert said.last_of("ada", "abcd")["decision"] == "cannot tell"
    assert said.last_of("ada", "ab")["decision"] == "different"
    assert said.last_of("cy", "ab") is None and said.last_of("bo", "cd") is None


def test_what_others_wrote_since_is_read_once(said, tmp_path):
    assert not said.read()
    DecisionTable(tmp_path / "decisions.csv").append("a", "c", "same", who="cy")
    assert [row["who"] for row in said.read()] == ["cy"] and not said.read()


@pytest.mark.parametrize("n", [1, 9])
def test_another_table_in_its_place_is_read_anew_also_where_it_is_longer(said, tmp_path, n):
    (tmp_path / "decisions.csv").unlink()
    for k in range(n):
        DecisionTable(tmp_path / "decisions.csv").append("a", f"c{k}", "same", who="dan")
    assert [row["who"] for row in said.read()] == ["dan"] * n == said.rows["who"].tolist()
    assert said.people() == ["dan"] and said.count() == n and said.holds_of(("a", "b")) is None
    (tmp_path / "decisions.csv").unlink()
    assert not said.read() and not said.count()


def test_ten_thousand_decisions_cost_what_ten_do(tmp_path, said):
    row = said.table.path.read_text().splitlines()[1].partition('"{')[0] + "{}"  # without a checksum
    cells = row.split(",")
    with open(said.table.path, "a") as file:
        for k in range(10_000):
            file.write(",".join([f"{k:032x}", cells[1], "zoe", cells[3], f"p{k}", f"q{k}", *cells[6:]]) + "\n")
    assert len(said.read()) == 10_000
    begun = time.process_time()
    for _ in range(100):
        assert not said.read() and said.holds_of(("a", "b")) == ("different", 2) and said.votes(("a", "b"))
        assert said.count("zoe") == 10_000 and said.last_of("ada", "abcd")["decision"] == "cannot tell"
    assert time.process_time() - begun < 0.1
