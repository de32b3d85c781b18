"""What people said in a review: what stands, each person's last word, whose last decision it is."""

import pandas as pd
import pytest

from reid_lib.pipeline.review_said import Said, keep_standing
from reid_lib.review.decisions import DecisionTable


@pytest.fixture
def said(tmp_path):
    table = DecisionTable(tmp_path / "decisions.csv")
    first = table.append("a", "b", "same", who="ada")
    table.append("b", "a", "different", who="bo")
    table.append("a", "b", "different", who="ada")
    table.append("c", "d", "cannot tell", who="ada")
    table.undo(first, who="ada")
    return Said(table)


def test_undone_decisions_do_not_stand(said):
    assert said.standing["decision"].tolist() == ["different", "different", "cannot tell"]
    some = said.rows.iloc[:1]  # its undo is not among these
    assert len(keep_standing(some)) == 1 and not len(keep_standing(some, said.rows))


def test_the_last_word_of_each_person_on_a_pair(said):
    assert said.votes(("a", "b")) == "bo said different, ada said different"
    assert said.votes(("c", "d")) == "ada said cannot tell" and said.votes(("a", "d")) == ""
    assert said.holds(("a", "b"))["decision"].tolist() == ["different"] and not len(said.holds(("a", "d")))
    assert len(said.holds()) == 2


def test_the_last_decision_of_a_person_on_photographs_that_are_known(said):
    assert said.last_of("ada", pd.Index(list("abcd")))["decision"] == "cannot tell"
    assert said.last_of("ada", pd.Index(["a", "b"]))["decision"] == "different"
    assert said.last_of("cy", pd.Index(["a", "b"])) is None and said.last_of("bo", pd.Index(["c", "d"])) is None


def test_what_others_wrote_since_is_read_once(said, tmp_path):
    assert not len(said.read())
    DecisionTable(tmp_path / "decisions.csv").append("a", "c", "same", who="cy")
    assert said.read()["who"].tolist() == ["cy"] and not len(said.read())
    (tmp_path / "decisions.csv").unlink()
    DecisionTable(tmp_path / "decisions.csv").append("a", "c", "same", who="dan")
    assert said.read()["who"].tolist() == ["dan"] == said.rows["who"].tolist()
