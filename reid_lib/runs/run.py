"""Run folders to write: claimed by one process, told in params.json and status.json, written file by file, whole."""

import atexit
import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pandas as pd

from reid_lib.core import files, frames
from reid_lib.core.errors import RunDiffersError, RunError, TrainingInterrupted
from reid_lib.core.files import digest
from reid_lib.core.kernel import find_ipython
from reid_lib.core.logs import LOGGER
from reid_lib.core.names import CHECKSUMS_JSON, HISTORY_CSV, PARAMS_JSON, STATUS_JSON
from reid_lib.core.paths import runs_root, writing
from reid_lib.core.processes import HOST, PID, identify_process, is_here
from reid_lib.core.temporaries import remove_abandoned
from reid_lib.runs import owner
from reid_lib.runs.folder import (
    ANOTHER_FORMAT,
    COMPUTED,
    CURE,
    FAILED,
    FINISHED,
    FORMAT,
    INTERRUPTED,
    PLANNED,
    RUNNING,
    RunFolder,
    folder_of,
    is_there,
    no_such_run,
    state_of,
)
from reid_lib.runs.key import STORED_AS, list_differences
from reid_lib.runs.provenance import describe_environment

_OPEN: dict[Path, "Run"] = {}  # runs this process owns, so that a cell can be run again


