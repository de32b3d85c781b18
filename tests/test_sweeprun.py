"""Running a plan with a stand-in for papermill: skip, continue, retry, go on, stop; and once for real."""

import json
import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import nbformat
import pandas as pd
import psutil
import pytest

from reid_lib import runs, sweeprun
from reid_lib.arguments import papermill_params
from reid_lib.errors import ParameterError
from reid_lib.names import HISTORY_CSV, STATUS_JSON, TRAIN_NOTEBOOK
from reid_lib.params import TrainParams
from reid_lib.paths import project_root, runs_root
from reid_lib.runfolder import PLANNED
from reid_lib.sweep import plan
from reid_lib.sweeprun import DIFFERS, ELSEWHERE, Screen, Sweep, papermill_arguments, status

# Behaves as the words in the run's `script` file say, one word for each time it is started.
STAND_IN = textwrap.dedent("""
    import sys, time
    from pathlib import Path
    from reid_lib import runs
    from reid_lib.params import TrainParams
    name, folder = sys.argv[1], Path(sys.argv[2])
    times = folder / "times"
    count = int(times.read_text()) if times.exists() else 0
    times.write_text(str(count + 1))
    words = (folder / "script").read_text().split() if (folder / "script").exists() else ["finish"]
    word = words[min(count, len(words) - 1)]
    if word == "nothing":
        sys.exit("papermill could not begin")
    run = runs.Run.open(name, params={"num_epochs": TrainParams().num_epochs}, identity={"a": 1}, provenance={})
    run.report({"epoch": 0, "val_score": 0.25, "seconds": 1.0})
    run.report({"epoch": 1, "val_score": 0.125, "seconds": 1.0})
    if word == "hang":
        (folder / "hangs").touch()
        time.sleep(300)
    if word == "fail":
        with run.guard():
            raise ValueError("the loss exploded\\nin detail")
    time.sleep(0.2 if word == "slow" else 0)
    run.finish()
""")


@pytest.fixture(autouse=True)
def dirs(clean_dirs):
    return clean_dirs


def made_plan(dirs, *, n=3):
    values = ",".join(str(m) for m in range(5, 5 + n))
    return plan([f"m={values}"], with_base=False, root=dirs / "variants")


def stand_in(plan, variant, folder):
    return [sys.executable, "-c", STAND_IN, variant.run, str(folder)]


def with_kernel(plan, variant, folder):
    """As papermill does it: the work is done by a child in a session of its own, which hears nothing of Ctrl-C."""
    code = "import subprocess, sys; sys.exit(subprocess.run(sys.argv[1:], start_new_session=True).returncode)"
    return [sys.executable, "-c", code, *stand_in(plan, variant, folder)]


def script(run: str, *words: str) -> None:
    folder = runs_root() / run
    folder.mkdir(parents=True)
    (folder / "script").write_text(" ".join(words))


def times(run: str) -> int:
    path = runs_root() / run / "times"
    return int(path.read_text()) if path.exists() else 0


def sweep(made, **options):
    return Sweep(made, command=stand_in, poll_s=0.05, **options)


def states(made) -> list[str]:
    return status(made)["state"].tolist()


@pytest.mark.parametrize("edited", [{}, {"lr": 0.5, "run_name": "trial", "device": "cpu", "dropout": 0.5}])
def test_a_variant_is_the_plans_whatever_was_tried_in_the_notebook(dirs, monkeypatch, edited):
    """papermill puts its cell after the notebook's own, which somebody may have edited and saved meanwhile."""
    (dirs / "notebooks").mkdir()
    nb = nbformat.read(project_root() / "notebooks" / TRAIN_NOTEBOOK, as_version=4)
    nb.cells[1].source += "".join(f"\n{name} = {value!r}" for name, value in edited.items())
    nbformat.write(nb, dirs / "notebooks" / TRAIN_NOTEBOOK)
    monkeypatch.setattr(sweeprun, "project_root", lambda: dirs)
    made = plan(["m=5", "dropout=0.25"], root=dirs / "variants")
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


