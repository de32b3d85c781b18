"""The table of all runs: derived, joined by name, complete when many finish at once; and the reference."""

import json
import os
import subprocess
import sys
import time

import pandas as pd
import pytest

from reid_lib.core import frames
from reid_lib.core.errors import RunError
from reid_lib.core.names import (
    ALL_METRICS_CSV,
    ALL_METRICS_PARQUET,
    METRICS_JSON,
    REFERENCE_JSON,
    STATUS_JSON,
)
from reid_lib.core.processes import find_start, identify_process
from reid_lib.core.temporaries import TEMPORARY, name_writer
from reid_lib.runs import table as runtable
from reid_lib.runs.folder import RunFolder
from reid_lib.runs.listing import tabulate_runs
from reid_lib.runs.run import Run

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
    run = Run.open(name, params={"lr": 0.1, "reference": ""} | params, key={"name": name}, provenance={})
    run.write_json(METRICS_JSON, metrics(value, test))  # noqa: F821 - defined by METRICS
    if finish:
        run.finish()
    return run


def test_one_row_a_finished_run_with_parameters_and_metrics():
    make("b", 0.5, lr=0.3)
    make("a", 0.7)
    make("running", 0.9, finish=False)
    table = runtable.tabulate_metrics().set_index("run")
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
    assert json.loads((root / REFERENCE_JSON).read_text())["run"] == "m3"
    table = frames.read_csv(root / ALL_METRICS_CSV).set_index("run")
    assert table["difference_geometric_mean"].round(6).to_dict() == {"m3": 0.0, "m6": 0.1, "m9": 0.4}
    assert set(table["reference"]) == {"m3"}


def test_a_runs_own_reference_parameter_comes_first():
    make("a", 0.5)
    make("b", 0.6)
    make("c", 0.9, reference="b")
    runtable.promote("a")
    table = runtable.tabulate_metrics().set_index("run")
    assert table.loc["c", "reference"] == "b"
    assert table.loc["c", "difference_baks"] == pytest.approx(0.3)
    assert table.loc["b", "difference_baks"] == pytest.approx(0.1)


def test_no_difference_between_runs_that_were_asked_other_queries():
    make("a", 0.5)
    make("b", 0.6, test="other")
    runtable.promote("a")
    table = runtable.tabulate_metrics().set_index("run")
    assert pd.isna(table.loc["b", "difference_geometric_mean"])


def test_only_a_finished_run_becomes_the_reference(root):
    make("running", 0.9, finish=False)
    with pytest.raises(RunError, match="not finished"):
        runtable.promote("running")
    with pytest.raises(RunError, match="there is no run"):
        runtable.promote("nobody")
    assert not (root / REFERENCE_JSON).exists()


# Imports once, then one process for each run: what is looked at is the same second, not the start of Python.
FINISH = (
    METRICS
    + """
import os, sys, time, traceback
from pathlib import Path
from reid_lib.runs.run import Run
from reid_lib.runs.table import rewrite_table
go, *names = sys.argv[1:]

def finish(name):
    run = Run.open(name, params={"reference": ""}, key={"name": name}, provenance={})
    run.write_json("metrics.json", metrics(0.5))
    run.path("ready").touch()
    while not Path(go).exists():
        time.sleep(0.005)
    run.finish()
    rewrite_table()

children = []
for name in names:
    if child := os.fork():
        children.append(child)
        continue
    try:
        finish(name)
        os._exit(0)
    except BaseException:
        traceback.print_exc()
        os._exit(1)
sys.exit(any([os.waitpid(child, 0)[1] for child in children]))
"""
)


def test_twenty_jobs_that_finish_in_the_same_second_lose_no_row_and_no_file(root, tmp_path):
    names, go = [f"r{k:02}" for k in range(20)], tmp_path / "go"
    jobs = subprocess.Popen([sys.executable, "-c", FINISH, str(go), *names])
    limit = time.monotonic() + 120
    while not all((root / name / "ready").exists() for name in names):
        assert time.monotonic() < limit and jobs.poll() is None
        time.sleep(0.05)
    go.touch()
    assert jobs.wait(timeout=120) == 0
    assert frames.read_csv(root / ALL_METRICS_CSV)["run"].tolist() == names
    for name in names:
        run = RunFolder(root / name)
        assert run.finished and run.metrics()["test"]["overall"]["baks"]["value"] == 0.5
    assert not list(root.rglob(f"*{TEMPORARY}*")) and not list(root.rglob(".owner"))


def test_a_run_that_finishes_between_listing_and_rename_is_not_lost(root, monkeypatch):
    """Its own table may have been renamed before ours, which does not know it: so each writer looks again."""
    make("a", 0.5)
    late = make("late", 0.6, finish=False)
    listed = runtable.tabulate_metrics

    def list_then_finish(where):
        table = listed(where)
        if not late.finished:
            late.finish()
        return table

    monkeypatch.setattr(runtable, "tabulate_metrics", list_then_finish)
    runtable.rewrite_table()
    assert frames.read_csv(root / ALL_METRICS_CSV)["run"].tolist() == ["a", "late"]


def test_a_lost_table_is_written_again_from_the_folders(root):
    make("a", 0.5)
    make("b", 0.6)
    runtable.rewrite_table()
    (root / ALL_METRICS_CSV).unlink()
    make("c", 0.7)
    runtable.rewrite_table()
    assert frames.read_csv(root / ALL_METRICS_CSV)["run"].tolist() == ["a", "b", "c"]


