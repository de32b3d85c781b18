"""Running a plan with a stand-in for papermill: skip, continue, retry, go on, stop; and once for real."""

import json
import os
import signal
import subprocess
import sys

import nbformat
import pandas as pd
import psutil
import pytest
from sweep_cases import made_plan, runner, script, stand_in, states, sweep, times, wait_for

from reid_lib.core.errors import ParameterError
from reid_lib.core.names import HISTORY_CSV, STATUS_JSON, TRAIN_NOTEBOOK
from reid_lib.core.paths import project_root, runs_root
from reid_lib.core.processes import find_start, identify_process
from reid_lib.pages import finished_run
from reid_lib.params.fields import TrainParams
from reid_lib.params.papermill import papermill_params
from reid_lib.runs import owner
from reid_lib.runs.folder import PLANNED
from reid_lib.sweep import runner as sweep_runner
from reid_lib.sweep.plan import make_plan
from reid_lib.sweep.runner import Sweep, papermill_arguments


@pytest.fixture(autouse=True)
def dirs(clean_dirs):
    return clean_dirs


@pytest.mark.parametrize("edited", [{}, {"lr": 0.5, "run_name": "trial", "device": "cpu", "dropout": 0.5}])
def test_a_variant_is_the_plans_whatever_was_tried_in_the_notebook(dirs, monkeypatch, edited):
    """papermill puts its cell after the notebook's own, which somebody may have edited and saved meanwhile."""
    (dirs / "notebooks").mkdir()
    nb = nbformat.read(project_root() / "notebooks" / TRAIN_NOTEBOOK, as_version=4)
    nb.cells[1].source += "".join(f"\n{name} = {value!r}" for name, value in edited.items())
    nbformat.write(nb, dirs / "notebooks" / TRAIN_NOTEBOOK)
    monkeypatch.setattr(sweep_runner, "notebooks_root", lambda: dirs / "notebooks")
    made = make_plan(["m=5", "dropout=0.25"], root=dirs / "variants")
    for variant in made.variants:
        arguments = papermill_arguments(made, variant)
        assert arguments[-2:] == ["-f", str(made.file(variant))] and len(arguments) == (4 if edited else 2)
        params = papermill_params(arguments, str(dirs / "notebooks" / TRAIN_NOTEBOOK))
        assert params.run_name == variant.run
        assert params.model_copy(update={"run_name": ""}) == TrainParams(**variant.params)


def test_all_variants_run_and_a_second_time_nothing_does(dirs):
    made = made_plan(dirs)
    assert states(made) == [PLANNED] * 3
    assert sweep(made, parallel=2).run() == {}
    assert states(made) == ["finished"] * 3
    assert sweep(made).run() == {} and [times(v.run) for v in made.variants] == [1, 1, 1]


def test_what_was_finished_and_stopped_before_report_and_row_gets_them(dirs, monkeypatch):
    """By the sweep that runs it, and by the next one; not while another sweep starts that very run."""
    made, looked = made_plan(dirs, n=2), []
    monkeypatch.setattr(finished_run, "make_missing", lambda run: looked.append(run.name))
    sweep(made).run()
    names = [v.run for v in made.variants]
    assert looked == names
    with_lock = owner.Lock(runs_root() / names[0] / sweep_runner.STARTED_BY)
    with_lock.path.parent.mkdir(exist_ok=True)
    parent = {"pid": os.getppid(), "start": find_start(os.getppid())}
    with_lock.path.write_text(json.dumps(identify_process() | parent))
    sweep(made).run()
    assert looked == [*names, names[1]]
    monkeypatch.setattr(finished_run, "is_complete", lambda run: True)
    sweep(made).run()
    assert looked == [*names, names[1]]


