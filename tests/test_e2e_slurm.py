"""Jobs as a user submits them, on a real Slurm of two nodes started here: read the results, stop, requeue, cancel."""

import json
import os
import signal
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import psutil
import pytest
from browser import require
from cluster import Cluster, slurm_installed
from PIL import Image

from reid_lib.core.names import CHECKPOINT, HISTORY_CSV, METRICS_JSON
from reid_lib.core.paths import project_root
from reid_lib.runs.folder import RunFolder

pytestmark = pytest.mark.slow
NODE = ["--cpus-per-task=1", "--mem=3G", "--output=/dev/null"]  # what this machine has, in place of an A100 node
NETWORK = ["-p", "backbone", "resnet10t", "-p", "pretrained", "false", "-p", "image_size", "32"]
SMALL = ["-p", "dataset", "demo:small", *NETWORK]
SCRIPT, ARRAY = "slurm/papermill.sh", "slurm/sweep.sh"


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    if os.environ.get("REID_REQUIRE_E2E") != "1":
        pytest.skip("starts a Slurm on this machine: only where REID_REQUIRE_E2E=1 asks for it")
    require(slurm_installed(), "Slurm is not installed, or this is not root (Debian: apt install slurm-wlm munge)")
    folder = tmp_path_factory.mktemp("slurm")
    cluster = Cluster(
        folder, {"REID_RUNS": str(folder / "runs"), "REID_CACHE": str(folder / "cache"), "OMP_NUM_THREADS": "1"}
    )
    try:
        cluster.start()
        yield cluster
    finally:
        cluster.stop()
    assert not [p for p in psutil.process_iter(["cmdline"]) if str(folder) in " ".join(p.info["cmdline"] or [])]


@pytest.fixture
def runs(cluster) -> Path:
    return cluster.folder / "runs"


def status(run: Path) -> dict:
    """As every command reads it: Slurm may kill the kernel before it could write that it was interrupted."""
    return RunFolder(run).status()


def log(run: Path) -> str:
    return "\n".join(path.read_text() for path in sorted(run.glob("slurm-*.log")))


def until(what, condition, seconds: float = 240) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"{what}: not after {seconds} s"
        time.sleep(0.3)


def epochs(run: Path) -> int:
    """Epochs in the history of a run; -1 before the first line."""
    try:
        return int(pd.read_csv(run / HISTORY_CSV)["epoch"].max())
    except (OSError, ValueError):
        return -1


def kernel_of(run: Path) -> psutil.Process:
    return psutil.Process(status(run)["owner"]["pid"])


def has_ended(process: psutil.Process) -> bool:
    return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE


def start_now(cluster, job: str) -> None:
    """Slurm lets a requeued job wait for two minutes; a test does not, but lets the clock move on.

    A node refuses a job whose new credential carries the second in which the old one was revoked (the reason for
    Slurm's wait), and the job then reads FAILED.
    """
    until("requeued", lambda: cluster.show(job)["JobState"] == "PENDING")
    time.sleep(3)
    cluster.run("scontrol", "update", f"JobId={job}", "StartTime=now")


