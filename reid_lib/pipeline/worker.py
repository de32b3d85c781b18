"""One of the processes that train a run together: `torchrun --module reid_lib.pipeline.worker RUN_FOLDER OWNER_PID`.

Started by `launch`, never by hand. The run, its parameters and the roles of its images come from the run folder.
"""

import os
import sys
import threading
import time
import traceback
from contextlib import suppress
from functools import partial
from pathlib import Path

import psutil

from reid_lib.core import files
from reid_lib.core.errors import ReidError, TrainingError, TrainingInterrupted
from reid_lib.pipeline.experiment import Experiment, experiment_of
from reid_lib.pipeline.launch import OUTCOME, STOP
from reid_lib.runs.run import Run

WATCH_S = 1.0


def main(run_folder: str, owner_pid: str) -> int:
    """Train as one of the group; the first process leaves in the run folder how it ended. Returns the exit code."""
    from reid_lib.train.group import destroy_group, init_group
    from reid_lib.train.learn import learn

    run = Run.borrow(Path(run_folder))
    _watch(int(owner_pid), run)
    e = experiment_of(run)
    group = init_group(e.device)
    if not group.first:
        sys.stdout = open(os.devnull, "w")
    try:
        check_data(e)
        stop = run.path(STOP).exists if group.first else lambda: False
        pixels_for = partial(e.pixels, check=group.local_rank == 0)  # the others of this machine read the same file
        learn(e.params, e.split, pixels_for, run, e.device, stop, group)
    except Exception as error:
        if isinstance(error, ReidError) and group.first:
            files.write_json(run.path(OUTCOME), {"error": type(error).__name__, "message": str(error)})
        if isinstance(error, TrainingInterrupted | TrainingError):  # of all processes alike
            destroy_group()
            return 0
        traceback.print_exc()
        sys.stderr.flush()
        os._exit(1)  # at once: the others wait for this process, and end when it does
    if group.first:
        files.write_json(run.path(OUTCOME), {"error": None, "message": ""})
    destroy_group()
    return 0


def check_data(experiment: Experiment) -> None:
    """Compare what this machine sees with what the run was started with.

    Raises:
        ReidError: they differ.
    """
    described = experiment.run.described()
    was = {part: described[f"{part}_fingerprint"] for part in ("split", "catalogue")}
    found_of = {
        "split": experiment.split.fingerprint,
        "catalogue": experiment.catalogue.fingerprint_like(was["catalogue"]),
    }
    for part, found in found_of.items():
        if found != was[part]:
            raise ReidError(
                f"the {part} of run {experiment.run.name!r} is {found} on {os.uname().nodename} and was {was[part]}: "
                f"do all machines see the same {experiment.catalogue.root}, unchanged?"
            )


def _usage() -> int:
    print("error: this is started by the training notebook: pass it num_gpus, or use several nodes", file=sys.stderr)
    return 2


def _watch(owner_pid: int, run: Run) -> None:
    """Die with whoever started this process: a run that another process takes over has one writer."""
    parent, here = os.getppid(), run.owner_is_here()

    def look():
        while os.getppid() == parent and not (here and not psutil.pid_exists(owner_pid)):
            time.sleep(WATCH_S)
        with suppress(OSError):
            print("the process that started this one is gone: it ends, too", file=sys.stderr, flush=True)
        os._exit(1)

    threading.Thread(target=look, daemon=True).start()


if __name__ == "__main__":
    if len(sys.argv) != 3 or "LOCAL_RANK" not in os.environ:
        sys.exit(_usage())
    sys.exit(main(*sys.argv[1:]))
