"""Figures of a table of runs (`table.tabulate_metrics`): intervals of several runs, and runs against metrics."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from reid_lib.figures.labels import LABEL_WIDTH, capital, lower_is_better, metric_label, metric_word, wrap_names
from reid_lib.figures.legible import legible
from reid_lib.figures.pointing import name_run, point_out, say_result
from reid_lib.figures.style import (
    BLACK,
    CYCLE,
    GREY,
    LABEL_PT,
    MARKERS,
    TICK_PT,
    dress,
    legend_above,
    legend_pad,
    new_axes,
    write_message,
)
from reid_lib.openset.difference import BETTER, FEW, WORSE
from reid_lib.runs.labels import label_runs
from reid_lib.runs.table import ASKED, REFERENCE, RUN

if TYPE_CHECKING:
    from matplotlib.axes import Axes

OTHER_QUERIES = "asked other test photographs, not to be compared"
LINE_IN = 0.15  # inches of a line of a run's label
PALE, STRONG = "#f4f8fb", "#74add1"  # worst and best cell of a column; black is read on both


def reference_of(table: pd.DataFrame, given: str | None) -> str | None:
    """The run to mark: the one given, else the one that most runs of the table name as theirs; None for none of them.

    Args:
        given: name of a run; None: as the table says; "": none.
    """
    if given is None and REFERENCE in table and table[REFERENCE].notna().any():
        given = table[REFERENCE].dropna().mode().iloc[0]
    return given if given and (table[RUN] == given).any() else None


def asked_alike(table: pd.DataFrame, reference: str | None) -> np.ndarray:
    """Boolean (n,): runs that were asked the same test queries as the reference, else the same as the most."""
    if ASKED not in table or table[ASKED].isna().all():
        return np.ones(len(table), dtype=bool)
    of_reference = table.loc[table[RUN] == reference, ASKED]
    return (table[ASKED] == (of_reference if len(of_reference) else table[ASKED].mode()).iloc[0]).to_numpy(bool)


def numbers(table: pd.DataFrame, column: str) -> np.ndarray:
    """A column as (n,) float64; NaN where it is missing altogether."""
    if column not in table:
        return np.full(len(table), np.nan)
    return pd.to_numeric(table[column], errors="coerce").to_numpy(dtype=float)


def by_performance(table: pd.DataFrame, metric: str) -> pd.DataFrame:
    """The rows, best first; undefined ones last, ties by name."""
    key = numbers(table, metric) * (1 if lower_is_better(metric) else -1)
    order = table.assign(_key=key).sort_values(["_key", RUN], na_position="last", kind="stable")
    return order.drop(columns="_key").reset_index(drop=True)


@legible
def performance_bars(
    table: pd.DataFrame,
    metrics: Sequence[str],
    *,
    reference: str | None = None,
    verdicts: Mapping[str, str] | None = None,
    against: str = "",
    ax: "Axes | None" = None,
) -> "Axes":
    """Each run's metrics with 95 % intervals, the highest run on top; sorted by the first metric.

    Runs are called by what differs among them (`short_labels`). The title says which one is better only where a verdict
    is given: intervals of single runs do not tell, since they are of the same animals. Runs that were asked other test
    queries are hollow.

    Args:
        table: `table.tabulate_metrics()`: `run`, `<metric>`, `<metric>_low`, `<metric>_high`, and when there
            `test_fingerprint`.
        metrics: a column, or several; up to eight are told apart.
        reference: run that is marked, see `reference_of`.
        verdicts: run -> verdict of its paired difference to the reference in the first metric (`difference.judge`).
        against: how it was compared with the reference, in words, where that is not with its one run alone.
    """
    metrics = [metrics] if isinstance(metrics, str) else list(metrics)
    longest = max((len(line) for name in short_labels(table).values() for line in name.split("\n")), default=20)
    row_in = max(0.13 + 0.09 * len(metrics), 0.06 + LINE_IN * _most_lines(table))
    ax = new_axes(ax, width_in=5.6 + 0.08 * longest, height_in=1.3 + max(2, len(table)) * row_in)
    pad = legend_pad(len(metrics), 2) if len(metrics) > 1 else 8
    axis = metric_label(metrics[0]) if len(metrics) == 1 else "value (0 to 1)"
    marked = reference_of(table, reference)
    alike = asked_alike(table, marked)
    x = f"{axis}; lines: 95 % intervals" + ("" if alike.all() else f"\nhollow: {OTHER_QUERIES}")
    dress(ax, title=_title(table, metrics[0], marked, verdicts, against), x=x, title_pad=pad)
    if table.empty:
        ax.set(xticks=[], yticks=[])
        write_message(ax, "no run is finished yet")
        return ax
    ordered = by_performance(table, metrics[0])
    solid, labels = asked_alike(ordered, marked), label_runs(ordered)
    for i, (metric, colour, marker) in enumerate(zip(metrics, CYCLE, MARKERS, strict=False)):
        offset = 0.0 if len(metrics) == 1 else 0.6 * (i / (len(metrics) - 1) - 0.5)
        _dots(ax, ordered, metric, np.arange(len(ordered)) + offset, colour, marker, solid)
        judged = verdicts or {} if i == 0 else {}
        _point_out_dots(ax, ordered, metric, np.arange(len(ordered)) + offset, solid, judged, labels)
    _name_rows(ax, ordered, marked)
    for place in range(1, len(ordered), 2):
        ax.axhspan(place - 0.5, place + 0.5, color="#f5f5f5", zorder=0, linewidth=0)
    if len(metrics) > 1:
        legend_above(ax, 2)
    return ax


def short_labels(table: pd.DataFrame) -> dict[str, str]:
    """Run -> what tells it apart among those of the table (`label_runs`), in lines for which there is room."""
    labels = label_runs(table)
    short = wrap_names(labels.values(), LABEL_WIDTH)
    return {run: short[label] for run, label in labels.items()}


def _most_lines(table: pd.DataFrame) -> int:
    return max((1 + label.count("\n") for label in short_labels(table).values()), default=1)


def _dots(ax, ordered, metric, places, colour, marker, solid):
    value, low, high = (numbers(ordered, metric + end) for end in ("", "_low", "_high"))
    there = np.isfinite(value)
    known = there & np.isfinite(low) & np.isfinite(high)
    ax.hlines(places[known], low[known], high[known], color=colour, linewidth=1.3, gid=f"intervals {metric}")
    style = {"color": colour, "markersize": 5.5}
    ax.plot(value[there & solid], places[there & solid], marker, label=metric_label(metric), gid=metric, **style)
    hollow = there & ~solid
    ax.plot(value[hollow], places[hollow], marker, markerfacecolor="white", gid=f"other queries {metric}", **style)
    if (~there).any():
        at = 0.0 if not there.any() else np.nanmin([*value[there], *low[known]])
        for place in places[~there]:
            ax.text(at, place, "undefined", va="center", fontsize=TICK_PT - 1, color=GREY)


def _point_out_dots(ax, ordered, metric, places, solid, judged, labels):
    for place, (_, row), alike in zip(places, ordered.iterrows(), solid, strict=True):
        more = [judged.get(row[RUN], ""), "" if alike else OTHER_QUERIES]
        _point_out(ax, (row.get(metric, np.nan), place), row, metric, labels, more)


def _point_out(ax, at, row, metric, labels, more=(), box=(0.0, 0.0)):
    """What the pointer says of a run's metric, at (x, y) of the axes."""
    point_out(ax, *at, [*name_run(row, labels), say_result(row, metric), *more], box=box)


