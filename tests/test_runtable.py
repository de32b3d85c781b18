"""The table of all runs: derived, joined by name, complete when many finish at once; and the reference."""

import json
import subprocess
import sys
import time

import pandas as pd
import pytest

from reid_lib import files, runtable
from reid_lib.errors import RunError
from reid_lib.names import ALL_METRICS_CSV, METRICS_JSON, REFERENCE_JSON
from reid_lib.runfolder import RunFolder
from reid_lib.runs import Run

METRICS = """
def metrics(value, test="t"):
    entry = {"value": value, "low": value - 0.1, "high": value + 0.1, "n": 5}
    undefined = {"value": float("nan"), "low": float("nan"), "high": float("nan"), "n": 0}
    part = {"overall": {"geometric_mean": entry, "baks": entry, "dir_at_1": undefined}, "datasets": {}}
    return {"format": 1, "test": part, "val": part, "test_fingerprint": test}
"""
exec(METRICS)


@pytest.fixture(autouse=True)
def root(clean_dirs):
    return clean_dirs / "runs"


def make(name, value, *, test="t", finish=True, **params):
    run = Run.open(name, params={"lr": 0.1, "reference": ""} | params, identity={"name": name}, provenance={})
    run.write_json(METRICS_JSON, metrics(value, test))  # noqa: F821 - defined by METRICS
    if finish:
        run.finish()
    return run


def test_one_row_a_finished_run_with_parameters_and_metrics():
    make("b", 0.5, lr=0.3)
    make("a", 0.7)
    make("running", 0.9, finish=False)
    table = runtable.all_metrics().set_index("run")
    assert list(table.index) == ["a", "b"]
    assert table.loc["b", ["geometric_mean", "geometric_mean_low", "val_baks", "param_lr"]].tolist() == [
        0.5,
        0.4,
        0.5,
        0.3,
    ]
    assert table["dir_at_1"].isna().all()


def test_differences_are_joined_by_run_name_and_follow_the_promoted_reference(root):
    for name, value in {"m6": 0.6, "m3": 0.5, "m9": 0.9}.items():
        make(name, value)
    runtable.promote("m3")
    assert json.loads((root / REFERENCE_JSON).read_text()) == {"run": "m3"}
    table = files.read_csv(root / ALL_METRICS_CSV).set_index("run")
    assert table["difference_geometric_mean"].round(6).to_dict() == {"m3": 0.0, "m6": 0.1, "m9": 0.4}
    assert set(table["reference"]) == {"m3"}


def test_a_runs_own_reference_parameter_comes_first():
    make("a", 0.5)
    make("b", 0.6)
    make("c", 0.9, reference="b")
    runtable.promote("a")
    table = runtable.all_metrics().set_index("run")
    assert table.loc["c", "reference"] == "b"
    assert table.loc["c", "difference_baks"] == pytest.approx(0.3)
    assert table.loc["b", "difference_baks"] == pytest.approx(0.1)


def test_no_difference_between_runs_that_were_asked_other_queries():
    make("a", 0.5)
    make("b", 0.6, test="other")
    runtable.promote("a")
    table = runtable.all_metrics().set_index("run")
    assert pd.isna(table.loc["b", "difference_geometric_mean"])


def test_only_a_finished_run_becomes_the_reference(root):
    make("running", 0.9, finish=False)
    with pytest.raises(RunError, match="not finished"):
        runtable.promote("running")
    with pytest.raises(RunError, match="there is no run"):
        runtable.promote("nobody")
    assert not (root / REFERENCE_JSON).exists()


FINISH = (
    METRICS
    + """
import sys, time
from pathlib import Path
from reid_lib.runs import Run
from reid_lib.runtable import rewrite_table
name, go = sys.argv[1], Path(sys.argv[2])
run = Run.open(name, params={"reference": ""}, identity={"name": name}, provenance={})
run.write_json("metrics.json", metrics(0.5))
run.path("ready").touch()
while not go.exists():
    time.sleep(0.005)
run.finish()
rewrite_table()
"""
)


