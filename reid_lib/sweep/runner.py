"""Running a plan: papermill for each variant, some at a time; the finished are skipped, those broken off continue."""

import base64
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd
import psutil

from reid_lib.core import files
from reid_lib.core.errors import ParameterError, RunBusyError, RunError
from reid_lib.core.names import TRAIN_NOTEBOOK
from reid_lib.core.parallel import cpu_count
from reid_lib.core.paths import notebooks_root, runs_root
from reid_lib.core.signals import hold_signals
from reid_lib.params.fields import TrainParams
from reid_lib.params.papermill import edited_parameters
from reid_lib.runs import owner
from reid_lib.runs.folder import FAILED, FINISHED, RUNNING, RunFolder, folder_of
from reid_lib.sweep.plan import Plan, Variant
from reid_lib.sweep.status import DIFFERS, ELSEWHERE, status_row, tabulate_status

STARTED_BY = ".sweep"  # folder of the lock on starting a run: two sweeps may run one plan
ATTEMPTS = 2
POLL_S = 1.0
GRACE_S = 60.0  # for a network to end its step and write its checkpoint
LOG = "papermill.log"


def make_command(plan: Plan, variant: Variant, folder: Path) -> list[str]:
    """What runs a variant; its executed notebook lies in its run folder."""
    notebooks = notebooks_root()
    files = [str(notebooks / TRAIN_NOTEBOOK), str(folder / TRAIN_NOTEBOOK)]
    options = ["--cwd", str(notebooks), "--log-output", "--no-progress-bar", *papermill_arguments(plan, variant)]
    return [sys.executable, "-m", "papermill", *files, *options]


def papermill_arguments(plan: Plan, variant: Variant) -> list[str]:
    """The parameters of a variant, as papermill takes them: its file, which says what differs from the defaults.

    Where the notebook's own cell was edited, the defaults are given before it (papermill applies base64 first): what a
    plan says does not depend on what somebody tries in the notebook meanwhile.
    """
    edited = edited_parameters(notebooks_root() / TRAIN_NOTEBOOK)
    defaults = ["-b", base64.b64encode(json.dumps(edited).encode()).decode()] if edited else []
    return [*defaults, "-f", str(plan.file(variant))]


@dataclass
class _Child:
    variant: Variant
    process: subprocess.Popen
    slot: int
    lock: owner.Lock
    started: float = field(default_factory=time.time)
    family: set[psutil.Process] = field(default_factory=set)  # its descendants, which may outlive it

    def look(self) -> None:
        self.family.update(_descendants(self.process.pid))


