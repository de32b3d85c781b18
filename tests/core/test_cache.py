"""Room in a shared cache: the files used longest ago go, those being built and those asked for stay."""

import os
import time

import pytest

from reid_lib.core.cache import FRESH_S, PART, make_room


def write(path, size, age):
    path.write_bytes(b"x" * size)
    os.utime(path, (time.time() - age,) * 2)
    return path


def test_the_oldest_go_first_and_only_as_many_as_needed(tmp_path, monkeypatch):
    total = 10_000
    usage = type("Usage", (), {"total": total, "free": 2**40})
    monkeypatch.setattr("shutil.disk_usage", lambda folder: usage)
    old, middle, new = (write(tmp_path / f"{age}.npy", 1000, age * 100) for age in (3, 2, 1))
    make_room(tmp_path / "next.npy", 1000, share=0.3)
    assert not old.exists() and middle.exists() and new.exists()


def test_a_part_that_grows_and_the_file_itself_are_kept(tmp_path, monkeypatch):
    usage = type("Usage", (), {"total": 1000, "free": 2**40})
    monkeypatch.setattr("shutil.disk_usage", lambda folder: usage)
    growing = write(tmp_path / f"a{PART}", 1000, 1)
    left = write(tmp_path / f"b{PART}", 1000, FRESH_S + 10)
    target = write(tmp_path / "next.npy", 1000, 10**6)
    make_room(target, 1000, share=1.0)
    assert growing.exists() and target.exists() and not left.exists()


def test_no_room_even_so_is_an_error(tmp_path, monkeypatch):
    monkeypatch.setattr("shutil.disk_usage", lambda folder: type("Usage", (), {"total": 1000, "free": 10}))
    with pytest.raises(OSError, match="not enough room"):
        make_room(tmp_path / "next.npy", 1000, share=1.0)
