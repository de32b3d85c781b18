"""What has changed in the folder of all runs since the last look, by dates and sizes of files: cheap to ask often."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from reid_lib.core.names import (
    CHECKSUMS_JSON,
    HISTORY_CSV,
    METRICS_JSON,
    PARAMS_JSON,
    REFERENCE_JSON,
    REMARKS_JSON,
    STATUS_JSON,
)
from reid_lib.runs.folder import FINISHED, list_runs

Stamp = tuple[int, int] | None  # when a file was written, in ns, and its bytes; None where there is none
RESULTS = (PARAMS_JSON, METRICS_JSON, CHECKSUMS_JSON)


class Changes(NamedTuple):
    """Names of runs.

    Attributes:
        runs: new, gone, made anew, or in another state.
        histories: those in training that have come further.
        reference: another run was promoted.
        remarks: those that others tags or another note was given.
    """

    runs: frozenset[str]
    histories: frozenset[str]
    reference: bool
    remarks: frozenset[str]

    def __bool__(self) -> bool:
        return bool(self.runs or self.histories or self.reference or self.remarks)


@dataclass(frozen=True)
class Look:
    """How the folder of all runs looked: state and stamps of each run."""

    runs: dict[str, tuple[str, tuple[Stamp, ...]]] = field(default_factory=dict)
    status: dict[str, Stamp] = field(default_factory=dict)
    histories: dict[str, Stamp] = field(default_factory=dict)
    reference: Stamp = None
    remarks: dict[str, Stamp] = field(default_factory=dict)

    def since(self, before: "Look") -> Changes:
        """What is other than it was."""
        runs, remarks = _differing(self.runs, before.runs), _differing(self.remarks, before.remarks)
        return Changes(
            runs, _differing(self.histories, before.histories) - runs, self.reference != before.reference, remarks
        )


def take_look(root: Path, before: Look | None = None) -> Look:
    """Look at all runs: a few questions about files for each, no results are read.

    Args:
        before: the last look; of a finished run whose status.json is as it was, the state is not read again.

    Raises:
        RunError: the folder may not be read.
    """
    before = before or Look()
    runs, status, histories, remarks = {}, {}, {}, {}
    for run in list_runs(root):
        status[run.name] = _stamp(run.path(STATUS_JSON))
        stamps = tuple(_stamp(run.path(name)) for name in RESULTS)
        known = before.runs.get(run.name)
        as_it_was = known == (FINISHED, stamps) and status[run.name] == before.status.get(run.name)
        state = FINISHED if as_it_was else run.status()["state"]
        runs[run.name] = (state, stamps)
        remarks[run.name] = _stamp(run.path(REMARKS_JSON))
        if state != FINISHED:
            histories[run.name] = _stamp(run.path(HISTORY_CSV))
    return Look(runs, status, histories, _stamp(root / REFERENCE_JSON), remarks)


def _stamp(path: Path) -> Stamp:
    try:
        told = path.stat()
    except OSError:
        return None
    return told.st_mtime_ns, told.st_size


def _differing(now: dict[str, object], before: dict[str, object]) -> frozenset[str]:
    return frozenset(name for name in {**now, **before} if now.get(name) != before.get(name))