def test_twenty_jobs_that_finish_in_the_same_second_lose_no_row_and_no_file(root, tmp_path):
    names, go = [f"r{k:02}" for k in range(20)], tmp_path / "go"
    processes = [subprocess.Popen([sys.executable, "-c", FINISH, name, str(go)]) for name in names]
    limit = time.monotonic() + 120
    while not all((root / name / "ready").exists() for name in names):
        assert time.monotonic() < limit and all(process.poll() is None for process in processes)
        time.sleep(0.05)
    go.touch()
    assert [process.wait(timeout=120) for process in processes] == [0] * 20
    assert files.read_csv(root / ALL_METRICS_CSV)["run"].tolist() == names
    for name in names:
        run = RunFolder(root / name)
        assert run.finished and run.metrics()["test"]["overall"]["baks"]["value"] == 0.5
    assert not list(root.rglob(f"*{files.TEMPORARY}*")) and not list(root.rglob(".owner"))


def test_a_run_that_finishes_between_listing_and_rename_is_not_lost(root, monkeypatch):
    """Its own table may have been renamed before ours, which does not know it: so each writer looks again."""
    make("a", 0.5)
    late = make("late", 0.6, finish=False)
    listed = runtable.all_metrics

    def list_then_finish(where):
        table = listed(where)
        if not late.finished:
            late.finish()
        return table

    monkeypatch.setattr(runtable, "all_metrics", list_then_finish)
    runtable.rewrite_table()
    assert files.read_csv(root / ALL_METRICS_CSV)["run"].tolist() == ["a", "late"]


def test_a_lost_table_is_written_again_from_the_folders(root):
    make("a", 0.5)
    make("b", 0.6)
    runtable.rewrite_table()
    (root / ALL_METRICS_CSV).unlink()
    make("c", 0.7)
    runtable.rewrite_table()
    assert files.read_csv(root / ALL_METRICS_CSV)["run"].tolist() == ["a", "b", "c"]


def test_overview_shows_every_state_and_marks_the_reference(root):
    assert "make the first one with 'make train'" in runtable.overview()
    make("good", 0.51)
    make("busy", 0.9, finish=False)
    broken = make("broken", 0.9, finish=False)
    with pytest.raises(ValueError), broken.guard():
        raise ValueError("out of luck")
    (root / "notebook only").mkdir()
    runtable.promote("good")
    lines = {tuple(line.split()[:2]): line for line in runtable.overview().splitlines()[1:]}
    assert set(lines) == {("*", "good"), ("busy", "running"), ("broken", "failed")}
    assert "0.510" in lines["*", "good"]
    assert "out of luck" in lines["broken", "failed"]
    assert "0.9" not in lines["busy", "running"]


def test_a_finished_run_with_damaged_metrics_is_shown_and_does_not_hide_the_others(root):
    make("a", 0.5)
    make("damaged", 0.5)
    (root / "damaged" / METRICS_JSON).write_text("{")
    assert runtable.all_metrics()["run"].tolist() == ["a"]
    runtable.rewrite_table()
    assert "damaged" in runtable.overview()


def test_a_finished_run_without_metrics_says_what_to_do():
    make("damaged", 0.5).path(METRICS_JSON).unlink()
    assert "metrics.json cannot be read: copy the run again" in runtable.overview()


def while_the_table_is_written(monkeypatch, do):
    """What another process does after a table was derived and before it is in its place."""
    write_csv = files.write_csv

    def late(path, frame):
        monkeypatch.setattr(files, "write_csv", write_csv)
        do()
        write_csv(path, frame)

    monkeypatch.setattr(files, "write_csv", late)


def test_a_reference_promoted_while_the_table_is_written_is_in_it(root, monkeypatch):
    make("a", 0.5)
    make("b", 0.6)
    while_the_table_is_written(monkeypatch, lambda: runtable.promote("a"))
    runtable.rewrite_table()
    assert set(files.read_csv(root / ALL_METRICS_CSV)["reference"]) == {"a"}