@pytest.fixture(scope="module")
def arguments(cluster) -> list[str]:
    """Of a run on photographs in a folder whose name a shell would take apart."""
    photos = cluster.folder / 'Ann\'s "odd" photos, $HOME'
    rng = np.random.default_rng(0)
    for animal in range(12):
        (photos / f"a {animal}").mkdir(parents=True)
        for k in range(5):
            pixels = rng.integers(0, 256, (40, 40, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(photos / f"a {animal}" / f"{k}.jpg")
    return ["-p", "dataset", "folder", "-p", "data_root", str(photos), *NETWORK, "-p", "num_epochs", "20"]


@pytest.fixture(scope="module")
def single(cluster, arguments) -> tuple[str, Path]:
    """A job that nothing disturbs, and its run."""
    job, run = cluster.submit(*NODE, SCRIPT, *arguments, "-r", "run_name", "single"), cluster.folder / "runs" / "single"
    assert cluster.wait(job) == "COMPLETED", log(run)
    return job, run


def test_a_job_leaves_notebook_log_report_and_its_number_in_the_run_folder(single):
    job, run = single
    assert status(run)["state"] == "finished" and status(run)["slurm_job_id"] == job
    for name in ("train.ipynb", "report.html", METRICS_JSON, f"slurm-{job}.log"):
        assert (run / name).exists(), name
    assert "epoch 1" in log(run)
    assert f"report: {run / 'report.html'}" in log(run) and "new photographs: " in log(run).splitlines()[-1]


def test_arguments_with_spaces_and_quotes_arrive_as_they_were_typed(single, arguments):
    params = json.loads((single[1] / "params.json").read_text())["params"]
    assert params["data_root"] == arguments[arguments.index("data_root") + 1] and '"odd"' in params["data_root"]


def test_a_failing_notebook_fails_the_job_and_says_why_in_its_log(cluster, runs):
    wrong = ["-p", "dataset", "folder", "-p", "data_root", "not/here"]
    job = cluster.submit(*NODE, SCRIPT, *wrong, "-r", "run_name", "failing")
    assert cluster.wait(job) == "FAILED"
    assert "not/here" in log(runs / "failing") and "does not exist" in log(runs / "failing")


def test_a_mistyped_parameter_fails_before_a_run_folder_is_made(cluster, runs, tmp_path):
    output = tmp_path / "out.txt"
    job = cluster.submit(*NODE[:2], f"--output={output}", SCRIPT, "-p", "learning_rate", "1e-4")
    assert cluster.wait(job) == "FAILED" and "did you mean 'lr'" in output.read_text()


def test_submitted_from_a_folder_that_is_no_project_it_says_what_to_do(cluster, tmp_path):
    output = tmp_path / "out.txt"
    script = str(project_root() / SCRIPT)
    job = cluster.submit(*NODE[:2], f"--output={output}", script, cwd=tmp_path)
    assert cluster.wait(job) == "FAILED" and "REID_PROJECT" in output.read_text()


def test_jobs_of_an_array_leave_a_row_each_and_submitted_again_run_nothing(cluster, runs):
    plan = "test-of-the-array"
    folder = project_root() / "variants" / plan
    values = "8,16"
    reid = [sys.executable, "-m", "reid_lib", "sweep"]
    options = " ".join(NODE)
    try:
        arguments = ["--name", plan, "--vary", f"embedding_dim={values}", "--no-base", "--sbatch", options]
        arguments += [*SMALL, "-p", "num_epochs", "1"]
        said = cluster.run(*reid, "submit", "--parallel", "2", *arguments).stdout
        assert "2 runs" in said
        job = json.loads((folder / "slurm.json").read_text())["job"]
        shown = cluster.run(*reid, "status", "--name", plan).stdout
        assert "slurm" in shown and ("PENDING" in shown or "RUNNING" in shown)
        until("array", lambda: not cluster.run("squeue", "-h", "-j", job, check=False).stdout.strip(), 300)
        assert cluster.run(*reid, "status", "--name", plan).stdout.count("finished") == 2
        table = pd.read_csv(runs / "all_model_metrics.csv")
        assert set(table["param_embedding_dim"]) >= {int(v) for v in values.split(",")}
        # Submitted again: nothing is left to do, and nothing is written anew.
        of_array = [runs / name for name in table.loc[table["param_embedding_dim"] < 50, "run"]]
        written = {path: (path / METRICS_JSON).stat().st_mtime_ns for path in of_array}
        assert len(written) == 2
        again = cluster.submit("--array=0-1", *NODE, ARRAY, "--name", plan)
        until("again", lambda: not cluster.run("squeue", "-h", "-j", again, check=False).stdout.strip(), 120)
        assert {path: (path / METRICS_JSON).stat().st_mtime_ns for path in of_array} == written
        assert cluster.state(f"{again}_1") == "COMPLETED"
    finally:
        for path in folder.glob("*"):
            path.unlink()
        if folder.exists():
            folder.rmdir()


def test_a_job_preempted_and_then_requeued_ends_with_the_metrics_of_an_undisturbed_one(
    cluster, runs, arguments, single
):
    run = runs / "disturbed"
    job = cluster.submit(*NODE, "--nodelist=n1", SCRIPT, *arguments, "-r", "run_name", run.name)
    until("training", lambda: epochs(run) >= 1)
    urgent = cluster.submit(
        "--partition=urgent", "--nodelist=n1", "--exclusive", "--output=/dev/null", "--wrap=sleep 2"
    )
    until("told", lambda: "asked to stop" in log(run), 120)
    until("a checkpoint", lambda: "a checkpoint of" in log(run), 60)
    until("back in the queue", lambda: cluster.show(job)["JobState"] in ("PENDING", "RUNNING"), 120)
    assert cluster.wait(urgent) == "COMPLETED"
    done = epochs(run)
    start_now(cluster, job)
    until("further", lambda: epochs(run) > done)
    assert log(run).count("continuing after epoch") == 1
    cluster.run("scontrol", "requeue", job)
    start_now(cluster, job)
    assert cluster.wait(job) == "COMPLETED", log(run)[-3000:]
    assert cluster.show(job)["Restarts"] == "2" and log(run).count("continuing after epoch") == 2
    assert (single[1] / METRICS_JSON).read_text() == (run / METRICS_JSON).read_text()


def test_the_warning_before_the_time_limit_requeues_and_scancel_does_not(cluster, runs):
    run = runs / "long"
    limit = ["--time=20", "--signal=B:USR1@60"]
    began = time.monotonic()
    job = cluster.submit(*NODE, *limit, SCRIPT, *SMALL, "-p", "num_epochs", "100000", "-r", "run_name", "long")
    until("training", lambda: epochs(run) >= 1)
    # The limit comes nearer, so that it need not be waited for: Slurm warns at its next look, every half minute.
    minutes = int((time.monotonic() - began) / 60) + 2
    cluster.run("scontrol", "update", f"JobId={job}", f"TimeLimit={minutes}")
    until("warned", lambda: "asked to stop" in log(run), 120)
    start_now(cluster, job)
    assert "training was asked to stop: a checkpoint of" in log(run)
    until("continued", lambda: "continuing after epoch" in log(run), 180)
    done = epochs(run)
    until("further", lambda: epochs(run) > done, 120)
    cluster.run("scancel", job)
    assert cluster.wait(job) == "CANCELLED"
    assert cluster.show(job)["Restarts"] == "1" and (run / CHECKPOINT).exists()
    until("let go", lambda: status(run)["state"] == "interrupted", 60)


def test_two_nodes_train_one_network_together(cluster, runs):
    network = ["-p", "dataset", "demo:small", "-p", "backbone", "test_nfnet", "-p", "pretrained", "false"]
    arguments = [*network, "-p", "image_size", "64", "-p", "num_epochs", "2", "-p", "precision", "fp32"]
    job = cluster.submit(*NODE, "--nodes=2", SCRIPT, *arguments, "-r", "run_name", "nodes")
    alone = cluster.submit(*NODE, SCRIPT, *arguments, "-r", "run_name", "alone")
    assert cluster.wait(job) == "COMPLETED", log(runs / "nodes")[-3000:]
    assert "on each of 2 nodes: srun --nodes=2" in log(runs / "nodes")
    assert cluster.wait(alone) == "COMPLETED", log(runs / "alone")[-3000:]
    a, b = (pd.read_csv(runs / name / HISTORY_CSV) for name in ("nodes", "alone"))
    np.testing.assert_allclose(a["train_loss"], b["train_loss"], rtol=1e-4)


@pytest.mark.long
def test_after_a_hard_death_the_same_job_continues_from_the_last_whole_epoch(cluster, runs):
    """Of the kernel, and then of papermill."""
    run = runs / "killed"
    command = [*NODE, SCRIPT, *SMALL, "-p", "num_epochs", "12", "-r", "run_name", run.name]
    for times, victim in enumerate(("kernel", "papermill")):
        before = epochs(run)
        job = cluster.submit(*command)
        until("training", lambda n=before: epochs(run) >= max(n, 0) + 1)
        assert log(run).count("continuing after epoch") == times
        kernel = kernel_of(run)
        os.kill((kernel.parent() if victim == "papermill" else kernel).pid, signal.SIGKILL)
        assert cluster.wait(job) == "FAILED"
        until("the kernel ends itself", lambda k=kernel: has_ended(k), 30)
    again = cluster.submit(*command)
    assert cluster.wait(again) == "COMPLETED", log(run)[-3000:]
    assert log(run).count("continuing after epoch") == 2 and epochs(run) == 12
