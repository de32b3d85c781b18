"""Training in processes of their own: followed, stopped, failed and abandoned; nothing of them is left behind."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import psutil
import pytest
from pipeline_cases import write_photos

from reid_lib.core.errors import ParameterError, TrainingError
from reid_lib.core.names import CHECKPOINT, HISTORY_CSV, METRICS_JSON, STATUS_JSON
from reid_lib.params.fields import TrainParams
from reid_lib.pipeline import data, launch, steps
from reid_lib.pipeline.launch import OUTCOME, STOP

pytestmark = pytest.mark.slow
PARAMS = {
    "dataset": "demo:small", "backbone": "test_nfnet", "pretrained": False, "image_size": 64, "embedding_dim": 16,
    "batch_size": 16, "num_epochs": 2, "device": "cpu", "num_gpus": 2,
    "precision": "fp32",  # in bf16 rounding alone is more than what is compared
}  # fmt: skip
SCRIPT = """
import json, sys
import torch
torch.set_num_threads(1)
from reid_lib import pipeline
from reid_lib.params.fields import TrainParams
params = TrainParams.checked(json.loads(sys.argv[1]))
catalogue = pipeline.read(params)
experiment = pipeline.start(params, catalogue, pipeline.split(catalogue, params))
pipeline.train(experiment)
pipeline.finish(experiment, pipeline.evaluate(experiment))
"""


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Where the runs of this module lie; the drawn animals are shared. In the end no process is left."""
    folder = tmp_path_factory.mktemp("launch")
    yield folder / "runs"
    assert not workers(folder)


def workers(folder: Path) -> list[psutil.Process]:
    """Processes that train a run below a folder, and their launchers."""
    found = (p for p in psutil.process_iter(["cmdline"]) if p.status() != psutil.STATUS_ZOMBIE)
    return [
        p
        for p in found
        if "reid_lib.pipeline.worker" in (p.info["cmdline"] or []) and str(folder) in " ".join(p.cmdline())
    ]


def begin(runs: Path, name: str, **params) -> subprocess.Popen:
    given = json.dumps(PARAMS | {"run_name": name} | params)
    env = os.environ | {"REID_RUNS": str(runs), "REID_CACHE": str(runs.parent / "cache"), "OMP_NUM_THREADS": "1"}
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    return subprocess.Popen([sys.executable, "-c", SCRIPT, given], env=env, **pipes)


def end(process: subprocess.Popen) -> str:
    said, errors = process.communicate(timeout=300)
    assert process.returncode == 0, said + errors
    return said


def until(what: str, condition, seconds: float = 300) -> None:
    limit = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < limit, f"{what}: not after {seconds} s"
        time.sleep(0.05)


def status(run: Path) -> dict:
    return json.loads((run / STATUS_JSON).read_text())


@pytest.fixture(scope="module")
def whole(runs) -> Path:
    said = end(begin(runs, "whole"))
    assert "training in 2 processes" in said and said.count("epoch 2") == 1  # the first process alone speaks
    return runs / "whole"


def test_two_processes_leave_the_run_that_one_leaves(runs, whole):
    end(begin(runs, "one", num_gpus=1))
    a, b = (pd.read_csv(runs / name / HISTORY_CSV) for name in ("whole", "one"))
    np.testing.assert_allclose(a["train_loss"], b["train_loss"], rtol=1e-4)
    np.testing.assert_allclose(a["val_loss"], b["val_loss"], rtol=1e-3)
    assert a["epoch"].tolist() == [0, 1, 2] and status(whole)["epoch"] == 2
    assert not (whole / OUTCOME).exists() and not (whole / STOP).exists()


@pytest.mark.long
def test_asked_to_stop_all_processes_end_after_the_same_step_and_continue_there(runs, whole):
    process = begin(runs, "told", num_epochs=2)
    until("the first epoch", (runs / "told" / CHECKPOINT).exists)
    process.send_signal(signal.SIGTERM)
    _, errors = process.communicate(timeout=300)
    assert process.returncode == 1 and "TrainingInterrupted" in errors and "Run the same command again" in errors
    assert status(runs / "told")["state"] == "interrupted" and not workers(runs / "told")
    assert "continuing after epoch" in end(begin(runs, "told"))
    assert (runs / "told" / METRICS_JSON).read_text() == (whole / METRICS_JSON).read_text()


def test_a_process_that_dies_fails_the_run_and_takes_the_others_along(runs):
    process = begin(runs, "dies", num_epochs=500)
    until("the first epoch", (runs / "dies" / CHECKPOINT).exists)
    trainers = [p for p in workers(runs / "dies") if "torch.distributed.run" not in p.cmdline()]
    assert len(trainers) == 2
    trainers[1].kill()
    _, errors = process.communicate(timeout=300)
    assert process.returncode == 1 and "what they said stands above" in errors
    assert status(runs / "dies")["state"] == "failed" and not workers(runs / "dies")


def test_an_owner_killed_hard_leaves_no_process_and_the_run_continues(runs):
    process = begin(runs, "orphan", num_epochs=500)
    until("the first epoch", (runs / "orphan" / CHECKPOINT).exists)
    process.kill()
    process.communicate()
    until("all gone", lambda: not workers(runs / "orphan"))
    again = begin(runs, "orphan", num_epochs=500)
    until("continued", lambda: len(workers(runs / "orphan")) == 3)
    again.send_signal(signal.SIGTERM)
    said, _ = again.communicate(timeout=300)
    assert "continuing after epoch" in said


