"""The small command line: the name beforehand, the folder, the result, the table."""

import pytest

from reid_lib.__main__ import main
from reid_lib.names import METRICS_JSON
from reid_lib.runs import Run


@pytest.fixture(autouse=True)
def root(clean_dirs):
    return clean_dirs / "runs"


def say(capsys, *arguments):
    code = main(list(arguments))
    printed = capsys.readouterr()
    return code, printed.out.strip(), printed.err.strip()


@pytest.mark.parametrize(
    "arguments, name",
    [
        ([], "default"),
        (["-p", "lr", "1e-4", "-p", "pretrained", "false"], "pretrained-False_lr-0.0001"),
        (["-r", "run_name", "007"], "007"),
        (["-y", "{loss: cosface, lr: 1e-4}"], "loss-cosface_lr-0.0001"),
        (["-y", "lr: 0.5", "-p", "lr", "0.25", "--log-output"], "lr-0.25"),
        (["--notebook", "evaluate", "-p", "run", "mine"], "eval_run-mine"),
    ],
)
def test_name_is_the_one_the_notebook_will_take(capsys, arguments, name):
    assert say(capsys, "name", *arguments) == (0, name, "")


def test_name_reads_files_as_papermill_does(capsys, tmp_path):
    (tmp_path / "v.yaml").write_text("run_name: mine\nlr: 1e-4\n")
    assert say(capsys, "name", "-f", str(tmp_path / "v.yaml"))[:2] == (0, "mine")


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


def test_the_state_of_a_run_that_is_not_there_is_planned_and_says_so(capsys, root):
    assert say(capsys, "state", "nobody") == (0, "planned", f"there is no folder {root / 'nobody'} yet")


def make_run(name):
    entry = {"value": 0.5, "low": 0.4, "high": 0.6, "n": 5}
    names = ("geometric_mean", "baks", "baus", "top1")
    undefined = dict.fromkeys(entry, float("nan"))
    counts = {"": {f"n_{k}_{w}": 3 for k in ("known", "unknown") for w in ("individuals", "queries")}}
    part = {"overall": {n: entry for n in names} | {"auroc": undefined}, "datasets": {}, "counts": counts}
    run = Run.open(name, params={"reference": ""}, identity={}, provenance={})
    run.write_json(METRICS_JSON, {"format": 1, "test": part, "val": part, "test_fingerprint": "t"})
    run.finish()


def test_show_prints_the_headline_with_its_interval_and_the_folder(capsys, root):
    make_run("a")
    code, out, _ = say(capsys, "show", "a")
    assert code == 0
    assert "geometric mean 0.500 (0.400 to 0.600)" in out
    assert "AUROC undefined" in out
    assert out.endswith(f"run folder: {root / 'a'}")


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
