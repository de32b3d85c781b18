"""The table of all runs, derived from their folders, and the reference they are compared with."""

from pathlib import Path

import pandas as pd

from reid_lib import files
from reid_lib.errors import RunError
from reid_lib.names import ALL_METRICS_CSV, METRICS_JSON, REFERENCE_JSON, TEST, VAL
from reid_lib.paths import runs_root
from reid_lib.runfolder import FINISHED, RunFolder, list_runs, load_run

RUN, REFERENCE = "run", "reference"
SHOWN = ("geometric_mean", "baks", "baus", "top1", "auroc")  # in a terminal


def promote(name: str, *, root: Path | None = None) -> None:
    """Make a finished run the reference that new runs are compared with.

    Raises:
        RunError: there is no finished run of this name.
    """
    run = load_run(name, root=root)
    files.write_json((root or runs_root()) / REFERENCE_JSON, {RUN: run.name})
    rewrite_table(root)


def reference(root: Path | None = None) -> str | None:
    """Name of the promoted run, if any."""
    path = (root or runs_root()) / REFERENCE_JSON
    try:
        return files.read_json(path)[RUN]
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError) as error:
        raise RunError(f"{path} is damaged ({error}): promote a run again") from error


def all_metrics(root: Path | None = None) -> pd.DataFrame:
    """One row per finished run: `run`, `reference`, parameters (`param_<name>`), test metrics (`<metric>`,
    `<metric>_low`, `<metric>_high`), val metrics (`val_<metric>`), and `difference_<metric>` to the reference run.

    The reference is the run's own `reference` parameter, else the promoted run. Differences are joined by run name, and
    NaN where the reference is not finished or was asked other test queries.
    """
    promoted = reference(root)
    rows = [_row(run, promoted) for run in complete_runs(root)]
    table = pd.DataFrame(rows, columns=None if rows else [RUN, REFERENCE])
    metrics = [column for column in table if f"{column}_low" in table]
    by_name = table.set_index(RUN)
    there = table[REFERENCE].map(lambda name: name if name in by_name.index else None)
    for metric in metrics:
        theirs = there.map(by_name[metric])
        same = there.map(by_name["test_fingerprint"]) == table["test_fingerprint"]
        table[f"difference_{metric}"] = (table[metric] - theirs).where(same)
    return table


def complete_runs(root: Path | None = None) -> list[RunFolder]:
    """The finished runs whose metrics can be read."""
    return [run for run in list_runs(root) if run.finished and _readable(run)]


def _readable(run: RunFolder) -> bool:
    try:
        return {TEST, VAL, "test_fingerprint"} <= set(run.read_json(METRICS_JSON))
    except (OSError, ValueError, TypeError):
        return False


def _row(run: RunFolder, promoted: str | None) -> dict:
    metrics, described = run.metrics(), run.described()
    row = {RUN: run.name, REFERENCE: described["params"].get("reference") or promoted}
    row |= {"test_fingerprint": metrics["test_fingerprint"]}
    for name, entry in metrics[TEST]["overall"].items():
        row |= {name: entry["value"], f"{name}_low": entry["low"], f"{name}_high": entry["high"]}
    row |= {f"val_{name}": entry["value"] for name, entry in metrics[VAL]["overall"].items()}
    return row | {f"param_{name}": value for name, value in described["params"].items()}


def rewrite_table(root: Path | None = None) -> Path:
    """Write runs/all_model_metrics.csv anew.

    Several jobs may finish together, and the last rename may be of a table that misses another's row or knows an older
    reference: after its rename each writer derives the table again, and rewrites until the file says the same.
    Whoever renames last sees all the others.
    """
    path = (root or runs_root()) / ALL_METRICS_CSV
    while True:
        files.write_csv(path, all_metrics(root))
        if path.read_text(encoding="utf-8") == all_metrics(root).to_csv(index=False):
            return path


def overview(root: Path | None = None) -> str:
    """All runs as text, for a terminal: state, epoch, headline metrics; the reference is marked with *."""
    promoted = reference(root)
    runs = list_runs(root)
    if not runs:
        return f"no runs in {root or runs_root()}: make the first one with 'make train'"
    metrics = all_metrics(root).set_index(RUN)
    lines = []
    for run in runs:
        status = run.status()
        line = {"": "*" if run.name == promoted else "", RUN: run.name, "state": status["state"]}
        line["epoch"] = "" if status.get("epoch") is None else str(status["epoch"])
        for name in SHOWN:
            known = run.name in metrics.index and name in metrics
            line[name] = f"{metrics.loc[run.name, name]:.3f}" if known else ""
        error = status.get("error") or ""
        if status["state"] == FINISHED and run.name not in metrics.index:
            error = f"{METRICS_JSON} cannot be read: copy the run again"
        lines.append(line | {"error": error.split("\n")[0][:60]})
    table = pd.DataFrame(lines)
    return table.loc[:, [c for c in table if (table[c] != "").any()]].to_string(index=False)
