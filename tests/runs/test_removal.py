"""Runs deleted: never a running one, nor the reference without a reason, and the table follows."""

import os

import pandas as pd
import pytest
from plain_runs import make_plain

from reid_lib.core.errors import RunBusyError, RunError
from reid_lib.core.names import ALL_METRICS_CSV, ALL_METRICS_PARQUET, REFERENCE_JSON, REMOVED_LOG
from reid_lib.core.processes import find_start, identify_process
from reid_lib.runs import owner, removal, table
from reid_lib.runs.folder import list_runs


@pytest.fixture(autouse=True)
def root(clean_dirs):
    return clean_dirs / "runs"


def names(root) -> list[str]:
    return pd.read_csv(root / ALL_METRICS_CSV)["run"].tolist()


def test_folder_and_row_are_gone_and_a_line_says_who_and_when(root):
    make_plain("a")
    make_plain("b")
    table.rewrite_table()
    found = removal.check_removable("a")
    assert found.state == "finished" and found.notes == ()
    assert found.bytes == sum(path.stat().st_size for path in found.run.folder.rglob("*") if path.is_file())
    removal.remove_run("a")
    assert names(root) == ["b"] and {p.name for p in root.iterdir()} - {ALL_METRICS_PARQUET} == {
        ALL_METRICS_CSV,
        "b",
        REMOVED_LOG,
    }
    assert " removed a (finished)" in (root / REMOVED_LOG).read_text()


def test_the_reference_stays_unless_there_is_a_reason(root):
    make_plain("a")
    make_plain("b")
    table.promote("a")
    with pytest.raises(RunError, match="is the reference .* promote another"):
        removal.remove_run("a", reason="  ")
    removal.remove_run("a", reason="it was of\nother photographs")
    assert table.read_reference() is None and not (root / REFERENCE_JSON).exists() and names(root) == ["b"]
    assert (root / REMOVED_LOG).read_text().endswith("removed a (finished): it was of other photographs\n")


def test_one_that_runs_stays(root):
    make_plain("busy", finish=False)
    with pytest.raises(RunBusyError, match="is running: stop it before"):
        removal.remove_run("busy")
    taken = make_plain("taken")  # finished, and just being made again by another process
    parent = {"pid": os.getppid(), "start": find_start(os.getppid())}
    taken.path(owner.LOCK).write_text(owner.json.dumps(identify_process() | parent))
    with pytest.raises(RunBusyError, match="alive"):
        removal.remove_run("taken")
    assert len(list_runs()) == 2 and not (root / REMOVED_LOG).exists()


@pytest.mark.parametrize("name", ["../x", "nobody", "reference.json", REMOVED_LOG])
def test_what_is_no_run_is_not_removed(root, name):
    make_plain("a")
    (root / "nobody").mkdir()
    (root / "nobody" / "notes.txt").write_text("somebody's")
    with pytest.raises(RunError):
        removal.remove_run(name)
    assert (root / "nobody" / "notes.txt").exists()


def test_what_a_kill_left_of_a_removed_run_is_no_run_and_goes_with_the_next(root, monkeypatch):
    make_plain("a")
    make_plain("b")
    with monkeypatch.context() as patch:
        patch.setattr(removal.shutil, "rmtree", lambda *_, **__: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            removal.remove_run("a")
    assert [run.name for run in list_runs()] == ["b"] and len(list(root.glob(".removed-*"))) == 1
    removal.remove_run("b")
    assert not list(root.glob(".removed-*"))


def test_who_needs_it_is_told_before():
    make_plain("a")
    make_plain("eval_a", run="a")
    make_plain("own", reference="a")
    told = " ".join(removal.check_removable("a").notes)
    assert "eval_a evaluated its weights" in told and "own named it as reference" in told
