"""Finished runs of a few numbers, made in milliseconds: for what lists, names and removes runs."""

import pytest

from reid_lib.core import files
from reid_lib.core.names import METRICS_JSON, STATUS_JSON
from reid_lib.runs import seals
from reid_lib.runs.folder import RunFolder
from reid_lib.runs.run import Run


def make_plain(
    name: str, value: float = 0.5, *, ended: float | None = None, finish: bool = True, seal: bool = True, **params
) -> RunFolder:
    """A run with these parameters whose metrics are all `value`.

    Args:
        ended: seconds since 1970; None: now.
        seal: a finished run.
    """
    given = {"run_name": name, "reference": "", "dataset": "demo", "lr": 0.1} | params
    key = {parameter: given[parameter] for parameter in given if parameter not in ("run_name", "reference")}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("reid_lib.runs.run.describe_environment", dict)  # it asks git
        run = Run.open(name, params=given, key=key, provenance={"test_fingerprint": "t"})
    entry = {"value": value, "low": value - 0.1, "high": value + 0.1, "n": 5}
    names = ("geometric_mean", "baks", "baus", "top1", "auroc")
    counts = {"": {f"n_{k}_{w}": 30 for k in ("known", "unknown") for w in ("individuals", "queries")}}
    part = {"overall": dict.fromkeys(names, entry), "datasets": {}, "counts": counts}
    run.write_json(METRICS_JSON, {"format": 1, "test": part, "val": part, "test_fingerprint": "t"})
    if finish:
        if seal:
            seals.seal(run.folder)
        run.finish()
        if ended is not None:
            files.write_json(run.path(STATUS_JSON), files.read_json(run.path(STATUS_JSON)) | {"ended": ended})
    return RunFolder(run.folder)
