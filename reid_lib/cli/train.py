"""`reid train` and `reid evaluate`: a notebook executed into its run folder, then the result and what to open next."""

import os
import shlex
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from reid_lib.cli.commands import PapermillCommand, example, program
from reid_lib.core.errors import ReidError
from reid_lib.core.messages import describe_error
from reid_lib.core.names import EVALUATE_NOTEBOOK, TRAIN_NOTEBOOK
from reid_lib.core.paths import notebooks_root
from reid_lib.params.papermill import papermill_params

if TYPE_CHECKING:
    from pydantic.fields import FieldInfo

    from reid_lib.runs.folder import RunFolder


class NotebookCommand(PapermillCommand):
    """A command that executes a notebook of runs; its help lists the parameters of that notebook.

    Args:
        kind: name of their class, "TrainParams" or "EvaluateParams".
    """

    def __init__(self, *args: Any, kind: str, **options: Any):
        super().__init__(*args, **options)
        self.kind = kind

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """See click; the parameters follow."""
        from reid_lib.params import fields

        super().format_options(ctx, formatter)
        told = getattr(fields, self.kind).model_fields.items()
        with formatter.section("Parameters, as -p NAME VALUE (default)"):
            formatter.write_dl([(name, field.description + _default(field)) for name, field in told])


def _default(field: "FieldInfo") -> str:
    """Behind the meaning of a parameter; where it is no text at all, the meaning says what that does."""
    return "" if field.default == "" else f" ({field.default})"


@click.command(
    cls=NotebookCommand,
    kind="TrainParams",
    epilog=example("train", "train -p lr 1e-4 -p backbone resnet50", "train -f variants/nyala.yaml"),
)
def train(papermill: tuple[str, ...]) -> None:
    """Train and evaluate: train.ipynb, executed into its run folder.

    A run that was stopped continues; a finished one shows its results.
    """
    run_notebook(TRAIN_NOTEBOOK, papermill)


@click.command(
    cls=NotebookCommand,
    kind="EvaluateParams",
    epilog=example("evaluate -p run my-run", "evaluate -p dataset folder -p data_root photos"),
)
def evaluate(papermill: tuple[str, ...]) -> None:
    """Evaluate a run, or a backbone as it comes: evaluate.ipynb, executed into its run folder."""
    run_notebook(EVALUATE_NOTEBOOK, papermill)


def run_notebook(name: str, arguments: tuple[str, ...]) -> None:
    """Execute a notebook of runs by papermill, as `make train` does, and print what came of it.

    The kernel works where the command was typed: paths among the parameters mean what they mean there.

    Args:
        name: of the file in `notebooks/`.
        arguments: of papermill.

    Raises:
        ReidError: parameters are wrong, or papermill cannot read or write a file.
        click.ClickException: what ended the notebook, in one message.
    """
    from reid_lib.runs.folder import RunFolder, folder_of
    from reid_lib.runs.naming import name_of

    notebook = notebooks_root() / name
    params = papermill_params(list(arguments), str(notebook))
    folder = folder_of(name_of(params))
    folder.mkdir(parents=True, exist_ok=True)
    try:
        _execute([str(notebook), str(folder / name), "--cwd", os.getcwd(), *arguments])
    except (click.ClickException, ReidError):  # the message says all: a notebook of it would look like a run
        _remove_unbegun(folder, name)
        raise
    click.echo("\n".join(describe_end(RunFolder(folder))))


def _remove_unbegun(folder: Path, notebook: str) -> None:
    """Remove the folder of a run that was refused before it began: one with nothing in it but the executed notebook."""
    with suppress(OSError):  # somebody else begins it just now
        if {path.name for path in folder.iterdir()} <= {notebook}:
            (folder / notebook).unlink(missing_ok=True)
            folder.rmdir()


def _execute(arguments: list[str]) -> None:
    """papermill's own command, in this process: its engine passes signals on, and leaves the report."""
    from papermill.cli import papermill
    from papermill.exceptions import PapermillException, PapermillExecutionError

    try:
        papermill.main(["--log-output", "--log-level", "INFO", *arguments], "papermill", standalone_mode=False)
    except PapermillExecutionError:  # an error of the code, not of the user: with its traceback
        raise
    except PapermillException as error:
        raise ReidError(describe_error(error)) from error


def describe_end(run: "RunFolder") -> Iterator[str]:
    """The result of a run that has ended, what it took, its folder, and what to open next."""
    from reid_lib.core.names import METRICS_JSON, REPORT_HTML
    from reid_lib.openset.summary import headline, judged_role
    from reid_lib.pages.reproduce import describe_time
    from reid_lib.runs.table import read_reference

    which = ""
    if run.path(METRICS_JSON).exists():
        results = run.metrics()
        yield headline(results)
        datasets = list(results[judged_role(results)]["datasets"])
        if len(datasets) > 1:  # identify asks for one
            which = f" --dataset {shlex.quote(datasets[0])}    # or {', '.join(datasets[1:])}"
    if took := describe_time(run.status()):
        yield took
    yield f"run folder: {run.folder}"
    if run.path(REPORT_HTML).exists():
        yield f"report: {run.path(REPORT_HTML)}"
    reference = read_reference()
    if reference is None:
        yield f"next: {program()} runs promote {run.name}    # the reference that other runs are compared with"
    elif reference != run.name:
        yield f"next: {program()} compare {reference} {run.name}"
    yield f"new photographs: {program()} identify {run.name} path/to/new{which}"
