"""Training in several processes, one for each GPU: started from the notebook, followed there, stopped from there.

The launcher is torchrun; on several nodes of a Slurm job, srun starts one on each. What the processes say appears in
the notebook, and so does their failure. The notebook's process stays the owner of the run.
"""

import os
import queue
import random
import shlex
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from reid_lib.core import errors
from reid_lib.core.errors import ParameterError, TrainingError
from reid_lib.core.logs import LOGGER
from reid_lib.core.names import HISTORY_CSV
from reid_lib.core.parallel import cpu_count
from reid_lib.params.fields import TrainParams
from reid_lib.runs.run import Run

# Both of the run folder, and both gone when training has ended.
OUTCOME = ".outcome.json"  # how the group ended, by its first process; see `worker`
STOP = ".stop"  # that it is to stop
POLL_S = 0.2
GRACE_S = 40.0  # torchrun gives its own processes 30 s
STANDALONE = "--standalone"
OURS = range(20_000, 32_768)  # ports that belong to no service of a cluster and are not handed out by the kernel


def count_processes(num_gpus: int, device: str) -> int:
    """How many processes a machine trains with: one for each GPU, or as many as asked for on a CPU.

    Args:
        num_gpus: the parameter; 0 means all GPUs of the machine.
        device: "cuda", "cpu" or "mps".

    Raises:
        ParameterError: there are not so many.
    """
    if device == "cpu":
        return max(1, num_gpus)
    there = 1
    if device == "cuda":
        import torch

        there = torch.cuda.device_count()
    if num_gpus > there:
        raise ParameterError(
            f"num_gpus is {num_gpus}, and {there} can be used here: pass {there}, or 0 for all there are; under Slurm, "
            f"ask for them: sbatch --gres=gpu:{num_gpus}"
        )
    return num_gpus or there


def count_nodes() -> int:
    """Machines of the Slurm job this process is in; 1 outside of one."""
    return int(os.environ.get("SLURM_JOB_NUM_NODES") or 1)


def check_same_result(params: TrainParams, device: str, *, per_node: int, n_nodes: int) -> None:
    """Whether this many processes learn what one learns; asked before any of them starts.

    On GPUs batch normalisation sees the images of all processes (SyncBatchNorm); torch has none for CPUs, where each
    process would normalise over its own images, and the result would depend on the number of processes.

    Raises:
        ParameterError: they do not.
    """
    if device == "cuda" or per_node * n_nodes == 1:
        return
    import torch

    from reid_lib.nets.backbones import build_backbone, find_architecture, has_batch_statistics

    architecture = find_architecture(params.backbone).sized(params.image_size)
    with torch.random.fork_rng(devices=[]):
        network, _ = build_backbone(architecture, params.backbone, pretrained=False)
    if has_batch_statistics(network):
        on = f" on each of {n_nodes} nodes" if n_nodes > 1 else ""
        raise ParameterError(
            f"num_gpus: {per_node * n_nodes} processes on a CPU ({per_node}{on}) would each normalise over their own "
            f"part of a batch, as {params.backbone!r} has batch normalisation: another result than that of one. "
            "Pass num_gpus 1 on one node (a process uses all cores by itself), train on GPUs, or take a backbone "
            "without batch normalisation (convnext_atto, vit_tiny_patch16_224, ...)"
        )


def make_command(run_folder: Path, *, per_node: int, n_nodes: int = 1) -> list[str]:
    """What starts the group.

    Args:
        per_node: processes on each machine.
        n_nodes: machines.
    """
    torchrun = [sys.executable, "-m", "torch.distributed.run", f"--nproc-per-node={per_node}", "--max-restarts=0"]
    worker = ["--module", "reid_lib.pipeline.worker", str(run_folder), str(os.getpid())]
    if n_nodes == 1:
        return [*torchrun, STANDALONE, *worker]
    meeting = f"{socket.gethostname()}:{find_free_port()}"
    torchrun += [f"--nnodes={n_nodes}", "--rdzv-backend=c10d", f"--rdzv-endpoint={meeting}", "--rdzv-id=reid"]
    srun = ["srun", f"--nodes={n_nodes}", f"--ntasks={n_nodes}", "--ntasks-per-node=1", "--kill-on-bad-exit=1"]
    if cores := os.environ.get("SLURM_CPUS_PER_TASK"):  # which srun does not take over by itself since Slurm 22.05
        srun.append(f"--cpus-per-task={cores}")
    return [*srun, *torchrun, *worker]


