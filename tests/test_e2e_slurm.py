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


def start_now(cluster, job: str) -> None:
    """Slurm lets a requeued job wait for two minutes; a test does not, but lets the clock move on.

    A node refuses a job whose new credential carries the second in which the old one was revoked (the reason for
    Slurm's wait), and the job then reads FAILED.
    """
    until("requeued", lambda: cluster.show(job)["JobState"] == "PENDING")
    time.sleep(3)
    cluster.run("scontrol", "update", f"JobId={job}", "StartTime=now")


def test_a_job_leaves_notebook_log_report_and_its_number_in_the_run_folder(cluster, runs):
    job = cluster.submit(*NODE, SCRIPT, *SMALL, "-p", "num_epochs", "1", "-r", "run_name", "single")
    assert cluster.wait(job) == "COMPLETED", log(runs / "single")
    run = runs / "single"
    assert status(run)["state"] == "finished" and status(run)["slurm_job_id"] == job
    for name in ("train.ipynb", "report.html", METRICS_JSON, f"slurm-{job}.log"):
        assert (run / name).exists(), name
    assert "epoch 1" in log(run)


def test_arguments_with_spaces_and_quotes_arrive_as_they_were_typed(cluster, runs, tmp_path):
    photos = tmp_path / 'Ann\'s "odd" photos, $HOME'
    rng = np.random.default_rng(0)
    for animal in range(6):
        (photos / f"a {animal}").mkdir(parents=True)
        for k in range(5):
            pixels = rng.integers(0, 256, (40, 40, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(photos / f"a {animal}" / f"{k}.jpg")
    own = ["-p", "dataset", "folder", "-p", "data_root", str(photos), *NETWORK, "-p", "num_epochs", "1"]
    job = cluster.submit(*NODE, SCRIPT, *own, "-r", "run_name", "quoted")
    assert cluster.wait(job) == "COMPLETED", log(runs / "quoted")
    assert json.loads((runs / "quoted" / "params.json").read_text())["params"]["data_root"] == str(photos)


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


def test_four_jobs_of_an_array_leave_four_rows_and_submitted_again_run_nothing(cluster, runs):
    plan = "test-of-the-array"
    folder = project_root() / "variants" / plan
    values = "8,16,24,32"
    reid = [sys.executable, "-m", "reid_lib", "sweep"]
    options = " ".join(NODE)
    try:
        arguments = ["--name", plan, "--vary", f"embedding_dim={values}", "--no-base", "--sbatch", options]
        arguments += [*SMALL, "-p", "num_epochs", "1"]
        said = cluster.run(*reid, "submit", "--parallel", "4", *arguments).stdout
        assert "4 runs" in said
        job = json.loads((folder / "slurm.json").read_text())["job"]
        shown = cluster.run(*reid, "status", "--name", plan).stdout
        assert "slurm" in shown and ("PENDING" in shown or "RUNNING" in shown)
        until("array", lambda: not cluster.run("squeue", "-h", "-j", job, check=False).stdout.strip(), 300)
        assert cluster.run(*reid, "status", "--name", plan).stdout.count("finished") == 4
        table = pd.read_csv(runs / "all_model_metrics.csv")
        assert set(table["param_embedding_dim"]) >= {int(v) for v in values.split(",")}
        # Submitted again: nothing is left to do, and nothing is written anew.
        of_array = [runs / name for name in table.loc[table["param_embedding_dim"] < 50, "run"]]
        written = {path: (path / METRICS_JSON).stat().st_mtime_ns for path in of_array}
        assert len(written) == 4
        again = cluster.submit("--array=0-3", *NODE, ARRAY, "--name", plan)
        until("again", lambda: not cluster.run("squeue", "-h", "-j", again, check=False).stdout.strip(), 120)
        assert {path: (path / METRICS_JSON).stat().st_mtime_ns for path in of_array} == written
        assert cluster.state(f"{again}_3") == "COMPLETED"
    finally:
        for path in folder.glob("*"):
            path.unlink()
        if folder.exists():
            folder.rmdir()


def test_a_job_requeued_in_training_ends_with_the_metrics_of_an_undisturbed_one(cluster, runs):
    arguments = [*SMALL, "-p", "num_epochs", "12"]
    whole = cluster.submit(*NODE, SCRIPT, *arguments, "-r", "run_name", "whole")
    job = cluster.submit(*NODE, SCRIPT, *arguments, "-r", "run_name", "requeued")
    until("training", lambda: epochs(runs / "requeued") >= 1)
    cluster.run("scontrol", "requeue", job)
    start_now(cluster, job)
    assert cluster.wait(job) == "COMPLETED", log(runs / "requeued")[-3000:]
    assert cluster.wait(whole) == "COMPLETED"
    assert cluster.show(job)["Restarts"] == "1" and "continuing after epoch" in log(runs / "requeued")
    assert (runs / "whole" / METRICS_JSON).read_text() == (runs / "requeued" / METRICS_JSON).read_text()


def test_the_warning_before_the_time_limit_requeues_and_scancel_does_not(cluster, runs):
    run = runs / "long"
    # Sent one to two minutes after the start: Slurm may be up to a minute early.
    limit = ["--time=3", "--signal=B:USR1@60"]
    job = cluster.submit(*NODE, *limit, SCRIPT, *SMALL, "-p", "num_epochs", "100000", "-r", "run_name", "long")
    until("training", lambda: epochs(run) >= 1)
    until("warned", lambda: "asked to stop" in log(run), 240)
    start_now(cluster, job)
    assert "training was asked to stop: a checkpoint of" in log(run)
    until("continued", lambda: "continuing after epoch" in log(run), 180)
    done = epochs(run)
    until("further", lambda: epochs(run) > done, 120)
    cluster.run("scancel", job)
    assert cluster.wait(job) == "CANCELLED"
    assert cluster.show(job)["Restarts"] == "1" and (run / CHECKPOINT).exists()
    until("let go", lambda: status(run)["state"] == "interrupted", 60)


def test_a_preempted_job_writes_a_checkpoint_comes_back_and_continues(cluster, runs):
    run = runs / "preempted"
    arguments = [*SMALL, "-p", "num_epochs", "100000", "-r", "run_name", run.name]
    job = cluster.submit(*NODE, "--nodelist=n1", SCRIPT, *arguments)
    until("training", lambda: epochs(run) >= 1)
    urgent = cluster.submit(
        "--partition=urgent", "--nodelist=n1", "--exclusive", "--output=/dev/null", "--wrap=sleep 2"
    )
    until("told", lambda: "asked to stop" in log(run), 120)
    until("a checkpoint", lambda: "a checkpoint of" in log(run), 60)
    until("back in the queue", lambda: cluster.show(job)["JobState"] in ("PENDING", "RUNNING"), 120)
    assert cluster.wait(urgent) == "COMPLETED"
    start_now(cluster, job)
    until("continued", lambda: "continuing after epoch" in log(run), 120)
    cluster.run("scancel", job)
    assert cluster.wait(job) == "CANCELLED"


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


@pytest.mark.parametrize("victim", ["papermill", "kernel"])
def test_after_a_hard_death_the_same_job_continues_from_the_last_whole_epoch(cluster, runs, victim):
    run = runs / f"killed-{victim}"
    arguments = [*SMALL, "-p", "num_epochs", "6", "-r", "run_name", run.name]
    job = cluster.submit(*NODE, SCRIPT, *arguments)
    until("training", lambda: epochs(run) >= 1)
    kernel = kernel_of(run)
    os.kill((kernel.parent() if victim == "papermill" else kernel).pid, signal.SIGKILL)
    assert cluster.wait(job) == "FAILED"
    until("the kernel ends itself", lambda: not kernel.is_running() or kernel.status() == psutil.STATUS_ZOMBIE, 30)
    again = cluster.submit(*NODE, SCRIPT, *arguments)
    assert cluster.wait(again) == "COMPLETED", log(run)[-3000:]
    assert "continuing after epoch" in log(run) and epochs(run) == 6
