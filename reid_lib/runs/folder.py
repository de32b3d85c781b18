"""Run folders to read: their names, their states, what is in them.

States: running, finished, failed (with the error), interrupted (stopped, killed or gone silent), unreadable.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd

from reid_lib.core import files, frames
from reid_lib.core.errors import RunError, RunFormatError
from reid_lib.core.names import (
    ALL_METRICS_CSV,
    ALL_METRICS_PARQUET,
    ANSWERS,
    CHECKPOINT,
    COMPARISONS,
    HISTORY_CSV,
    METRICS_JSON,
    MLFLOW,
    MODEL_WEIGHTS,
    PARAMS_JSON,
    PREDICTIONS_CSV,
    REFERENCE_JSON,
    REMOVED_LOG,
    STATUS_JSON,
    TENSORBOARD,
)
from reid_lib.core.paths import check_folder_name, runs_root
from reid_lib.core.suggest import did_you_mean, find_near
from reid_lib.openset.results import UnknownFormat, check_results
from reid_lib.runs import seals
from reid_lib.runs.owner import is_alive

FORMAT = 1  # of a run folder
RUNNING, FINISHED, FAILED, INTERRUPTED, UNREADABLE = "running", "finished", "failed", "interrupted", "unreadable"
PLANNED = "planned"  # has no folder yet
WRITTEN_STATES = (RUNNING, FINISHED, FAILED, INTERRUPTED)
LONGEST = 120  # characters of a run name
# What lies in runs/ beside the run folders.
NO_RUNS = (
    ALL_METRICS_CSV,
    ALL_METRICS_PARQUET,
    REFERENCE_JSON,
    REMOVED_LOG,
    COMPARISONS,
    ANSWERS,
    TENSORBOARD,
    MLFLOW,
    "README.md",
)
LISTED = 20  # runs that a message names
# What was computed; a run that has none of it may begin anew with other parameters.
COMPUTED = (CHECKPOINT, HISTORY_CSV, MODEL_WEIGHTS, PREDICTIONS_CSV, METRICS_JSON)
ANOTHER_FORMAT = "of another format"
CURE = "run its notebook again, which makes again what is lost, or copy the run again"


def check_name(name: str) -> str:
    """`name`, if it can be a run's.

    Raises:
        RunError: it is empty, too long, or could lead out of `runs/`.
    """
    return check_folder_name(name, kind="run", longest=LONGEST, error=RunError)


def folder_of(name: str, *, root: Path | None = None) -> Path:
    """The folder of a run, whether it is there or not.

    Raises:
        RunError: `name` cannot be a run's, or something else stands there.
    """
    folder = (root or runs_root()) / check_name(name)
    if name in NO_RUNS:
        raise RunError(f"run name {name!r}: {folder} is the place of something else; choose another run_name")
    if folder.is_symlink():
        raise RunError(f"{folder} is a link: a run folder lies in runs/ itself; use REID_RUNS to put runs elsewhere")
    if folder.exists() and not folder.is_dir():
        raise RunError(f"{folder} is a file, not a run folder: choose another run_name")
    return folder


class RunFolder:
    """A run folder to read."""

    def __init__(self, folder: Path):
        self.folder = Path(folder)

    @property
    def name(self) -> str:
        return self.folder.name

    def path(self, name: str) -> Path:
        """Where a file of the run lies, or would."""
        return self.folder / name

    def read_json(self, name: str) -> Any:
        """A JSON file of the run.

        Raises:
            RunError: it is missing or damaged.
        """
        return self._read(name, files.read_json)

    def read_csv(self, name: str) -> pd.DataFrame:
        """A table of the run.

        Raises:
            RunError: it is missing or damaged.
        """
        return self._read(name, frames.read_csv)

    def _read(self, name: str, read: Callable):
        try:
            seals.check(self.folder, name)
            return read(self.path(name))
        except (OSError, ValueError) as error:
            if not self.folder.exists():
                raise RunError(
                    f"run {self.name!r} is not in {self.folder.parent} any more: it was removed or renamed (where "
                    "runs are chosen, look for new ones)"
                ) from error
            raise RunError(f"{self.path(name)} cannot be read ({seals.explain(error)}): {CURE}") from error

    def in_short(self, error: Exception | str) -> str:
        """What is wrong with this run, for a place beside its name: the first line, without its path."""
        return str(error).split("\n")[0].replace(f"{self.folder}/", "")

    def look_at(self, name: str, columns: tuple[str, ...]) -> None:
        """Whether a table can be read, from its checksum and its first line.

        Raises:
            RunError: it is missing, empty, no longer as the run wrote it, or has not these columns.
        """

        def has_columns(path: Path) -> None:
            missing = [name for name in columns if name not in pd.read_csv(path, nrows=0).columns]
            if missing:
                raise ValueError(f"it has no column {missing[0]!r}")

        self._read(name, has_columns)

    def history(self) -> pd.DataFrame:
        """One row per epoch; empty before the first.

        Raises:
            RunError: it is damaged.
        """
        if not is_there(self.path(HISTORY_CSV)):
            return pd.DataFrame({"epoch": []})
        history = self.read_csv(HISTORY_CSV)
        numbers = len(history) == 0 or ("epoch" in history and pd.api.types.is_numeric_dtype(history["epoch"]))
        if "epoch" not in history or not numbers:
            raise RunError(f"{self.path(HISTORY_CSV)} cannot be read (it has no column of epochs): {CURE}")
        return history

    def metrics(self) -> dict[str, Any]:
        """metrics.json as `results.Results` has it, undefined values as NaN (JSON has none, so they are null there).

        Raises:
            RunError: it is missing or damaged, or lacks what every run has.
            RunFormatError: it was written in another format.
        """
        stored = self.read_json(METRICS_JSON)
        try:
            return check_results(stored).to_dict()
        except UnknownFormat as error:
            raise RunFormatError(f"{self.path(METRICS_JSON)} is {ANOTHER_FORMAT}: {error}") from error
        except ValueError as error:
            raise RunError(f"{self.path(METRICS_JSON)} cannot be read ({error}): {CURE}") from error

    @property
    def params(self) -> dict[str, Any]:
        """Every parameter as it was used, by name.

        Raises:
            RunError: as `described`.
        """
        return self.described()["params"]

    def described(self) -> dict[str, Any]:
        """params.json.

        Raises:
            RunError: it is missing, damaged, or of another format.
        """
        stored = self.read_json(PARAMS_JSON)
        if not isinstance(stored, dict) or stored.get("format") != FORMAT:
            raise RunError(
                f"{self.path(PARAMS_JSON)} is {ANOTHER_FORMAT}: expected {FORMAT}; run it again under a new name"
            )
        for name in ("params", "identity"):
            if not isinstance(stored.get(name, None if name == "params" else {}), dict):
                raise RunError(f"{self.path(PARAMS_JSON)} cannot be read (it lacks {name!r}): {CURE}")
        return stored

    def status(self) -> dict[str, Any]:
        """status.json, its state as it is now: a dead or silent owner's "running" reads as interrupted."""
        try:
            self.described()
            status = self.read_json(STATUS_JSON)
            state, owner, heartbeat = status["state"], status["owner"], status["heartbeat"]
            alive = state == RUNNING and is_alive(owner, heartbeat=heartbeat)
        except RunError as error:
            return {"state": UNREADABLE, "error": str(error)}
        except (KeyError, TypeError, AttributeError) as error:
            return {"state": UNREADABLE, "error": f"{STATUS_JSON} cannot be read ({error!r}): {CURE}"}
        if state not in WRITTEN_STATES:
            return {"state": UNREADABLE, "error": f"{STATUS_JSON} has the state {state!r}: expected {WRITTEN_STATES}"}
        told = status.get("error")
        status["error"] = None if told is None else str(told)
        return status | {"state": INTERRUPTED if state == RUNNING and not alive else state}

    @property
    def finished(self) -> bool:
        return self.status()["state"] == FINISHED


