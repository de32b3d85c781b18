"""The command line `reid`: each command in a module of its own, put together here."""

import click

from reid_lib import __version__
from reid_lib.cli.cache import cache
from reid_lib.cli.commands import HELP, Commands, PapermillCommand, example, program
from reid_lib.cli.compare import compare
from reid_lib.cli.completion import LINES, completion
from reid_lib.cli.doctor import doctor
from reid_lib.cli.export import export
from reid_lib.cli.gallery import accept, gallery
from reid_lib.cli.identify import identify
from reid_lib.cli.init import init
from reid_lib.cli.review import review
from reid_lib.cli.runs import runs
from reid_lib.cli.show import folder, name, report, show, state, stop
from reid_lib.cli.sightings import sightings
from reid_lib.cli.sweep import sweep
from reid_lib.cli.train import evaluate, train
from reid_lib.core.logs import show_notes_on
from reid_lib.core.messages import TRACEBACK
from reid_lib.params.papermill import papermill_params

START = example("train", "evaluate -p run my-run", "compare", "identify my-run path/to/new", "runs")
COMPLETION = "\b\nCompletion by Tab:\n" + "\n".join(f"  {shell:<5} {line}" for shell, line in LINES.items())


@click.group(cls=Commands, context_settings=HELP, epilog=f"{START}\n\n{COMPLETION}")
@click.version_option(__version__, prog_name="reid_lib", message="%(prog)s %(version)s")
@click.option(TRACEBACK, is_flag=True, help="Where in the code an error came up; anywhere on the line.")
def commands(traceback: bool) -> None:
    """Open-set animal re-identification: which known individual is this, or is it a new one?"""


def main(arguments: list[str] | None = None) -> int:
    """Run one command; returns the exit code.

    Errors are one message on stderr, after their traceback if that is asked for.

    Args:
        arguments: the words after `reid`; None: those of this process.
    """
    try:
        with show_notes_on("stderr"):
            commands.main(arguments, prog_name=program())
    except SystemExit as ended:
        return ended.code if isinstance(ended.code, int) else int(ended.code is not None)
    return 0


@click.command(cls=PapermillCommand, epilog=example("download -p dataset wildlife:NyalaData -p data_root data/nyala"))
def download(papermill: tuple[str, ...]) -> None:
    """Fetch data set and backbone of a run beforehand."""
    from reid_lib.cli.fetch import fetch

    fetch(papermill_params(list(papermill)))


# In the order in which the help lists them.
for command in (train, evaluate, identify, compare, runs, sweep, gallery, accept, review, sightings, export):
    commands.add_command(command)
for command in (show, state, stop, report, name, folder, download, init, doctor, cache, completion):
    commands.add_command(command)