def test_one_that_cannot_even_begin_is_reported_with_its_log(dirs):
    made = made_plan(dirs, n=2)
    script("m-5", "nothing")
    runner = sweep(made)
    failed = runner.run()
    assert (
        "exit code 1" in failed["m-5"]
        and "papermill could not begin" in (runs_root() / "m-5/papermill.log").read_text()
    )
    assert runner.table()["state"].tolist() == ["failed", "finished"]


def test_what_failed_before_is_tried_again_by_the_next_sweep(dirs):
    made = made_plan(dirs, n=1)
    script("m-5", "fail", "fail", "finish")
    assert sweep(made).run() and not sweep(made).run()
    assert times("m-5") == 3


def test_only_one_variant_by_its_number(dirs):
    made = made_plan(dirs)
    sweep(made, only=1).run()
    assert states(made) == [PLANNED, "finished", PLANNED]
    for number in (-1, 3):
        with pytest.raises(ParameterError, match="expected 0 to 2"):
            sweep(made, only=number)
    with pytest.raises(ParameterError, match="at least 1"):
        sweep(made, parallel=0)


def test_no_more_than_parallel_at_a_time_and_as_many_when_there_is_work(dirs):
    made, seen = made_plan(dirs, n=5), []
    for variant in made.variants:
        script(variant.run, "slow")
    runner = sweep(made, parallel=2, show=lambda table: seen.append(len(runner._children)))
    runner.run()
    assert max(seen) == 2


def test_cores_are_divided_and_gpus_taken_in_turn_unless_the_user_said_otherwise(monkeypatch):
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: set(range(8)), raising=False)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "2,5")
    assert sweep_runner._shares(4, 1) == {"OMP_NUM_THREADS": "2", "CUDA_VISIBLE_DEVICES": "5"}
    assert sweep_runner._shares(4, 2)["CUDA_VISIBLE_DEVICES"] == "2"
    assert sweep_runner._shares(1, 0) == {}
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0,1,2,3,4")
    assert [sweep_runner._shares(2, slot, num_gpus=2)["CUDA_VISIBLE_DEVICES"] for slot in (0, 1)] == ["0,1", "2,3"]
    assert "CUDA_VISIBLE_DEVICES" not in sweep_runner._shares(2, 1, num_gpus=0)
    assert "CUDA_VISIBLE_DEVICES" not in sweep_runner._shares(2, 1, num_gpus=8)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "2,5")
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    assert "OMP_NUM_THREADS" not in sweep_runner._shares(4, 1)


def hanging(dirs, command: str) -> tuple[subprocess.Popen, psutil.Process]:
    """A sweep whose run m-5 has begun, and the process that owns that run."""
    running = runner(dirs, command)
    wait_for(runs_root() / "m-5/hangs")
    return running, psutil.Process(json.loads((runs_root() / "m-5" / STATUS_JSON).read_text())["owner"]["pid"])


def ended(process: psutil.Process) -> bool:
    """Has it ended? If not, it does now: no test leaves a process behind."""
    gone = not psutil.wait_procs([process], timeout=1)[1]
    if not gone:
        process.kill()
    return gone


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1])
def test_a_stopped_sweep_leaves_no_child_and_the_next_one_continues(dirs, number):
    made = made_plan(dirs, n=2)
    script("m-5", "hang", "finish")
    running, owner = hanging(dirs, "with_kernel")
    running.send_signal(number)
    assert running.wait(30) != 0
    assert ended(owner)
    assert states(made) == ["interrupted", PLANNED]
    assert sweep(made).run() == {} and states(made) == ["finished", "finished"]


def test_a_second_ctrl_c_does_not_wait_and_leaves_no_child_either(dirs):
    made_plan(dirs, n=1)
    script("m-5", "hang")
    running, owner = hanging(dirs, "deaf")
    running.send_signal(signal.SIGINT)
    with pytest.raises(subprocess.TimeoutExpired):
        running.wait(1)
    running.send_signal(signal.SIGINT)
    assert running.wait(20) != 0
    assert ended(owner)


