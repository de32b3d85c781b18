"""`reid compare`: runs side by side, with verdicts, and as a page."""

from typing import TYPE_CHECKING, Any

import click

from reid_lib.cli.commands import as_json, echo_json, example
from reid_lib.cli.completion import RUN
from reid_lib.core.names import HEADLINE, TEST

if TYPE_CHECKING:
    import pandas as pd

    from reid_lib.compare.comparison import Comparison

JUDGED = ["difference", "low", "high", "p_holm", "verdict_holm", "n_seeds", "basis"]


@click.command(epilog=example("compare", "compare default lr-3e-4", "compare a b c --baseline a --name widths"))
@click.argument("names", nargs=-1, type=RUN, metavar="[RUN...]", help="Finished runs; none: the best on val.")
@click.option(
    "--baseline", default="", type=RUN, metavar="RUN", help="Compare with it (the reference, else the first)."
)
@click.option("--metric", type=click.Choice(HEADLINE), default=HEADLINE[0], show_default=True, help="What is judged.")
@click.option("--name", default="comparison", metavar="NAME", show_default=True, help="Of the page's folder.")
@click.option("--page/--no-page", default=True, help="Write the page with its figures (takes some seconds).")
@as_json
def compare(names: tuple[str, ...], baseline: str, metric: str, name: str, page: bool, as_json: bool) -> None:
    """Runs side by side on test: differences with intervals and verdicts.

    The page, with figures, curves and mistakes, is runs/comparisons/NAME/comparison.html. What becomes the reference is
    decided on val: runs promote --best.
    """
    from reid_lib.compare.comparison import Comparison
    from reid_lib.compare.text import explain_alone, tabulate_text
    from reid_lib.compare.verdicts import tabulate_differences

    comparison = Comparison(baseline=baseline)
    chosen = list(dict.fromkeys(names)) or comparison.default_choice()
    for run in chosen:
        comparison.run(run)  # a name that is none is told before anything is computed
    if not comparison.reference and len(chosen) > 1:
        comparison = Comparison(baseline=chosen[0])
    found = tabulate_differences(comparison, chosen, metric)
    written = write_page(comparison, chosen, name, metric) if page else ""
    if as_json:
        echo_json(describe(comparison, chosen, found, metric) | {"page": written or None})
        return
    click.echo(tabulate_text(comparison, chosen, found, metric))
    if alone := explain_alone(comparison, chosen, found):
        click.echo(alone)
    if written:
        click.echo(f"page: {written}")


def write_page(comparison: "Comparison", names: list[str], name: str, metric: str) -> str:
    """Write the page and its figures; returns where it lies."""
    import matplotlib

    from reid_lib.pages.comparison_page import write_comparison

    matplotlib.use("Agg")  # a terminal shows no windows
    return str(write_comparison(comparison, names, name=name, metric=metric))


def describe(comparison: "Comparison", names: list[str], found: "pd.DataFrame", metric: str) -> dict[str, Any]:
    """What is printed, as JSON has it."""
    from reid_lib.runs.table import COMPARED

    runs = []
    for run in names:
        value = comparison.run(run).metrics[TEST]["overall"].get(metric)
        judged = found.loc[run, JUDGED].to_dict() if run in found.index else {}
        runs.append({"run": run, "value": value, "compared_with": comparison.table.loc[run, COMPARED], **judged})
    return {"metric": metric, "role": TEST, "reference": comparison.reference, "runs": runs}
