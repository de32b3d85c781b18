"""Running a plan: papermill for each variant, some at a time; the finished are skipped, those broken off continue."""

import os
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd
import psutil

from reid_lib.errors import ParameterError, RunError
from reid_lib.names import PARAMS_JSON, TRAIN_NOTEBOOK
from reid_lib.paths import project_root, runs_root
from reid_lib.runs import FAILED, FINISHED, PLANNED, RUNNING, UNREADABLE, RunFolder, state_of
from reid_lib.sweep import Plan, Variant

ELSEWHERE = "running elsewhere"
ATTEMPTS = 2
POLL_S = 1.0
GRACE_S = 60.0  # for a network to end its step and write its checkpoint
LOG = "papermill.log"
COLUMNS = ("run", "state", "epoch", "val_score", "left", "note")


def papermill_command(plan: Plan, variant: Variant, folder: Path) -> list[str]:
    """What runs a variant; its executed notebook lies in its run folder."""
    notebooks = project_root() / "notebooks"
    files = [str(notebooks / TRAIN_NOTEBOOK), str(folder / TRAIN_NOTEBOOK)]
    options = ["--cwd", str(notebooks), "--log-output", "--no-progress-bar", "-f", str(plan.file(variant))]
    return [sys.executable, "-m", "papermill", *files, *options]


def status(plan: Plan) -> pd.DataFrame:
    """One row per variant from the run folders alone: run, state, epoch ("3/8"), val_score (best), left, note."""
    return pd.DataFrame([_row(variant) for variant in plan.variants], columns=list(COLUMNS))


def _row(variant: Variant) -> dict:
    folder = RunFolder(runs_root() / variant.run)
    row = dict.fromkeys(COLUMNS, "") | {"run": variant.run, "note": variant.why}
    if not folder.path(PARAMS_JSON).exists():
        return row | {"state": PLANNED}
    told = folder.status()
    row["state"] = told["state"]
    if told["state"] == UNREADABLE:
        return row | {"note": told["error"]}
    with suppress(OSError, ValueError, KeyError, RunError):
        history, epochs = folder.history(), int(folder.params["num_epochs"])
        done = int(history["epoch"].max()) if len(history) else 0
        row["epoch"] = f"{done}/{epochs}"
        if "val_score" in history and history["val_score"].notna().any():
            row["val_score"] = f"{history['val_score'].max():.3f}"
        if told["state"] == RUNNING and len(history) > 1:
            row["left"] = _duration((told["heartbeat"] - told["started"]) / max(done, 1) * (epochs - done))
    if told["state"] == FAILED:
        row["note"] = (told.get("error") or "").split("\n")[0]
    return row


def _duration(seconds: float) -> str:
    minutes = round(seconds / 60)
    return f"{minutes // 60} h {minutes % 60} min" if minutes >= 60 else f"{max(minutes, 1)} min"


@dataclass
class _Child:
    variant: Variant
    process: subprocess.Popen
    slot: int


