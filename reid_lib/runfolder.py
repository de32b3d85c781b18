"""Run folders to read: their names, their states, what is in them.

States: running, finished, failed (with the error), interrupted (stopped, killed or gone silent), unreadable.
"""

import json
import re
from pathlib import Path
from typing import Any

import pandas as pd

from reid_lib import files, ownership
from reid_lib.errors import RunError
from reid_lib.names import HISTORY_CSV, METRICS_JSON, PARAMS_JSON, STATUS_JSON
from reid_lib.paths import runs_root

FORMAT = 1  # of a run folder
RUNNING, FINISHED, FAILED, INTERRUPTED, UNREADABLE = "running", "finished", "failed", "interrupted", "unreadable"
PLANNED = "planned"  # has no folder yet
WRITTEN_STATES = (RUNNING, FINISHED, FAILED, INTERRUPTED)
LONGEST = 120  # characters of a run name


def check_name(name: str) -> str:
    """`name`, if it can be a run's.

    Raises:
        RunError: it is empty, too long, or could lead out of `runs/`.
    """
    if not re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9._-]*", name) or len(name) > LONGEST:
        raise RunError(
            f"run name {name!r}: expected letters, digits, '.', '_' and '-', at most {LONGEST}, the first a letter, "
            "digit or '_'"
        )
    return name


class RunFolder:
    """A run folder to read."""

    def __init__(self, folder: Path):
        self.folder = Path(folder)

    @property
    def name(self) -> str:
        return self.folder.name

    def path(self, name: str) -> Path:
        return self.folder / name

    def read_json(self, name: str):
        return files.read_json(self.path(name))

    def read_csv(self, name: str) -> pd.DataFrame:
        return files.read_csv(self.path(name))

    def history(self) -> pd.DataFrame:
        """One row per epoch; empty before the first."""
        return self.read_csv(HISTORY_CSV) if self.path(HISTORY_CSV).exists() else pd.DataFrame({"epoch": []})

    def metrics(self) -> dict[str, Any]:
        """metrics.json, undefined values as NaN (JSON has none, so they are stored as null).

        Raises:
            RunError: it is missing or damaged.
        """
        try:
            return _with_nan(self.read_json(METRICS_JSON))
        except (OSError, ValueError) as error:
            raise RunError(f"{self.path(METRICS_JSON)} cannot be read ({error}): copy the run again") from error

    @property
    def params(self) -> dict[str, Any]:
        return self.described()["params"]

    def described(self) -> dict[str, Any]:
        """params.json.

        Raises:
            RunError: it is missing, damaged, or of another format.
        """
        try:
            stored = self.read_json(PARAMS_JSON)
        except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
            raise RunError(f"{self.path(PARAMS_JSON)} cannot be read ({error}): copy the run again") from error
        if not isinstance(stored, dict) or stored.get("format") != FORMAT:
            raise RunError(
                f"{self.folder} is a run of another format: expected {FORMAT}; run it again under a new name"
            )
        return stored

    def status(self) -> dict[str, Any]:
        """status.json, its state as it is now: a dead or silent owner's "running" reads as interrupted."""
        try:
            self.described()
            status = self.read_json(STATUS_JSON)
            state, owner, heartbeat = status["state"], status["owner"], status["heartbeat"]
            alive = state == RUNNING and ownership.is_alive(owner, heartbeat=heartbeat)
        except RunError as error:
            return {"state": UNREADABLE, "error": str(error)}
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            return {"state": UNREADABLE, "error": f"{STATUS_JSON} cannot be read ({error!r}): copy the run again"}
        if state not in WRITTEN_STATES:
            return {"state": UNREADABLE, "error": f"{STATUS_JSON} has the state {state!r}: expected {WRITTEN_STATES}"}
        return status | {"state": INTERRUPTED if state == RUNNING and not alive else state}

    @property
    def finished(self) -> bool:
        return self.status()["state"] == FINISHED


def load_run(name: str, *, root: Path | None = None) -> RunFolder:
    """A finished run to read.

    Raises:
        RunError: there is none of this name, or it is not finished; the message lists those that are.
    """
    folder = (root or runs_root()) / check_name(name)
    if not (folder / PARAMS_JSON).exists():
        names = ", ".join(run.name for run in list_runs(root) if run.finished) or "none yet"
        raise RunError(f"there is no run {name!r} in {folder.parent}; finished runs: {names}")
    run = RunFolder(folder)
    run.described()
    status = run.status()
    if status["state"] != FINISHED:
        why = f" ({status['error'].splitlines()[0]})" if status.get("error") else ""
        raise RunError(f"run {name!r} is {status['state']}, not finished: run its notebook again, it continues{why}")
    return run


def state_of(name: str, *, root: Path | None = None) -> str:
    """State of a run, "planned" where it has not begun."""
    run = RunFolder((root or runs_root()) / check_name(name))
    return run.status()["state"] if run.path(PARAMS_JSON).exists() else PLANNED


def list_runs(root: Path | None = None) -> list[RunFolder]:
    """All run folders by name, whatever their state; a folder with only a notebook or a log is none."""
    root = root or runs_root()
    if not root.exists():
        return []
    return [RunFolder(path) for path in sorted(root.iterdir()) if (path / PARAMS_JSON).exists()]


def _with_nan(value):
    """Numbers that are null inside of a metric's entry, {"value", "low", "high", ...}, as NaN."""
    if not isinstance(value, dict):
        return value
    if "value" in value:
        return {key: float("nan") if entry is None else entry for key, entry in value.items()}
    return {key: _with_nan(entry) for key, entry in value.items()}
