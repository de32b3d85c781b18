"""A plan as a Slurm job array: submitting it, and what Slurm says of its runs."""

import json
import re
import shlex
import subprocess

from reid_lib.core import files
from reid_lib.core.errors import ReidError
from reid_lib.core.paths import in_checkout, project_root
from reid_lib.sweep.plan import JOB, Plan

SCRIPT = "slurm/sweep.sh"


def submit(plan: Plan, *, parallel: int = 3, options: str = "") -> str:
    """Submit a plan as an array, one task for each variant; returns the number of the job.

    Args:
        parallel: tasks at a time.
        options: of sbatch, as typed in a shell ("--time=2:00:00 --partition=gpu").

    Raises:
        ReidError: sbatch is not there, or refuses.
    """
    if not in_checkout():
        raise ReidError("the job scripts (slurm/) lie in the checkout: clone it on the cluster, and submit there")
    array = f"--array=0-{len(plan.variants) - 1}%{max(parallel, 1)}"
    command = ["sbatch", "--parsable", array, *shlex.split(options), SCRIPT, "--name", plan.name]
    try:
        done = subprocess.run(command, capture_output=True, text=True, cwd=project_root(), timeout=120)
    except FileNotFoundError as error:
        raise ReidError("sbatch is not here: type this on a machine of the cluster, or use sweep run") from error
    if done.returncode:
        raise ReidError(f"sbatch refused: {(done.stderr or done.stdout).strip()}")
    job = done.stdout.strip().split(";")[0]  # "number" or "number;cluster"
    files.write_json(plan.folder / JOB, {"job": job})
    return job


def ask_states(plan: Plan) -> dict[str, str]:
    """Run -> what Slurm says of its task in the last array ("RUNNING", "PENDING (Resources)").

    A task that is over is in no queue, so it is left out. Empty where nothing was submitted or Slurm does not answer.
    """
    try:
        job = json.loads((plan.folder / JOB).read_text(encoding="utf-8"))["job"]
        command = ["squeue", "--array", "--noheader", "--jobs", job, "--format", "%K|%T|%r"]
        listed = subprocess.run(command, capture_output=True, text=True, timeout=30, check=True).stdout
    except (OSError, ValueError, KeyError, TypeError, subprocess.SubprocessError):
        return {}
    found = {}
    for task, state, reason in re.findall(r"^(\d+)\|(\w+)\|(.*)$", listed, flags=re.M):
        if int(task) < len(plan.variants):
            words = state if reason in ("None", "") else f"{state} ({reason})"
            found[plan.variants[int(task)].run] = words
    return found