@dataclass
class Sweep:
    """A plan being run by this process.

    Args:
        plan: what to run.
        parallel: runs at a time.
        only: 0-based number of the one variant to run; None: all.
        command: (plan, variant, run folder) -> what to start.
        show: called with the table again and again.
    """

    plan: Plan
    parallel: int = 1
    only: int | None = None
    command: Callable[[Plan, Variant, Path], list[str]] = papermill_command
    show: Callable[[pd.DataFrame], None] = lambda table: None
    poll_s: float = POLL_S
    failed: dict[str, str] = field(default_factory=dict)  # run -> what is known of it
    _children: list[_Child] = field(default_factory=list)
    _attempts: dict[str, int] = field(default_factory=dict)

    def __post_init__(self):
        if self.parallel < 1:
            raise ParameterError(f"--parallel: expected at least 1; got {self.parallel}")
        if self.only is not None and not 0 <= self.only < len(self.plan.variants):
            raise ParameterError(f"--only: expected 0 to {len(self.plan.variants) - 1}; got {self.only}")

    def run(self) -> dict[str, str]:
        """Run until nothing is left to do; returns the runs that failed twice, with what is known.

        Whatever ends this call, no child outlives it.
        """
        chosen = self.plan.variants if self.only is None else (self.plan.variants[self.only],)
        waiting = [variant for variant in chosen if state_of(variant.run) != FINISHED]
        try:
            while waiting or self._children:
                self._collect(waiting)
                while waiting and len(self._children) < self.parallel:
                    variant = waiting.pop(0)
                    if state_of(variant.run) not in (FINISHED, RUNNING):
                        self._start(variant)
                self.show(self.table())
                time.sleep(self.poll_s if self._children else 0)
        finally:
            self._end_children()
        self.show(self.table())
        return self.failed

    def table(self) -> pd.DataFrame:
        """`status`, with what only this process knows: who runs elsewhere, and what failed before it began."""
        table = status(self.plan)
        own = {child.variant.run for child in self._children}
        elsewhere = (table["state"] == RUNNING) & ~table["run"].isin(own)
        starting = table["run"].isin(own) & (table["state"] != RUNNING)
        table["state"] = table["state"].mask(elsewhere, ELSEWHERE).mask(starting, "starting")
        notes = zip(table["run"], table["note"], strict=True)
        table["note"] = [self.failed.get(run, note) for run, note in notes]
        table["state"] = table["state"].mask(table["run"].isin(self.failed), FAILED)
        return table

    def _start(self, variant: Variant) -> None:
        folder = runs_root() / variant.run
        folder.mkdir(parents=True, exist_ok=True)
        slot = min(set(range(self.parallel)) - {child.slot for child in self._children})
        with open(folder / LOG, "ab") as log:
            process = subprocess.Popen(
                self.command(self.plan, variant, folder),
                stdout=log,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
                env=os.environ | _shares(self.parallel, slot),
                start_new_session=True,  # Ctrl-C is for this process, which then ends its children in order
            )
        self._attempts[variant.run] = self._attempts.get(variant.run, 0) + 1
        self._children.append(_Child(variant, process, slot))

    def _collect(self, waiting: list[Variant]) -> None:
        """Take leave of children that have ended; a failed one is tried once more, after the others."""
        for child in [c for c in self._children if c.process.poll() is not None]:
            self._children.remove(child)
            run, state = child.variant.run, state_of(child.variant.run)
            if state in (FINISHED, RUNNING):  # running: by another process, which was quicker
                continue
            if self._attempts[run] < ATTEMPTS:
                waiting.append(child.variant)
            else:
                self.failed[run] = self._reason(child, state)

    def _reason(self, child: _Child, state: str) -> str:
        folder = RunFolder(runs_root() / child.variant.run)
        error = folder.status().get("error") if state == FAILED else None
        told = (error or f"papermill ended with exit code {child.process.returncode}").split("\n")[0]
        return f"{told}; see {folder.path(LOG)}"

    def _end_children(self) -> None:
        """papermill passes no signal on: its kernel is told first, so that a checkpoint is written."""
        trees = [(c.process, _descendants(c.process.pid)) for c in self._children if c.process.poll() is None]
        for process, _ in trees:
            for kernel in _descendants(process.pid, all_of_them=False):  # not its loader processes, which it needs
                with suppress(psutil.Error):
                    kernel.terminate()
        deadline = time.monotonic() + GRACE_S
        for process, family in trees:
            with suppress(subprocess.TimeoutExpired):
                process.wait(max(deadline - time.monotonic(), 0.1))
            for one in [*family, *_descendants(process.pid)]:
                with suppress(psutil.Error):
                    one.kill()
            with suppress(ProcessLookupError):
                process.kill()
            process.wait()
        self._children.clear()


def _descendants(pid: int, *, all_of_them: bool = True) -> list[psutil.Process]:
    """Children, and theirs."""
    try:
        return psutil.Process(pid).children(recursive=all_of_them)
    except psutil.Error:
        return []


def _shares(parallel: int, slot: int) -> dict[str, str]:
    """What runs side by side have to divide: cores, and GPUs in turn. What the user has set stays."""
    shares = {}
    if parallel > 1 and "OMP_NUM_THREADS" not in os.environ:
        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        shares["OMP_NUM_THREADS"] = str(max(1, cores // parallel))
    gpus = _gpus()
    return shares | ({"CUDA_VISIBLE_DEVICES": gpus[slot % len(gpus)]} if parallel > 1 and gpus else {})


def _gpus() -> list[str]:
    """The GPUs that may be used, as CUDA_VISIBLE_DEVICES names them; asked without torch."""
    if (given := os.environ.get("CUDA_VISIBLE_DEVICES")) is not None:
        return [name for name in given.split(",") if name.strip()]
    try:
        listed = subprocess.run(["nvidia-smi", "-L"], capture_output=True, text=True, timeout=20, check=True).stdout
    except (OSError, subprocess.SubprocessError):
        return []
    return [str(k) for k, line in enumerate(listed.splitlines()) if line.startswith("GPU ")]


class Screen:
    """The table on a terminal, drawn over itself; elsewhere one line whenever a run's state or epoch changes."""

    def __init__(self, out=None):
        self.out = out or sys.stdout
        self._lines, self._told = 0, {}

    def __call__(self, table: pd.DataFrame) -> None:
        if self.out.isatty():
            width = os.get_terminal_size(self.out.fileno()).columns
            lines = [line[: width - 1] for line in table_text(table).splitlines()]
            self.out.write((f"\x1b[{self._lines}F\x1b[J" if self._lines else "") + "\n".join(lines) + "\n")
            self._lines = len(lines)
        else:
            for row in table.itertuples():
                now = (row.state, row.epoch)
                if self._told.get(row.run) != now:
                    score = f", val score {row.val_score}" if row.val_score else ""
                    epoch = f", epoch {row.epoch}" if row.epoch else ""
                    note = f": {row.note}" if row.state == FAILED else ""
                    self.out.write(f"{row.run}: {row.state}{epoch}{score}{note}\n")
                self._told[row.run] = now
        self.out.flush()


def table_text(table: pd.DataFrame) -> str:
    """The table for a terminal, the note cut short."""
    shown = table.assign(note=[note if len(note) <= 70 else note[:67] + "..." for note in table["note"]])
    return shown.rename(columns={"val_score": "val score", "left": "time left"}).to_string(index=False)
