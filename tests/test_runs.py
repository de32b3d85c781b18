"""Run folders: written whole, owned by one live process, continued, refused, never half understood."""

import errno
import fcntl
import json
import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor, wait

import numpy as np
import pandas as pd
import pytest
from IPython.core.interactiveshell import InteractiveShell

from reid_lib import files, ownership, runs
from reid_lib.errors import RunBusyError, RunDiffersError, RunError
from reid_lib.names import HISTORY_CSV, NEW_INDIVIDUAL, PARAMS_JSON, STATUS_JSON
from reid_lib.params import TrainParams
from reid_lib.runfolder import check_name, list_runs, load_run
from reid_lib.runs import Run


@pytest.fixture(autouse=True)
def root(clean_dirs):
    return clean_dirs / "runs"


def open_run(name="r", **identity):
    return Run.open(name, params={"lr": 0.1}, identity={"lr": 0.1} | identity, provenance={"test_fingerprint": "t"})


def state(root, name="r"):
    return next(run for run in list_runs(root) if run.name == name).status()["state"]


# --- files -----------------------------------------------------------------------------------------------------------


def test_a_failed_write_keeps_the_old_file_and_leaves_nothing_behind(tmp_path):
    path = tmp_path / "x.txt"
    path.write_text("old")
    with pytest.raises(ZeroDivisionError), files.atomic(path) as temporary:
        temporary.write_text("half")
        raise ZeroDivisionError
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to mount a small disk")
def test_a_full_disk_says_which_and_keeps_the_old_file(tmp_path):
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(disk)], capture_output=True)
    if mounted.returncode:
        pytest.skip("cannot mount a small disk here")
    try:
        files.write_json(disk / "x.json", {"old": True})
        with pytest.raises(RunError, match=r"no room left in .*disk .*run the same command again"):
            files.write_json(disk / "x.json", {"new": "x" * 200_000})
        assert files.read_json(disk / "x.json") == {"old": True}
        assert [p.name for p in disk.iterdir()] == ["x.json"]
    finally:
        subprocess.run(["umount", str(disk)], check=True)


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


def test_numbers_and_names_survive_a_csv(tmp_path):
    frame = pd.DataFrame(
        {
            "image_id": ["007", "NA", "x,y", "ü\n"],
            "identity": ["01", None, "None", NEW_INDIVIDUAL],
            "known": pd.array([True, None, False, True], dtype="boolean"),
            "score": [0.1 + 0.2, np.nan, 1 / 3, np.float32(0.1)],
        }
    )
    files.write_csv(tmp_path / "x.csv", frame)
    back = files.read_csv(tmp_path / "x.csv")
    assert back["image_id"].tolist() == frame["image_id"].tolist()
    assert [None if pd.isna(name) else name for name in back["identity"]] == ["01", None, "None", NEW_INDIVIDUAL]
    assert back["known"].tolist() == frame["known"].tolist()
    np.testing.assert_array_equal(back["score"], frame["score"])


def test_nan_becomes_null_in_json(tmp_path):
    files.write_json(tmp_path / "x.json", {"a": float("nan"), "b": [np.float32(0.5), np.int64(2)], 3: np.inf})
    assert json.loads((tmp_path / "x.json").read_text()) == {"a": None, "b": [0.5, 2], "3": None}


