"""A run under another name, also in what people read: executed notebooks, reports, reviews."""

import re
from typing import Any

from reid_lib.core import files
from reid_lib.core.errors import ReidError
from reid_lib.core.logs import LOGGER
from reid_lib.pages.run_report import NOTEBOOKS, has_report, write_report
from reid_lib.pipeline import review_folder
from reid_lib.runs.folder import RunFolder, folder_of
from reid_lib.runs.renaming import rename_run


def rename_everywhere(old: str, new: str) -> list[str]:
    """Rename a run, its traces in other runs, its executed notebook, its report and its reviews; says what was done.

    Raises:
        ReidError: see `rename_run`; nothing was changed then.
    """
    before = folder_of(old)
    dependents = rename_run(old, new)
    run = RunFolder(folder_of(new))
    words = {f"run '{old}'": f"run '{new}'", str(before): str(run.folder)}
    told = [f"{old} is {new} now: {run.folder}"]
    for named, what in ((dependents.evaluations, "evaluates it"), (dependents.compared, "names it as its reference")):
        told += [f"{one.name}, which {what}, names it so, too" for one in named]
    for one in (run, *dependents.all):
        _rename_in_notebooks(one, words)
        try:
            if one.finished and has_report(one):
                write_report(one)
        except (ReidError, OSError) as error:  # the run is whole, and the report can be made again
            LOGGER.warning(f"the report of {one.name} still has the old name ({error}); again: reid report {one.name}")
    return told + [f"review {name} is of {new} now" for name in review_folder.rename_run_of_reviews(old, new)]


def _rename_in_notebooks(run: RunFolder, words: dict[str, str]) -> None:
    """The name in the executed notebooks of a run folder; one that cannot be read stays as it is."""
    for name in NOTEBOOKS:
        try:
            notebook = files.read_json(run.path(name))
        except (OSError, ValueError):
            continue
        files.write_json(run.path(name), _replace(notebook, words))


def _replace(value: Any, words: dict[str, str]) -> Any:
    """Words replaced in all texts of a JSON value, where they do not go on ("runs/old" in "runs/older")."""
    if isinstance(value, dict):
        return {key: _replace(entry, words) for key, entry in value.items()}
    if isinstance(value, list):
        return [_replace(entry, words) for entry in value]
    if isinstance(value, str):
        for before, after in words.items():
            value = re.sub(rf"{re.escape(before)}(?![\w.-])", lambda _, after=after: after, value)
    return value
