"""`reid runs`: listed, promoted, removed after a question, renamed."""

import json

import pytest
from click.testing import CliRunner
from main_cases import say
from plain_runs import make_plain

from reid_lib.cli.main import commands
from reid_lib.runs import table


@pytest.fixture(autouse=True)
def root(clean_dirs):
    make_plain("a", ended=1.7e9)
    make_plain("b", ended=1.8e9)
    return clean_dirs / "runs"


def test_the_list_is_by_date_and_the_same_as_json(capsys):
    assert [line.split()[0] for line in say(capsys, "runs")[1].splitlines()] == ["run", "b", "a"]
    assert [run["run"] for run in json.loads(say(capsys, "runs", "--json")[1])] == ["b", "a"]


def test_the_list_takes_an_expression(capsys):
    assert [run["run"] for run in json.loads(say(capsys, "runs", "--where", 'run == "a"', "--json")[1])] == ["a"]
    code, _, err = say(capsys, "runs", "--where", "lr = 3")
    assert code == 1 and "equal is written ==" in err


def test_tags_and_notes_are_written_and_shown(capsys):
    assert say(capsys, "runs", "tag", "a", "b", "--add", "paper", "--add", "x")[1] == "a: #paper #x\nb: #paper #x"
    assert say(capsys, "runs", "tag", "b", "--remove", "paper")[1] == "b: #x"
    assert say(capsys, "runs", "note", "a", "with masks")[1] == "a: with masks" == say(capsys, "runs", "note", "a")[1]
    told = json.loads(say(capsys, "runs", "--where", '"paper" in tags', "--json")[1])
    assert [(run["run"], run["tags"], run["note"]) for run in told] == [("a", ["paper", "x"], "with masks")]
    assert say(capsys, "runs", "note", "a", "")[1] == "a: no note"
    assert say(capsys, "runs", "tag", "b", "--remove", "x")[1] == "b: no tags" == say(capsys, "runs", "tag", "b")[1]
    assert say(capsys, "runs", "tag", "nobody", "--add", "x")[0] == 1


def test_removing_asks_and_no_is_no(root):
    asked = CliRunner().invoke(commands, ["runs", "rm", "a"], input="n\n")
    assert asked.exit_code == 1 and "a: finished, " in asked.output and "Delete it for good?" in asked.output
    assert (root / "a").is_dir()
    assert CliRunner().invoke(commands, ["runs", "rm", "a", "b"], input="y\n").output.endswith("b is deleted\n")
    assert not (root / "a").exists() and not (root / "b").exists()


def test_of_several_none_is_removed_where_one_may_not_be(capsys, root):
    table.promote("b")
    code, _, err = say(capsys, "runs", "rm", "a", "b", "--yes")
    assert code == 1 and "run 'b' is the reference" in err and (root / "a").is_dir()
    assert say(capsys, "runs", "rm", "b", "--yes", "--reference", "other photographs")[0] == 0
    assert table.read_reference() is None


def test_renaming_says_what_is_named_anew(capsys, root, monkeypatch):
    make_plain("eval_a", run="a")
    code, out, _ = say(capsys, "runs", "rename", "a", "first")
    assert code == 0 and out.splitlines() == [
        f"a is first now: {root / 'first'}",
        "eval_a, which evaluates it, names it so, too",
    ]
    assert say(capsys, "runs", "rename", "nobody", "x")[0] == 1
    monkeypatch.setattr("reid_lib.sweep.plan.is_planned", lambda run: run == "b")
    assert "a plan names b: its next sweep makes that run anew" in say(capsys, "runs", "rename", "b", "c")[2]


def test_best_chooses_by_itself(capsys):
    code, _, err = say(capsys, "runs", "promote", "a", "--best")
    assert code == 1 and "--best chooses the run by itself" in err
