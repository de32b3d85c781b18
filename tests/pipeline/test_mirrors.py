"""Mirrors of a run in TensorBoard and MLflow: the run's own numbers, and never an error of the run."""

import math
import sys
from types import ModuleType, SimpleNamespace

import pandas as pd
import pytest
from plain_runs import make_plain

from reid_lib.core.errors import ParameterError
from reid_lib.core.names import HISTORY_CSV
from reid_lib.params.fields import TrainParams
from reid_lib.pipeline import mirrors
from reid_lib.runs.folder import RunFolder, folder_of


@pytest.fixture
def run(clean_dirs) -> RunFolder:
    """A finished run of two epochs; its first has no loss yet."""
    made = make_plain("a", 0.5, margin=None, finish=False)
    history = {"epoch": [0, 1], "train_loss": [math.nan, 2.5], "val_score": [0.25, 0.75]}
    pd.DataFrame(history).to_csv(made.path(HISTORY_CSV), index=False)
    return make_plain("a", 0.5, margin=None)


def test_every_number_is_told_once_and_what_is_undefined_is_left_out(run):
    values = list(mirrors.list_values(run))
    assert values[:3] == [
        ("history/val_score", 0.25, 0),
        ("history/train_loss", 2.5, 1),
        ("history/val_score", 0.75, 1),
    ]
    assert ("test/baks_low", 0.4, 1) in values and len(values) == 3 + 2 * 5 * 3


def test_tensorboard_reads_what_the_run_says_also_when_it_is_written_again(run, capsys):
    accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    mirrors.mirror_run(run, "tensorboard")
    mirrors.mirror_run(run, "tensorboard")
    folder = run.folder.parent / "tensorboard"
    assert f"tensorboard --logdir {folder}" in capsys.readouterr().out
    events = accumulator.EventAccumulator(str(folder / "a"))
    events.Reload()
    told = [(event.step, event.value) for event in events.Scalars("history/val_score")]
    assert told == [(0, 0.25), (1, 0.75)] and events.Scalars("test/top1")[-1].value == 0.5


class Store:
    """A stand-in for MLflow's client: what was logged, by run."""

    def __init__(self, tracking_uri):
        assert tracking_uri.startswith("sqlite:////") and tracking_uri.endswith("/runs/mlflow/mlflow.db")
        self.runs = KEPT

    def get_experiment_by_name(self, name):
        return None

    def create_experiment(self, name, artifact_location):
        return "1"

    def search_runs(self, experiments, filter_string):
        return [SimpleNamespace(info=SimpleNamespace(run_id=k)) for k in list(self.runs)]

    def delete_run(self, run_id):
        del self.runs[run_id]

    def create_run(self, experiment, *, start_time, run_name):
        made = f"{run_name}-{start_time}"
        self.runs[made] = {"metrics": [], "params": {}, "ended": None}
        return SimpleNamespace(info=SimpleNamespace(run_id=made))

    def log_batch(self, run_id, metrics=(), params=(), tags=()):
        assert len(metrics) <= mirrors.AT_ONCE
        self.runs[run_id]["metrics"] += metrics
        self.runs[run_id]["params"] |= dict(params)

    def set_terminated(self, run_id, end_time):
        self.runs[run_id]["ended"] = end_time


KEPT: dict = {}


@pytest.fixture
def mlflow(monkeypatch):
    """A package of this name that has what is used of it."""
    KEPT.clear()
    entities, tracking = ModuleType("mlflow.entities"), ModuleType("mlflow.tracking")
    entities.Metric = entities.Param = entities.RunTag = lambda *values: values
    tracking.MlflowClient = Store
    for name, module in {
        "mlflow": ModuleType("mlflow"),
        "mlflow.entities": entities,
        "mlflow.tracking": tracking,
    }.items():
        monkeypatch.setitem(sys.modules, name, module)
    monkeypatch.setattr(mirrors.importlib.util, "find_spec", lambda name: True)


def test_mlflow_has_one_run_of_a_name(run, mlflow, monkeypatch):
    monkeypatch.setattr(mirrors, "AT_ONCE", 7)
    mirrors.mirror_run(run, "mlflow")
    mirrors.mirror_run(run, "mlflow")
    (kept,) = KEPT.values()
    ended = int(1000 * run.status()["ended"])
    assert ("history/train_loss", 2.5, ended, 1) in kept["metrics"] and len(kept["metrics"]) == 33
    assert kept["params"]["margin"] == "None" and kept["params"]["lr"] == "0.1" and kept["ended"] == ended


def test_one_that_is_not_installed_is_a_note_with_the_line(run, monkeypatch, capsys):
    monkeypatch.setattr(mirrors.importlib.util, "find_spec", lambda name: None)
    mirrors.warn_missing("tensorboard+mlflow")
    mirrors.mirror_run(run, "mlflow")
    said = capsys.readouterr().out
    assert "pip install -e '.[tensorboard]'" in said and said.count("pip install -e '.[mlflow]'") == 2
    assert not (run.folder.parent / "mlflow").exists()


def test_a_mirror_that_fails_is_a_note_and_the_next_one_is_written(run, monkeypatch, capsys):
    written = []
    monkeypatch.setattr(mirrors, "_missing", lambda kind: "")
    monkeypatch.setitem(mirrors.WRITE, "tensorboard", lambda run, folder: 1 / 0)
    monkeypatch.setitem(mirrors.WRITE, "mlflow", lambda run, folder: written.append(folder.name))
    mirrors.mirror_run(run, "tensorboard+mlflow")
    assert "is not mirrored to tensorboard (ZeroDivisionError" in capsys.readouterr().out and written == ["mlflow"]


def test_the_parameter_is_off_changes_no_run_and_knows_its_words():
    assert TrainParams().mirror == "" and "mirror" in TrainParams.NOT_IDENTITY
    assert TrainParams.checked({"mirror": " MLflow + tensorboard"}).mirror == "mlflow+tensorboard"
    assert TrainParams(mirror="mlflow").default_name() == "default"
    with pytest.raises(ParameterError, match="mirror: expected tensorboard or mlflow"):
        TrainParams.checked({"mirror": "wandb"})
    with pytest.raises(Exception, match="place of something else"):
        folder_of("tensorboard")
