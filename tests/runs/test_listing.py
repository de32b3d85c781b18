"""All runs, newest first: with date, data set, state and metrics, for a person and for programs."""

import json
from datetime import datetime

import pytest
from plain_runs import make_plain

from reid_lib.core.errors import RunError
from reid_lib.runs import table
from reid_lib.runs.listing import describe_run, describe_runs, tabulate_runs


@pytest.fixture(autouse=True)
def root(clean_dirs):
    return clean_dirs / "runs"


def test_the_newest_is_first_with_its_date_and_data_set():
    make_plain("a", ended=1.7e9)
    make_plain("b", 0.75, ended=1.7e9 + 86400, dataset="folder", data_root="/far/away/lynxes")
    make_plain("c", ended=1.7e9 - 86400, dataset="demo:small", data_root="unused")
    table.promote("a")
    told = describe_runs()
    assert [one["run"] for one in told] == ["b", "a", "c"]
    assert [one["dataset"] for one in told] == ["folder lynxes", "demo", "demo:small"]
    assert [one["reference"] for one in told] == [False, True, False]
    assert datetime.fromisoformat(told[0]["date"]).timestamp() == 1.7e9 + 86400
    lines = tabulate_runs().splitlines()
    assert lines[0].split()[:5] == ["run", "state", "date", "data", "set"]
    assert f"{datetime.fromtimestamp(1.7e9):%Y-%m-%d %H:%M}" in lines[2] and lines[2].startswith("* ")
    assert "folder lynxes" in lines[1] and "0.750" in lines[1]


def test_a_running_run_is_dated_by_its_last_sign_and_has_no_metrics():
    make_plain("old", ended=1.7e9)
    make_plain("busy", finish=False)
    busy = describe_runs()[0]
    assert (busy["run"], busy["state"], busy["metrics"]) == ("busy", "running", {})


def test_what_programs_read_is_json_also_of_a_damaged_run(root):
    make_plain("a", run="")
    make_plain("damaged").path("params.json").write_text("{")
    told = {one["run"]: one for one in json.loads(json.dumps(describe_runs()))}
    assert told["damaged"]["state"] == "unreadable" and "params.json cannot be read" in told["damaged"]["error"]
    assert told["damaged"]["kind"] is None and told["a"]["kind"] == "evaluate"
    assert told["a"]["metrics"]["test"]["baks"] == {"value": 0.5, "low": 0.4, "high": 0.6}


def test_one_run_is_described_as_among_all():
    assert describe_run(make_plain("a")) == describe_runs()[0]


def test_those_for_which_an_expression_holds_are_listed():
    make_plain("a", 0.5, lr=0.1, ended=1.7e9)
    make_plain("b", 0.75, lr=0.01, dataset="folder", data_root="/far/away/lynxes", ended=1.75e9)
    make_plain("busy", lr=0.01, finish=False)
    asked = {"lr < 0.1": ["busy", "b"], 'state == "running"': ["busy"], "val_geometric_mean > 0.6": ["b"]}
    asked |= {'dataset == "demo" and lr == 0.1': ["a"], 'date < "2026"': ["b", "a"]}
    assert {where: [one["run"] for one in describe_runs(where=where)] for where in asked} == asked
    assert tabulate_runs(where='dataset == "folder"').splitlines()[1].split()[0] == "b"
    assert tabulate_runs(where="lr > 1").endswith("for which this holds: lr > 1")
    with pytest.raises(RunError, match="no column 'learning_rate'"):
        describe_runs(where="learning_rate < 1")
