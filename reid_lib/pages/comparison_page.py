"""A chosen comparison as one HTML page that stands alone, with its figures as PNG beside it."""

import datetime
import html
from pathlib import Path

from reid_lib.compare import verdicts
from reid_lib.compare.comparison import Comparison
from reid_lib.core import files
from reid_lib.core.errors import RunError
from reid_lib.core.names import COMPARISONS, IDENTITY, PREDICTED, SCORE, TEST
from reid_lib.figures import impact, performance, planes
from reid_lib.figures.histories import history_lines, loss_comparison
from reid_lib.figures.labels import METRIC_LABELS
from reid_lib.openset.outcomes import MISTAKES
from reid_lib.pages import html as cards
from reid_lib.pages import verdict_table
from reid_lib.pages.notebook_page import STYLE
from reid_lib.runs.folder import check_name
from reid_lib.runs.table import PARAM

PAGE = "comparison.html"
CURVES = {"loss": "loss", "val_score": "val score", "lr": "learning rate", "images_per_s": "speed"}
FIGURE_DPI = 150
OTHER_QUERIES = "not all were asked the same photographs: only the shapes of the curves compare, not their heights"


def write_comparison(comparison: Comparison, names: list[str], *, name: str, metric: str = "geometric_mean") -> Path:
    """Write `runs/comparisons/<name>/comparison.html` and the figures, over what an earlier export left there.

    Raises:
        RunError: no run is chosen, or the name could lead elsewhere.
    """
    if not names:
        raise RunError("nothing to compare: choose at least one run")
    folder = comparison.root / COMPARISONS / check_name(name)
    folder.mkdir(parents=True, exist_ok=True)
    figures, differences = {}, verdicts.differences(comparison, names, metric)
    for key, (caption, draw) in _figures(comparison, names, metric, differences).items():
        figures[key] = (caption, cards.png(draw(), dpi=FIGURE_DPI))
        with files.atomic(folder / f"{key}.png") as path:
            path.write_bytes(figures[key][1])
    page = folder / PAGE
    with files.atomic(page) as path:
        path.write_text(_page(comparison, names, name, metric, figures, differences), encoding="utf-8")
    return page


def _figures(comparison: Comparison, names: list[str], metric: str, differences) -> dict:
    """File name -> (caption, how to draw it)."""
    from reid_lib.figures.labels import HEADLINE

    table = comparison.table.reset_index(drop=True)
    chosen = table[table["run"].isin(names)]
    label = METRIC_LABELS[metric].split(":")[0]
    runs = [comparison.run(name) for name in names]
    judged = verdicts.for_title(comparison, differences)
    drawn = {
        "performance": (f"{label} on test", lambda: performance.performance_bars(chosen, [metric], **judged)),
        "heatmap": (
            "All headline metrics on test",
            lambda: performance.performance_heatmap(chosen, [m for m in HEADLINE if m in table]),
        ),
    }
    for column, caption in CURVES.items():
        drawn[f"curve_{column}"] = (f"Training: {caption}", lambda c=column: draw_curves(comparison, names, c))
    for parameter in comparison.differing(names):
        drawn[f"impact_{parameter}"] = (
            f"Impact of {parameter}, over all runs",
            lambda p=parameter: impact.parameter_impact(table, p, metric, reference=comparison.reference),
        )
    drawn["embeddings"] = (
        "Embeddings side by side",
        lambda: planes.projections({r.name: r.projection for r in runs}, {r.name: r.predictions for r in runs}),
    )
    return drawn


def _page(comparison, names, name: str, metric: str, figures: dict, differences) -> str:
    when = datetime.datetime.now().astimezone().strftime("%Y-%m-%d %H:%M %Z")
    parts = [f"<h1>{html.escape(name)}: {len(names)} runs compared</h1>", f'<p class="facts">written {when}</p>']
    parts.append("<h2>Numbers</h2>" + verdict_table.html_table(comparison, names, differences, metric=metric))
    parts.append("<h2>Figures</h2>")
    for caption, data in figures.values():
        parts.append(f'<img alt="{html.escape(caption)}" src="{cards.data_uri(data, "png")}">')
        parts.append(f'<p class="caption">{html.escape(caption)}</p>')
    parts.append("<h2>The most confident mistakes on test</h2>")
    parts += [_mistakes(comparison, name) for name in names]
    parts.append("<h2>All parameters</h2>" + _parameters(comparison, names))
    title = html.escape(f"{name}: comparison")
    return (
        f'<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n<title>{title}</title>\n'
        f"<style>{STYLE}</style>\n</head>\n<body>\n" + "\n".join(parts) + "\n</body>\n</html>\n"
    )


def _mistakes(comparison: Comparison, name: str, *, n: int = 5) -> str:
    rows = []
    for kind, label in MISTAKES.items():
        for _, row in comparison.mistakes(name, kind, role=TEST).head(n).iterrows():
            cells = (label, row.name, row[IDENTITY], row[PREDICTED], float(row[SCORE]))
            rows.append([cards.text(cell) for cell in cells])
    table = cards.table(rows, ["mistake", "query", "individual", "answer", "score"]) if rows else "<p>none</p>"
    return f"<h3>{html.escape(name)}</h3>" + table


def _parameters(comparison: Comparison, names: list[str]) -> str:
    table = comparison.table.loc[names, [c for c in comparison.table if c.startswith(PARAM)]]
    rows = [[cards.text(c.removeprefix(PARAM)), *(cards.text(str(table.loc[n, c])) for n in names)] for c in table]
    return cards.table(rows, ["parameter", *names])


def draw_curves(comparison: Comparison, names, column: str):
    histories = {name: comparison.run(name).history for name in names}
    if column == "loss":
        return loss_comparison(histories, losses={name: comparison.loss(name) for name in names})
    others = column.startswith("val_") and not all(comparison.comparable(name, names[0]) for name in names)
    return history_lines(histories, column, note=OTHER_QUERIES if others else "")
