"""A run under another name: its folder and its files, the reference, and the runs that name it."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from reid_lib.core import files
from reid_lib.core.errors import RunBusyError, RunError
from reid_lib.core.files import digest
from reid_lib.core.names import PARAMS_JSON, REFERENCE_JSON, STATUS_JSON
from reid_lib.core.paths import runs_root, writing
from reid_lib.runs import seals, table
from reid_lib.runs.dependents import EVALUATED, REFERENCE, Dependents, find_dependents
from reid_lib.runs.folder import RUNNING, RunFolder, check_name, folder_of, is_run, no_such_run
from reid_lib.runs.key import STORED_AS
from reid_lib.runs.owner import Lock

RUN = "run"  # in params.json: the name of the run that it is of


def rename_run(old: str, new: str, *, root: Path | None = None) -> Dependents:
    """Give a run another name, and the name to whatever in the folder of all runs names it; returns the latter.

    Its own params.json is written last: where a kill comes between, the same call goes on.

    Raises:
        RunBusyError: it, or a run that names it, is running.
        RunError: there is no such run, it cannot be read, or the new name is taken or none.
    """
    root = root or runs_root()
    source, target = folder_of(old, root=root), folder_of(new, root=root)
    begun = not is_run(source) and _was_called(target) == old
    if not begun:
        _check(old, source, target, root)
    dependents = find_dependents(old, root=root)
    with writing(root, "REID_RUNS", RunError), _holding([target if begun else source, *_folders(dependents)]) as locks:
        if not begun:
            source.rename(target)
            locks[0].path = target / locks[0].path.name  # it has moved along
        _name_in_others(dependents, new)
        if table.is_reference(old, root):
            files.write_checked_json(root / REFERENCE_JSON, {RUN: new})
        _rewrite(RunFolder(target), {"run_name": new}, name=new)
    table.rewrite_table(root)
    return dependents


def _check(old: str, source: Path, target: Path, root: Path) -> None:
    if not is_run(source):
        raise RunError(no_such_run(check_name(old), root=root))
    if target.exists():
        what = f"there is a run {target.name!r} already" if is_run(target) else f"{target} is there already"
        raise RunError(f"{what}: choose another name, or remove it before (reid runs rm {target.name})")
    run = RunFolder(source)
    run.described()  # what cannot be read cannot be told its new name
    if run.status()["state"] == RUNNING:
        raise RunBusyError(f"run {old!r} is running: stop it before (reid stop {old}), or wait for its end")


def _was_called(folder: Path) -> str | None:
    """What its params.json calls a run: its former name, where renaming was interrupted."""
    try:
        return RunFolder(folder).described().get(RUN)
    except RunError:
        return None


@contextmanager
def _holding(folders: list[Path]) -> Iterator[list[Lock]]:
    """The locks of several runs, so that nobody continues one of them meanwhile."""
    locks = [Lock(folder) for folder in folders]
    with ExitStack() as held:
        for lock in locks:
            lock.take()
            held.callback(lock.release)
        yield locks


def _folders(dependents: Dependents) -> list[Path]:
    return [run.folder for run in dependents.all]


def _name_in_others(dependents: Dependents, new: str) -> None:
    evaluations, compared = ({run.name for run in runs} for runs in dependents)
    for run in dependents.all:
        changes = {EVALUATED: new} if run.name in evaluations else {}
        changes |= {REFERENCE: new} if run.name in compared else {}
        _rewrite(run, changes)


def _rewrite(run: RunFolder, changes: dict[str, Any], *, name: str = "") -> None:
    """Change parameters in params.json; where they are part of the run's key, there and its digest in status.json, too.

    Args:
        name: what params.json is to call the run; "" as it does.
    """
    described = run.described()
    key = described.get(STORED_AS, {})
    changed = key | {parameter: value for parameter, value in changes.items() if parameter in key}
    described |= {"params": described["params"] | changes, RUN: name or described.get(RUN, run.name)}
    if key:
        described[STORED_AS] = changed
    if changed != key:  # before params.json: status.json knows better which key it is
        status = run.read_json(STATUS_JSON)
        files.write_json(run.path(STATUS_JSON), status | {STORED_AS: digest(changed)})
    files.write_json(run.path(PARAMS_JSON), described)
    seals.seal_file(run.folder, PARAMS_JSON)