def read_fingerprint(name: str) -> str:
    """The fingerprint of the catalogue that the run of a name was begun with; "" where that is not told.

    Raises:
        RunError: `name` cannot be a run's.
    """
    try:
        return str(RunFolder(folder_of(name)).described().get("catalogue_fingerprint", ""))
    except RunError:
        check_name(name)
        return ""


def load_run(name: str, *, root: Path | None = None) -> RunFolder:
    """A finished run to read.

    Raises:
        RunError: there is none of this name, or it is not finished; the message lists those that are.
    """
    folder = (root or runs_root()) / check_name(name)
    if not is_run(folder):
        raise RunError(no_such_run(name, root=root))
    run = RunFolder(folder)
    run.described()
    status = run.status()
    if status["state"] != FINISHED:
        why = f" ({status['error'].splitlines()[0]})" if status.get("error") else ""
        cure = (
            f"wait for its end, `reid stop {name}` stops it"
            if status["state"] == RUNNING
            else "run its notebook again, it continues"
        )
        raise RunError(f"run {name!r} is {status['state']}, not finished: {cure}{why}")
    return run


def no_such_run(name: str, *, root: Path | None = None) -> str:
    """What to say where a run is asked for that is not there: the one that may be meant, or those that are there."""
    root = root or runs_root()
    runs = list_runs(root)
    near = find_near(name, [run.name for run in runs])
    if (root / name).is_dir():
        told = "; its folder holds no run yet: what went wrong stands in the notebook or the log there"
    elif near:
        told = did_you_mean(near)
    else:
        finished = [run.name for run in runs if run.finished]
        more = f" and {len(finished) - LISTED} more (reid runs)" if len(finished) > LISTED else ""
        told = f"; finished runs: {', '.join(finished[:LISTED]) or 'none yet'}{more}"
    return f"there is no run {name!r} in {root}{told}"


def state_of(name: str, *, root: Path | None = None) -> str:
    """State of a run, "planned" where it has not begun."""
    run = RunFolder((root or runs_root()) / check_name(name))
    return run.status()["state"] if is_run(run.folder) else PLANNED


def list_runs(root: Path | None = None) -> list[RunFolder]:
    """All run folders by name, whatever their state; a folder with only a notebook or a log is none.

    One that may not be read is listed, too: its state is unreadable. One whose name begins with a dot is being deleted.

    Raises:
        RunError: the folder of all runs may not be read.
    """
    root = root or runs_root()
    try:
        return [RunFolder(path) for path in sorted(root.iterdir()) if path.name[0] != "." and is_run(path)]
    except FileNotFoundError:
        return []
    except OSError as error:
        raise RunError(
            f"{root} cannot be listed ({seals.explain(error)}): REID_RUNS says where the runs lie"
        ) from error


def is_run(folder: Path) -> bool:
    """Is there a run, whole or damaged? What params.json is lost of is one as long as it holds results."""
    names = (PARAMS_JSON, *(name for name in COMPUTED if name != HISTORY_CSV))
    return any(is_there(folder / name) for name in names)


def is_there(path: Path) -> bool:
    """Is there such a file, or something in its place, or a folder that may not be looked into?"""
    try:
        path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError:
        return True
    return True
