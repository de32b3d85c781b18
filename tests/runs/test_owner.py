"""Who owns a run: one live process, succeeded when it is dead."""

import errno
import fcntl
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import suppress

import psutil
import pytest
from claimed import open_run, state

from reid_lib.core.errors import RunBusyError, RunError
from reid_lib.core.names import STATUS_JSON
from reid_lib.core.processes import find_start, identify_process
from reid_lib.runs import owner


@pytest.fixture(autouse=True)
def root(clean_dirs, monkeypatch):
    monkeypatch.setattr(owner, "WATCH_S", 0.05)
    return clean_dirs / "runs"


OWNER = """
import sys, time
from reid_lib.runs.run import Run
run = Run.open("r", params={"lr": 0.1}, key={"lr": 0.1}, provenance={})
run.add_epoch({"epoch": 0})
print("open", flush=True)
time.sleep(60)
"""


@pytest.fixture
def other_process():
    """Another process that owns the run `r`."""
    process = subprocess.Popen([sys.executable, "-c", OWNER], stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "open\n"
    yield process
    process.kill()
    process.wait()


def test_a_run_another_live_process_owns_is_refused(other_process):
    with pytest.raises(RunBusyError, match=f"process {other_process.pid} on .* alive: wait for it"):
        open_run()


@pytest.mark.parametrize("reaped", [True, False])
def test_a_killed_owner_reads_as_interrupted_and_is_succeeded_at_once(other_process, root, monkeypatch, reaped):
    """Also before its parent has asked how it ended."""
    monkeypatch.setattr(owner.Lock, "_watch", lambda *_: pytest.fail("nothing is to be waited for"))
    other_process.send_signal(signal.SIGKILL)
    if reaped:
        other_process.wait()
    deadline = time.monotonic() + 10
    while state(root) == "running" and time.monotonic() < deadline:
        time.sleep(0.01)
    assert state(root) == "interrupted"
    run = open_run()
    assert run.status()["owner"]["pid"] == os.getpid()
    assert run.history()["epoch"].tolist() == [0]


NODE7 = {"host": "node7", "pid": 1, "start": "1", "boot": "theirs", "pid_namespace": 1}


def write_lock(root, who=NODE7, *, age_s=0.0, **changes):
    (root / "r").mkdir(parents=True, exist_ok=True)
    lock = root / "r" / owner.LOCK
    lock.write_text(json.dumps(who | changes))
    os.utime(lock, (time.time() - age_s, time.time() - age_s))


def test_an_owner_on_another_machine_is_judged_by_its_heartbeat(root):
    write_lock(root, age_s=5)
    with pytest.raises(RunBusyError, match="process 1 on node7"):
        open_run()
    write_lock(root, age_s=owner.STALE_S + 60)
    assert open_run().status()["state"] == "running"


def test_a_reused_process_id_is_not_the_owner(root):
    write_lock(root, identify_process(), pid=os.getppid(), start="1")  # it lives, but started at another time
    assert open_run().status()["state"] == "running"


# --- process ids that say nothing, and clocks that say something else -----------------------------------------------


@pytest.mark.parametrize("elsewhere", [{"pid_namespace": 1}, {"boot": "theirs"}])
@pytest.mark.parametrize("given_away", [True, False])
def test_a_fresh_heartbeat_from_elsewhere_means_alive_whatever_the_process_id_says(root, elsewhere, given_away):
    """Containers with the host's network share its name; of a process of theirs nothing is known here."""
    pid = os.getpid() if given_away else 10**9
    write_lock(root, identify_process() | elsewhere, pid=pid, start="1", age_s=30)
    with pytest.raises(RunBusyError, match=f"process {pid} on .* alive by its sign of life 3. s ago .*for 120 s"):
        open_run()


@pytest.mark.parametrize("step_s", [-3600.0, -1.5, 1.5, 3600.0])
def test_a_live_owner_survives_a_step_of_the_clock(root, step_s):
    """Seconds since the epoch of a start are counted back from now: they step with the clock."""
    parent = identify_process() | {"pid": os.getppid(), "start": find_start(os.getppid())}
    write_lock(root, parent, started=parent["started"] + step_s, age_s=step_s)
    with pytest.raises(RunBusyError, match=f"process {os.getppid()} on .* alive"):
        open_run()


def test_the_process_itself_has_one_name_as_long_as_it_lives(root, monkeypatch):
    run = open_run()
    monkeypatch.setattr(psutil.Process, "create_time", lambda self: 5.0)  # as after a step of the clock
    run.add_epoch({"epoch": 0})
    second = open_run()
    assert second.history()["epoch"].tolist() == [0]


@pytest.mark.parametrize("age_s", [-86400.0, 86400.0])
def test_a_heartbeat_in_the_future_locks_no_longer_than_one_in_the_past(root, age_s, capsys):
    write_lock(root, age_s=age_s)
    assert open_run().status()["state"] == "running"
    assert "the owner of run 'r' on node7" in capsys.readouterr().out


@pytest.mark.parametrize("age_s", [-86400.0, 86400.0])
def test_an_owner_whose_clock_differs_is_seen_to_live(root, age_s, monkeypatch):
    write_lock(root, age_s=age_s)
    monkeypatch.setattr(owner, "WATCH_S", 30.0)
    beats = threading.Timer(0.2, lambda: write_lock(root, age_s=age_s - 10))
    beats.start()
    begun = time.monotonic()
    with pytest.raises(RunBusyError, match="process 1 on node7"):
        open_run()
    beats.join()
    assert time.monotonic() - begun < 10, "the first sign of life is enough"


def test_a_status_with_a_heartbeat_in_the_future_reads_as_interrupted(root):
    open_run().release()
    stored = json.loads((root / "r" / STATUS_JSON).read_text())
    for ahead_s, read in ((5, "running"), (86400, "interrupted")):
        changed = {"state": "running", "owner": NODE7, "heartbeat": time.time() + ahead_s}
        (root / "r" / STATUS_JSON).write_text(json.dumps(stored | changed))
        assert state(root) == read


# --- what lies in the place of the lease -----------------------------------------------------------------------------


@pytest.mark.parametrize("target", ["nowhere", "victim"])
@pytest.mark.parametrize("name", [owner.LOCK, owner.GUARD])
def test_a_link_in_the_place_of_the_lease_is_not_followed_and_locks_nobody(root, tmp_path, name, target):
    (root / "r").mkdir(parents=True)
    (tmp_path / "victim").write_text("mine")
    os.utime(tmp_path / "victim", (0, 0))
    (root / "r" / name).symlink_to(tmp_path / target)
    if name == owner.GUARD:
        write_lock(root, age_s=owner.STALE_S + 60)
    run = open_run()
    run.add_epoch({"epoch": 0})
    run.finish()
    assert state(root) == "finished" and not (tmp_path / "nowhere").exists()
    assert (tmp_path / "victim").read_text() == "mine" and (tmp_path / "victim").stat().st_mtime == 0


def test_a_link_that_replaces_the_lease_of_a_live_owner_ends_its_writing(root, tmp_path):
    run = open_run()
    (tmp_path / "copy").write_text((root / "r" / owner.LOCK).read_text())
    (root / "r" / owner.LOCK).unlink()
    (root / "r" / owner.LOCK).symlink_to(tmp_path / "copy")
    with pytest.raises(RunError, match="not open for writing here"):
        run.add_epoch({"epoch": 0})


def test_a_planted_draft_is_not_written_through(root, tmp_path, monkeypatch):
    """Drafts had names that anybody could foresee; those of now hold what nobody can, and are never opened as links."""
    (tmp_path / "victim").write_text("mine")
    (root / "r").mkdir(parents=True)
    planted = root / "r" / f"{owner.LOCK}.{socket.gethostname()}.{os.getpid()}"
    planted.symlink_to(tmp_path / "victim")
    open_run().release()
    foreseen = root / "r" / "draft"
    foreseen.symlink_to(tmp_path / "victim")
    monkeypatch.setattr(owner, "name_temporary", lambda path: foreseen)
    with suppress(RunError):
        open_run().release()
    assert (tmp_path / "victim").read_text() == "mine"


def test_a_folder_in_the_place_of_the_lease_is_told(root):
    (root / "r" / owner.LOCK).mkdir(parents=True)
    with pytest.raises(RunError, match="is a folder, and a run writes a file there: move it away"):
        open_run()


# --- one owner -------------------------------------------------------------------------------------------------------


def test_a_run_can_be_opened_again_by_the_process_that_owns_it(root):
    first = open_run()
    second = open_run()
    with pytest.raises(RunError), first.write("x"):
        pass
    second.finish()
    assert state(root) == "finished"


def test_of_processes_that_open_at_once_exactly_one_gets_the_run():
    processes = [
        subprocess.Popen([sys.executable, "-c", OWNER], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for _ in range(5)
    ]
    try:
        deadline = time.time() + 60
        while sum(p.poll() is not None for p in processes) < 4 and time.time() < deadline:
            time.sleep(0.05)
        losers = [p for p in processes if p.poll() is not None]
        assert len(losers) == 4
        assert all("RunBusyError" in p.stderr.read() for p in losers)
    finally:
        for process in processes:
            process.kill()
            process.wait()


def test_an_interpreter_that_ends_without_finishing_leaves_an_interrupted_run(root):
    subprocess.run([sys.executable, "-c", OWNER.replace("time.sleep(60)", "")], check=True, capture_output=True)
    assert json.loads((root / "r" / STATUS_JSON).read_text())["state"] == "interrupted"
    assert not (root / "r" / owner.LOCK).exists()


def test_the_heartbeat_goes_on_while_the_run_works(root, monkeypatch):
    monkeypatch.setattr(owner, "HEARTBEAT_S", 0.05)
    run = open_run()
    first = run.status()["heartbeat"]
    deadline = time.time() + 10
    while run.status()["heartbeat"] == first and time.time() < deadline:
        time.sleep(0.02)
    assert run.status()["heartbeat"] > first
    run.finish()


FORKING = OWNER.replace(
    "time.sleep(60)",
    """
import os
child = os.fork()
if child == 0:
    sys.exit(0)
os.waitpid(child, 0)
print(run.status()["state"], flush=True)
os._exit(0)
""",
)


def test_a_child_process_that_ends_does_not_end_the_run_of_its_parent():
    done = subprocess.run([sys.executable, "-c", FORKING], check=True, capture_output=True, text=True)
    assert done.stdout.split() == ["open", "running"]


# --- taking over -----------------------------------------------------------------------------------------------------

TAKER = """
import sys
from pathlib import Path
from reid_lib.runs import owner as ownership
from reid_lib.core.errors import RunBusyError
ownership.WATCH_S = 0.0
ownership.LOGGER.setLevel("ERROR")
for folder in map(Path, sys.argv[1:]):
    print("ready", flush=True)
    sys.stdin.readline()
    try:
        ownership.Lock(folder).take()
        print("owner", flush=True)
    except RunBusyError:
        print("busy", flush=True)
sys.stdin.readline()  # lives on: the lease of one that has ended is taken over, as it should be
"""


def test_of_those_who_find_a_dead_owners_lock_exactly_one_takes_over(tmp_path):
    folders = [tmp_path / f"r{i}" for i in range(40)]
    for folder in folders:
        folder.mkdir()
        (folder / owner.LOCK).write_text(json.dumps(NODE7))
        os.utime(folder / owner.LOCK, (0, 0))
    command = [sys.executable, "-c", TAKER, *map(str, folders)]
    takers = [subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(6)]
    try:
        for _ in folders:
            assert {taker.stdout.readline() for taker in takers} == {"ready\n"}
            for taker in takers:
                taker.stdin.write("go\n")
                taker.stdin.flush()
            assert sorted(taker.stdout.readline() for taker in takers) == ["busy\n"] * 5 + ["owner\n"]
    finally:
        for taker in takers:
            taker.kill()
            taker.communicate()


def test_a_live_lock_that_replaced_a_dead_one_meanwhile_stays(root, monkeypatch):
    """Two find the dead lock; the first has replaced it by the time the second looks again."""
    write_lock(root, age_s=owner.STALE_S + 60)
    lock, guarded = owner.Lock(root / "r"), owner.Lock._guarded

    def late(self):
        write_lock(root, host="node8")
        return guarded(self)

    monkeypatch.setattr(owner.Lock, "_guarded", late)
    with pytest.raises(RunBusyError, match="process 1 on node8"):
        lock.take()
    assert "node8" in (root / "r" / owner.LOCK).read_text()


def test_a_dead_lock_is_looked_at_only_when_nobody_else_is_replacing_it(root):
    """The one who is replacing it holds the guard; whoever comes meanwhile waits, and then finds the new owner."""
    write_lock(root, age_s=owner.STALE_S + 60)
    with open(root / "r" / owner.GUARD, "w") as guard, ThreadPoolExecutor() as threads:
        fcntl.flock(guard, fcntl.LOCK_EX)
        taken = threads.submit(owner.Lock(root / "r").take)
        wait([taken], timeout=0.5)  # time to do wrong: without the guard it takes the dead lock now
        write_lock(root, host="node8")
        fcntl.flock(guard, fcntl.LOCK_UN)
        with pytest.raises(RunBusyError, match="process 1 on node8"):
            taken.result()


def test_an_owner_that_slept_and_was_succeeded_writes_no_more(root):
    run = open_run()
    write_lock(root, host="node8")
    before = (root / "r" / STATUS_JSON).read_text()
    with pytest.raises(RunError, match="not open for writing here"):
        run.add_epoch({"epoch": 0})
    run.release()
    assert (root / "r" / STATUS_JSON).read_text() == before
    assert "node8" in (root / "r" / owner.LOCK).read_text()


def test_a_disk_without_hard_links_will_do(root, monkeypatch):
    def no_links(source, target):
        raise PermissionError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "link", no_links)
    run = open_run()
    with pytest.raises(RunBusyError):
        owner.Lock._remove_dead(owner.Lock(run.folder))
    run.finish()
    assert state(root) == "finished" and not (root / "r" / owner.LOCK).exists()


def test_a_lock_that_is_just_being_written_is_not_taken_for_a_dead_one(root):
    write_lock(root)
    (root / "r" / owner.LOCK).write_text("")
    with pytest.raises(RunBusyError, match="an unknown machine"):
        open_run()
    os.utime(root / "r" / owner.LOCK, (0, 0))
    assert open_run().status()["state"] == "running"