def test_one_that_fails_is_tried_once_more_and_the_others_go_on(dirs):
    made = made_plan(dirs)
    script("m-5", "fail", "finish")
    script("m-6", "fail")
    failed = sweep(made).run()
    assert [times(v.run) for v in made.variants] == [2, 2, 1]
    assert states(made) == ["finished", "failed", "finished"]
    assert list(failed) == ["m-6"] and "ValueError: the loss exploded; see" in failed["m-6"]
    assert status(made)["note"].iloc[1] == "ValueError: the loss exploded"


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


def test_a_run_that_another_process_owns_is_left_to_it(dirs):
    made = made_plan(dirs, n=2)
    script("m-5", "hang")
    other = subprocess.Popen(stand_in(made, made.variants[0], runs_root() / "m-5"))
    try:
        wait_for(runs_root() / "m-5/hangs")
        runner = sweep(made)
        assert runner.run() == {} and times("m-5") == 1
        assert runner.table()["state"].tolist() == [ELSEWHERE, "finished"]
    finally:
        other.kill()
        other.wait()
    assert states(made)[0] == "interrupted"


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
    assert sweeprun._shares(4, 1) == {"OMP_NUM_THREADS": "2", "CUDA_VISIBLE_DEVICES": "5"}
    assert sweeprun._shares(4, 2)["CUDA_VISIBLE_DEVICES"] == "2"
    assert sweeprun._shares(1, 0) == {}
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0,1,2,3,4")
    assert [sweeprun._shares(2, slot, num_gpus=2)["CUDA_VISIBLE_DEVICES"] for slot in (0, 1)] == ["0,1", "2,3"]
    assert "CUDA_VISIBLE_DEVICES" not in sweeprun._shares(2, 1, num_gpus=0)
    assert "CUDA_VISIBLE_DEVICES" not in sweeprun._shares(2, 1, num_gpus=8)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "2,5")
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    assert "OMP_NUM_THREADS" not in sweeprun._shares(4, 1)


def wait_for(path: Path, seconds: float = 30) -> None:
    end = time.monotonic() + seconds
    while not path.exists() and time.monotonic() < end:
        time.sleep(0.02)
    assert path.exists()


# A sweep in a process of its own; `command` is one of the stand-ins here.
RUNNER = """
import sys
sys.path.insert(0, {tests!r})
from pathlib import Path
from test_sweeprun import deaf, stand_in, late, with_kernel
from reid_lib.sweep import load_plan
from reid_lib.sweeprun import Sweep
Sweep(load_plan(root=Path({variants!r})), command={command}, poll_s=0.05).run()
"""


def deaf(plan, variant, folder):
    """As `with_kernel`, with a kernel that heeds no signal but the last."""
    command = with_kernel(plan, variant, folder)
    ignoring = "import signal\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
    return [ignoring + part if part == STAND_IN else part for part in command]


def late(plan, variant, folder):
    """Takes a while before it claims the run, as a notebook does that reads its photographs first."""
    begin = (
        "import sys, time, uuid, pathlib\npathlib.Path(sys.argv[2], f'begun-{uuid.uuid4()}').touch()\ntime.sleep(2)\n"
    )
    return [sys.executable, "-c", begin + STAND_IN, variant.run, str(folder)]


def runner(dirs, command: str) -> subprocess.Popen:
    code = RUNNER.format(tests=str(Path(__file__).parent), variants=str(dirs / "variants"), command=command)
    # Tests may be run in the background, where Ctrl-C and hanging up are ignored and children inherit that.
    heard = "import signal; signal.signal(2, signal.default_int_handler); signal.signal(signal.SIGHUP, signal.SIG_DFL)"
    return subprocess.Popen([sys.executable, "-c", f"{heard}\n{code}"], stderr=subprocess.DEVNULL)


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


def test_two_sweeps_of_one_plan_start_a_variant_once(dirs):
    made = made_plan(dirs, n=1)
    for one in [runner(dirs, "late") for _ in range(2)]:
        assert one.wait(60) == 0
    assert len(list((runs_root() / "m-5").glob("begun-*"))) == 1 and states(made) == ["finished"]


def test_a_run_of_this_name_with_other_parameters_is_not_taken_for_the_variant(dirs):
    made = made_plan(dirs, n=2)
    params = TrainParams(lr=0.5, m=5)
    other = runs.Run.open("m-5", params=params.model_dump(), identity=runs.identity(params, "c", "s"), provenance={})
    other.finish()
    assert states(made) == [DIFFERS, PLANNED]
    failed = sweep(made).run()
    assert list(failed) == ["m-5"] and "lr 0.5, not 0.001" in failed["m-5"]
    assert times("m-5") == 0 and states(made) == [DIFFERS, "finished"]


