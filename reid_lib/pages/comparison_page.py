"""A chosen comparison as one HTML page that stands alone, with its figures as PNG beside it."""

import base64
import datetime
import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd
from markupsafe import Markup

from reid_lib.compare import verdicts
from reid_lib.compare.comparison import Comparison
from reid_lib.core import files
from reid_lib.core.errors import RunError
from reid_lib.core.names import COMPARISONS, IDENTITY, PREDICTED, SCORE
from reid_lib.figures import impact, performance, planes
from reid_lib.figures.histories import history_lines, loss_comparison
from reid_lib.figures.labels import MAIN_METRICS, capital, history_column, metric_word
from reid_lib.figures.pointing import locate_spots
from reid_lib.figures.saving import FILE_DPI, save_figure
from reid_lib.openset.outcomes import MISTAKES
from reid_lib.pages import html, plots, verdict_table
from reid_lib.runs.folder import check_name
from reid_lib.runs.table import PARAM

if TYPE_CHECKING:
    from matplotlib.axes import Axes

PAGE = "comparison.html"
MOST_MISTAKES = 5  # of each kind and run
CURVES = ("loss", "val_score", "lr", "images_per_s")  # columns of the histories
MOVING = {"embeddings", *(f"curve_{column}" for column in CURVES)}  # the page has them as plots, the folder as PNG
START = """
const DATA = JSON.parse(document.getElementById("plots").textContent);
for (const kind of ["planes", "curves"]) {
  DATA[kind].forEach((spec, k) => drawPlot(document.getElementById(`${kind}-${k}`), spec, DATA.photographs));
}
document.querySelectorAll(".enlarged").forEach((frame, k) => {
  pointAt(frame, frame.querySelector("img"), DATA.spots[k]);
});
"""


def write_comparison(comparison: Comparison, names: list[str], *, name: str, metric: str = "geometric_mean") -> Path:
    """Write `runs/comparisons/<name>/comparison.html` and the figures, over what an earlier export left there.

    Raises:
        RunError: no run is chosen, or the name could lead elsewhere.
    """
    if not names:
        raise RunError("nothing to compare: choose at least one run")
    folder = comparison.root / COMPARISONS / check_name(name)
    folder.mkdir(parents=True, exist_ok=True)
    figures, differences = {}, verdicts.tabulate_differences(comparison, names, metric)
    for key, (caption, draw) in _figures(comparison, names, metric, differences).items():
        drawn = draw()
        spots = [] if key in MOVING else locate_spots(drawn, dpi=FILE_DPI)
        figures[key] = (caption, save_figure(drawn, folder / f"{key}.png", close=True).read_bytes(), spots)
    page = folder / PAGE
    with files.atomic(page) as path:
        path.write_text(_page(comparison, names, name, metric, figures, differences), encoding="utf-8")
    return page


def _figures(comparison: Comparison, names: list[str], metric: str, differences) -> dict:
    """File name -> (caption, how to draw it)."""
    table = comparison.table.reset_index(drop=True)
    chosen = table[table["run"].isin(names)]
    runs, called = [comparison.run(name) for name in names], comparison.labels(names)
    judged = verdicts.describe_verdicts(comparison, differences)
    drawn = {
        "performance": (
            f"{capital(metric_word(metric))} on test",
            lambda: performance.performance_bars(chosen, [metric], **judged),
        ),
        "heatmap": (
            "All headline metrics on test",
            lambda: performance.performance_heatmap(chosen, [m for m in MAIN_METRICS if m in table]),
        ),
    }
    for column in CURVES:
        caption = f"{capital(history_column(column).word)} by epoch"
        drawn[f"curve_{column}"] = (caption, lambda c=column: draw_curves(comparison, names, c))
    for parameter in comparison.differing(names):
        if not impact.has_impact(table, parameter, metric, reference=comparison.reference):
            continue
        drawn[f"impact_{parameter}"] = (
            f"Impact of {parameter}, over all runs",
            lambda p=parameter: impact.parameter_impact(table, p, metric, reference=comparison.reference),
        )
    drawn["embeddings"] = (
        "Embeddings side by side",
        lambda: planes.projections({called[r.name]: r.projection for r in runs}),
    )
    return drawn


def _page(
    comparison: Comparison, names: list[str], name: str, metric: str, figures: dict, differences: pd.DataFrame
) -> Markup:
    called = {run: html.run_label(run, label) for run, label in comparison.labels(names).items()}
    drawn = [figure for key, figure in figures.items() if key not in MOVING]
    planes, photographs, left_out = plots.plot_planes(comparison, names)
    curves = [plots.plot_curves(comparison, names, column) for column in CURVES]
    script = plots.plot_script() + START
    return html.render_template(
        "comparison_page.html",
        script=Markup(script),
        allowed=f"default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src '{_hash(script)}'",
        plots={"curves": curves, "planes": planes, "photographs": photographs, "spots": [own[2] for own in drawn]},
        left_out=left_out,
        hint=plots.HINT,
        title=f"{name}: comparison",
        name=name,
        n_runs=len(names),
        written=datetime.datetime.now().astimezone().strftime("%Y-%m-%d %H:%M %Z"),
        table=verdict_table.render_verdicts(comparison, names, differences, metric=metric),
        figures=[(caption, html.data_uri(data, "png")) for caption, data, _ in drawn],
        undrawn=[p for p in comparison.differing(names) if f"impact_{p}" not in figures],
        mistakes=[(called[run], _mistakes(comparison, run)) for run in names],
        parameters=_parameters(comparison, names),
        parameter_heads=["parameter", *called.values()],
    )


def _hash(script: str) -> str:
    """Of the one script that the page may run: nothing that a name smuggles in is one."""
    return f"sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}"


def _mistakes(comparison: Comparison, name: str) -> list[list[Markup]]:
    """One row per mistake on val, on which everything is decided; the most confident of each kind first."""
    rows = []
    for kind, label in MISTAKES.items():
        for _, row in comparison.mistakes(name, kind).head(MOST_MISTAKES).iterrows():
            cells = (label, row.name, row[IDENTITY], row[PREDICTED], float(row[SCORE]))
            words = [html.text(cell) for cell in cells]
            rows.append([words[0], html.photo_pair(comparison, name, row), *words[1:]])
    return rows


def _parameters(comparison: Comparison, names: list[str]) -> list[list[str]]:
    """One row per parameter: its name, and its value in each run."""
    table = comparison.table.loc[names, [c for c in comparison.table if c.startswith(PARAM)]]
    return [[c.removeprefix(PARAM), *(str(table.loc[n, c]) for n in names)] for c in table]


def draw_curves(comparison: Comparison, names: Sequence[str], column: str) -> "Axes":
    """One column of the histories of these runs, finished or in training, by epoch."""
    called = comparison.labels(names)
    histories = {called[name]: comparison.history(name) for name in names}
    if column == "loss":
        return loss_comparison(histories, losses={called[name]: comparison.loss(name) for name in names})
    return history_lines(histories, column, note=plots.warn_of_curves(comparison, names, column))
