"""Which runs name another one: evaluations of it, and runs whose own reference it is."""

from pathlib import Path
from typing import NamedTuple

from reid_lib.core.errors import RunError
from reid_lib.runs.folder import RunFolder, list_runs

EVALUATED, REFERENCE = "run", "reference"  # parameters that hold the name of a run


class Dependents(NamedTuple):
    """Runs that name a run.

    Attributes:
        evaluations: those that evaluate it, by its weights.
        compared: those that were told to be compared with it.
    """

    evaluations: list[RunFolder]
    compared: list[RunFolder]

    @property
    def all(self) -> list[RunFolder]:
        """Each of them once, by name."""
        return [by_name for _, by_name in sorted({run.name: run for run in self.evaluations + self.compared}.items())]


def find_dependents(name: str, *, root: Path | None = None) -> Dependents:
    """The runs that name this one; those that cannot be read say nothing."""
    found: dict[str, list[RunFolder]] = {EVALUATED: [], REFERENCE: []}
    for run in list_runs(root):
        try:
            params = run.params
        except RunError:
            continue
        for parameter, runs in found.items():
            if run.name != name and params.get(parameter) == name:
                runs.append(run)
    return Dependents(found[EVALUATED], found[REFERENCE])
