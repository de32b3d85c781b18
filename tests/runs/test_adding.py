"""A file that a finished run lacks is added; the run stays finished, sealed, and with one owner."""

import os

import pytest
from claimed import open_run, state

from reid_lib.core.errors import RunBusyError, RunError
from reid_lib.core.processes import find_start, identify_process
from reid_lib.runs import owner, seals
from reid_lib.runs.adding import add_file
from reid_lib.runs.folder import RunFolder
from reid_lib.runs.inspection import find_lost_files


@pytest.fixture
def run(clean_dirs) -> RunFolder:
    opened = open_run()
    opened.write_json("kept.json", {})
    seals.seal(opened.folder)
    opened.finish()
    return RunFolder(opened.folder)


def add(run, name="figures/loss.png"):
    with add_file(run, name) as path:
        path.write_bytes(b"picture")


def test_it_is_there_sealed_and_the_run_finished_and_free(run):
    add(run)
    assert run.finished and find_lost_files(run) == {} and not run.path(owner.LOCK).exists()
    run.path("figures/loss.png").write_bytes(b"pictuRe")
    assert list(find_lost_files(run)) == ["figures/loss.png"]


def test_a_run_without_a_seal_stays_without_one(run):
    run.path("checksums.json").unlink()
    add(run)
    assert run.path("figures/loss.png").exists() and not run.path("checksums.json").exists()
    run.path("checksums.json").write_text("{")
    add(run)
    assert run.path("checksums.json").read_text() == "{"


def test_nothing_is_added_to_a_run_that_somebody_makes_anew(run, clean_dirs):
    parent = {"pid": os.getppid(), "start": find_start(os.getppid())}
    run.path(owner.LOCK).write_text(owner.json.dumps(identify_process() | parent))
    with pytest.raises(RunBusyError, match="alive"):
        add(run)
    run.path(owner.LOCK).unlink()
    open_run("other").release()
    with pytest.raises(RunError, match="interrupted, not finished"):
        add(RunFolder(run.folder.parent / "other"))
    assert state(clean_dirs / "runs", "other") == "interrupted" and not run.path("figures").exists()