@dataclass
class Sweep:
    """A plan being run by this process.

    Args:
        plan: what to run.
        parallel: runs at a time.
        only: 0-based number of the one variant to run; None: all.
        command: (plan, variant, run folder) -> what to start.
        show: called with the table again and again.
        poll_s: seconds between two looks at the runs.

    Attributes:
        failed: run that failed twice, or could not begin -> what is known of it.
    """

    plan: Plan
    parallel: int = 1
    only: int | None = None
    command: Callable[[Plan, Variant, Path], list[str]] = make_command
    show: Callable[[pd.DataFrame], None] = lambda table: None
    poll_s: float = POLL_S
    failed: dict[str, str] = field(default_factory=dict)
    _children: list[_Child] = field(default_factory=list)
    _attempts: dict[str, int] = field(default_factory=dict)

    def __post_init__(self):
        if self.parallel < 1:
            raise ParameterError(f"--parallel: expected at least 1; got {self.parallel}")
        if self.only is not None and not 0 <= self.only < len(self.plan.variants):
            raise ParameterError(f"--only: expected 0 to {len(self.plan.variants) - 1}; got {self.only}")

    def run(self) -> dict[str, str]:
        """Run until nothing is left to do; returns the runs that failed twice, with what is known.

        Whatever ends this call, no child outlives it. A signal ends it in order, a second one at once.

        Raises:
            KeyboardInterrupt, SystemExit: it was told to stop, by Ctrl-C or another signal.
        """
        chosen = self.plan.variants if self.only is None else (self.plan.variants[self.only],)
        done = [variant for variant in chosen if status_row(variant)["state"] == FINISHED]
        waiting = [variant for variant in chosen if variant not in done]
        for variant in done:  # perhaps killed at its very end
            _make_missing(variant)
        with hold_signals() as heard:
            try:
                while (waiting or self._children) and not heard:
                    self._collect(waiting)
                    while waiting and len(self._children) < self.parallel:
                        self._start(waiting.pop(0))
                    self.show(self.table())
                    time.sleep(self.poll_s if self._children else 0)
            finally:
                self._end_children(hurry=lambda: len(heard) > 1)
        self.show(self.table())
        if heard:
            raise KeyboardInterrupt if heard[0] == signal.SIGINT else SystemExit(128 + heard[0])
        return self.failed

    def table(self) -> pd.DataFrame:
        """`tabulate_status`, with what only this process knows: who runs elsewhere, and what failed before it began."""
        table = tabulate_status(self.plan)
        own = {child.variant.run for child in self._children}
        elsewhere = (table["state"] == RUNNING) & ~table["run"].isin(own)
        starting = table["run"].isin(own) & ~table["state"].isin(
            (RUNNING, FINISHED)
        )  # finished: its notebook is written
        table["state"] = table["state"].mask(elsewhere, ELSEWHERE).mask(starting, "starting")
        notes = zip(table["run"], table["note"], strict=True)
        table["note"] = [self.failed.get(run, note) for run, note in notes]
        table["state"] = table["state"].mask(table["run"].isin(self.failed), FAILED)
        return table

    def _start(self, variant: Variant) -> None:
        """Start a variant, unless it is done or under way elsewhere, or cannot be."""
        try:
            folder = folder_of(variant.run)
        except RunError as error:
            self.failed[variant.run] = str(error)
            return
        lock = owner.Lock(folder / STARTED_BY)
        try:
            lock.take()
        except RunBusyError:
            return  # another sweep starts it just now
        except OSError as error:  # a folder that is somebody else's
            self.failed[variant.run] = f"{folder} cannot be written ({error.strerror or error!r})"
            return
        row = status_row(variant)
        # An unreadable run is started, too: its notebook makes again what is lost, or says what to do.
        if row["state"] in (FINISHED, RUNNING, DIFFERS):
            lock.release()
            if row["state"] == DIFFERS:
                self.failed[variant.run] = row["note"]
            return
        slot = min(set(range(self.parallel)) - {child.slot for child in self._children})
        try:
            with open(folder / LOG, "ab") as log:
                process = subprocess.Popen(
                    self.command(self.plan, variant, folder),
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    stdin=subprocess.DEVNULL,
                    env=os.environ | _shares(self.parallel, slot, num_gpus=TrainParams(**variant.params).num_gpus),
                    start_new_session=True,  # Ctrl-C is for this process, which then ends its children in order
                )
        except BaseException:
            lock.release()
            raise
        self._attempts[variant.run] = self._attempts.get(variant.run, 0) + 1
        self._children.append(_Child(variant, process, slot, lock))

    def _collect(self, waiting: list[Variant]) -> None:
        """Take leave of children that have ended; a failed one is tried once more, after the others."""
        for child in list(self._children):
            child.look()
            child.lock.beat()
            if child.process.poll() is None:
                continue
            _end(child.family)  # a kernel whose papermill was killed still owns the run for a moment
            self._children.remove(child)
            child.lock.release()
            run, state = child.variant.run, status_row(child.variant)["state"]
            if state == FINISHED:
                _make_missing(child.variant)
            if state in (FINISHED, RUNNING):  # running: by another process, which was quicker
                continue
            if self._attempts[run] < ATTEMPTS:
                waiting.append(child.variant)
            else:
                self.failed[run] = self._reason(child, state)

    def _reason(self, child: _Child, state: str) -> str:
        """The first line of the error, and where the whole of it is."""
        folder = RunFolder(runs_root() / child.variant.run)
        if told := _notebook_error(folder.path(TRAIN_NOTEBOOK), since=child.started):
            return f"{told}; see {folder.path(TRAIN_NOTEBOOK)}"
        error = folder.status().get("error") if state == FAILED else None
        told = (error or f"papermill ended with exit code {child.process.returncode}").split("\n")[0]
        return f"{told}; see {folder.path(LOG)}"

    def _end_children(self, *, hurry: Callable[[], bool]) -> None:
        """papermill's engine passes the signal on to its kernel, so that a checkpoint is written."""
        for child in self._children:
            child.look()
            child.process.terminate()
        deadline = time.monotonic() + GRACE_S
        while time.monotonic() < deadline and not hurry() and any(c.process.poll() is None for c in self._children):
            time.sleep(0.05)
        for child in self._children:
            child.look()
            with suppress(ProcessLookupError):
                child.process.kill()
            child.process.wait()
            _end(child.family, grace=0)
            child.lock.release()
        self._children.clear()


