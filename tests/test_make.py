"""`make train` as a user types it, in a copy of the project: what was edited in JupyterLab is what is run and told."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from made_runs import catalogue, make_run

from reid_lib.core.names import METRICS_JSON, REPORT_HTML
from reid_lib.core.paths import project_root
from reid_lib.params.fields import TrainParams

pytestmark = pytest.mark.slow
SMALL = "-p dataset demo:small -p backbone resnet10t -p pretrained false -p image_size 32 -p num_epochs 1"
PARAMS = {"dataset": "demo:small", "backbone": "resnet10t", "pretrained": False, "image_size": 32, "num_epochs": 1}
NAME, OTHER = TrainParams(**PARAMS).default_name(), TrainParams(**PARAMS, lr=0.25).default_name()


@pytest.fixture(scope="module")
def project(tmp_path_factory) -> Path:
    """A checkout of its own, whose notebook may be edited."""
    copy = tmp_path_factory.mktemp("make") / "project"
    for name in ("reid_lib", "notebooks"):
        shutil.copytree(project_root() / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("Makefile", "pyproject.toml"):
        shutil.copy(project_root() / name, copy / name)
    return copy


def make_train(project: Path, arguments: str) -> subprocess.CompletedProcess:
    own = {name: str(project / folder) for name, folder in (("REID_RUNS", "runs"), ("REID_CACHE", "cache"))}
    above = ("MAKELEVEL", "MAKEFLAGS", "MFLAGS")  # of the make that runs the tests, which this one is no part of
    env = {k: v for k, v in os.environ.items() if k not in above} | own | {"PYTHONPATH": str(project)}
    # In the environment of this test, which is set up: nothing is installed (-o).
    command = ["make", "-o", f"{sys.prefix}/.ready", f"VENV={sys.prefix}", "train", f"ARGS={arguments}"]
    return subprocess.run(command, cwd=project, env=env, capture_output=True, text=True, timeout=300)


def edit(project: Path, before: str, after: str) -> None:
    """The first cell, edited and saved by JupyterLab after Run All: with outputs."""
    path = project / "notebooks" / "train.ipynb"
    nb = nbformat.read(path, as_version=4)
    nb.cells[1].source = nb.cells[1].source.replace(before, after)
    nb.cells[1].outputs = [nbformat.v4.new_output("stream", text="old")]
    nb.cells[1].execution_count = 7
    nbformat.write(nb, path)


@pytest.fixture
def unedited(project, monkeypatch) -> dict[Path, bytes]:
    """Files of the run that the notebook led to before it was edited."""
    monkeypatch.setenv("REID_RUNS", str(project / "runs"))
    rows = catalogue(n_known=22, n_unknown=20, images=2, datasets=("a",))
    run = make_run(NAME, rows, skill=1.0, photos=project / "photos", **PARAMS)
    (run / "train.ipynb").write_text("executed")
    (run / REPORT_HTML).write_text("its report")
    return {run / name: (run / name).read_bytes() for name in ("train.ipynb", REPORT_HTML, METRICS_JSON)}


def test_a_cell_edited_in_jupyterlab_makes_a_run_of_its_own(project, unedited):
    edit(project, "lr: float = 1e-3", "lr: float = 0.25")
    done = make_train(project, SMALL)
    assert done.returncode == 0, done.stderr
    runs = project / "runs"
    assert sorted(path.parent.name for path in runs.glob(f"*/{METRICS_JSON}")) == sorted([NAME, OTHER])
    assert unedited == {path: path.read_bytes() for path in unedited}
    assert json.loads((runs / OTHER / "params.json").read_text())["params"]["lr"] == 0.25
    headline, took, folder, report = done.stdout.splitlines()[:4]
    assert took.startswith("took: training ")
    assert (folder, report) == (f"run folder: {runs / OTHER}", f"report: {runs / OTHER / REPORT_HTML}")
    assert "0.25" in (runs / OTHER / REPORT_HTML).read_text()
    assert headline in (runs / OTHER / REPORT_HTML).read_text()


@pytest.mark.parametrize("terminal, quiet", [("", True), ("/dev/pts/1", False)])
def test_what_is_fetched_is_shown_in_a_terminal_and_not_in_a_log(project, terminal, quiet):
    above = ("MAKELEVEL", "MAKEFLAGS", "MFLAGS")
    env = {name: value for name, value in os.environ.items() if name not in above}
    command = ["make", "-n", "-B", "setup", f"MAKE_TERMOUT={terminal}"]  # as make sets it; nothing is run
    said = subprocess.run(command, cwd=project, env=env, capture_output=True, text=True, check=True, timeout=60).stdout
    installs = [line for line in said.splitlines() if "pip install" in line]
    assert len(installs) == 2 and all(("--quiet" in line) is quiet for line in installs)
