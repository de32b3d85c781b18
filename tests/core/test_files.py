"""Files written whole or not at all, and what survives them."""

import errno
import hashlib
import json
import os
import stat
import subprocess
import sys
import time
import zlib

import numpy as np
import pytest
from claimed import open_run
from small_disk import needs_root, small_disk

from reid_lib.core import files, processes, temporaries
from reid_lib.core.errors import RunError
from reid_lib.core.processes import PID, START, identify_process
from reid_lib.core.temporaries import TEMPORARY
from reid_lib.runs import owner


def test_a_failed_write_keeps_the_old_file_and_leaves_nothing_behind(tmp_path):
    path = tmp_path / "x.txt"
    path.write_text("old")
    with pytest.raises(ZeroDivisionError), files.atomic(path) as temporary:
        temporary.write_text("half")
        raise ZeroDivisionError
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


@needs_root
def test_a_full_disk_says_which_and_keeps_the_old_file(tmp_path):
    with small_disk(tmp_path, "64k") as disk:
        files.write_json(disk / "x.json", {"old": True})
        with pytest.raises(RunError, match=r"no room left in .*disk .*run the same command again"):
            files.write_json(disk / "x.json", {"new": "x" * 200_000})
        assert files.read_json(disk / "x.json") == {"old": True}
        assert [p.name for p in disk.iterdir()] == ["x.json"]


@pytest.mark.parametrize("error", [RuntimeError("unexpected pos 576 vs 534"), ValueError("I/O error")])
def test_a_full_disk_is_told_when_torch_or_safetensors_do_not_say_so(tmp_path, monkeypatch, error):
    room = {"left": 4096}
    monkeypatch.setattr(files.shutil, "disk_usage", lambda folder: type("Usage", (), {"free": room["left"]}))
    with pytest.raises(RunError, match="no room left"), files.atomic(tmp_path / "x"):
        raise error
    room["left"] = 2**40
    with pytest.raises(type(error)), files.atomic(tmp_path / "x"):
        raise error
    with pytest.raises(RunError, match="no room left"), files.atomic(tmp_path / "x"):
        raise RuntimeError("I/O error: No space left on device (os error 28)")


def test_two_machines_with_one_process_id_do_not_share_a_temporary_file(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "getpid", lambda: 7)
    with files.atomic(tmp_path / "x") as first:
        first.write_text("first")
        with files.atomic(tmp_path / "x") as second:
            second.write_text("second")
        assert (tmp_path / "x").read_text() == "second"
    assert (tmp_path / "x").read_text() == "first"


def test_a_full_disk_is_told_wherever_it_comes_from(tmp_path):
    with pytest.raises(RunError, match="no room left"), files.atomic(tmp_path / "x"):
        raise OSError(errno.ENOSPC, "No space left on device")


def test_nan_becomes_null_in_json(tmp_path):
    files.write_json(tmp_path / "x.json", {"a": float("nan"), "b": [np.float32(0.5), np.int64(2)], 3: np.inf})
    assert json.loads((tmp_path / "x.json").read_text()) == {"a": None, "b": [0.5, 2], "3": None}


WRITER = """
import sys
from pathlib import Path
from reid_lib.core import files
path, k = Path(sys.argv[1]), 0
while True:
    files.write_json(path, {"k": k, "payload": [k] * 20000})
    k += 1
"""


def test_a_writer_killed_at_any_moment_leaves_a_whole_file(tmp_path):
    path = tmp_path / "x.json"
    for pause in (0.05, 0.11, 0.17):
        writer = subprocess.Popen([sys.executable, "-c", WRITER, str(path)])
        while not path.exists():
            time.sleep(0.01)
        time.sleep(pause)
        writer.kill()
        writer.wait()
        stored = files.read_json(path)
        assert stored["payload"] == [stored["k"]] * 20000


HALF = """
import sys, time
from pathlib import Path
from reid_lib.core import files
with files.atomic(Path(sys.argv[1])) as temporary:
    temporary.write_text("half")
    print("begun", flush=True)
    time.sleep(60)
"""


