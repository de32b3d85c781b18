"""The small command line: the name beforehand, the folder, the result, the table."""

import pytest
from main_cases import say

from reid_lib.core.names import METRICS_JSON
from reid_lib.runs import listing
from reid_lib.runs.run import Run


@pytest.fixture(autouse=True)
def root(clean_dirs):
    return clean_dirs / "runs"


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["name", "-p", "learning_rate", "1"], "did you mean 'lr'?"),
        (["name", "-p", "lr"], "papermill does not take these arguments"),
        (["name", "train.ipynb", "out.ipynb", "-p", "lr", "1e-4"], "leave the notebooks out (train.ipynb, out.ipynb)"),
        (["name", "-f", "missing.yaml"], "-f missing.yaml: there is no such file"),
        (["name", "-y", "5"], "expected name: value in YAML"),
        (["name", "-y", "{a: ["], "expected name: value in YAML"),
        (["name", "-r", "run_name", "../x"], "expected letters, digits"),
        (["folder", "../x"], "expected letters, digits"),
        (["show", "nobody"], "there is no run 'nobody'"),
        (["runs", "promote", "nobody"], "there is no run 'nobody'"),
        (["runs", "promote"], "which run?"),
    ],
)
def test_an_error_is_one_message_and_an_exit_code(capsys, arguments, message):
    code, out, err = say(capsys, *arguments)
    assert (code, out) == (1, "")
    assert err.startswith("error: ") and message in err


@pytest.mark.parametrize("command", ["state", "stop", "show"])
def test_a_run_that_is_not_there_is_an_error_that_names_those_that_are(capsys, root, command):
    make_run("default")
    make_run("wide")
    for asked, told in (
        ("nobody", "finished runs: default, wide"),
        ("defualt", "did you mean 'default'?"),
    ):
        code, out, err = say(capsys, command, asked)
        assert (code, out) == (1, "") and f"there is no run {asked!r} in {root}; {told}" in err
    assert say(capsys, "state", "wide") == (0, "finished", "")


def test_the_state_of_a_run_that_a_sweep_plans_is_planned(capsys, root, monkeypatch):
    from reid_lib.sweep import plan

    monkeypatch.setattr(plan, "variants_root", lambda: root.parent / "variants")
    plan.make_plan(["m=8"], name="mine")
    (root.parent / "variants" / "other").mkdir()
    (root.parent / "variants" / "other" / "plan.yaml").write_text("runs: [")  # damaged: it plans nothing
    assert say(capsys, "state", "m-8") == (0, "planned", "")
    assert say(capsys, "state", "m-9")[0] == 1


def test_the_state_of_a_folder_without_a_run_says_where_to_look(capsys, root):
    (root / "begun").mkdir(parents=True)
    code, out, err = say(capsys, "state", "begun")
    assert (code, out) == (1, "") and "its folder holds no run yet" in err


def test_the_traceback_comes_on_request_wherever_that_stands(capsys):
    for arguments in (["--traceback", "show", "nobody"], ["show", "nobody", "--traceback"]):
        code, out, err = say(capsys, *arguments)
        assert (code, out) == (1, "")
        assert err.startswith("Traceback") and "error: there is no run 'nobody'" in err.splitlines()[-1]


def test_a_command_that_is_stopped_says_so_and_no_more(capsys, monkeypatch):
    def interrupted(**_):
        raise KeyboardInterrupt

    monkeypatch.setattr(listing, "tabulate_runs", interrupted)
    assert say(capsys, "runs") == (130, "", "stopped: by Ctrl-C")


def test_an_error_of_the_system_is_one_message(capsys, root):
    make_run("a")
    (root / "a" / METRICS_JSON).unlink()
    (root / "a" / METRICS_JSON).mkdir()
    code, out, err = say(capsys, "show", "a")
    assert (code, out) == (1, "") and err.startswith("error: ") and "Traceback" not in err


@pytest.mark.parametrize("name", ["all_model_metrics.csv", "reference.json", "comparisons", "README.md", "mine"])
def test_a_name_that_something_else_in_runs_has_is_refused_beforehand(capsys, root, name):
    root.mkdir()
    (root / "mine").write_text("a plain file")
    for arguments in (["name", "-r", "run_name", name], ["folder", name]):
        code, out, err = say(capsys, *arguments)
        assert (code, out) == (1, "") and "choose another run_name" in err


def make_run(name):
    entry = {"value": 0.5, "low": 0.4, "high": 0.6, "n": 5}
    names = ("geometric_mean", "baks", "baus", "top1")
    undefined = dict.fromkeys(entry, float("nan"))
    counts = {"": {f"n_{k}_{w}": 3 for k in ("known", "unknown") for w in ("individuals", "queries")}}
    part = {"overall": {n: entry for n in names} | {"auroc": undefined}, "datasets": {}, "counts": counts}
    run = Run.open(name, params={"reference": ""}, key={}, provenance={})
    run.write_json(METRICS_JSON, {"format": 1, "test": part, "val": part, "test_fingerprint": "t"})
    run.finish()


def test_show_prints_the_headline_with_its_interval_and_the_folder(capsys, root):
    make_run("a")
    code, out, _ = say(capsys, "show", "a")
    assert code == 0
    assert "geometric mean 0.500 (0.400 to 0.600)" in out
    assert "AUROC undefined" in out
    assert f"run folder: {root / 'a'}" in out.splitlines() and out.endswith("identify a path/to/new")


def test_runs_lists_and_promotes(capsys):
    make_run("a")
    make_run("b")
    assert say(capsys, "runs", "promote", "b")[:2] == (0, "b is the reference now")
    code, out, _ = say(capsys, "runs")
    rows = {tuple(line.split()[:2]) for line in out.splitlines()[1:]}
    assert code == 0 and rows == {("a", "finished"), ("*", "b")}


def test_show_of_a_run_without_metrics_is_one_message(capsys, root):
    make_run("a")
    (root / "a" / METRICS_JSON).unlink()
    code, out, err = say(capsys, "show", "a")
    assert (code, out) == (1, "")
    assert err.startswith("error: ") and "copy the run again" in err
