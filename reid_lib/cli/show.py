"""`reid name | folder | show | state | stop | report`: of one run."""

import click

from reid_lib.cli.commands import PapermillCommand, as_json, echo_json, example
from reid_lib.cli.completion import RUN
from reid_lib.core.errors import RunError
from reid_lib.params.papermill import papermill_params


@click.command(cls=PapermillCommand, epilog=example("name -p lr 1e-4", "name --notebook evaluate -p run my-run"))
@click.option(
    "--notebook", default="train", metavar="NOTEBOOK", help="train, evaluate, or the file that papermill is to execute."
)
def name(notebook: str, papermill: tuple[str, ...]) -> None:
    """The run name that papermill arguments lead to."""
    from reid_lib.runs.folder import folder_of
    from reid_lib.runs.naming import name_of

    params = papermill_params(list(papermill), notebook)
    click.echo(folder_of(name_of(params)).name)


@click.command(epilog=example("folder my-run"))
@click.argument("run", type=RUN, help="Its name; the run need not be there yet.")
def folder(run: str) -> None:
    """The folder of a run."""
    from reid_lib.runs.folder import folder_of

    click.echo(folder_of(run))


@click.command(epilog=example("show my-run", "show my-run --json"))
@click.argument("run", type=RUN, help="A finished run.")
@as_json
def show(run: str, as_json: bool) -> None:
    """The headline result of a run, where it lies, and what to open next."""
    from reid_lib.cli.train import describe_end
    from reid_lib.openset.summary import headline
    from reid_lib.runs.folder import load_run
    from reid_lib.runs.listing import describe_run

    shown = load_run(run)
    results = shown.metrics()  # a finished run has them: without, it is damaged
    if as_json:
        echo_json(describe_run(shown) | {"headline": headline(results)})
    else:
        click.echo("\n".join(describe_end(shown)))


@click.command(
    epilog=example("state my-run", "state my-run --json"),
    short_help="Planned, running, interrupted, failed, finished, ...",
)
@click.argument("run", type=RUN, help="A run, begun or planned.")
@as_json
def state(run: str, as_json: bool) -> None:
    """Planned (by a sweep), running, interrupted, failed, finished or unreadable."""
    from reid_lib.runs.folder import PLANNED, RunFolder, folder_of, no_such_run, state_of
    from reid_lib.sweep.plan import is_planned

    found = state_of(run)
    if found == PLANNED and not is_planned(run):
        raise RunError(no_such_run(run))
    if as_json:
        status = {} if found == PLANNED else RunFolder(folder_of(run)).status()
        echo_json({"run": run, "epoch": None, "error": None} | status | {"state": found})
    else:
        click.echo(found)


@click.command(epilog=example("stop my-run"))
@click.argument("run", type=RUN, help="A run that is running on this machine.")
def stop(run: str) -> None:
    """Ask a run on this machine to write a checkpoint and stop."""
    from reid_lib.runs.run import ask_to_stop

    ask_to_stop(run)
    click.echo(f"{run} is asked to stop after the step at hand; run it again and it continues")


@click.command(epilog=example("report my-run"))
@click.argument("run", type=RUN, help="A finished run.")
def report(run: str) -> None:
    """Write report.html of a finished run again."""
    from reid_lib.pages.run_report import write_report
    from reid_lib.runs.folder import load_run

    click.echo(f"report: {write_report(load_run(run))}")