def test_more_processes_than_images_in_a_batch_are_refused_with_the_cure(runs):
    process = begin(runs, "many", batch_size=2, m=2)
    _, errors = process.communicate(timeout=300)
    assert "ParameterError: 2 processes share a batch of 2" in errors and "batch_size of 4" in errors


@pytest.mark.parametrize(("asked", "device", "there", "n"), [
    (1, "cpu", 0, 1), (3, "cpu", 0, 3), (0, "cpu", 0, 1), (1, "cuda", 4, 1), (4, "cuda", 4, 4), (0, "cuda", 4, 4),
    (1, "mps", 1, 1),
])  # fmt: skip
def test_processes_of_a_machine(monkeypatch, asked, device, there, n):
    monkeypatch.setattr("torch.cuda.device_count", lambda: there)
    assert launch.count_processes(asked, device) == n


@pytest.mark.parametrize("device", ["cuda", "mps"])
def test_gpus_that_are_not_there_are_refused(monkeypatch, device):
    monkeypatch.setattr("torch.cuda.device_count", lambda: 1)
    with pytest.raises(ParameterError, match="num_gpus is 4, and 1 can be used here.*--gres=gpu:4"):
        launch.count_processes(4, device)


def test_several_processes_on_a_cpu_are_refused_with_batch_normalisation():
    """Each would take the statistics of its own images: losses differ by 4 to 21 % (docs/log.md)."""
    several = {"per_node": 2, "n_nodes": 1}
    small = TrainParams(backbone="test_resnet", pretrained=False, image_size=32)
    message = r"num_gpus: 2 processes on a CPU \(2\) .*'test_resnet' has batch normalisation.*Pass num_gpus 1"
    with pytest.raises(ParameterError, match=message):
        launch.check_same_result(small, "cpu", **several)
    with pytest.raises(ParameterError, match=r"4 processes on a CPU \(2 on each of 2 nodes\)"):
        launch.check_same_result(small, "cpu", per_node=2, n_nodes=2)
    launch.check_same_result(small, "cpu", per_node=1, n_nodes=1)
    launch.check_same_result(small, "cuda", **several)  # SyncBatchNorm
    for backbone in ("test_nfnet", "test_vit"):
        launch.check_same_result(small.model_copy(update={"backbone": backbone}), "cpu", **several)


def test_they_are_refused_before_one_of_them_starts_and_the_run_goes_on_with_one(tmp_path, monkeypatch):
    monkeypatch.setenv("REID_RUNS", str(tmp_path / "runs"))
    monkeypatch.setenv("REID_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(launch, "make_command", None)  # nothing is started
    write_photos(tmp_path / "photos", {f"a{k}": 4 for k in range(8)})
    small = {"backbone": "test_resnet", "pretrained": False, "image_size": 32, "embedding_dim": 8, "num_epochs": 1}
    given = PARAMS | small | {"dataset": "folder", "data_root": str(tmp_path / "photos"), "run_name": "mine"}
    for num_gpus in (2, 1):
        params = TrainParams.checked(given | {"num_gpus": num_gpus})
        catalogue = data.read(params)
        experiment = steps.start(params, catalogue, data.split(catalogue, params))
        if num_gpus > 1:
            with pytest.raises(ParameterError, match="has batch normalisation"):
                steps.train(experiment)
            assert "has batch normalisation" in experiment.run.status()["error"]
    assert steps.train(experiment)["epoch"].tolist() == [0, 1]
    experiment.run.release()


def test_on_several_nodes_srun_starts_torchrun_on_each(monkeypatch):
    monkeypatch.setenv("SLURM_CPUS_PER_TASK", "16")
    command = launch.make_command(Path("runs/a"), per_node=4, n_nodes=2)
    assert command[0] == "srun" and {"--nodes=2", "--ntasks=2", "--cpus-per-task=16"} < set(command)
    assert {"--nnodes=2", "--nproc-per-node=4"} < set(command) and launch.STANDALONE not in command
    alone = launch.make_command(Path("runs/a"), per_node=4)
    assert alone[0] == sys.executable and launch.STANDALONE in alone


def test_the_port_where_nodes_meet_is_free_and_none_that_another_program_is_given_meanwhile(monkeypatch):
    port = launch.find_free_port()
    kernel = Path("/proc/sys/net/ipv4/ip_local_port_range")
    assert port < (int(kernel.read_text().split()[0]) if kernel.exists() else 32_768)
    with socket.socket() as taken:
        taken.bind(("", port))
        monkeypatch.setattr(launch, "OURS", range(port, port + 1))
        with pytest.raises(TrainingError, match=f"none of the ports {port} to {port} "):
            launch.find_free_port()


def test_nodes_of_the_slurm_job(monkeypatch):
    monkeypatch.delenv("SLURM_JOB_NUM_NODES", raising=False)
    assert launch.count_nodes() == 1
    monkeypatch.setenv("SLURM_JOB_NUM_NODES", "2")
    assert launch.count_nodes() == 2