WRITER = """
import sys
from pathlib import Path
from reid_lib import files
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


# --- names -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["../x", "", "a/b", "..", ".hidden", "-p", "a b", "x" * 121, "a\n", "ä", "a\\b"])
def test_a_name_that_could_leave_the_folder_is_refused(name):
    with pytest.raises(RunError, match="expected letters, digits"):
        check_name(name)


def test_a_linked_run_folder_is_refused(root, tmp_path):
    root.mkdir()
    (tmp_path / "elsewhere").mkdir()
    (root / "r").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(RunError, match="is a link"):
        open_run()


# --- states ----------------------------------------------------------------------------------------------------------


def test_a_new_run_is_described_and_running(root):
    run = open_run()
    described = json.loads((root / "r" / PARAMS_JSON).read_text())
    assert described["params"] == {"lr": 0.1}
    assert described["test_fingerprint"] == "t"
    assert set(described["environment"]["packages"]) >= {"torch", "timm", "numpy", "pandas"}
    assert run.status()["state"] == "running"
    assert run.status()["owner"]["pid"] == os.getpid()


def test_no_environment_variable_reaches_a_run_folder(root, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", "s3cret-token")
    open_run().finish()
    assert not any("s3cret-token" in path.read_text() for path in (root / "r").iterdir())


def test_finish_marks_finished_and_opens_read_only_after(root):
    open_run().finish()
    again = open_run()
    assert again.finished and state(root) == "finished"
    with pytest.raises(RunError, match="not open for writing"), again.write("x"):
        pass


def test_a_failing_step_marks_the_run_failed_and_is_raised(root):
    run = open_run()
    with pytest.raises(ValueError), run.guard():
        raise ValueError("no such thing")
    assert run.status()["state"] == "failed"
    assert run.status()["error"] == "ValueError: no such thing"


def test_ctrl_c_marks_the_run_interrupted_and_a_mended_cell_continues(root):
    run = open_run()
    with pytest.raises(KeyboardInterrupt), run.guard():
        raise KeyboardInterrupt
    assert state(root) == "interrupted"
    with run.guard():
        assert state(root) == "running"
    run.finish()
    assert state(root) == "finished"


def test_a_failing_notebook_cell_outside_of_a_step_marks_the_run_failed(root):
    InteractiveShell.clear_instance()
    shell = InteractiveShell.instance()
    try:
        open_run()
        shell.run_cell("x = 1")
        assert state(root) == "running"
        shell.run_cell("1 / 0")
        assert state(root) == "failed"
    finally:
        InteractiveShell.clear_instance()


def test_another_identity_under_the_same_name_is_refused_with_the_differences():
    open_run(num_epochs=8).finish()
    with pytest.raises(RunDiffersError, match="num_epochs: 8 there, 10 here") as caught:
        open_run(num_epochs=10)
    assert "lr" not in str(caught.value).splitlines()[1]


@pytest.mark.parametrize("end", [lambda run: run._fail(ValueError("no backbone 'resnet5O'")), Run.release])
def test_a_run_that_ended_before_it_computed_anything_begins_anew_with_other_parameters(root, end):
    """A mistyped backbone fails under a name that a person wants to keep."""
    end(open_run(num_epochs=8))
    run = open_run(num_epochs=10)
    assert run.described()["identity"]["num_epochs"] == 10 and state(root) == "running"
    run.report({"epoch": 0})
    run.release()
    with pytest.raises(RunDiffersError, match="num_epochs: 10 there, 8 here"):
        open_run(num_epochs=8)


def test_identity_is_what_changes_the_result():
    a = runs.identity(TrainParams(), "c", "s")
    assert a == runs.identity(
        TrainParams(run_name="x", device="cpu", num_workers=2, data_root="y", reference="z"), "c", "s"
    )
    assert a != runs.identity(TrainParams(lr=1e-4), "c", "s")
    assert a != runs.identity(TrainParams(), "other", "s")
    assert a != runs.identity(TrainParams(), "c", "other")


def test_a_folder_with_only_a_notebook_is_not_a_run_and_can_become_one(root):
    (root / "r").mkdir(parents=True)
    (root / "r" / "train.ipynb").write_text("{}")
    assert list_runs(root) == []
    open_run()
    assert state(root) == "running"


@pytest.mark.parametrize(
    "name, text",
    [
        (PARAMS_JSON, "{"),
        (PARAMS_JSON, '{"format": 0}'),
        (PARAMS_JSON, "[]"),
        (STATUS_JSON, "{}"),
        (STATUS_JSON, ""),
        (STATUS_JSON, None),
    ],
)
def test_a_half_copied_or_older_run_is_shown_as_unreadable(root, name, text):
    open_run().finish()
    path = root / "r" / name
    path.unlink() if text is None else path.write_text(text)
    status = list_runs(root)[0].status()
    assert status["state"] == "unreadable" and status["error"]


def test_an_unknown_run_names_those_there_are(root):
    open_run("first").finish()
    open_run("second")
    with pytest.raises(RunError, match="there is no run 'third'.*finished runs: first"):
        load_run("third")
    with pytest.raises(RunError, match="'second' is running, not finished"):
        load_run("second")
    open_run("second")._fail(ValueError("no such backbone"))
    with pytest.raises(RunError, match="'second' is failed, not finished.*ValueError: no such backbone"):
        load_run("second")
    assert load_run("first").params == {"lr": 0.1}


# --- history ---------------------------------------------------------------------------------------------------------


def test_history_grows_line_by_line_and_is_cut_to_the_checkpoint():
    run = open_run()
    for epoch in range(4):
        run.report({"epoch": epoch, "val_score": 1 / (epoch + 3)} | ({"train_loss": 0.1 * epoch} if epoch else {}))
    run.cut_history(2)
    history = run.history()
    assert history["epoch"].tolist() == [0, 1, 2]
    assert history["val_score"].tolist() == [1 / 3, 1 / 4, 1 / 5]
    assert history["train_loss"].isna().tolist() == [True, False, False]
    run.cut_history(-1)
    assert run.history().empty


# --- owners ----------------------------------------------------------------------------------------------------------

OWNER = """
import sys, time
from reid_lib.runs import Run
run = Run.open("r", params={"lr": 0.1}, identity={"lr": 0.1}, provenance={})
run.report({"epoch": 0})
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


