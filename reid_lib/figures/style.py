"""How every figure looks: colours, axes, legends, labels that stay clear of the data, panels.

No matplotlib setting is changed globally: a figure made here never alters the next one of the user's notebook.
`matplotlib.pyplot` is imported only where a new figure is made.
"""

import math
import textwrap
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.legend import Legend
    from matplotlib.lines import Line2D

# Okabe & Ito's palette ("Color Universal Design", 2008). Each colour has one meaning; a line style, a marker or a
# symbol always goes with it, so that the figures read in grey as well.
BLACK, GREY = "#1a1a1a", "#8c8c8c"
COLOURS = {
    "known": "#0072B2",  # blue
    "unknown": "#E69F00",  # orange
    "gallery": "#A6A6A6",  # light grey
    "right": "#009E73",  # bluish green
    "wrong": "#D55E00",  # vermilion
    "refused": "#CC79A7",  # reddish purple: a known individual that was called new
    "unlabelled": GREY,
}
# For things without a meaning of their own (data sets, individuals), in this order, with MARKERS beside.
CYCLE = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#1a1a1a", "#B79F00")
MARKERS = ("o", "^", "s", "D", "v", "P", "X", "*")

WIDTH_IN, HEIGHT_IN, DPI = 7.0, 3.8, 110
TITLE_PT, LABEL_PT, TICK_PT = 11, 10, 9


def new_axes(ax: "Axes | None" = None, *, width_in: float = WIDTH_IN, height_in: float = HEIGHT_IN) -> "Axes":
    """`ax` itself, or the axes of a new pyplot figure (which a notebook then shows)."""
    if ax is not None:
        return ax
    import matplotlib.pyplot as plt

    return plt.subplots(figsize=(width_in, height_in), dpi=DPI, layout="constrained")[1]


def dress(ax: "Axes", *, title: str, x: str = "", y: str = "", title_pad: float = 8) -> "Axes":
    """Title on the left, named axes, thin spines on two sides only."""
    if title:
        ax.set_title(textwrap.fill(title, 78), loc="left", fontsize=TITLE_PT, color=BLACK, pad=title_pad)
    ax.set_xlabel(x, fontsize=LABEL_PT, color=BLACK)
    ax.set_ylabel(y, fontsize=LABEL_PT, color=BLACK)
    ax.tick_params(labelsize=TICK_PT, width=0.6, length=3, color=GREY, labelcolor=BLACK)
    for side, spine in ax.spines.items():
        spine.set_visible(side in ("left", "bottom"))
        spine.set(linewidth=0.6, color=GREY)
    return ax


def write_message(ax: "Axes", message: str) -> None:
    """A sentence in the middle of axes that have nothing to show."""
    ax.text(0.5, 0.5, message, transform=ax.transAxes, ha="center", va="center", fontsize=LABEL_PT, color=GREY)


def legend_above(ax: "Axes", columns: int = 4) -> "Legend":
    """A legend between title and data; the title's `title_pad` must leave room for it (`legend_pad`)."""
    return ax.legend(
        loc="lower left",
        bbox_to_anchor=(-0.01, 1.0),
        ncols=columns,
        frameon=False,
        fontsize=TICK_PT,
        handlelength=1.9,
        columnspacing=1.2,
        borderaxespad=0.1,
    )


def in_legend(name: str) -> str:
    """The name as a label: matplotlib leaves out of a legend what begins with "_"."""
    return f" {name}" if name.startswith("_") else name


def legend_pad(entries: int, columns: int = 4) -> float:
    """Points that a title must keep free for `legend_above`."""
    return 8 + 15 * math.ceil(entries / columns)


def label_ends(ax: "Axes", ends: list[tuple[float, str, str]]) -> None:
    """Names lines at the right edge of `ax`, apart from each other: `ends` holds (last y, text of any lines, colour).

    Call it after the limits are final.
    """
    low, high = ax.get_ylim()
    height_in = ax.figure.get_size_inches()[1] * 0.7 * ax.get_position().height / 0.77
    gap = 1.35 * TICK_PT / 72 / height_in
    places = [((y - low) / (high - low), text, colour) for y, text, colour in ends]
    places.sort(key=lambda place: place[0])
    ys, lines = [place[0] for place in places], [1 + text.count("\n") for _, text, _ in places]
    gaps = [gap * (a + b) / 2 for a, b in zip(lines, lines[1:], strict=False)]  # between middles of texts
    for i in range(1, len(ys)):  # push up what is too close to the one below ...
        ys[i] = max(ys[i], ys[i - 1] + gaps[i - 1])
    excess = max(0.0, ys[-1] - 1.0) if ys else 0.0
    for i in reversed(range(len(ys))):  # ... and back down where that left the axes
        ceiling = ys[i + 1] - gaps[i] if i + 1 < len(ys) else ys[i] - excess
        ys[i] = min(ys[i], ceiling)
    for y, (_, text, colour) in zip(ys, places, strict=True):
        ax.text(1.015, y, text, transform=ax.transAxes, ha="left", va="center", fontsize=TICK_PT, color=colour)


