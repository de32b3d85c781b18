"""`reid runs`: all runs, newest first; the reference; runs removed and renamed; tags and notes."""

import click

from reid_lib.cli.commands import as_json, echo_json, example, program
from reid_lib.cli.completion import RUN
from reid_lib.core.errors import ReidError
from reid_lib.core.logs import LOGGER


@click.group(
    invoke_without_command=True,
    epilog=example(
        "runs",
        "runs --json",
        "runs --where 'lr < 1e-3'",
        "runs promote my-run",
        "runs promote --best",
        "runs rename old new",
    ),
)
@click.option("--where", default="", metavar="EXPRESSION", help="Only those for which it holds: 'lr < 1e-3'.")
@as_json
@click.pass_context
def runs(ctx: click.Context, where: str, as_json: bool) -> None:
    """All runs, newest first, the reference marked.

    An EXPRESSION compares parameters, metrics (val_geometric_mean), state, date or tags, with and, or, not, in.
    """
    if ctx.invoked_subcommand:
        return
    from reid_lib.runs import listing

    if as_json:
        echo_json(listing.describe_runs(where=where))
    else:
        click.echo(listing.tabulate_runs(where=where))


@runs.command(epilog=example("runs promote my-run", "runs promote --best"))
@click.argument("run", required=False, type=RUN, help="A finished run.")
@click.option("--best", is_flag=True, help="Promote the best on val, if it beats the reference.")
def promote(run: str | None, best: bool) -> None:
    """Make a run the reference that others are compared with."""
    from reid_lib.runs import table

    if best and run:
        raise ReidError(f"--best chooses the run by itself: {program()} runs promote --best")
    if best:
        from reid_lib.compare.promote import choose_best

        choice = choose_best()
        if choice.run:
            table.promote(choice.run)
        click.echo(choice.text)
    elif not run:
        raise ReidError(f"which run? {program()} runs promote RUN")
    else:
        table.promote(run)
        click.echo(f"{run} is the reference now")


@runs.command(
    "rm", epilog=example("runs rm my-run", "runs rm a b --yes", 'runs rm old --reference "was of other data"')
)
@click.argument("names", nargs=-1, required=True, type=RUN, metavar="RUN...", help="Runs that are not running.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--reference", "reason", default="", metavar="WHY", help="Remove the reference, too, and say why.")
def remove(names: tuple[str, ...], yes: bool, reason: str) -> None:
    """Delete the folders of runs, and their rows in the table of all runs.

    Who removed what, when and why stands in runs/removed.log.
    """
    from reid_lib.core.messages import format_bytes
    from reid_lib.runs import removal

    found = [removal.check_removable(name, reason=reason) for name in dict.fromkeys(names)]
    for one in found:
        click.echo(f"{one.run.name}: {one.state}, {format_bytes(one.bytes)} in {one.run.folder}")
        for note in one.notes:
            click.echo(f"  {note}")
    if not yes:
        click.confirm(f"Delete {'it' if len(found) == 1 else f'these {len(found)} runs'} for good?", abort=True)
    for one in found:
        removal.remove_run(one.run.name, reason=reason)
        click.echo(f"{one.run.name} is deleted")


@runs.command(
    "tag", epilog=example("runs tag a b --add paper", "runs tag a --remove draft", "runs --where '\"paper\" in tags'")
)
@click.argument("names", nargs=-1, required=True, type=RUN, metavar="RUN...", help="In any state.")
@click.option("--add", multiple=True, metavar="TAG", help="A word; may be repeated.")
@click.option("--remove", multiple=True, metavar="TAG", help="A tag to take away; may be repeated.")
def tag(names: tuple[str, ...], add: tuple[str, ...], remove: tuple[str, ...]) -> None:
    """Tags of runs: shown, added and removed.

    They stand in the lists of runs and in compare.ipynb, and can be filtered by. No result, no decision and no other
    run depends on them.
    """
    from reid_lib.runs.remarks import remarks_of, tag_run

    for name in dict.fromkeys(names):
        said = tag_run(name, add=add, remove=remove) if add or remove else remarks_of(name)
        click.echo(f"{name}: {said.hashed or 'no tags'}")


@runs.command(
    epilog=example('runs note my-run "with the photographs of 2024"', "runs note my-run", 'runs note my-run ""')
)
@click.argument("name", type=RUN, metavar="RUN", help="In any state.")
@click.argument("text", required=False, help="The new note; empty: none. Left out: the note is shown.")
def note(name: str, text: str | None) -> None:
    """The note of a run: shown, or written in the place of the one before."""
    from reid_lib.runs.remarks import note_run, remarks_of

    said = remarks_of(name) if text is None else note_run(name, text)
    click.echo(f"{name}: {said.note or 'no note'}")


@runs.command(epilog=example("runs rename my-run wide-margin"))
@click.argument("old", type=RUN, metavar="OLD", help="A run that is not running.")
@click.argument("new", metavar="NEW", help="Letters, digits, '.', '_' and '-'; no run has it yet.")
def rename(old: str, new: str) -> None:
    """Give a run another name: its folder, and everywhere it is named.

    That is in its files, its report, the table of all runs, the reference, evaluations of it, runs that name it as
    their reference, and its reviews. Galleries and answers keep the name of the run that they were made by.
    """
    from reid_lib.pipeline.renaming import rename_everywhere
    from reid_lib.sweep.plan import is_planned

    for line in rename_everywhere(old, new):
        click.echo(line)
    if is_planned(old):
        LOGGER.warning(f"a plan names {old}: its next sweep makes that run anew")