def train_in_processes(run: Run, *, per_node: int, n_nodes: int, stop: Callable[[], bool]) -> None:
    """Train an open run in a group of processes; returns when they have ended.

    Args:
        run: owned by this process.
        per_node, n_nodes: see `make_command`.
        stop: asked again and again; when it says so, the group writes a checkpoint and ends.

    Raises:
        TrainingInterrupted: `stop` said so.
        ReidError: what the group said; TrainingError where it ended without a word.
    """
    for name in (OUTCOME, STOP):
        run.path(name).unlink(missing_ok=True)
    what = make_command(run.folder, per_node=per_node, n_nodes=n_nodes)
    on = f" on each of {n_nodes} nodes" if n_nodes > 1 else ""
    LOGGER.info(f"training in {per_node} process{'es' if per_node > 1 else ''}{on}: {shlex.join(what)}")
    try:
        code = _follow(what, run, stop, os.environ | _shares(per_node))
        outcome = run.read_json(OUTCOME) if run.path(OUTCOME).exists() else None
    finally:
        for name in (OUTCOME, STOP):
            run.path(name).unlink(missing_ok=True)
    if outcome is not None and outcome["error"]:
        raise getattr(errors, outcome["error"])(outcome["message"])
    if code or outcome is None:
        raise TrainingError(f"the processes that trained ended with exit code {code}: what they said stands above")


def _follow(what: list[str], run, stop: Callable[[], bool], env: dict) -> int:
    """Start the group, pass on what it says, and wait for its end; whatever ends this call, none of it is left."""
    process = subprocess.Popen(
        what,
        env=env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    said: queue.Queue = queue.Queue()
    threading.Thread(target=_read, args=(process.stdout, said), daemon=True).start()
    try:
        seen = 0.0
        while True:
            with suppress(queue.Empty):
                chunk = said.get(timeout=POLL_S)
                if not chunk:
                    return process.wait()
                sys.stdout.write(chunk.decode(errors="replace"))
                sys.stdout.flush()
            if stop():
                run.path(STOP).touch()
            with suppress(OSError, ValueError):
                if (changed := run.path(HISTORY_CSV).stat().st_mtime) != seen:
                    seen = changed
                    run.tell_epoch()
    finally:
        _end(process)


def _read(stream, said: queue.Queue) -> None:
    """Bytes as they come, an empty one at the end: a progress bar is drawn anew without a line's end."""
    while chunk := os.read(stream.fileno(), 65536):
        said.put(chunk)
    said.put(b"")


def _end(process: subprocess.Popen) -> None:
    """Told first, so that torchrun or srun takes its children along; then killed."""
    for number, seconds in ((signal.SIGTERM, GRACE_S), (signal.SIGKILL, GRACE_S)):
        if process.poll() is not None:
            break
        with suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        with suppress(subprocess.TimeoutExpired):
            process.wait(seconds)
    process.stdout.close()


def _shares(per_node: int) -> dict[str, str]:
    """Threads of each process; torchrun's own choice is one, wherever there are several processes."""
    return {} if "OMP_NUM_THREADS" in os.environ else {"OMP_NUM_THREADS": str(max(1, cpu_count() // per_node))}


def find_free_port() -> int:
    """A port that nobody listens on, for a server that starts in a while.

    Not one of those the kernel hands out by itself (32768 and above on Linux): until a launcher has imported torch, any
    connection of another program may have been given it, and then the server finds it taken.
    """
    for port in random.SystemRandom().sample(OURS, len(OURS)):
        with socket.socket() as free, suppress(OSError):
            free.bind(("", port))
            return port
    raise TrainingError(f"none of the ports {OURS.start} to {OURS.stop - 1} of this machine is free")
