"""One process at a time holds the lock of a file: the others wait, a dead one lets go, a disk may know no locks."""

import errno
import fcntl
import os
import signal
import subprocess
import sys

import pytest

from reid_lib.core.locks import hold_lock

HOLDER = """
import sys, time
from pathlib import Path
from reid_lib.core.locks import hold_lock
with hold_lock(Path(sys.argv[1])) as held:
    print(held, flush=True)
    time.sleep(60)
"""
ADDS_ONE = """
import sys, time
from pathlib import Path
from reid_lib.core.locks import hold_lock
counter = Path(sys.argv[1])
for _ in range(5):
    with hold_lock(counter.with_suffix(".lock")):
        number = int(counter.read_text())
        time.sleep(0.005)
        counter.write_text(str(number + 1))
"""


@pytest.fixture
def other_process(tmp_path):
    """Another process that holds the lock."""
    process = subprocess.Popen([sys.executable, "-c", HOLDER, tmp_path / "lock"], stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "True\n"
    yield process
    process.kill()
    process.wait()


def is_free(path) -> bool:
    """Asked of the system itself, as a process of an earlier version asks."""
    with open(path, "w") as stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
    return True


def test_the_lock_is_held_in_the_block_and_released_by_its_end_or_an_error(tmp_path):
    path = tmp_path / "lock"
    with hold_lock(path) as held:
        assert held and not is_free(path)
    assert is_free(path)
    with pytest.raises(ValueError), hold_lock(path):
        raise ValueError
    assert is_free(path) and path.exists()  # else two who wait could hold locks of two files


def test_a_killed_process_lets_go_and_who_waits_is_told(other_process, tmp_path, capsys, monkeypatch):
    import filelock

    acquire = filelock.FileLock.acquire

    def killed_meanwhile(self, timeout=None):
        if timeout is None:  # waiting from now on
            other_process.send_signal(signal.SIGKILL)
        return acquire(self, timeout)

    monkeypatch.setattr(filelock.FileLock, "acquire", killed_meanwhile)
    with hold_lock(tmp_path / "lock", waiting="somebody works here") as held:
        assert held
    assert capsys.readouterr().out == "note: somebody works here\n"


@pytest.mark.parametrize("unknown", [errno.ENOSYS, errno.ENOTSUP, errno.ENOLCK])
def test_a_disk_without_locks_is_told_and_nobody_is_stopped(unknown, tmp_path, capsys, monkeypatch):
    def no_locks(*_):
        raise OSError(unknown, os.strerror(unknown))

    monkeypatch.setattr(fcntl, "flock", no_locks)
    with hold_lock(tmp_path / "lock", without="no locks here") as held:
        assert not held
    assert capsys.readouterr().out == "note: no locks here\n"


def test_a_file_that_cannot_be_made_is_an_error(tmp_path):
    with pytest.raises(FileNotFoundError), hold_lock(tmp_path / "nowhere" / "lock"):
        pass


def test_many_processes_work_one_after_the_other(tmp_path):
    counter = tmp_path / "counter.txt"
    counter.write_text("0")
    workers = [subprocess.Popen([sys.executable, "-c", ADDS_ONE, counter]) for _ in range(4)]
    assert [worker.wait() for worker in workers] == [0] * 4
    assert counter.read_text() == "20"
