"""Running a plan with a stand-in for papermill: skip, continue, retry, go on, stop; and once for real."""

import json
import os
import subprocess

import pandas as pd
import pytest
from sweep_cases import made_plan, runner, script, stand_in, states, sweep, times, wait_for

from reid_lib.core.names import STATUS_JSON
from reid_lib.core.paths import runs_root
from reid_lib.params.fields import TrainParams
from reid_lib.runs import key, run
from reid_lib.runs.folder import PLANNED
from reid_lib.sweep.status import DIFFERS, ELSEWHERE, Screen, tabulate_status


@pytest.fixture(autouse=True)
def dirs(clean_dirs):
    return clean_dirs


def test_one_that_fails_is_tried_once_more_and_the_others_go_on(dirs):
    made = made_plan(dirs)
    script("m-5", "fail", "finish")
    script("m-6", "fail")
    failed = sweep(made).run()
    assert [times(v.run) for v in made.variants] == [2, 2, 1]
    assert states(made) == ["finished", "failed", "finished"]
    assert list(failed) == ["m-6"] and "ValueError: the loss exploded; see" in failed["m-6"]
    assert tabulate_status(made)["note"].iloc[1] == "ValueError: the loss exploded"


def test_a_run_that_another_process_owns_is_left_to_it(dirs):
    made = made_plan(dirs, n=2)
    script("m-5", "hang")
    other = subprocess.Popen(stand_in(made, made.variants[0], runs_root() / "m-5"))
    try:
        wait_for(runs_root() / "m-5/hangs")
        runner = sweep(made)
        assert runner.run() == {} and times("m-5") == 1
        assert runner.table()["state"].tolist() == [ELSEWHERE, "finished"]
    finally:
        other.kill()
        other.wait()
    assert states(made)[0] == "interrupted"


def test_two_sweeps_of_one_plan_start_a_variant_once(dirs):
    made = made_plan(dirs, n=1)
    for one in [runner(dirs, "late") for _ in range(2)]:
        assert one.wait(60) == 0
    assert len(list((runs_root() / "m-5").glob("begun-*"))) == 1 and states(made) == ["finished"]


def test_a_run_of_this_name_with_other_parameters_is_not_taken_for_the_variant(dirs):
    made = made_plan(dirs, n=2)
    params = TrainParams(lr=0.5, m=5)
    other = run.Run.open("m-5", params=params.model_dump(), key=key.make_run_key(params, "c", "s"), provenance={})
    other.finish()
    assert states(made) == [DIFFERS, PLANNED]
    failed = sweep(made).run()
    assert list(failed) == ["m-5"] and "lr 0.5, not 0.001" in failed["m-5"]
    assert times("m-5") == 0 and states(made) == [DIFFERS, "finished"]


def test_table_tells_epoch_best_score_and_time_left(dirs):
    made = made_plan(dirs, n=1)
    script("m-5", "hang")
    other = subprocess.Popen(stand_in(made, made.variants[0], runs_root() / "m-5"))
    try:
        wait_for(runs_root() / "m-5/hangs")
        row = tabulate_status(made).iloc[0]
        assert (row["state"], row["epoch"], row["val_score"]) == ("running", "1/7", "0.250")
        history = runs_root() / "m-5" / "history.csv"
        whole = history.read_bytes()
        history.write_bytes(whole + whole)  # read while it is written
        assert tabulate_status(made).iloc[0]["state"] == "running"
        history.write_bytes(whole)
        path = runs_root() / "m-5" / STATUS_JSON
        told = json.loads(path.read_text())
        path.write_text(json.dumps(told | {"started": told["started"] - 2 * 86400}))  # broken off, continued days later
        assert tabulate_status(made).iloc[0]["left"] == "1 min"  # some epochs of a second each
    finally:
        other.kill()
        other.wait()


class Out:
    """A stream that is, or is not, a terminal."""

    def __init__(self, tty: bool):
        self.tty, self.text = tty, ""

    def isatty(self):
        return self.tty

    def write(self, text):
        self.text += text

    def flush(self):
        pass

    def fileno(self):
        return 0


def frame(state: str, epoch: str = "") -> pd.DataFrame:
    return pd.DataFrame([{"run": "r", "state": state, "epoch": epoch, "val_score": "", "left": "", "note": "n" * 200}])


def test_without_a_terminal_only_changes_are_printed():
    screen = Screen(out := Out(False))
    for table in (
        frame("planned"),
        frame("planned"),
        frame("running", "1/4"),
        frame("running", "1/4"),
        frame("finished", "4/4"),
    ):
        screen(table)
    assert out.text.splitlines() == ["r: planned", "r: running, epoch 1/4", "r: finished, epoch 4/4"]


def test_on_a_terminal_the_table_is_drawn_over_itself_and_no_line_wraps(monkeypatch):
    monkeypatch.setattr(os, "get_terminal_size", lambda fd: os.terminal_size((40, 20)))
    screen = Screen(out := Out(True))
    screen(frame("planned"))
    screen(frame("running"))
    assert out.text.count("\x1b[2F\x1b[J") == 1
    assert all(len(line) < 40 for line in out.text.replace("\x1b[2F\x1b[J", "").splitlines())


def test_a_table_taller_than_the_terminal_shows_what_is_going_on_and_counts_the_rest(monkeypatch):
    monkeypatch.setattr(os, "get_terminal_size", lambda fd: os.terminal_size((40, 6)))
    Screen(out := Out(True))(pd.concat([frame("planned")] * 9 + [frame("running", "1/4")]))
    lines = out.text.splitlines()
    assert len(lines) < 6 and "running" in lines[1] and lines[-1] == "9 planned, 1 running"
