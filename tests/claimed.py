"""A run folder claimed by this process, and the state that others read in it."""

from reid_lib.runs.folder import list_runs
from reid_lib.runs.run import Run


def open_run(name="r", **identity):
    return Run.open(name, params={"lr": 0.1}, key={"lr": 0.1} | identity, provenance={"test_fingerprint": "t"})


def state(root, name="r"):
    return next(run for run in list_runs(root) if run.name == name).status()["state"]
