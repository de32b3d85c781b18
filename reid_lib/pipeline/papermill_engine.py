"""papermill's engine for the notebooks of this library: papermill imports this module whenever it starts
(`papermill.engine` in pyproject.toml), and takes the engine without being asked. Other notebooks run as without it.

The engine refuses parameters before a kernel starts, passes signals on to the kernel, and leaves the run's report when
the notebook has ended, however it ended. On papermill's command line a user's mistake is shown as its message alone.
"""

import copy
import logging
import os
import signal
import sys
import traceback
from pathlib import Path
from typing import Any

import click
from nbclient.exceptions import DeadKernelError
from papermill import engines
from papermill.exceptions import PapermillException, PapermillExecutionError

from reid_lib.core.kernel import ENGINE, PROGRESS, TRACEBACKS
from reid_lib.core.messages import ERROR, STOPPED, describe_error, find_shown_error, format_error
from reid_lib.core.names import CHECKPOINT
from reid_lib.pipeline.kernel_signals import SignalsToKernel, Stopped, kernel_manager

# ipykernel 7 warns at every start that kernel and notebook talk to each other unencrypted, on this very machine.
QUIET = "--IPKernelApp.log_level=ERROR"
LIBRARY = "reid_lib"
SHOWN_S, LOGGED_S = 5, 60  # between two lines of progress, where somebody looks and in a log


class Engine(engines.NBClientEngine):
    """Executes notebooks of this library; those of anybody else as papermill does without it."""

    @classmethod
    def execute_notebook(cls, nb: Any, kernel_name: str, *arguments: Any, **options: Any) -> Any:
        """See papermill; returns the executed notebook.

        Raises:
            Ended: on papermill's command line, a mistake of the user or a signal ended the notebook.
        """
        if not any(cell.cell_type == "code" and LIBRARY in cell.source for cell in nb.cells):
            return super().execute_notebook(nb, kernel_name, *arguments, **options)
        with SignalsToKernel() as signals:
            died = None
            try:
                super().execute_notebook(nb, kernel_name, *arguments, signals=signals, **options)
            except (Stopped, DeadKernelError, RuntimeError) as error:  # RuntimeError: a kernel that died at its start
                died = error
        _leave_report(nb)
        if signals.heard and not _on_command_line():
            signal.raise_signal(signals.heard[0])  # as the program that called papermill would have it
        if _on_command_line():
            _end(nb, signals.heard, died)
        if died is not None:
            raise died
        return nb

    @classmethod
    def execute_managed_notebook(
        cls, nb_man: Any, kernel_name: str, *, signals: SignalsToKernel | None = None, **options: Any
    ) -> None:
        """See papermill.

        Args:
            signals: passed on to the kernel; None: the notebook is not one of this library.
        """
        if signals is not None:
            if _refuse_parameters(nb_man):
                return
            environment = {ENGINE: str(os.getpid())} | ({TRACEBACKS: "1"} if _debugs() else {})
            if options.get("log_output"):
                environment[PROGRESS] = str(SHOWN_S if sys.stderr.isatty() else LOGGED_S)
            options["kernel_manager_class"] = kernel_manager(signals, environment)
            options["extra_arguments"] = [*options.get("extra_arguments", ()), QUIET]
            options["on_cell_start"] = lambda cell, cell_index: _check(signals, nb_man, cell, cell_index)
        super().execute_managed_notebook(nb_man, kernel_name, **options)


class Ended(click.ClickException):
    """What ended papermill's command line, told on stderr."""

    def __init__(self, message: str, exit_code: int = 1):
        super().__init__(message)
        self.exit_code = exit_code

    def show(self, file: Any = None) -> None:
        """Print the message, which says itself whether it is an error."""
        click.echo(self.message, err=file is None, file=file)


