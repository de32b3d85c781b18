"""How right the clusters of a run are: its measures, and how many individuals were found of how many there are."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from reid_lib.discover.measures import AMI
from reid_lib.figures.legible import legible
from reid_lib.figures.style import (
    BLACK,
    COLOURS,
    CYCLE,
    DPI,
    GREY,
    MARKERS,
    TICK_PT,
    WIDTH_IN,
    dress,
    in_legend,
    legend_above,
    legend_pad,
    write_message,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

DRAWN = {
    "ari": "adjusted Rand",
    AMI: "adjusted mutual inf.",
    "pair_precision": "pair precision",
    "pair_recall": "pair recall",
    "single_images": "photographs alone",
}
APART = 0.16  # of the points of two data sets, in rows
BAR = 0.36


@legible
def clusters_panels(measured: Mapping) -> "Figure":
    """Left: measures with 95 % intervals, by data set. Right: individuals that were found beside those there are, and
    how many of them have one photograph.

    Args:
        measured: of `discover.measures.measure_clusters`, or `discovery.test` of metrics.json.
    """
    import matplotlib.pyplot as plt

    names = list(measured["datasets"])
    height = 1.9 + max(2.0, 0.62 * len(names))
    size = {"figsize": (WIDTH_IN * 1.25, height), "dpi": DPI, "layout": "constrained"}
    figure, (left, right) = plt.subplots(1, 2, width_ratios=(1, 1.2), **size)
    if not names:
        for ax, title in ((left, "How right are the clusters?"), (right, "How many individuals?")):
            dress(ax, title=title)
            write_message(ax, "nothing to show: no label of test")
        return figure
    _draw_measures(left, measured["datasets"])
    _draw_counts(right, measured["counts"])
    return figure


def _draw_measures(ax: "Axes", datasets: Mapping) -> None:
    columns = min(2, len(datasets))
    dress(ax, title="How right are the clusters?", title_pad=legend_pad(len(datasets), columns))
    for k, (name, of) in enumerate(datasets.items()):
        entries = [of[m] for m in DRAWN]
        value, low, high = (
            np.array([np.nan if entry[part] is None else entry[part] for entry in entries], dtype=float)
            for part in ("value", "low", "high")
        )
        y = np.arange(len(DRAWN)) + APART * (k - (len(datasets) - 1) / 2)
        around = np.nan_to_num(np.abs([value - low, high - value]))
        look = {"color": CYCLE[k % len(CYCLE)], "fmt": MARKERS[k % len(MARKERS)], "markersize": 5, "elinewidth": 1.2}
        ax.errorbar(value, y, xerr=around, label=in_legend(name), gid=f"measures {name}", **look)
    ax.set(xlim=(-0.03, 1.03), yticks=range(len(DRAWN)), ylim=(len(DRAWN) - 0.5, -0.5))
    ax.set_yticklabels(DRAWN.values(), fontsize=TICK_PT)
    ax.axhline(len(DRAWN) - 1.5, color=GREY, linewidth=0.6, linestyle=":")  # a share, no score: high is not good
    legend_above(ax, columns)


def _draw_counts(ax: "Axes", counts: Mapping) -> None:
    dress(ax, title="How many individuals?", title_pad=legend_pad(3, 2))
    bars = (
        ("found", "n_clusters", "n_clusters_of_one", COLOURS["known"]),
        ("true", "n_individuals", "n_individuals_seen_once", COLOURS["gallery"]),
    )
    for j, (word, all_, alone, colour) in enumerate(bars):
        y = np.arange(len(counts)) + BAR * (j - 0.5)
        n, n_alone = ([of[key] for of in counts.values()] for key in (all_, alone))
        ax.barh(y, n, height=BAR, color=colour, label=word, gid=f"individuals {word}")
        label = "of one photograph" if j == 0 else None
        ax.barh(y, n_alone, height=BAR, fill=False, hatch="////", edgecolor=BLACK, linewidth=0, label=label)
        for at, number, of_one in zip(y, n, n_alone, strict=True):
            ax.text(number, at, f" {number:,} ({of_one:,})", fontsize=TICK_PT, color=BLACK, va="center")
    ax.set(yticks=range(len(counts)), ylim=(len(counts) - 0.5, -0.5))
    ax.set_yticklabels(list(counts), fontsize=TICK_PT)
    ax.set_xlim(0, 1.28 * max(max(of["n_clusters"], of["n_individuals"]) for of in counts.values()))
    legend_above(ax, 2)
