"""Which process it is: the same id in another boot, namespace or machine is another one, and a clock says nothing."""

import os
import subprocess
import sys
import time

import psutil
import pytest

from reid_lib.core import processes
from reid_lib.core.processes import BOOT, HOST, NAMESPACE, PID, START, identify_process, is_here, is_running


def test_this_process_is_here_and_runs():
    own = identify_process()
    assert is_here(own) and is_running(own[PID], own[START]) is True
    assert own[PID] == os.getpid() and own["started"] == pytest.approx(psutil.Process().create_time(), abs=1)


def test_an_id_that_was_given_away_again_or_to_nobody_is_not_the_process():
    assert is_running(os.getpid(), "1") is False
    ended = subprocess.Popen([sys.executable, "-S", "-c", ""])
    ended.wait()
    assert is_running(ended.pid, "1") is False and is_running(10**30, "1") is False


def test_one_that_was_killed_is_dead_while_nobody_has_asked_how_it_ended():
    child = subprocess.Popen([sys.executable, "-S", "-c", "import time; time.sleep(60)"])
    start = processes.find_start(child.pid)
    assert is_running(child.pid, start) is True
    child.kill()
    deadline = time.monotonic() + 10
    while is_running(child.pid, start) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert psutil.pid_exists(child.pid) and is_running(child.pid, start) is False
    child.wait()


@pytest.mark.parametrize("pid", [None, True, "7", 0, -1, 7.0])
def test_what_is_no_process_id_tells_nothing(pid):
    assert is_running(pid, "1") is None


def test_a_process_that_is_hidden_or_counted_apart_cannot_be_told(monkeypatch):
    own = identify_process()
    monkeypatch.setattr(processes, "_read_stat", lambda pid: None)  # as /proc hides those of other users
    assert is_running(own[PID], own[START]) is None
    monkeypatch.undo()
    monkeypatch.setattr(processes, "_has_own_proc", lambda: False)
    monkeypatch.setattr(processes.sys, "platform", "linux")
    assert is_running(own[PID], own[START]) is None


@pytest.mark.parametrize("change", [{BOOT: "other"}, {NAMESPACE: 1}])
def test_another_boot_or_namespace_is_elsewhere_whatever_the_host(change):
    assert not is_here(identify_process() | change)


def test_the_host_counts_where_boot_or_namespace_is_not_known(monkeypatch):
    own = identify_process()
    if None not in (own[BOOT], own[NAMESPACE]):  # a laptop is called otherwise in another network
        assert is_here(own | {HOST: "renamed"})
    unknown = own | {BOOT: None, NAMESPACE: None}
    monkeypatch.setattr(processes, "identify_process", lambda: unknown)
    assert processes.is_here(unknown) and not processes.is_here(unknown | {HOST: "other"})
    assert not processes.is_here({}) and not processes.is_here({HOST: own[HOST], PID: 1} | {BOOT: "theirs"})


def test_a_forked_child_is_a_process_of_its_own(monkeypatch):
    before = identify_process()
    monkeypatch.setattr(os, "getpid", os.getppid)
    assert identify_process()[PID] == os.getppid() != before[PID]


def test_who_is_told_also_where_the_user_has_no_name(monkeypatch):
    def nameless():
        raise KeyError("uid")

    monkeypatch.setattr(processes.getpass, "getuser", nameless)
    assert processes.describe_user().startswith("unknown on ")