def mark_value(
    ax: "Axes",
    x: float,
    text: str,
    *,
    height: float,
    colour: str = BLACK,
    gid: str = "threshold",
) -> "Line2D":
    """A vertical line at `x` up to `height` (share of the axes), its label beside its upper end, where more room is."""
    line = ax.axvline(x, 0, height + 0.03, color=colour, linewidth=1.2, zorder=4, gid=gid)
    low, high = ax.get_xlim()
    left = x > (low + high) / 2
    ax.annotate(
        text,
        (x, height),
        xycoords=("data", "axes fraction"),
        xytext=(-4 if left else 4, 0),
        textcoords="offset points",
        ha="right" if left else "left",
        va="center",
        fontsize=TICK_PT,
        color=colour,
        zorder=5,
        bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.5},
    )
    return line


def panels(
    datasets: list[str], draw: Callable[[str, "Axes"], object], *, title: str, x: str, y: str, columns: int = 3
) -> "Figure":
    """A new figure with one small panel per data set and one legend; `draw(dataset, ax)` fills each.

    The panels share their horizontal axis: `draw` sets the same limits in each.

    Returns:
        the matplotlib Figure.
    """
    import matplotlib.pyplot as plt

    if not datasets:
        ax = dress(new_axes(), title=title, x=x, y=y)
        write_message(ax, "nothing to show: no data set has any")
        return ax.figure
    columns = 2 if len(datasets) == 4 else min(columns, len(datasets))
    n_rows = math.ceil(len(datasets) / columns)
    size = (max(WIDTH_IN, 2.9 * columns), 1.25 + 2.05 * n_rows)
    figure, grid = plt.subplots(
        n_rows, columns, figsize=size, dpi=DPI, layout="constrained", sharex=True, squeeze=False
    )
    entries = {}
    for ax, dataset in zip(grid.flat, datasets, strict=False):
        draw(dataset, ax)
        ax.set(xlabel="", ylabel="")
        entries.update({label: handle for handle, label in zip(*ax.get_legend_handles_labels(), strict=True)})
    for ax in grid.flat[len(datasets) :]:
        ax.set_visible(False)
    for ax in grid.flat[max(0, len(datasets) - columns) : len(datasets)]:
        ax.tick_params(labelbottom=True)  # the lowest panel of a column may stand above an empty place
    figure.supxlabel(x, fontsize=LABEL_PT, color=BLACK)
    figure.supylabel(y, fontsize=LABEL_PT, color=BLACK)
    figure.legend(
        entries.values(),
        entries.keys(),
        loc="outside upper left",
        ncols=4,
        frameon=False,
        fontsize=TICK_PT,
        title=textwrap.fill(title, 92),
        title_fontsize=TITLE_PT,
        alignment="left",
    )
    return figure


def percent(share: float) -> str:
    """ "49 %"; a share that is neither nothing nor everything is never shown as 0 or 100 %."""
    if 0 < share < 0.005:
        return "<1 %"
    return ">99 %" if 0.995 <= share < 1 else f"{100 * share:.0f} %"


def figure_of(drawn: "Axes | Figure") -> "Figure":
    """What a drawing function returned as a Figure: itself, or the one an axes belongs to."""
    return drawn if hasattr(drawn, "savefig") else drawn.figure


def add_heading(figure: "Axes | Figure", words: str) -> "Axes | Figure":
    """The figure (or axes) itself, with a line above all it shows."""
    of = figure_of(figure)
    if words and of.legends:  # of `panels`: its title is the figure's
        title = of.legends[0].get_title()
        title.set_text(f"{words}\n{title.get_text()}")
    elif words:
        of.draw_without_rendering()  # only then everything is in its place
        shown, (width, height) = of.get_tightbbox(), of.get_size_inches()
        place = (shown.x0 / width, (shown.y1 + 0.08) / height)
        of.text(*place, words, va="bottom", fontsize=TITLE_PT, fontweight="bold", color=BLACK)
    return figure