def _refuse_parameters(nb_man: Any) -> bool:
    """Are the notebook's parameters wrong? Then the cell that would read them gets the error that it would raise."""
    from nbformat import v4

    from reid_lib.params.papermill import refused_parameters

    if not (refused := refused_parameters(nb_man.nb, _typed())):
        return False
    index, error = refused
    cell = nb_man.nb.cells[index]
    nb_man.cell_start(cell, index)
    lines = traceback.format_exception(error) if _debugs() else [format_error(error)]
    cell.outputs = [v4.new_output("error", ename=type(error).__name__, evalue=str(error), traceback=lines)]
    cell.execution_count = sum(1 for before in nb_man.nb.cells[: index + 1] if before.cell_type == "code")
    nb_man.cell_exception(cell, cell_index=index, exception=error)
    nb_man.cell_complete(cell, cell_index=index)
    return True


def _check(signals: SignalsToKernel, nb_man: Any, cell: Any, cell_index: int) -> None:
    if signals.heard:
        nb_man.cell_exception(cell, cell_index=cell_index)
    signals.check()


def _leave_report(nb: Any) -> None:
    """report.html of the run that the notebook worked on, if it came so far."""
    from reid_lib.pages.run_report import has_report, leave_report, worked_on

    run = worked_on(nb)
    if run is not None and not (run.finished and has_report(run)):
        leave_report(run, copy.deepcopy(nb))


def _end(nb: Any, heard: list[int], died: BaseException | None) -> None:
    """End papermill's command line, where the notebook did not end well.

    Raises:
        Ended: it was told to stop, or the user made a mistake.
        PapermillExecutionError: of a cell, as papermill raises it.
    """
    from papermill.execute import raise_for_execution_errors  # it imports this module

    stopped = f"{STOPPED} by {_name(heard[0])}{_what_then(nb)}" if heard else ""
    exit_code = 128 + heard[0] if heard else 1
    if died is not None:
        if stopped:
            raise Ended(stopped, exit_code) from died
        return
    try:
        raise_for_execution_errors(nb, nb.metadata.papermill["output_path"])
    except PapermillExecutionError as error:
        told = find_shown_error(error.ename, error.traceback)
        if told or (stopped and error.ename == KeyboardInterrupt.__name__):
            raise Ended(told or stopped, exit_code) from error
        raise


def _what_then(nb: Any) -> str:
    """How a training goes on that was stopped at once, without a checkpoint of its own."""
    from reid_lib.pages.run_report import worked_on

    run = worked_on(nb)
    if run is None or run.finished or not run.path(CHECKPOINT).exists():
        return ""
    return ". Run the same command again: it continues from the last checkpoint"


def _name(number: int) -> str:
    return "Ctrl-C" if number == signal.SIGINT else signal.Signals(number).name


def _on_command_line() -> bool:
    return click.get_current_context(silent=True) is not None


def _typed() -> dict[str, str]:
    """What was typed on papermill's command line, before papermill read numbers in it."""
    if (context := click.get_current_context(silent=True)) is None:
        return {}
    from papermill.cli import papermill  # it imports this module

    from reid_lib.params.papermill import typed_texts

    return typed_texts(context.params) if context.command is papermill else {}


def _debugs() -> bool:
    """Was papermill told `--log-level DEBUG`?"""
    return logging.getLogger("papermill").isEnabledFor(logging.DEBUG)


def show_message(kind: type, error: BaseException, traceback: Any, *, otherwise: Any = sys.excepthook) -> None:
    """A `sys.excepthook`: a file that papermill cannot read ends it before the engine is asked; told on stderr."""
    papermill = "papermill" in (Path(sys.argv[0]).stem, Path(sys.argv[0]).parent.name)  # `python -m papermill`, too
    known = isinstance(error, PapermillException | OSError) and not isinstance(error, PapermillExecutionError)
    if papermill and known and not _debugs():
        print(f"{ERROR} {describe_error(error)}", file=sys.stderr)
    else:
        otherwise(kind, error, traceback)


sys.excepthook = show_message
engines.papermill_engines.register(None, Engine)  # None: the engine that is taken without `--engine`