def test_a_papermill_without_a_kernel_is_stopped_itself(dirs):
    made_plan(dirs, n=1)
    script("m-5", "hang")
    running, owner = hanging(dirs, "stand_in")
    running.send_signal(signal.SIGINT)
    try:
        running.wait(20)  # well below the time that a kernel gets
    finally:
        assert ended(owner)


def test_a_papermill_killed_alone_has_failed_and_its_kernel_does_not_live_on(dirs):
    """What a machine short of memory does; the kernel, which still owns the run, is nobody else's process."""
    made = made_plan(dirs, n=1)
    script("m-5", "hang", "finish")

    def killed(plan, variant, folder):
        if (folder / "hangs").exists():
            return stand_in(plan, variant, folder)
        code = (
            "import os, pathlib, subprocess, sys, time\n"
            "subprocess.Popen(sys.argv[1:], start_new_session=True)\n"
            "while not pathlib.Path(sys.argv[-1], 'hangs').exists(): time.sleep(0.05)\n"
            "time.sleep(1)\n"
            "os.kill(os.getpid(), 9)"
        )
        return [sys.executable, "-c", code, *stand_in(plan, variant, folder)]

    assert Sweep(made, command=killed, poll_s=0.05).run() == {}
    assert times("m-5") == 2 and states(made) == ["finished"]


def test_an_error_before_the_run_begins_is_read_from_the_notebook(dirs):
    made = made_plan(dirs, n=1)
    error = {"output_type": "error", "ename": "CatalogueError", "evalue": "no 'x' there\nlooked in y", "traceback": []}
    notebook = json.dumps({"cells": [{"cell_type": "code", "outputs": [error]}]})

    def failing(plan, variant, folder):
        code = "import pathlib, sys; pathlib.Path(sys.argv[1]).write_text(sys.argv[2]); sys.exit(1)"
        return [sys.executable, "-c", code, str(folder / "train.ipynb"), notebook]

    failed = Sweep(made, command=failing, poll_s=0.05).run()
    assert failed == {"m-5": f"CatalogueError: no 'x' there; see {runs_root() / 'm-5/train.ipynb'}"}


@pytest.mark.slow
@pytest.mark.long
def test_two_variants_side_by_side_through_papermill_from_the_command_line(dirs):
    """As a user types it; the plan lies in the project's own variants/ and is taken away again."""
    name = "test-of-the-sweep"
    folder = project_root() / "variants" / name
    small = "-p dataset demo:small -p backbone resnet10t -p pretrained false -p image_size 32 -p num_epochs 1"
    command = [sys.executable, "-m", "reid_lib", "sweep"]
    try:
        arguments = ["plan", "--name", name, "--vary", "embedding_dim=16,32", "--no-base", *small.split()]
        done = subprocess.run([*command, *arguments], capture_output=True, text=True, cwd=project_root())
        assert done.returncode == 0 and "2 runs" in done.stdout, done.stderr
        arguments = ["run", "--name", name, "--parallel", "2"]
        done = subprocess.run([*command, *arguments], capture_output=True, text=True, cwd=project_root(), timeout=500)
        assert done.returncode == 0, done.stdout + done.stderr
        finished = [path for path in runs_root().iterdir() if (path / HISTORY_CSV).exists()]
        assert len(finished) == 2
        for path in finished:
            assert f"run folder: {path}" in (path / "report.html").read_text(), "the last cell's output is missing"
            assert json.loads((path / STATUS_JSON).read_text())["state"] == "finished"
        shown = subprocess.run([*command, "status", "--name", name], capture_output=True, text=True, cwd=project_root())
        assert shown.stdout.count("finished") == 2 and shown.stdout.count("1/1") == 2
        table = pd.read_csv(runs_root() / "all_model_metrics.csv")
        assert sorted(table["param_embedding_dim"]) == [16, 32]
    finally:
        for path in folder.glob("*.yaml"):
            path.unlink()
        if folder.exists():
            folder.rmdir()
