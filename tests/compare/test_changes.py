"""What has changed in the folder of all runs: told by dates of files, and no results are read for it."""

import shutil

import pytest
from plain_runs import make_plain

from reid_lib.compare.changes import take_look
from reid_lib.runs import table
from reid_lib.runs.folder import RunFolder
from reid_lib.runs.remarks import tag_run


@pytest.fixture
def root(clean_dirs):
    make_plain("a")
    make_plain("busy", finish=False)
    return clean_dirs / "runs"


def test_new_gone_and_ended_runs_epochs_and_the_reference_are_told_apart(root):
    first = take_look(root)
    again = take_look(root, first)
    assert not again.since(first)
    (root / "busy" / "history.csv").write_text("epoch\n0\n")
    grown = take_look(root, again)
    assert grown.since(again) == (set(), {"busy"}, False, set())
    make_plain("b")
    shutil.rmtree(root / "a")
    table.promote("b")
    later = take_look(root, grown)
    assert later.since(grown)[:3] == ({"a", "b"}, set(), True)
    make_plain("busy")  # it goes on, and ends
    assert take_look(root, later).since(later).runs == {"busy"}


def test_nothing_of_a_finished_run_is_read_again(root, monkeypatch):
    first, asked = take_look(root), []
    status = RunFolder.status
    monkeypatch.setattr(RunFolder, "status", lambda run: asked.append(run.name) or status(run))
    monkeypatch.setattr(RunFolder, "metrics", lambda run: pytest.fail("results are read"))
    take_look(root, first)
    assert asked == ["busy"]  # whose process may be dead meanwhile


def test_tags_are_a_change_of_their_own(root):
    first = take_look(root)
    tag_run("a", add=["paper"])
    assert take_look(root, first).since(first) == (set(), set(), False, {"a"})


def test_a_heartbeat_is_no_change(root):
    first = take_look(root)
    status = root / "busy" / "status.json"
    status.write_text(status.read_text() + " ")
    assert not take_look(root, first).since(first)


def test_a_folder_that_is_not_there_has_no_runs(tmp_path):
    assert take_look(tmp_path / "none").runs == {}