def test_a_killed_owner_reads_as_interrupted_and_is_succeeded(other_process, root):
    other_process.send_signal(signal.SIGKILL)
    other_process.wait()
    assert state(root) == "interrupted"
    run = open_run()
    assert run.status()["owner"]["pid"] == os.getpid()
    assert run.history()["epoch"].tolist() == [0]


def write_lock(root, *, host, age_s):
    (root / "r").mkdir(parents=True, exist_ok=True)
    lock = root / "r" / ownership.LOCK
    lock.write_text(json.dumps({"host": host, "pid": 1, "started": 0.0}))
    os.utime(lock, (time.time() - age_s, time.time() - age_s))


def test_an_owner_on_another_machine_is_judged_by_its_heartbeat(root):
    write_lock(root, host="node7", age_s=5)
    with pytest.raises(RunBusyError, match="process 1 on node7"):
        open_run()
    write_lock(root, host="node7", age_s=ownership.STALE_S + 60)
    assert open_run().status()["state"] == "running"


def test_a_reused_process_id_is_not_the_owner(root):
    write_lock(root, host=ownership.this_process()["host"], age_s=0)  # process 1 lives, but started at another time
    assert open_run().status()["state"] == "running"


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
    assert not (root / "r" / ownership.LOCK).exists()


def test_the_heartbeat_goes_on_while_the_run_works(root, monkeypatch):
    monkeypatch.setattr(ownership, "HEARTBEAT_S", 0.05)
    run = open_run()
    first = run.status()["heartbeat"]
    deadline = time.time() + 10
    while run.status()["heartbeat"] == first and time.time() < deadline:
        time.sleep(0.02)
    assert run.status()["heartbeat"] > first
    run.finish()


def test_a_missing_history_is_an_empty_one():
    run = open_run()
    assert run.history()["epoch"].tolist() == []
    assert not run.path(HISTORY_CSV).exists()


# --- damage, links, leftovers ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        '{"state": "running", "owner": null, "heartbeat": 0}',
        '{"state": "running", "owner": {"host": "node7"}, "heartbeat": "yesterday"}',
        '{"state": "dancing", "owner": {}, "heartbeat": 0}',
        "[1, 2]",
    ],
)
def test_a_damaged_status_never_ends_in_a_traceback(root, text):
    open_run().release()
    (root / "r" / STATUS_JSON).write_text(text)
    assert state(root) == "unreadable"
    assert open_run().status()["state"] == "running"


def test_a_status_that_was_half_copied_does_not_keep_the_run_from_continuing(root):
    (root / "r").mkdir(parents=True)
    (root / "r" / STATUS_JSON).write_text('{"state": "runn')
    assert open_run().status()["state"] == "running"


def test_a_file_where_the_run_folder_would_be_is_refused(root):
    root.mkdir()
    (root / "r").write_text("not a folder")
    with pytest.raises(RunError, match="is a file, not a run folder"):
        open_run()


@pytest.mark.parametrize("name", ["../other/x.txt", "../x.txt", "linked/x.txt", ""])
def test_a_run_writes_nothing_outside_of_its_folder(root, tmp_path, name):
    run = open_run()
    (tmp_path / "elsewhere").mkdir()
    (root / "r" / "linked").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(RunError, match="leads out of the run folder"), run.write(name) as path:
        path.write_text("x")
    assert not list((tmp_path / "elsewhere").iterdir())


def test_what_a_killed_owner_was_writing_is_cleared_away(root):
    run = open_run()
    leftover = run.path(f"figures/x.png{files.TEMPORARY}123")
    leftover.parent.mkdir()
    leftover.write_text("half")
    run.write_json("kept.json", {})
    run.release()
    assert leftover.exists()
    open_run()
    assert not leftover.exists() and (root / "r" / "kept.json").exists()


def between_looking_and_claiming(monkeypatch, do):
    """What another process does in the moment between a look at the folder and taking its lock."""
    take = ownership.Lock.take

    def late(lock):
        monkeypatch.setattr(ownership.Lock, "take", take)
        do()
        take(lock)

    monkeypatch.setattr(ownership.Lock, "take", late)


def test_a_run_made_meanwhile_is_not_taken_over_with_another_identity(root, monkeypatch):
    def made_meanwhile():
        run = open_run(num_epochs=8)
        run.report({"epoch": 0})
        run.release()

    between_looking_and_claiming(monkeypatch, made_meanwhile)
    with pytest.raises(RunDiffersError, match="num_epochs: 8 there, 10 here"):
        open_run(num_epochs=10)
    assert not (root / "r" / ownership.LOCK).exists()
    assert state(root) == "interrupted"


