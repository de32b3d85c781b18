"""The command line: `reid name | folder | state | show | stop | report | download | runs | ...`."""

import click

from reid_lib.cli.commands import HELP, Commands, PapermillCommand, example, program
from reid_lib.cli.export import export
from reid_lib.cli.gallery import accept, gallery
from reid_lib.cli.identify import identify
from reid_lib.cli.review import review
from reid_lib.cli.sightings import sightings
from reid_lib.cli.sweep import sweep
from reid_lib.core.errors import ReidError, RunError
from reid_lib.core.logs import notes_on
from reid_lib.core.messages import TRACEBACK
from reid_lib.params.papermill import papermill_params


@click.group(cls=Commands, context_settings=HELP, epilog=example("name -p lr 1e-4", "runs"))
@click.option(TRACEBACK, is_flag=True, help="Where in the code an error came up; anywhere on the line.")
def commands(traceback: bool) -> None:
    """Open-set animal re-identification."""


def main(arguments: list[str] | None = None) -> int:
    """Run one command; returns the exit code.

    Errors are one message on stderr, after their traceback if that is asked for.

    Args:
        arguments: the words after `reid`; None: those of this process.
    """
    try:
        with notes_on("stderr"):
            commands.main(arguments, prog_name=program())
    except SystemExit as ended:
        return ended.code if isinstance(ended.code, int) else int(ended.code is not None)
    return 0


@commands.command(cls=PapermillCommand, epilog=example("name -p lr 1e-4", "name --notebook evaluate -p run my-run"))
@click.option(
    "--notebook", default="train", metavar="NOTEBOOK", help="train, evaluate, or the file that papermill is to execute."
)
def name(notebook: str, papermill: tuple[str, ...]) -> None:
    """The run name that papermill arguments lead to."""
    from reid_lib.runs.folder import folder_of

    params = papermill_params(list(papermill), notebook)
    click.echo(folder_of(params.run_name or params.default_name()).name)


@commands.command(epilog=example("folder my-run"))
@click.argument("run")
def folder(run: str) -> None:
    """The folder of a run."""
    from reid_lib.runs.folder import folder_of

    click.echo(folder_of(run))


@commands.command(epilog=example("show my-run"))
@click.argument("run")
def show(run: str) -> None:
    """The headline result of a run."""
    from reid_lib.openset.summary import headline
    from reid_lib.runs.folder import load_run

    shown = load_run(run)
    click.echo(headline(shown.metrics()))
    click.echo(f"run folder: {shown.folder}")


@commands.command(epilog=example("state my-run"), short_help="Planned, running, interrupted, failed, finished, ...")
@click.argument("run")
def state(run: str) -> None:
    """Planned (by a sweep), running, interrupted, failed, finished or unreadable."""
    from reid_lib.runs.folder import PLANNED, no_such_run, state_of
    from reid_lib.sweep.plan import is_planned

    found = state_of(run)
    if found == PLANNED and not is_planned(run):
        raise RunError(no_such_run(run))
    click.echo(found)


@commands.command(epilog=example("stop my-run"))
@click.argument("run")
def stop(run: str) -> None:
    """Ask a run on this machine to write a checkpoint and stop."""
    from reid_lib.runs.run import ask_to_stop

    ask_to_stop(run)
    click.echo(f"{run} is asked to stop after the step at hand; run it again and it continues")


@commands.command(epilog=example("report my-run"))
@click.argument("run")
def report(run: str) -> None:
    """Write report.html of a finished run again."""
    from reid_lib.pages.run_report import write_report
    from reid_lib.runs.folder import load_run

    click.echo(f"report: {write_report(load_run(run))}")


@commands.command(
    cls=PapermillCommand, epilog=example("download -p dataset wildlife:NyalaData -p data_root data/nyala")
)
def download(papermill: tuple[str, ...]) -> None:
    """Fetch data set and backbone of a run beforehand."""
    from reid_lib.cli.fetch import fetch

    fetch(papermill_params(list(papermill)))


@commands.command(epilog=example("runs", "runs promote my-run", "runs promote --best"))
@click.argument("action", required=False, type=click.Choice(["promote"]), metavar="[promote")
@click.argument("run", required=False, metavar="RUN]")
@click.option("--best", is_flag=True, help="Promote the best on val, if it beats the reference.")
def runs(action: str | None, run: str | None, best: bool) -> None:
    """All runs, the reference marked.

    'runs promote RUN' sets the reference.
    """
    from reid_lib.runs import table

    if best and (action != "promote" or run):
        raise ReidError("--best chooses the run by itself: reid runs promote --best")
    if best:
        from reid_lib.compare.promote import choose_best

        choice = choose_best()
        if choice.run:
            table.promote(choice.run)
        click.echo(choice.text)
    elif action == "promote":
        if not run:
            raise ReidError("which run? reid runs promote RUN")
        table.promote(run)
        click.echo(f"{run} is the reference now")
    else:
        click.echo(table.tabulate_runs())


commands.add_command(sweep)
commands.add_command(export)
commands.add_command(identify)
commands.add_command(sightings)
commands.add_command(gallery)
commands.add_command(accept)
commands.add_command(review)