def _make_missing(variant: Variant) -> None:
    """Report and row of a finished run that was stopped before it came to them, unless another sweep is at it."""
    from reid_lib.pages.finished_run import is_complete, make_missing  # a sweep begins without them

    run = RunFolder(runs_root() / variant.run)
    lock = owner.Lock(run.path(STARTED_BY))
    with suppress(OSError, RunError):
        if not is_complete(run):
            lock.take()
            make_missing(run)
    lock.release()


def _end(family: set[psutil.Process], *, grace: float = 5.0) -> None:
    """End processes that are left over: told first, then killed."""
    for one in family:
        with suppress(psutil.Error):
            one.terminate()
    for one in psutil.wait_procs(family, timeout=grace)[1]:
        with suppress(psutil.Error):
            one.kill()
    psutil.wait_procs(family, timeout=5.0)


def _notebook_error(path: Path, *, since: float) -> str:
    """First line of the error in an executed notebook; empty where there is none, or it is older than `since`."""
    try:
        if path.stat().st_mtime < since:
            return ""
        outputs = [o for cell in files.read_json(path)["cells"] for o in cell.get("outputs", [])]
        told = [f"{o['ename']}: {o['evalue']}" for o in outputs if o["output_type"] == "error"]
    except (OSError, ValueError, KeyError, TypeError):
        return ""
    return told[0].split("\n")[0] if told else ""


def _descendants(pid: int) -> list[psutil.Process]:
    """Children, and theirs."""
    try:
        return psutil.Process(pid).children(recursive=True)
    except psutil.Error:
        return []


def count_threads(parallel: int) -> int | None:
    """Threads of each of several runs side by side; None where nothing is divided, or the user has said how many."""
    return max(1, cpu_count() // parallel) if parallel > 1 and "OMP_NUM_THREADS" not in os.environ else None


def _shares(parallel: int, slot: int, *, num_gpus: int = 1) -> dict[str, str]:
    """What runs side by side have to divide: cores, and GPUs in turn. What the user has set stays.

    Args:
        parallel: runs at a time.
        slot: which of them, from 0.
        num_gpus: a run's parameter; 0 takes all there are.
    """
    shares = {}
    if share := count_threads(parallel):
        shares["OMP_NUM_THREADS"] = str(share)
    gpus = _gpus()
    if parallel > 1 and gpus and 0 < num_gpus < len(gpus):
        own = (gpus[(slot * num_gpus + k) % len(gpus)] for k in range(num_gpus))
        shares["CUDA_VISIBLE_DEVICES"] = ",".join(own)
    return shares


def _gpus() -> list[str]:
    """The GPUs that may be used, as CUDA_VISIBLE_DEVICES names them; asked without torch."""
    if (given := os.environ.get("CUDA_VISIBLE_DEVICES")) is not None:
        return [name for name in given.split(",") if name.strip()]
    try:
        listed = subprocess.run(["nvidia-smi", "-L"], capture_output=True, text=True, timeout=20, check=True).stdout
    except (OSError, subprocess.SubprocessError):
        return []
    return [str(k) for k, line in enumerate(listed.splitlines()) if line.startswith("GPU ")]