def test_a_run_finished_meanwhile_is_opened_to_be_read(root, monkeypatch):
    between_looking_and_claiming(monkeypatch, lambda: open_run().finish())
    assert open_run().finished
    assert not (root / "r" / ownership.LOCK).exists()


def test_a_finished_run_is_never_set_running_again_by_a_step(root):
    open_run().finish()
    run = open_run()
    with pytest.raises(RunError, match="is finished"), run.guard():
        pass
    assert state(root) == "finished"


def full_disk(path, value):
    raise RunError("no room left")


def test_the_error_of_a_step_is_raised_even_when_the_disk_has_no_room_to_note_it(root, monkeypatch):
    run = open_run()
    with pytest.raises(ValueError, match="the real reason"), run.guard():
        monkeypatch.setattr(files, "write_json", full_disk)
        raise ValueError("the real reason")
    assert not (root / "r" / ownership.LOCK).exists()


def test_a_claim_that_fails_lets_go_of_the_run(root, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(files, "write_json", full_disk)
        with pytest.raises(RunError, match="no room left"):
            open_run()
    assert not (root / "r" / ownership.LOCK).exists()
    assert open_run().status()["state"] == "running"


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
from reid_lib import ownership
from reid_lib.errors import RunBusyError
for folder in map(Path, sys.argv[1:]):
    print("ready", flush=True)
    sys.stdin.readline()
    try:
        ownership.Lock(folder).take()
        print("owner", flush=True)
    except RunBusyError:
        print("busy", flush=True)
"""


def test_of_those_who_find_a_dead_owners_lock_exactly_one_takes_over(tmp_path):
    folders = [tmp_path / f"r{i}" for i in range(40)]
    for folder in folders:
        folder.mkdir()
        (folder / ownership.LOCK).write_text(json.dumps({"host": "node7", "pid": 1, "started": 0.0}))
        os.utime(folder / ownership.LOCK, (0, 0))
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
    write_lock(root, host="node7", age_s=ownership.STALE_S + 60)
    lock, guarded = ownership.Lock(root / "r"), ownership.Lock._guarded

    def late(self):
        write_lock(root, host="node8", age_s=0)
        return guarded(self)

    monkeypatch.setattr(ownership.Lock, "_guarded", late)
    with pytest.raises(RunBusyError, match="process 1 on node8"):
        lock.take()
    assert "node8" in (root / "r" / ownership.LOCK).read_text()


def test_a_dead_lock_is_looked_at_only_when_nobody_else_is_replacing_it(root):
    """The one who is replacing it holds the guard; whoever comes meanwhile waits, and then finds the new owner."""
    write_lock(root, host="node7", age_s=ownership.STALE_S + 60)
    with open(root / "r" / ownership.GUARD, "w") as guard, ThreadPoolExecutor() as threads:
        fcntl.flock(guard, fcntl.LOCK_EX)
        taken = threads.submit(ownership.Lock(root / "r").take)
        wait([taken], timeout=0.5)  # time to do wrong: without the guard it takes the dead lock now
        write_lock(root, host="node8", age_s=0)
        fcntl.flock(guard, fcntl.LOCK_UN)
        with pytest.raises(RunBusyError, match="process 1 on node8"):
            taken.result()


def test_an_owner_that_slept_and_was_succeeded_writes_no_more(root):
    run = open_run()
    write_lock(root, host="node8", age_s=0)
    before = (root / "r" / STATUS_JSON).read_text()
    with pytest.raises(RunError, match="not open for writing here"):
        run.report({"epoch": 0})
    run.release()
    assert (root / "r" / STATUS_JSON).read_text() == before
    assert "node8" in (root / "r" / ownership.LOCK).read_text()


def test_a_disk_without_hard_links_will_do(root, monkeypatch):
    def no_links(source, target):
        raise PermissionError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "link", no_links)
    run = open_run()
    with pytest.raises(RunBusyError):
        ownership.Lock._remove_dead(ownership.Lock(run.folder))
    run.finish()
    assert state(root) == "finished" and not (root / "r" / ownership.LOCK).exists()


def test_a_lock_that_is_just_being_written_is_not_taken_for_a_dead_one(root):
    write_lock(root, host="node7", age_s=0)
    (root / "r" / ownership.LOCK).write_text("")
    with pytest.raises(RunBusyError, match="an unknown machine"):
        open_run()
    os.utime(root / "r" / ownership.LOCK, (0, 0))
    assert open_run().status()["state"] == "running"
