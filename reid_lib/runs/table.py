"""The table of all runs, derived from their folders, and the reference they are compared with."""

import importlib.util
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from reid_lib.core import files, frames
from reid_lib.core.errors import RunError, first_line
from reid_lib.core.logs import LOGGER
from reid_lib.core.names import ALL_METRICS_CSV, ALL_METRICS_PARQUET, REFERENCE_JSON, STATUS_JSON, TEST, VAL
from reid_lib.core.paths import runs_root, writing
from reid_lib.runs import pairing, seals
from reid_lib.runs.folder import FINISHED, UNREADABLE, RunFolder, list_runs, load_run

RUN, REFERENCE, ASKED, COMPARED = "run", "reference", "test_fingerprint", "compared_with"
PARAM = "param_"


def promote(name: str, *, root: Path | None = None) -> None:
    """Make a finished run the reference that new runs are compared with.

    Raises:
        RunError: there is no finished run of this name, or its metrics cannot be read.
    """
    run = load_run(name, root=root)
    run.metrics()  # what cannot be read cannot be compared with
    with writing(root or runs_root(), "REID_RUNS", RunError):
        files.write_checked_json((root or runs_root()) / REFERENCE_JSON, {RUN: run.name})
    rewrite_table(root)


def read_reference(root: Path | None = None) -> str | None:
    """Name of the promoted run, if any.

    Raises:
        RunError: reference.json is damaged.
    """
    path = (root or runs_root()) / REFERENCE_JSON
    try:
        return str(files.read_checked_json(path)[RUN])
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise RunError(f"{path} cannot be read ({seals.explain(error)}): promote a run again") from error


def is_reference(name: str, root: Path | None = None) -> bool:
    """Is it the promoted run?"""
    return _reference_if_readable(root) == name


def _reference_if_readable(root: Path | None) -> str | None:
    """The promoted run; a damaged reference.json is none for what lists all runs, which goes on."""
    try:
        return read_reference(root)
    except RunError:
        return None


class ReadRun(NamedTuple):
    """A finished run, its params.json and its metrics.json, each read once."""

    folder: RunFolder
    described: dict
    metrics: dict


@dataclass(frozen=True)
class AllRuns:
    """All runs of a folder by name, each either finished and read, or unreadable and why, or in another state."""

    finished: dict[str, ReadRun] = field(default_factory=dict)
    unreadable: dict[str, str] = field(default_factory=dict)
    unfinished: dict[str, str] = field(default_factory=dict)


def read_runs(root: Path | None = None, *, known: Mapping[str, ReadRun] | None = None) -> AllRuns:
    """Read what is said of all runs together. One that cannot be read takes part in no table, and stops nobody.

    Args:
        known: those that were read before and have not changed since; they are not read again.

    Raises:
        RunError: the folder of all runs may not be read.
    """
    found, known = AllRuns(), known or {}
    for run in list_runs(root):
        if run.name in known:
            found.finished[run.name] = known[run.name]
            continue
        status = run.status()
        try:
            if status["state"] == FINISHED:
                found.finished[run.name] = ReadRun(run, run.described(), run.metrics())
            elif status["state"] == UNREADABLE:
                raise RunError(status["error"])
            else:
                found.unfinished[run.name] = status["state"]
        except RunError as error:
            found.unreadable[run.name] = run.in_short(error)
    return found


def tabulate_metrics(root: Path | None = None, *, baseline: str = "", runs: AllRuns | None = None) -> pd.DataFrame:
    """One row per finished run: `run`, `reference`, parameters (`param_<name>`), test metrics (`<metric>`,
    `<metric>_low`, `<metric>_high`), val metrics (`val_<metric>`), `compared_with`, and `difference_<metric>`: the
    run's value less that of the run named in `compared_with`.

    The reference is the baseline where one is given, else the run's own `reference` parameter, else the promoted run;
    `pairing` says which of its seeds a run is compared with. There is no difference where the reference is not finished
    or was asked other test queries.

    Args:
        runs: those of `root` where they were read already.
    """
    rows = _rows(root, baseline, runs := runs or read_runs(root))
    table = pd.DataFrame(rows, columns=None if rows else [RUN, REFERENCE])
    pairs = pairing.pair_runs(_entries(runs, rows))
    compared = table[RUN].map({name: pair.other for name, pair in pairs.items()}).astype(object)
    metrics = [column for column in table if f"{column}_low" in table]
    by_name = table.set_index(RUN)
    differences = {f"difference_{metric}": table[metric] - compared.map(by_name[metric]) for metric in metrics}
    return table.assign(**{COMPARED: compared.where(compared.notna(), None)} | differences)