class Run(RunFolder):
    """A run folder to write: owned by this process until `finish` or `release`; open one with `Run.open`."""

    def __init__(self, folder: Path):
        super().__init__(folder)
        self._lock = owner.Lock(self.folder)
        self._status: dict[str, Any] = {}
        self._mutex = threading.Lock()  # the heartbeat writes status.json, too
        self._stop = threading.Event()
        self._borrowed = False
        self._undescribed = ""  # what is wrong with params.json, where status.json vouches for it

    @classmethod
    def open(cls, name: str, *, params: dict, key: dict, provenance: dict, root: Path | None = None) -> "Run":
        """Claim a run: new, or continued where its key is the same. A finished one is opened to be read.

        Args:
            params: every parameter as used.
            key: see `make_run_key`.
            provenance: whatever else params.json is to say.

        Raises:
            RunBusyError: another live process owns it.
            RunDiffersError: the run of this name has another key and has computed something; the message lists
                the differences. Of one that failed before that, nothing is kept.
            RunError: a bad name, or a folder that cannot be a run.
        """
        folder = folder_of(name, root=root)
        if folder.absolute() in _OPEN:
            _OPEN[folder.absolute()].release()
        run = cls(folder)
        if run._same_as(key) and run.finished:
            return run
        with writing(folder.parent, "REID_RUNS", RunError):
            run._claim()
        try:
            # Once more, now that nobody else can change it: another process may have made or ended the run meanwhile.
            same = run._same_as(key)
            if same and run.finished:
                run._let_go()
                return run
            run._status[STORED_AS] = digest(key)
            if run._undescribed:
                told = run._undescribed.split(":")[0]
                LOGGER.warning(f"{told}: by its {STATUS_JSON} the run is this one, and goes on")
            if not same or run._undescribed:
                described = {"format": FORMAT, "run": name, "params": params, STORED_AS: key} | provenance
                files.write_json(run.path(PARAMS_JSON), described | {"environment": describe_environment()})
            run._begin()
        except BaseException:
            run._let_go()
            raise
        return run

    @classmethod
    def borrow(cls, folder: Path) -> "Run":
        """A run as a child process of its owner writes it: files and history. State and heartbeat stay the owner's.

        Raises:
            RunError: nobody owns it.
        """
        run = cls(folder)
        run._lock.borrow()
        run._borrowed = True
        return run

    def owner_is_here(self) -> bool:
        """Does the process that owns this run belong to this machine?"""
        return self._lock.owner_is_here()

    def tell_epoch(self) -> None:
        """Bring the epoch in status.json up to the history, which another process writes."""
        history = self.history()
        if len(history):
            self._set(epoch=int(history["epoch"].max()))

    def _same_as(self, key: dict) -> bool:
        """Is there a run already that has computed something? It has to have this key.

        A params.json that is damaged or lost says nothing; status.json knows the key by its digest.
        """
        computed = any(is_there(self.path(name)) for name in COMPUTED)
        try:
            if not is_there(self.path(PARAMS_JSON)):
                raise RunError(f"{self.path(PARAMS_JSON)} cannot be read (is missing): {CURE}")
            stored = self.described().get(STORED_AS, {})
        except RunError as error:
            if ANOTHER_FORMAT in str(error):
                raise
            if not computed:
                return False
            if self._key_digest() == digest(key):
                self._undescribed = str(error)
                return True
            raise RunError(
                f"{error}. Whether the run in this folder is the one asked for is not known any more: move "
                f"{self.folder} away, or give this run a name of its own: -r run_name NAME"
            ) from error
        differences = list_differences(stored, key)
        if differences and computed and self._key_digest() == digest(key):  # status.json knows better
            self._undescribed = f"{self.path(PARAMS_JSON)} is damaged: it differs from what the run began with"
            return True
        if differences and not self.finished and not computed:
            return False
        if differences:
            listed = "\n  ".join([f"run {self.name!r} exists and differs:", *differences])
            raise RunDiffersError(f"{listed}\nit stays as it is; give this one a name of its own: -r run_name NAME")
        return True

    def _key_digest(self) -> str | None:
        """What status.json says of the key."""
        try:
            return files.read_json(self.path(STATUS_JSON))[STORED_AS]
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def _claim(self) -> None:
        self._lock.take()
        _OPEN[self.folder.absolute()] = self
        # What a killed owner left half-written may be large. Who writes the report is another, and may still be at it.
        remove_abandoned(self.folder, below=True, dead=self._lock.before)
        before = self.status()
        kept = {k: before.get(k) for k in ("epoch", STORED_AS)}
        self._status = {"started": before.get("started", time.time())} | kept
        self._stop = threading.Event()
        threading.Thread(target=self._beat, args=(self._stop,), daemon=True, name=f"heartbeat {self.name}").start()
        if shell := find_ipython():
            shell.events.register("post_run_cell", self._after_cell)

    def _beat(self, stop: threading.Event) -> None:
        while not stop.wait(owner.HEARTBEAT_S):
            try:
                self._lock.beat()
                self._set()
            except (OSError, RunError):
                pass  # a full disk or a file server's pause: the next beat may get through

    def _set(self, **changes) -> None:
        """Write status.json with these changes and a fresh heartbeat."""
        with self._mutex:
            if self._borrowed or not self._lock.is_mine():
                return
            self._status |= changes
            self._status |= {"owner": identify_process(), "heartbeat": time.time()}
            self._status["slurm_job_id"] = os.environ.get("SLURM_JOB_ID")
            files.write_json(self.path(STATUS_JSON), self._status)

    @contextmanager
    def write(self, name: str) -> Iterator[Path]:
        """A temporary path; it becomes the file `name` of this run when the block ends without an error."""
        if not self._lock.is_mine():
            raise RunError(f"run {self.name!r} is not open for writing here (it is {self.status()['state']})")
        if not self.path(name).parent.resolve().is_relative_to(self.folder.resolve()):
            raise RunError(f"{name!r} leads out of the run folder {self.folder}: a run writes into its own folder only")
        with files.atomic(self.path(name)) as temporary:
            yield temporary

    def write_json(self, name: str, value: Any) -> None:
        with self.write(name) as path:
            files.write_json(path, value)

    def write_csv(self, name: str, frame: pd.DataFrame) -> None:
        with self.write(name) as path:
            frames.write_csv(path, frame)

    def add_epoch(self, row: dict[str, Any]) -> None:
        """Add the line of an epoch to history.csv."""
        history = pd.DataFrame([*self.history().to_dict("records"), row])
        self.write_csv(HISTORY_CSV, history.astype({"epoch": int}))
        self._set(epoch=int(row["epoch"]))

    def cut_history(self, epoch: int, rows: list[dict[str, Any]] | None = None) -> None:
        """Drop the lines after `epoch`: those of epochs that the checkpoint does not hold.

        Args:
            epoch: the last one to keep.
            rows: the lines as the checkpoint knows them; where the file is damaged it is written again from these.
        """
        try:
            history = self.history()
        except RunError as error:
            LOGGER.warning(f"{str(error).split(': ')[0]}: {'written again' if rows else 'begun anew'}")
            history = pd.DataFrame({"epoch": []})
            if self.path(HISTORY_CSV).is_file():
                self.path(HISTORY_CSV).unlink()
        kept = history[history["epoch"] <= epoch]
        whole = bool(rows) and rows[0]["epoch"] == 0  # a checkpoint of versions before had none
        told = pd.DataFrame(rows).astype({"epoch": int}) if whole else kept
        if whole and told.to_csv(index=False) != kept.to_csv(index=False):
            if told["epoch"].tolist() == kept["epoch"].tolist():  # else a kill came between the two files
                LOGGER.warning(f"{self.path(HISTORY_CSV)} is not as it was written: written again from the checkpoint")
            self.write_csv(HISTORY_CSV, told)
        elif len(kept) < len(history):
            self.write_csv(HISTORY_CSV, kept)

    @contextmanager
    def guard(self) -> Iterator[None]:
        """An error in the block marks the run failed, Ctrl-C interrupted; both are raised again."""
        if not self._lock.held:  # a cell failed before and was mended: take the run again
            with writing(self.folder.parent, "REID_RUNS", RunError):
                self._claim()
            if self.finished:  # by another process meanwhile
                self._let_go()
                raise RunError(f"run {self.name!r} is finished: run the notebook from its start to see the results")
        self._begin()
        try:
            yield
        except BaseException as error:
            self._fail(error)
            raise

    def _begin(self) -> None:
        """From now on files of this run are written: it is running, and no longer sealed."""
        self._set(state=RUNNING, error=None, ended=None)
        self.path(CHECKSUMS_JSON).unlink(missing_ok=True)

    def reopen(self) -> None:
        """Make a finished run writable again, since something of it is lost.

        Raises:
            RunBusyError: another process does so.
        """
        self._claim()
        try:
            self._begin()
        except BaseException:
            self._let_go()
            raise

    def tell_cost(self, seconds: dict[str, float], **peaks: int | None) -> None:
        """Note in status.json the seconds of each step and the most bytes in use: `memory`, `gpu_memory` of the GPU."""
        self._set(step_seconds=seconds, **{f"peak_{name}_bytes": int(peak) for name, peak in peaks.items() if peak})

    def finish(self) -> None:
        """All results are written."""
        self._end(FINISHED)

    def release(self) -> None:
        """Let go of an unfinished run; it reads as interrupted."""
        if self._lock.held:
            self._end(INTERRUPTED)

    def _fail(self, error: BaseException) -> None:
        """Note the error; when even that finds no room on the disk, the error itself is what a person needs to see."""
        state = INTERRUPTED if isinstance(error, KeyboardInterrupt | TrainingInterrupted) else FAILED
        with suppress(OSError, RunError):
            self._end(state, error=None if state == INTERRUPTED else f"{type(error).__name__}: {error}")

    def _end(self, state: str, **changes) -> None:
        try:
            self._set(state=state, ended=time.time(), **changes)
        except (OSError, RunError):  # a full disk: that it ended has to be told all the same
            if not self._overwritten():
                raise
        finally:
            self._let_go()

    def _overwritten(self) -> bool:
        """Write status.json where it lies, without room for a new file; did it work?"""
        with self._mutex, suppress(OSError):
            files.overwrite_json(self.path(STATUS_JSON), self._status, cut="error")
            return True
        return False

    def _let_go(self) -> None:
        self._stop.set()
        with self._mutex:
            self._lock.release()
        _OPEN.pop(self.folder.absolute(), None)
        if shell := find_ipython():
            if self._after_cell in shell.events.callbacks["post_run_cell"]:
                shell.events.unregister("post_run_cell", self._after_cell)

    def _after_cell(self, result) -> None:
        """A cell of the notebook failed outside of `guard`: that run is not going to be finished by itself."""
        error = result.error_in_exec or result.error_before_exec
        if error is not None and self._lock.held:
            self._fail(error)


@atexit.register
def _release_all() -> None:
    for run in list(_OPEN.values()):
        run.release()


os.register_at_fork(after_in_child=_OPEN.clear)  # a child that exits must not end its parent's run


def ask_to_stop(name: str, *, root: Path | None = None) -> None:
    """Tell the process that owns a run to stop: training ends after the step at hand, with a checkpoint.

    Raises:
        RunError: it is not running, or runs on another machine.
    """
    state = state_of(name, root=root)
    if state == PLANNED:
        raise RunError(no_such_run(name, root=root))
    if state != RUNNING:
        raise RunError(f"run {name!r} is {state}, not running: there is nothing to stop")
    owner = RunFolder((root or runs_root()) / name).status()["owner"]
    if not is_here(owner):
        raise RunError(f"run {name!r} runs on {owner.get(HOST)}, or in another container there: stop it there")
    os.kill(owner[PID], signal.SIGUSR1)