def _name_rows(ax, ordered, reference):
    short = short_labels(ordered)
    names = [short[str(run)] + ("  (reference)" if run == reference else "") for run in ordered[RUN]]
    ax.set_yticks(range(len(ordered)), names, fontsize=TICK_PT)
    for label, run in zip(ax.get_yticklabels(), ordered[RUN], strict=True):
        label.set(fontweight="bold" if run == reference else "normal")
    ax.set_ylim(len(ordered) - 0.5, -0.5)


def _title(table, metric, reference, verdicts, against) -> str:
    """What is drawn; and which runs are better or worse than the reference, where that was judged."""
    word, n = capital(metric_word(metric)), len(table)
    if not n:
        return "Runs compared"
    if not np.isfinite(numbers(table, metric)).any():
        return f"{word} is undefined in every run"
    title = f"{word} by run, {'lowest' if lower_is_better(metric) else 'highest'} first" if n > 1 else word
    judged = {run: verdict for run, verdict in (verdicts or {}).items() if run in set(table[RUN])}
    if not judged or reference is None:
        return title
    short = {run: label.replace("\n", " ") for run, label in short_labels(table).items()}
    said = []
    for verdict in (BETTER, WORSE):
        runs = [short[run] for run, own in judged.items() if own == verdict]
        said += [f"{verdict} {', '.join(runs) if len(runs) < 4 else f'are {len(runs)} runs'}"] * bool(runs)
    rest = [verdict for verdict in judged.values() if verdict not in (BETTER, WORSE)]
    words = {FEW: "with too few animals to say"}
    said += [f"{rest.count(verdict)} {words.get(verdict, verdict)}" for verdict in dict.fromkeys(rest)]
    return f"{word} against {', '.join(filter(None, (short[reference], against)))}: {'; '.join(said)}"