def test_what_a_killed_writer_of_the_table_left_goes_with_the_next_table_and_a_live_ones_stays(root):
    make("a", 0.5)
    parent = identify_process() | {"pid": os.getppid(), "start": find_start(os.getppid())}
    writers = {"dead": parent | {"start": "1"}, "live": parent, "of node7, just now": parent | {"boot": "theirs"}}
    left = {who: root / f"{ALL_METRICS_CSV}{TEMPORARY}{name_writer(told)}-0" for who, told in writers.items()}
    for path in left.values():
        path.write_text("half")
    runtable.rewrite_table()
    assert {who for who, path in left.items() if path.exists()} == {"live", "of node7, just now"}


def test_a_run_is_in_the_table_when_the_table_knows_how_it_ended(root):
    run = make("007", 0.5)
    assert not runtable.is_tabulated(run)
    runtable.rewrite_table()
    assert runtable.is_tabulated(run) and not runtable.is_tabulated(make("7", 0.5))
    runtable.rewrite_table()
    os.utime(run.path(STATUS_JSON))  # it was made anew, and ended now
    assert not runtable.is_tabulated(run) and runtable.is_tabulated(RunFolder(root / "7"))
    for damaged in ("", "no such column\n1\n", "\0\xff"):
        (root / ALL_METRICS_CSV).write_text(damaged)
        assert not runtable.is_tabulated(run)


def test_overview_shows_every_state_and_marks_the_reference(root):
    assert "make the first one with 'make train'" in tabulate_runs()
    make("good", 0.51)
    make("busy", 0.9, finish=False)
    broken = make("broken", 0.9, finish=False)
    with pytest.raises(ValueError), broken.guard():
        raise ValueError("out of luck")
    (root / "notebook only").mkdir()
    runtable.promote("good")
    lines = {tuple(line.split()[:2]): line for line in tabulate_runs().splitlines()[1:]}
    assert set(lines) == {("*", "good"), ("busy", "running"), ("broken", "failed")}
    assert "0.510" in lines["*", "good"]
    assert "out of luck" in lines["broken", "failed"]
    assert "0.9" not in lines["busy", "running"]


def test_a_finished_run_with_damaged_metrics_is_shown_and_does_not_hide_the_others(root):
    make("a", 0.5)
    make("damaged", 0.5)
    (root / "damaged" / METRICS_JSON).write_text("{")
    assert runtable.tabulate_metrics()["run"].tolist() == ["a"]
    runtable.rewrite_table()
    assert "damaged" in tabulate_runs()


def test_a_finished_run_without_metrics_says_what_to_do():
    make("damaged", 0.5).path(METRICS_JSON).unlink()
    overview = tabulate_runs()
    assert "metrics.json cannot be read (is missing)" in overview and "copy the run again" in overview


@pytest.mark.parametrize("text", ["", "{", "[]", '{"other": 1}', None])
def test_a_damaged_reference_is_told_and_stops_nothing(root, text):
    make("a", 0.5)
    path = root / REFERENCE_JSON
    path.mkdir() if text is None else path.write_text(text)
    runtable.rewrite_table()
    assert frames.read_csv(root / ALL_METRICS_CSV)["run"].tolist() == ["a"]
    assert "note:" in tabulate_runs() and "promote a run again" in tabulate_runs()
    with pytest.raises(RunError, match="promote a run again"):
        runtable.read_reference()


def test_a_table_that_cannot_be_written_is_one_message(root):
    make("a", 0.5)
    (root / ALL_METRICS_CSV).mkdir()
    with pytest.raises(RunError, match="cannot be written .*a folder lies where a file belongs.*move it away"):
        runtable.rewrite_table()


def while_the_table_is_written(monkeypatch, do):
    """What another process does after a table was derived and before it is in its place."""
    write_csv = frames.write_csv

    def late(path, frame):
        monkeypatch.setattr(frames, "write_csv", write_csv)
        do()
        write_csv(path, frame)

    monkeypatch.setattr(frames, "write_csv", late)


def test_a_reference_promoted_while_the_table_is_written_is_in_it(root, monkeypatch):
    make("a", 0.5)
    make("b", 0.6)
    while_the_table_is_written(monkeypatch, lambda: runtable.promote("a"))
    runtable.rewrite_table()
    assert set(frames.read_csv(root / ALL_METRICS_CSV)["reference"]) == {"a"}


def test_the_parquet_says_what_the_csv_says_also_where_kinds_are_mixed(root):
    pytest.importorskip("pyarrow")
    make("a", 0.5, margin=0.3)
    make("b", 0.6, margin="its own", flip=True)
    path = runtable.rewrite_table()
    told, csv = pd.read_parquet(root / ALL_METRICS_PARQUET), pd.read_csv(path)
    assert list(told) == list(csv) and told["run"].tolist() == ["a", "b"]
    assert told["param_margin"].tolist() == ["0.3", "its own"] and told["geometric_mean"].tolist() == [0.5, 0.6]


@pytest.mark.parametrize("fails", ["missing", "broken"])
def test_where_parquet_cannot_be_written_no_old_one_stays_and_the_csv_is_whole(root, monkeypatch, capsys, fails):
    make("a", 0.5)
    (root / ALL_METRICS_PARQUET).write_bytes(b"of before")
    if fails == "missing":
        monkeypatch.setattr(runtable.importlib.util, "find_spec", lambda name: None)
    else:
        monkeypatch.setattr(pd.DataFrame, "to_parquet", lambda *_, **__: 1 / 0)
    assert pd.read_csv(runtable.rewrite_table())["run"].tolist() == ["a"]
    assert not (root / ALL_METRICS_PARQUET).exists()
    assert ("no all_model_metrics.parquet" in capsys.readouterr().out) == (fails == "broken")
