"""All runs for a person and for programs: newest first, with date, data set, state and headline metrics."""

import math
from datetime import datetime
from pathlib import Path, PurePath
from typing import Any

import pandas as pd

from reid_lib.core.errors import RunError
from reid_lib.core.names import HEADLINE, PARAMS_JSON, TEST, VAL
from reid_lib.core.paths import runs_root
from reid_lib.runs.dependents import EVALUATED
from reid_lib.runs.filtering import filter_runs
from reid_lib.runs.folder import FINISHED, UNREADABLE, RunFolder, list_runs
from reid_lib.runs.remarks import remarks_if_readable
from reid_lib.runs.table import PARAM, explain_unreadable, is_reference, read_reference

LONGEST_ERROR, LONGEST_NOTE = 60, 40  # characters in a line of the table
DEMO = "demo"
Metrics = dict[str, dict[str, dict[str, float]]]


def describe_runs(root: Path | None = None, *, where: str = "") -> list[dict[str, Any]]:
    """All runs, newest first, as what JSON holds.

    Args:
        where: only those for which this expression holds (`filter_runs`): over what is returned of a run, its
            parameters, and its headline metrics of test by their names, of val as `val_<metric>`.

    Raises:
        RunError: the expression cannot be used.

    Returns:
        For each its `run` (name), `folder`, whether it is the `reference`, `kind` ("train", "evaluate"), `dataset`,
        `state`, `date` (when it ended, else its last sign of life; ISO 8601 with the zone), `epoch`, `tags` (words),
        `note`, `error`, and `metrics`: role ("test", "val") -> headline metric -> value, low, high. What is not known
        is None.
    """
    runs = sorted(list_runs(root), key=lambda run: (-_last_sign(run), run.name))
    told = [describe_run(run) for run in runs]
    if not where.strip():
        return told
    kept = set(
        filter_runs(pd.DataFrame([_as_row(one, _params(run)) for one, run in zip(told, runs, strict=True)]), where)
    )
    return [one for one in told if one["run"] in kept]


def _as_row(told: dict[str, Any], params: dict[str, Any]) -> dict[str, Any]:
    """What an expression may ask of a run. The data set is the parameter: `told` has it with its folder."""
    row = {name: value for name, value in told.items() if name not in ("dataset", "metrics")}
    row |= {f"{PARAM}{name}": value for name, value in params.items()}
    for role, prefix in ((TEST, ""), (VAL, f"{VAL}_")):
        row |= {f"{prefix}{name}": _value(told["metrics"], role, name) for name in HEADLINE}
    return row


def describe_run(run: RunFolder) -> dict[str, Any]:
    """One run, as `describe_runs` has it."""
    status, trouble, params = run.status(), explain_unreadable(run), _params(run)
    told: dict[str, Any] = {"run": run.name, "folder": str(run.folder)}
    told["reference"] = is_reference(run.name, run.folder.parent)
    told |= {"kind": ("evaluate" if EVALUATED in params else "train") if params else None, "dataset": _dataset(params)}
    told |= {"state": UNREADABLE if trouble else status["state"], "date": _date(_last_sign(run))}
    told["epoch"] = status.get("epoch")
    said = remarks_if_readable(run)
    told |= {"tags": list(said.tags), "note": said.note}
    told["error"] = trouble or status.get("error")
    told["metrics"] = _headline(run.metrics()) if told["state"] == FINISHED else {}
    return told


def _params(run: RunFolder) -> dict[str, Any]:
    try:
        return run.params
    except RunError:
        return {}


def _dataset(params: dict[str, Any]) -> str:
    """The data set, and the last folder of where it lies: "folder photos" tells more than "folder"."""
    dataset, place = str(params.get("dataset") or ""), PurePath(str(params.get("data_root") or "")).name
    return f"{dataset} {place}" if place and not dataset.startswith(DEMO) else dataset


def _headline(metrics: Metrics) -> Metrics:
    roles = {role: metrics[role]["overall"] for role in (TEST, VAL) if role in metrics}
    kept = ("value", "low", "high")
    return {r: {m: {k: own[m][k] for k in kept} for m in HEADLINE if m in own} for r, own in roles.items()}


def _last_sign(run: RunFolder) -> float:
    """When a run ended, else its last sign of life, in seconds since 1970."""
    status = run.status()
    told = next((status[k] for k in ("ended", "heartbeat", "started") if status.get(k)), None)
    if isinstance(told, int | float):
        return float(told)
    try:
        return run.path(PARAMS_JSON).stat().st_mtime
    except OSError:
        return 0.0


def _date(when: float) -> str | None:
    return datetime.fromtimestamp(when).astimezone().isoformat(timespec="seconds") if when else None


def tabulate_runs(root: Path | None = None, *, where: str = "") -> str:
    """All runs as text, for a terminal, newest first, or those for which an expression holds; the reference is marked
    with *.

    Why a run cannot be read, or that the reference cannot, stands in full below the table.
    """
    runs = describe_runs(root, where=where)
    if not runs and where.strip():
        return f"no run in {root or runs_root()} for which this holds: {where}"
    if not runs:
        return f"no runs in {root or runs_root()}: make the first one with 'make train'"
    table = pd.DataFrame([_line(told) for told in runs])
    lines = table.loc[:, [c for c in table if (table[c] != "").any()]].to_string(index=False).splitlines()
    text = "\n".join(line.rstrip() for line in lines)
    unreadable = [told for told in runs if told["state"] == UNREADABLE]
    reasons = [f"{t['run']}: {t['error']}" for t in unreadable if len(t["error"]) > LONGEST_ERROR]
    try:
        read_reference(root)
    except RunError as error:
        reasons.append(f"note: {error}")
    return "\n".join([text, *([""] if reasons else []), *reasons])


def _line(told: dict[str, Any]) -> dict[str, str]:
    line = {"": "*" if told["reference"] else "", "run": told["run"], "state": told["state"]}
    line |= {"date": (told["date"] or "")[:16].replace("T", " "), "data set": told["dataset"]}
    line["epoch"] = "" if told["epoch"] is None else str(told["epoch"])
    line |= {name: _shown(told["metrics"], name) for name in HEADLINE}
    line |= {"tags": " ".join(told["tags"]), "note": " ".join(told["note"].split())[:LONGEST_NOTE]}
    return line | {"error": (told["error"] or "").split("\n")[0][:LONGEST_ERROR]}


def _shown(metrics: Metrics, name: str) -> str:
    """A metric of the test; where it is undefined there and not on val, as for a test without labels, that of val."""
    test, val = (_value(metrics, role, name) for role in (TEST, VAL))
    if test is None:
        return ""
    if math.isnan(test) and not math.isnan(val or math.nan) and math.isnan(_value(metrics, TEST, "top1") or math.nan):
        return f"{val:.3f} (val)"
    return f"{test:.3f}"


def _value(metrics: Metrics, role: str, name: str) -> float | None:
    return metrics.get(role, {}).get(name, {}).get("value")