def test_an_error_before_the_run_begins_is_read_from_the_notebook(dirs):
    made = made_plan(dirs, n=1)
    error = {"output_type": "error", "ename": "CatalogueError", "evalue": "no 'x' there\nlooked in y", "traceback": []}
    notebook = json.dumps({"cells": [{"cell_type": "code", "outputs": [error]}]})

    def failing(plan, variant, folder):
        code = "import pathlib, sys; pathlib.Path(sys.argv[1]).write_text(sys.argv[2]); sys.exit(1)"
        return [sys.executable, "-c", code, str(folder / "train.ipynb"), notebook]

    failed = Sweep(made, command=failing, poll_s=0.05).run()
    assert failed == {"m-5": f"CatalogueError: no 'x' there; see {runs_root() / 'm-5/train.ipynb'}"}


def test_table_tells_epoch_best_score_and_time_left(dirs):
    made = made_plan(dirs, n=1)
    script("m-5", "hang")
    other = subprocess.Popen(stand_in(made, made.variants[0], runs_root() / "m-5"))
    try:
        wait_for(runs_root() / "m-5/hangs")
        row = status(made).iloc[0]
        assert (row["state"], row["epoch"], row["val_score"]) == ("running", f"1/{TrainParams().num_epochs}", "0.250")
        path = runs_root() / "m-5" / STATUS_JSON
        told = json.loads(path.read_text())
        path.write_text(json.dumps(told | {"started": told["started"] - 2 * 86400}))  # broken off, continued days later
        assert status(made).iloc[0]["left"] == "1 min"  # some epochs of a second each
    finally:
        other.kill()
        other.wait()


@pytest.mark.parametrize("seconds, words", [(10, "1 min"), (200, "3 min"), (3600, "1 h 0 min"), (9000, "2 h 30 min")])
def test_time_left_in_words(seconds, words):
    assert sweeprun.duration(seconds) == words


class Out:
    """A stream that is, or is not, a terminal."""

    def __init__(self, tty: bool):
        self.tty, self.text = tty, ""

    def isatty(self):
        return self.tty

    def write(self, text):
        self.text += text

    def flush(self):
        pass

    def fileno(self):
        return 0


def frame(state: str, epoch: str = "") -> pd.DataFrame:
    return pd.DataFrame([{"run": "r", "state": state, "epoch": epoch, "val_score": "", "left": "", "note": "n" * 200}])


def test_without_a_terminal_only_changes_are_printed():
    screen = Screen(out := Out(False))
    for table in (
        frame("planned"),
        frame("planned"),
        frame("running", "1/4"),
        frame("running", "1/4"),
        frame("finished", "4/4"),
    ):
        screen(table)
    assert out.text.splitlines() == ["r: planned", "r: running, epoch 1/4", "r: finished, epoch 4/4"]


def test_on_a_terminal_the_table_is_drawn_over_itself_and_no_line_wraps(monkeypatch):
    monkeypatch.setattr(os, "get_terminal_size", lambda fd: os.terminal_size((40, 20)))
    screen = Screen(out := Out(True))
    screen(frame("planned"))
    screen(frame("running"))
    assert out.text.count("\x1b[2F\x1b[J") == 1
    assert all(len(line) < 40 for line in out.text.replace("\x1b[2F\x1b[J", "").splitlines())


def test_a_table_taller_than_the_terminal_shows_what_is_going_on_and_counts_the_rest(monkeypatch):
    monkeypatch.setattr(os, "get_terminal_size", lambda fd: os.terminal_size((40, 6)))
    Screen(out := Out(True))(pd.concat([frame("planned")] * 9 + [frame("running", "1/4")]))
    lines = out.text.splitlines()
    assert len(lines) < 6 and "running" in lines[1] and lines[-1] == "9 planned, 1 running"


@pytest.mark.slow
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
            notebook, report = path / "train.ipynb", path / "report.html"
            assert report.stat().st_mtime_ns >= notebook.stat().st_mtime_ns, "the last cell's output is missing"
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