def find_pairs(root: Path | None = None, *, baseline: str = "", runs: AllRuns | None = None) -> dict[str, pairing.Pair]:
    """Run -> the run it is compared with, as in `tabulate_metrics`."""
    rows = _rows(root, baseline, runs := runs or read_runs(root))
    return pairing.pair_runs(_entries(runs, rows))


def _entries(runs: AllRuns, rows: list[dict]) -> list[pairing.Entry]:
    found = []
    for run, row in zip(runs.finished.values(), rows, strict=True):
        variant, seed = pairing.variant_of(run.described.get("identity") or {})
        found.append(pairing.Entry(run.folder.name, row[REFERENCE], variant, seed, row[ASKED]))
    return found


def list_complete(root: Path | None = None) -> list[RunFolder]:
    """The finished runs whose metrics can be read, by name."""
    return [run.folder for run in read_runs(root).finished.values()]


def explain_unreadable(run: RunFolder) -> str | None:
    """Why a run that reads finished or unreadable cannot be read, in one line; None where it can, or is not done."""
    status = run.status()
    if status["state"] == UNREADABLE:
        return run.in_short(status["error"])
    if status["state"] == FINISHED:
        try:
            run.metrics()
        except RunError as error:
            return run.in_short(error)
    return None


def describe_params(run: RunFolder) -> dict:
    """What `tabulate_metrics` says of a run that has no results yet: `run`, `test_fingerprint`, its parameters.

    Raises:
        RunError: params.json cannot be read.
    """
    described = run.described()
    params = {f"{PARAM}{name}": value for name, value in described["params"].items()}
    return {RUN: run.name, ASKED: described.get(ASKED)} | params


def _rows(root: Path | None, baseline: str, runs: AllRuns) -> list[dict]:
    promoted = _reference_if_readable(root)
    return [
        _row(run, baseline or run.described["params"].get("reference") or promoted) for run in runs.finished.values()
    ]


def _row(run: ReadRun, reference: str | None) -> dict:
    row = {RUN: run.folder.name, REFERENCE: reference, ASKED: run.metrics["test_fingerprint"]}
    for name, entry in run.metrics[TEST]["overall"].items():
        row |= {name: entry["value"], f"{name}_low": entry["low"], f"{name}_high": entry["high"]}
    row |= {f"val_{name}": entry["value"] for name, entry in run.metrics[VAL]["overall"].items()}
    return row | {f"{PARAM}{name}": value for name, value in run.described["params"].items()}


def rewrite_table(root: Path | None = None) -> Path:
    """Write runs/all_model_metrics.csv anew, and all_model_metrics.parquet where pyarrow is installed.

    Several jobs may finish together, and the last rename may be of a table that misses another's row or knows an older
    reference: after its rename each writer derives the table again, and rewrites until the file says the same.
    Whoever renames last sees all the others. A run that cannot be read has no row.

    Raises:
        RunError: it cannot be written.
    """
    path = (root or runs_root()) / ALL_METRICS_CSV
    with writing(path.parent, "REID_RUNS", RunError):
        while True:
            table = tabulate_metrics(root)
            frames.write_csv(path, table)
            _write_parquet(path.with_name(ALL_METRICS_PARQUET), table)
            if path.read_text(encoding="utf-8") == tabulate_metrics(root).to_csv(index=False):
                return path


def _write_parquet(path: Path, table: pd.DataFrame) -> None:
    """The same table as Parquet; an older one is removed where it cannot be written, which is no error."""
    try:
        if importlib.util.find_spec("pyarrow") is None:
            raise ImportError("pyarrow")
        mixed = [c for c in table if table[c].dtype == object and table[c].dropna().map(type).nunique() > 1]
        told = table.assign(**{c: table[c].map(str, na_action="ignore") for c in mixed})
        with files.atomic(path) as temporary:
            told.to_parquet(temporary, engine="pyarrow", index=False)
    except Exception as error:  # of another library: the csv is the table, this is a copy
        path.unlink(missing_ok=True)
        if not isinstance(error, ImportError):
            LOGGER.warning(f"no {path.name} ({type(error).__name__}: {first_line(error)}); the csv has everything")


def is_tabulated(run: RunFolder) -> bool:
    """Is a finished run in the table of all runs, as it ended? Not where its process was killed between the two."""
    path = run.folder.parent / ALL_METRICS_CSV
    try:
        written = path.stat().st_mtime_ns >= run.path(STATUS_JSON).stat().st_mtime_ns
        # Names stay text: "007" is no number, "NA" is a name.
        return written and run.name in set(pd.read_csv(path, usecols=[RUN], dtype=str, keep_default_na=False)[RUN])
    except (OSError, ValueError):
        return False
