"""A plan as a job array, with stand-ins for Slurm's commands: what is typed, and what is made of the answers."""

import json
from types import SimpleNamespace

import pytest

from reid_lib.core.errors import ReidError
from reid_lib.sweep import slurm
from reid_lib.sweep.plan import JOB


@pytest.fixture
def plan(tmp_path):
    variants = tuple(SimpleNamespace(run=f"m-{k}") for k in range(3))
    return SimpleNamespace(name="sweep", folder=tmp_path, variants=variants)


@pytest.fixture
def command(tmp_path, monkeypatch):
    """Puts a command into PATH that notes its arguments and says something."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder), prepend=":")

    def make(name: str, says: str, code: int = 0):
        script = folder / name
        script.write_text(f"#!/bin/sh\necho \"$@\" > {folder}/typed\ncat <<'END'\n{says}\nEND\nexit {code}\n")
        script.chmod(0o755)
        return folder / "typed"

    return make


def test_one_task_for_each_variant_and_the_job_is_kept(plan, command):
    typed = command("sbatch", "4711;cluster")
    assert slurm.submit(plan, parallel=2, options="--time=1:00:00") == "4711"
    assert typed.read_text().split() == [
        "--parsable",
        "--array=0-2%2",
        "--time=1:00:00",
        slurm.SCRIPT,
        "--name",
        "sweep",
    ]
    assert json.loads((plan.folder / JOB).read_text()) == {"job": "4711"}


def test_a_refusal_is_told_in_slurms_words(plan, command):
    command("sbatch", "invalid partition", 1)
    with pytest.raises(ReidError, match="sbatch refused: invalid partition"):
        slurm.submit(plan)


def test_without_slurm_the_cure_is_told(plan, tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ReidError, match="use sweep run"):
        slurm.submit(plan)


def test_states_are_those_of_the_tasks_in_the_queue(plan, command):
    (plan.folder / JOB).write_text('{"job": "4711"}')
    command("squeue", "0|RUNNING|None\n2|PENDING|Resources\n9|RUNNING|None")
    assert slurm.ask_states(plan) == {"m-0": "RUNNING", "m-2": "PENDING (Resources)"}


def test_without_a_job_or_an_answer_there_are_no_states(plan, command):
    assert slurm.ask_states(plan) == {}
    (plan.folder / JOB).write_text('{"job": "4711"}')
    command("squeue", "", 1)
    assert slurm.ask_states(plan) == {}
