"""Runs deleted for good: never one that is running, nor the reference without a reason; noted in runs/removed.log."""

import shutil
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from reid_lib.core.errors import RunBusyError, RunError
from reid_lib.core.files import list_sizes
from reid_lib.core.names import REFERENCE_JSON, REMOVED_LOG
from reid_lib.core.paths import runs_root, writing
from reid_lib.core.processes import describe_user
from reid_lib.core.temporaries import name_temporary
from reid_lib.runs import seals, table
from reid_lib.runs.dependents import find_dependents
from reid_lib.runs.folder import RUNNING, RunFolder, check_name, folder_of, is_run, no_such_run
from reid_lib.runs.owner import Lock

GOING = ".removed-"  # begins the name of a folder that is being deleted


@dataclass(frozen=True)
class Removable:
    """A run that may be removed.

    Attributes:
        run, state: the run, and "finished", "failed", ... (`folder`).
        bytes: of its files.
        notes: what a person should know before.
    """

    run: RunFolder
    state: str
    bytes: int
    notes: tuple[str, ...]


def check_removable(name: str, *, reason: str = "", root: Path | None = None) -> Removable:
    """What removing a run would take away.

    Args:
        reason: why the reference may go; "" where it may not.

    Raises:
        RunBusyError: it is running.
        RunError: there is none, or it is the reference.
    """
    root = root or runs_root()
    run = RunFolder(folder_of(name, root=root))
    if not is_run(run.folder):
        raise RunError(no_such_run(check_name(name), root=root))
    state = run.status()["state"]
    if state == RUNNING:
        raise RunBusyError(f"run {name!r} is running: stop it before (reid stop {name}), or wait for its end")
    if table.is_reference(name, root) and not reason.strip():
        raise RunError(
            f"run {name!r} is the reference that others are compared with: promote another one before (reid runs "
            "promote OTHER), or say why it may go: --reference WHY"
        )
    return Removable(run, state, sum(size for _, size in list_sizes(run.folder)), tuple(_notes(name, root)))


def remove_run(name: str, *, reason: str = "", root: Path | None = None) -> None:
    """Delete the folder of a run, and bring the table of all runs up to date.

    It is renamed first, so that nobody finds half a run; what a kill leaves of it is deleted with the next one.

    Raises:
        RunBusyError: a live process owns it.
        RunError: see `check_removable`; or the folder cannot be deleted.
    """
    root = root or runs_root()
    found = check_removable(name, reason=reason, root=root)
    lock = Lock(found.run.folder)
    with writing(root, "REID_RUNS", RunError):
        lock.take()
        try:
            going = name_temporary(root / f"{GOING}{name}")
            found.run.folder.rename(going)
        except BaseException:
            lock.release()
            raise
        if table.is_reference(name, root):
            (root / REFERENCE_JSON).unlink(missing_ok=True)
        _note(root, name, found.state, reason)
        table.rewrite_table(root)
        for left in root.glob(f"{GOING}*"):
            shutil.rmtree(left, ignore_errors=left != going)


def _notes(name: str, root: Path) -> list[str]:
    dependents = find_dependents(name, root=root)
    notes = []
    if dependents.evaluations:
        listed = ", ".join(run.name for run in dependents.evaluations)
        notes.append(f"note: {listed} evaluated its weights: the results stay, but new photographs need the weights")
    if dependents.compared:
        listed = ", ".join(run.name for run in dependents.compared)
        notes.append(f"note: {listed} named it as reference, and will be compared with none")
    return notes


def _note(root: Path, name: str, state: str, reason: str) -> None:
    """One line in removed.log; where it cannot be written, the run is gone all the same."""
    when = datetime.now().astimezone().isoformat(timespec="seconds")
    why = f": {' '.join(reason.split())}" if reason.strip() else ""
    try:
        with open(root / REMOVED_LOG, "a", encoding="utf-8") as log:
            log.write(f"{when} {describe_user()} removed {name} ({state}){why}\n")
    except OSError as error:
        raise RunError(f"{root / REMOVED_LOG} cannot be written ({seals.explain(error)})") from error
