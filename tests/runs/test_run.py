"""Run folders: claimed, described, continued, refused, never half understood."""

import json
import os
import time
from contextlib import nullcontext

import pytest
from claimed import open_run, state
from IPython.core.interactiveshell import InteractiveShell

from reid_lib.core.errors import RunDiffersError, RunError
from reid_lib.core.names import HISTORY_CSV, PARAMS_JSON, STATUS_JSON
from reid_lib.core.processes import identify_process
from reid_lib.runs import owner
from reid_lib.runs.run import Run, ask_to_stop


@pytest.fixture(autouse=True)
def root(clean_dirs):
    return clean_dirs / "runs"


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


def test_only_a_process_that_is_known_here_is_told_to_stop(root, monkeypatch):
    """A process id of another container may be anybody's here."""
    open_run().release()
    told = []
    monkeypatch.setattr(os, "kill", lambda pid, number: told.append(pid) if number else None)
    stored = json.loads((root / "r" / STATUS_JSON).read_text())
    for where in ({}, {"pid_namespace": 1}, {"boot": "theirs"}):
        changed = {"state": "running", "owner": identify_process() | where, "heartbeat": time.time()}
        (root / "r" / STATUS_JSON).write_text(json.dumps(stored | changed))
        with pytest.raises(RunError, match="stop it there") if where else nullcontext():
            ask_to_stop("r")
    assert told == [os.getpid()]


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


def test_another_key_under_the_same_name_is_refused_with_the_differences():
    open_run(num_epochs=8).finish()
    with pytest.raises(RunDiffersError, match="num_epochs: 8 there, 10 here") as caught:
        open_run(num_epochs=10)
    assert "lr" not in str(caught.value).splitlines()[1]


def test_roles_drawn_by_another_version_are_told_as_such():
    """The parameters and the photographs are the same; the fingerprints say nothing to a person."""
    open_run(catalogue="c", split="before").finish()
    with pytest.raises(RunDiffersError, match="roles of the same photographs.*another version of this library"):
        open_run(catalogue="c", split="now")


@pytest.mark.parametrize("end", [lambda run: run._fail(ValueError("no backbone 'resnet5O'")), Run.release])
def test_a_run_that_ended_before_it_computed_anything_begins_anew_with_other_parameters(root, end):
    """A mistyped backbone fails under a name that a person wants to keep."""
    end(open_run(num_epochs=8))
    run = open_run(num_epochs=10)
    assert run.described()["identity"]["num_epochs"] == 10 and state(root) == "running"
    run.add_epoch({"epoch": 0})
    run.release()
    with pytest.raises(RunDiffersError, match="num_epochs: 10 there, 8 here"):
        open_run(num_epochs=8)


# --- history ---------------------------------------------------------------------------------------------------------


def test_history_grows_line_by_line_and_is_cut_to_the_checkpoint():
    run = open_run()
    for epoch in range(4):
        run.add_epoch({"epoch": epoch, "val_score": 1 / (epoch + 3)} | ({"train_loss": 0.1 * epoch} if epoch else {}))
    run.cut_history(2)
    history = run.history()
    assert history["epoch"].tolist() == [0, 1, 2]
    assert history["val_score"].tolist() == [1 / 3, 1 / 4, 1 / 5]
    assert history["train_loss"].isna().tolist() == [True, False, False]
    run.cut_history(-1)
    assert run.history().empty


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


def between_looking_and_claiming(monkeypatch, do):
    """What another process does in the moment between a look at the folder and taking its lock."""
    take = owner.Lock.take

    def late(lock):
        monkeypatch.setattr(owner.Lock, "take", take)
        do()
        take(lock)

    monkeypatch.setattr(owner.Lock, "take", late)


def test_a_run_made_meanwhile_is_not_taken_over_with_another_key(root, monkeypatch):
    def made_meanwhile():
        run = open_run(num_epochs=8)
        run.add_epoch({"epoch": 0})
        run.release()

    between_looking_and_claiming(monkeypatch, made_meanwhile)
    with pytest.raises(RunDiffersError, match="num_epochs: 8 there, 10 here"):
        open_run(num_epochs=10)
    assert not (root / "r" / owner.LOCK).exists()
    assert state(root) == "interrupted"


def test_a_run_finished_meanwhile_is_opened_to_be_read(root, monkeypatch):
    between_looking_and_claiming(monkeypatch, lambda: open_run().finish())
    assert open_run().finished
    assert not (root / "r" / owner.LOCK).exists()


def test_a_finished_run_is_never_set_running_again_by_a_step(root):
    open_run().finish()
    run = open_run()
    with pytest.raises(RunError, match="is finished"), run.guard():
        pass
    assert state(root) == "finished"
