"""`reid train` and `reid evaluate`: what papermill is asked for, and what is said in the end (test_make runs it)."""

import json
import os
from pathlib import Path

import click
import pytest
from main_cases import say
from papermill import cli as papermill
from papermill.exceptions import PapermillException, PapermillExecutionError
from plain_runs import make_plain

from reid_lib.cli import train
from reid_lib.core.names import METRICS_JSON, REPORT_HTML
from reid_lib.core.paths import project_root
from reid_lib.params.fields import EvaluateParams, TrainParams
from reid_lib.runs import table


@pytest.fixture
def asked(monkeypatch, clean_dirs):
    """The words that papermill was called with; no kernel starts, the run is there."""
    calls = []

    def main(words, name, *, standalone_mode):
        assert (name, standalone_mode) == ("papermill", False)
        calls.append(words)
        run = make_plain(Path(words[4]).parent.name, 0.75)
        run.path(REPORT_HTML).write_text("a report")

    monkeypatch.setattr(papermill.papermill, "main", main)
    return calls


def test_the_notebook_is_executed_into_the_folder_of_the_name_that_follows(capsys, asked, clean_dirs, monkeypatch):
    monkeypatch.chdir(clean_dirs)
    code, out, _ = say(capsys, "train", "-p", "lr", "1e-4", "--log-level", "ERROR")
    folder = clean_dirs / "runs" / "lr-1e-4"
    notebook = project_root() / "notebooks" / "train.ipynb"
    assert code == 0 and asked == [
        [
            *("--log-output", "--log-level", "INFO", str(notebook), str(folder / "train.ipynb")),
            *("--cwd", str(clean_dirs), "-p", "lr", "1e-4", "--log-level", "ERROR"),
        ]
    ]
    lines = out.splitlines()
    assert "geometric mean 0.750" in lines[0]
    assert lines[1:] == [
        f"run folder: {folder}",
        f"report: {folder / REPORT_HTML}",
        "next: reid runs promote lr-1e-4    # the reference that other runs are compared with",
        "new photographs: reid identify lr-1e-4 path/to/new",
    ]


def test_an_evaluation_is_compared_with_the_reference_next(capsys, asked, clean_dirs):
    make_plain("base")
    table.promote("base")
    code, out, _ = say(capsys, "evaluate", "-p", "backbone", "resnet10t")
    assert code == 0 and asked[0][4].endswith("eval_resnet10t/evaluate.ipynb")
    assert "next: reid compare base eval_resnet10t" in out


def test_of_several_data_sets_one_is_named_for_the_new_photographs(clean_dirs):
    """As of the built-in animals: the line is for copying, and identify refuses without."""
    run = make_plain("three", seal=False)
    results = run.metrics()
    results["test"]["datasets"] = {"lynxes": {}, "red deer": {}, "turtles": {}}
    run.path(METRICS_JSON).write_text(json.dumps(results))
    assert list(train.describe_end(run))[-1].endswith(
        "identify three path/to/new --dataset lynxes    # or red deer, turtles"
    )


def test_a_wrong_parameter_is_refused_before_anything_is_made(capsys, asked, clean_dirs):
    code, out, err = say(capsys, "train", "-p", "learning_rate", "1")
    assert (code, out) == (1, "") and "did you mean 'lr'?" in err and not asked
    assert not (clean_dirs / "runs").exists()


@pytest.mark.parametrize("command, kind", [("train", TrainParams), ("evaluate", EvaluateParams)])
def test_the_help_lists_every_parameter_with_its_default(capsys, command, kind):
    told = " ".join(say(capsys, command, "--help")[1].split())
    for name, field in kind.model_fields.items():
        assert f"{name} {' '.join(field.description.split()[:2])}" in told, name
    assert "learning rate of the backbone (0.001)" in told or command == "evaluate"


class Told(click.ClickException):
    exit_code = 130

    def show(self, file=None):
        click.echo(self.message, err=True)


@pytest.mark.parametrize(
    "error, code, words",
    [(Told("stopped: by Ctrl-C"), 130, "stopped:"), (PapermillException("no kernel"), 1, "error: no")],
)
def test_how_papermill_ends_is_how_it_ends(capsys, asked, monkeypatch, error, code, words):
    def main(*_, **__):
        raise error

    monkeypatch.setattr(papermill.papermill, "main", main)
    ended, out, err = say(capsys, "train")
    assert (ended, out) == (code, "") and err.startswith(words)


@pytest.mark.parametrize("kept", ["", "params.json", "last.ckpt"])
def test_a_refused_run_leaves_no_folder_and_what_was_computed_stays(capsys, asked, clean_dirs, monkeypatch, kept):
    """`reid train` of photographs that are not there left a folder with nothing but the notebook that says so."""
    folder = clean_dirs / "runs" / "lr-1e-4"

    def main(words, *_, **__):
        for name in filter(None, ("train.ipynb", kept)):
            (folder / name).write_text("{}")
        raise Told("there is no folder photos")

    monkeypatch.setattr(papermill.papermill, "main", main)
    ended, _, err = say(capsys, "train", "-p", "lr", "1e-4")
    assert ended == 130 and "there is no folder photos" in err
    left = sorted(path.name for path in folder.iterdir()) if folder.exists() else []
    assert left == (sorted((kept, "train.ipynb")) if kept else [])


def test_the_notebook_of_an_error_of_the_code_stays(asked, clean_dirs, monkeypatch):
    folder = clean_dirs / "runs" / "lr-1e-4"

    def main(*_, **__):
        (folder / "train.ipynb").write_text("{}")
        raise PapermillExecutionError(0, 1, "", "KeyError", "'k'", [])

    monkeypatch.setattr(papermill.papermill, "main", main)
    with pytest.raises(PapermillExecutionError):
        train.run_notebook("train.ipynb", ("-p", "lr", "1e-4"))
    assert (folder / "train.ipynb").exists()


def test_a_run_without_results_says_where_it_lies(clean_dirs):
    told = list(train.describe_end(make_plain("a", finish=False)))
    assert told[1] == f"run folder: {clean_dirs / 'runs' / 'a'}" and os.fspath(clean_dirs) in told[1]