@legible
def performance_heatmap(table: pd.DataFrame, metrics: Sequence[str], *, ax: "Axes | None" = None) -> "Axes":
    """Runs against metrics, each value printed; the colour ranks the values of a column, it tells no runs apart.

    Runs that were asked other test queries are not ranked.

    Args:
        table: as in `performance_bars`; sorted by the first metric. The reference is marked, see `reference_of`.
        metrics: columns.
    """
    from matplotlib.colors import LinearSegmentedColormap

    metrics = [metrics] if isinstance(metrics, str) else list(metrics)
    row_in = 0.06 + LINE_IN * _most_lines(table)
    size = {"width_in": max(7.0, 2.6 + 0.8 * len(metrics)), "height_in": 1.7 + row_in * max(2, len(table))}
    ax = new_axes(ax, **size)
    dress(ax, title=_heading(table, metrics[0]) if metrics else "")
    ax.spines[:].set_visible(False)
    if table.empty or not metrics:
        ax.set(xticks=[], yticks=[])
        write_message(ax, "no run is finished yet" if table.empty else "no metric was asked for")
        return ax
    ordered, marked = by_performance(table, metrics[0]), reference_of(table, None)
    ranked, labels = asked_alike(ordered, marked), label_runs(ordered)
    values = np.column_stack([numbers(ordered, metric) for metric in metrics])
    goodness = np.column_stack(
        [_goodness(np.where(ranked, column, np.nan), metric) for column, metric in zip(values.T, metrics, strict=True)]
    )
    colours = LinearSegmentedColormap.from_list("better", [PALE, STRONG]).with_extremes(bad="#e6e6e6")
    ax.imshow(np.ma.masked_invalid(goodness), cmap=colours, vmin=0, vmax=1, aspect="auto", interpolation="nearest")
    for (row, column), value in np.ndenumerate(values):
        text = f"{value:.2f}" if np.isfinite(value) else "–"
        style = {"color": BLACK if np.isfinite(value) else GREY}
        ax.text(column, row, text, ha="center", va="center", fontsize=TICK_PT - 1, **style)
        more = [] if ranked[row] else [OTHER_QUERIES]
        _point_out(ax, (column, row), ordered.iloc[row], metrics[column], labels, more, box=(0.5, 0.5))
    _name_rows(ax, ordered, marked)
    words = [metric_word(metric) + (" ↓" if lower_is_better(metric) else "") for metric in metrics]
    ax.set_xticks(range(len(metrics)), words, rotation=35, ha="left", rotation_mode="anchor", fontsize=TICK_PT)
    ax.xaxis.tick_top()
    ax.tick_params(length=0)
    key = "darker: higher within the column (↓: lower); –: undefined; a higher value need not be a better run"
    key += "" if ranked.all() else f"\ngrey: {OTHER_QUERIES}"
    ax.set_xlabel(key, fontsize=LABEL_PT - 1)
    ax.xaxis.set_label_position("bottom")
    return ax


def _heading(table, metric) -> str:
    runs = f"{len(table)} run{'' if len(table) == 1 else 's'}"
    return f"{runs}, by {metric_word(metric)}, {'lowest' if lower_is_better(metric) else 'highest'} first"


def _goodness(values, metric) -> np.ndarray:
    """(n,) 0 for the worst to 1 for the best of a column; 1/2 where all are alike, NaN where undefined."""
    there = np.isfinite(values)
    if not there.any():
        return np.full(len(values), np.nan)
    low, high = values[there].min(), values[there].max()
    scaled = np.full(len(values), 0.5) if low == high else (values - low) / (high - low)
    return np.where(there, 1 - scaled if lower_is_better(metric) else scaled, np.nan)
