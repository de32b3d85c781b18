"""What killed writers left is removed, what live ones write is not, and of what cannot be asked the age tells."""

import os
import subprocess
import sys
import time

import pytest

from reid_lib.core import processes, temporaries
from reid_lib.core.processes import HOST, NAMESPACE, PID, START, identify_process
from reid_lib.core.temporaries import TEMPORARY, name_temporary, remove_abandoned

ELSEWHERE = {HOST: "node7", NAMESPACE: 1}


@pytest.fixture(scope="module")
def dead() -> dict:
    """What a process of this machine says of itself that has ended."""
    process = subprocess.Popen([sys.executable, "-S", "-c", "input()"], stdin=subprocess.PIPE)
    start = processes.find_start(process.pid)
    process.communicate(b"\n")
    return identify_process() | {PID: process.pid, START: start}


def written_by(path, process: dict, *, age_s: float = 0):
    file = path.with_name(f"{path.name}{TEMPORARY}{temporaries.name_writer(process)}-0123456789ab")
    file.write_text("half")
    os.utime(file, (time.time() - age_s,) * 2)
    return file


def test_a_dead_writers_file_goes_at_once_and_a_live_ones_stays(tmp_path, dead):
    parent = identify_process() | {PID: os.getppid(), START: processes.find_start(os.getppid())}
    left = written_by(tmp_path / "table.csv", dead)
    live = [written_by(tmp_path / "table.csv", who, age_s=10**6) for who in (parent, identify_process())]
    remove_abandoned(tmp_path)
    assert not left.exists() and all(file.exists() for file in live)


def test_a_writer_elsewhere_is_judged_by_what_it_has_written_last(tmp_path, dead):
    theirs = dead | ELSEWHERE
    fresh, ahead = written_by(tmp_path / "a", theirs, age_s=60), written_by(tmp_path / "b", theirs, age_s=-(10**6))
    old = written_by(tmp_path / "c", theirs, age_s=temporaries.ABANDONED_S + 60)
    remove_abandoned(tmp_path)
    assert fresh.exists() and ahead.exists() and not old.exists()
    other = written_by(tmp_path / "d", theirs | {PID: 7})
    remove_abandoned(tmp_path, dead=theirs)  # whose lease was taken over
    assert not fresh.exists() and not ahead.exists() and other.exists()


@pytest.mark.parametrize("name", ["x.tmp-123", "x.tmp-123-0a1b2c3d", "x.tmp-", "x.tmp-a-b-c-d"])
def test_names_of_versions_before_are_judged_by_their_age(tmp_path, name):
    (tmp_path / name).write_text("half")
    remove_abandoned(tmp_path)
    assert (tmp_path / name).exists()
    os.utime(tmp_path / name, (0, 0))
    remove_abandoned(tmp_path)
    assert not (tmp_path / name).exists()


def test_only_what_is_asked_for_is_removed(tmp_path, dead):
    (tmp_path / "figures").mkdir()
    mine, other = written_by(tmp_path / "a[1].csv", dead), written_by(tmp_path / "xa[1].csv", dead)
    below = written_by(tmp_path / "figures" / "a.png", dead)
    kept = tmp_path / "a[1].csv"
    kept.write_text("whole")
    remove_abandoned(tmp_path, of="a[1].csv")
    assert not mine.exists() and other.exists() and below.exists()
    remove_abandoned(tmp_path, below=True)
    assert not other.exists() and not below.exists() and kept.read_text() == "whole"
    remove_abandoned(tmp_path / "not there")


def test_a_link_or_a_folder_of_such_a_name_is_nobodys_leftover(tmp_path, dead):
    (tmp_path / "victim").write_text("mine")
    link = written_by(tmp_path / "a", dead)
    link.unlink()
    link.symlink_to(tmp_path / "victim")
    folder = written_by(tmp_path / "b", dead)
    folder.unlink()
    folder.mkdir()
    remove_abandoned(tmp_path)
    assert link.is_symlink() and folder.is_dir() and (tmp_path / "victim").read_text() == "mine"


def test_nobody_can_foresee_a_name(tmp_path):
    first, second = name_temporary(tmp_path / "x"), name_temporary(tmp_path / "x")
    assert first.parent == tmp_path and first.name.startswith(f"x{TEMPORARY}")
    one, other = (path.name.rpartition("-") for path in (first, second))
    assert one[0] == other[0] and len(one[2]) == 12 and one[2] != other[2]