def test_the_next_writer_removes_what_a_killed_one_left_and_nothing_of_a_live_one(tmp_path):
    path = tmp_path / "table.csv"
    writer = subprocess.Popen([sys.executable, "-c", HALF, str(path)], stdout=subprocess.PIPE, text=True)
    try:
        assert writer.stdout.readline() == "begun\n"
        files.write_json(path, {})
        assert len(list(tmp_path.iterdir())) == 2
    finally:
        writer.kill()
        writer.communicate()
    files.write_json(path, {})
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(("umask", "mode"), [(0o022, 0o644), (0o027, 0o640), (0o077, 0o600)])
def test_a_file_that_was_made_for_its_owner_alone_is_as_readable_as_others(tmp_path, umask, mode):
    """As safetensors makes those of weights."""
    before = os.umask(umask)
    try:
        with files.atomic(tmp_path / "weights") as temporary:
            temporary.write_text("x")
            temporary.chmod(0o600)
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "weights").stat().st_mode) == mode
    assert [path.name for path in tmp_path.iterdir()] == ["weights"]


@pytest.fixture(autouse=True)
def root(clean_dirs):
    return clean_dirs / "runs"


def test_what_a_killed_owner_was_writing_is_cleared_away(root):
    run = open_run()
    parent = identify_process() | {PID: os.getppid(), START: processes.find_start(os.getppid())}
    run.path("figures").mkdir()
    left, live = (
        run.path(f"figures/x.png{TEMPORARY}{temporaries.name_writer(who)}-0") for who in (parent | {START: "1"}, parent)
    )
    left.write_text("half"), live.write_text("half")  # the latter by papermill, say, which still writes a report
    run.write_json("kept.json", {})
    run.release()
    assert left.exists()
    open_run()
    assert not left.exists() and live.exists() and (root / "r" / "kept.json").exists()


def full_disk(path, value):
    raise RunError("no room left")


def test_the_error_of_a_step_is_raised_even_when_the_disk_has_no_room_to_note_it(root, monkeypatch):
    run = open_run()
    with pytest.raises(ValueError, match="the real reason"), run.guard():
        monkeypatch.setattr(files, "write_json", full_disk)
        raise ValueError("the real reason")
    assert not (root / "r" / owner.LOCK).exists()


def test_a_claim_that_fails_lets_go_of_the_run(root, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(files, "write_json", full_disk)
        with pytest.raises(RunError, match="no room left"):
            open_run()
    assert not (root / "r" / owner.LOCK).exists()
    assert open_run().status()["state"] == "running"


def test_sums_of_a_file_are_those_of_its_bytes(tmp_path, monkeypatch):
    monkeypatch.setattr(files, "READ_AT_ONCE", 7)
    data = np.random.default_rng(0).bytes(100)
    (tmp_path / "some").write_bytes(data)
    assert files.hash_file(tmp_path / "some") == hashlib.sha256(data).hexdigest()
    assert files.compute_checksum(tmp_path / "some") == f"{zlib.crc32(data):08x}"


def test_a_checked_file_comes_back_as_it_was_written(tmp_path):
    value = {"name": "Zoë 'A;1'", "ratio": 0.1, "whole": 1.0, "number": 3, "none": float("nan"), "list": [{"a": -0.0}]}
    files.write_checked_json(tmp_path / "some.json", value)
    assert files.read_checked_json(tmp_path / "some.json") == value | {"none": None}
    assert files.CHECKSUM in files.read_json(tmp_path / "some.json")  # for whoever reads it otherwise, one key more


def test_no_flipped_bit_of_a_checked_file_makes_another_value(tmp_path):
    value, path = {"version": 12, "threshold": 0.5, "edits": ["A1", "A3"]}, tmp_path / "some.json"
    files.write_checked_json(path, value)
    content = path.read_bytes()
    for place in range(len(content)):
        for bit in range(8):
            path.write_bytes(content[:place] + bytes([content[place] ^ 1 << bit]) + content[place + 1 :])
            try:
                found = files.read_checked_json(path)
            except ValueError:
                continue
            changed = {key: found[key] for key in value}  # a flip in the name of the checksum leaves the rest whole
            assert changed == value, (place, bit)


def test_a_file_of_a_version_before_has_no_checksum_and_is_read(tmp_path):
    files.write_json(tmp_path / "some.json", {"version": 1})
    assert files.read_checked_json(tmp_path / "some.json") == {"version": 1}
    files.write_json(tmp_path / "some.json", {"version": 1, files.CHECKSUM: "00000000"})
    with pytest.raises(ValueError, match="not as it was written"):
        files.read_checked_json(tmp_path / "some.json")
