"""`reid review`: what people decided in review.ipynb, and its effect."""

import click

from reid_lib.cli.commands import HELP, example
from reid_lib.cli.completion import REVIEW


@click.group(context_settings=HELP, epilog=example("review list", "review show my-run", "review apply my-run"))
def review() -> None:
    """Pairs that people decide (in review.ipynb), and the effect of the decisions."""


@review.command("list", epilog=example("review list"))
def list_all() -> None:
    """All reviews, each with its run."""
    from reid_lib.pipeline.review_folder import list_reviews, run_of

    for name in list_reviews():
        click.echo(f"{name}  of run {run_of(name)}")


@review.command(epilog=example("review show my-run"))
@click.argument("name", type=REVIEW, help="A review, called like its run where no name was given.")
def show(name: str) -> None:
    """What was decided, and how much is left."""
    from reid_lib.pipeline.review import open_named

    click.echo(open_named(name).summary())


@review.command(epilog=example("review apply my-run"))
@click.argument("name", type=REVIEW, help="A review, called like its run where no name was given.")
def apply(name: str) -> None:
    """Write clusters and names with the decisions applied into reviews/NAME/applied; nothing else changes."""
    from reid_lib.pipeline.review import open_named

    click.echo(open_named(name).apply().summary)
