"""`reid identify`: which animals are these new photographs?"""

import click

from reid_lib.cli.commands import example
from reid_lib.cli.completion import GALLERY, RUN
from reid_lib.core.errors import ParameterError
from reid_lib.core.kernel import quick_imports
from reid_lib.params.fields import IdentifyParams


@click.command(
    epilog=example(
        "identify my-run path/to/new",
        "identify my-run path/to/new --folders encounter",
        "identify --gallery lynxes path/to/new",
    )
)
@click.argument(
    "words",
    nargs=-1,
    type=RUN,
    metavar="[RUN] PHOTOS",
    help="The finished run that answers, and a folder, a file or a table of photographs.",
)
@click.option(
    "--gallery",
    default="",
    type=GALLERY,
    metavar="NAME",
    help="Search this gallery; without RUN its own network answers.",
)
@click.option("--folders", default="none", metavar="NAME", help="What subfolders mean: none, encounter (none).")
@click.option("--columns", default="", metavar="PAIRS", help='Of a table: "path:file date:day".')
@click.option("--dataset", default="", metavar="NAME", help="Which data set of the gallery, where there are several.")
@click.option("--enrolled", default="all", metavar="NAME", help="all, or gallery: what the run's own test searched.")
@click.option("--answers", default="", metavar="NAME", help="Name of the folder of the answers.")
@click.option("--device", default="auto", metavar="NAME", help="auto, cpu, cuda, mps (auto).")
def identify(words: tuple[str, ...], gallery: str, **options: str) -> None:
    """Answer new photographs: a folder, one file or a table.

    Leaves answers.csv, answers.html (pictures) and summary.txt in runs/answers/NAME.
    """
    with quick_imports():
        from reid_lib.pipeline.identification import identify as ask

    most = 1 if gallery else 2
    if not 1 <= len(words) <= 2 or (len(words) < most):
        raise ParameterError(
            "expected a run and photographs: reid identify RUN PHOTOS (or --gallery NAME PHOTOS); got "
            f"{' '.join(words) or 'nothing'}"
        )
    run = words[0] if len(words) == 2 else ""
    found = ask(IdentifyParams.checked({"run": run, "photos": words[-1], "gallery": gallery, **options}))
    click.echo(found.summary)
    click.echo(f"answers: {found.folder}")
    click.echo(f"pictures: {found.page}")
