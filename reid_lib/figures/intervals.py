"""Metrics as points with their intervals."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from reid_lib.figures.labels import metric_label
from reid_lib.figures.legible import legible
from reid_lib.figures.style import BLACK, COLOURS, GREY, TICK_PT, dress, new_axes, percent
from reid_lib.openset.measures import METRICS

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@legible
def bars(
    values: Mapping[str, Mapping[str, float]],
    *,
    title: str,
    x: str = "value (0 to 1)",
    n_of: str = "",
    ax: "Axes | None" = None,
) -> "Axes":
    """Horizontal bars with 95 % intervals, first on top; undefined values say so.

    Args:
        values: name -> {"value", and when there "low", "high", "n"}, as in `summary.summarise(...)["overall"]`. Names
            of metrics are written out.
        n_of: what `n` counts ("photographs"); shown with the value when given.
    """
    ax = new_axes(ax, height_in=1.2 + 0.34 * max(2, len(values)))
    dress(ax, title=title, x=x)
    ends = [0.0]
    for place, (name, entry) in enumerate(values.items()):
        value, low, high = (float(entry.get(key, np.nan)) for key in ("value", "low", "high"))
        note = f"  n = {entry['n']:g} {n_of}" if n_of and "n" in entry else ""
        if np.isnan(value):
            ax.text(0, place, f" undefined{note}", va="center", fontsize=TICK_PT, color=GREY)
            continue
        ax.barh(place, value, height=0.62, color=COLOURS["known"], alpha=0.45, linewidth=0)
        text = f"{value:.2f}"
        if np.isfinite([low, high]).all():
            ax.plot([low, high], [place, place], "|-", color=BLACK, linewidth=1.2, markersize=6, gid=f"interval {name}")
            text += f"  ({low:.2f} to {high:.2f})"
        end = np.nanmax([value, high])
        ends.append(end)
        ax.annotate(text + note, (end, place), xytext=(6, 0), textcoords="offset points", va="center", fontsize=TICK_PT)
    labels = [metric_label(name) if name in METRICS else name for name in values]
    ax.set_yticks(range(len(values)), labels, fontsize=TICK_PT)
    ax.set_ylim(len(values) - 0.4, -0.6)
    ax.set_xlim(min(0.0, *ends), 1.0 if 0.5 < max(ends) <= 1 else 1.02 * max(ends) or 1.0)
    return ax


@legible
def leak(frame: pd.DataFrame, *, ax: "Axes | None" = None) -> "Axes":
    """The same data under two splits: photographs of one encounter on both sides flatter the result.

    Args:
        frame: one row per split: `split` (its name), `value`, `low`, `high` (top-1 and its 95 % interval, 0 to 1), and
            when there `n` (queries).
    """
    entries = {str(row["split"]): {key: row[key] for key in row.index if key != "split"} for _, row in frame.iterrows()}
    title = "The same data, split two ways"
    if frame["value"].notna().all():
        shares = [f"{percent(row['value'])} ({row['split']})" for _, row in frame.iterrows()]
        title += f": recognised are {', '.join(shares)}"
    x = "top-1: share of photographs whose nearest animal is right"
    return bars(entries, title=title, x=x, n_of="photographs", ax=ax)
