"""What the pointer says over a figure: words at places of its axes, kept beside it, found again in its PNG."""

import math
import weakref
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from reid_lib.figures.labels import metric_word
from reid_lib.figures.style import figure_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MOST_SPOTS = 2000  # of a figure

_said: "weakref.WeakKeyDictionary[Axes, list[tuple]]" = weakref.WeakKeyDictionary()


def point_out(ax: "Axes", x: float, y: float, words: Sequence[str], *, box: tuple[float, float] = (0.0, 0.0)) -> None:
    """Say these words, a line each, where the pointer is on (x, y) of the axes.

    Args:
        box: half the width and height of what is pointed at, in units of the axes; (0, 0) is a point.
    """
    if math.isfinite(x) and math.isfinite(y):
        _said.setdefault(ax, []).append((float(x), float(y), *map(float, box), [word for word in words if word]))


def locate_spots(figure: "Figure | Axes", *, dpi: int) -> list[dict]:
    """What was pointed out in a figure (or in the figure of an axes), by its place in the PNG that
    `saving.render_png` and `saving.save_figure` make of it.

    Args:
        dpi: of that PNG: letters are not as wide at every resolution, and what is cut off follows from them.

    Returns:
        `x`, `y` of each: shares of the width (from the left) and of the height (from the top); `w`, `h`: half the
        width and height of its box, shares, too; `words`: lines. `MOST_SPOTS` at most.
    """
    from matplotlib import rcParams

    figure = figure_of(figure)
    before, figure.dpi = figure.dpi, dpi
    try:
        figure.draw_without_rendering()  # what is laid out only then has its place
        cut = figure.get_tightbbox().padded(rcParams["savefig.pad_inches"])
        return [_share(ax, spot, cut, dpi) for ax in figure.axes for spot in _said.get(ax, ())][:MOST_SPOTS]
    finally:
        figure.dpi = before


def _share(ax, spot, cut, dpi) -> dict:
    """A spot as shares of the picture, which is cut (in inches)."""
    x, y, w, h, words = spot
    centre, corner = (ax.transData.transform([(x, y), (x + w, y + h)]) / dpi - cut.min) / cut.size
    shares = {"x": centre[0], "y": 1 - centre[1], "w": abs(corner - centre)[0], "h": abs(corner - centre)[1]}
    return {name: round(float(value), 5) for name, value in shares.items()} | {"words": words}


def say_result(row: pd.Series, metric: str) -> str:
    """A metric of a run of `table.tabulate_metrics()`: "BAKS 0.813 (95 %: 0.702 to 0.904)"; "undefined"."""
    value, low, high = (pd.to_numeric(row.get(metric + end, np.nan), errors="coerce") for end in ("", "_low", "_high"))
    if not np.isfinite(value):
        return f"{metric_word(metric)}: undefined"
    interval = f" (95 %: {low:.3f} to {high:.3f})" if np.isfinite(low) and np.isfinite(high) else ""
    return f"{metric_word(metric)} {value:.3f}{interval}"


def name_run(row: pd.Series, labels: dict[str, str]) -> list[str]:
    """Its label, and its whole name where that is another."""
    name = str(row["run"])
    return list(dict.fromkeys((labels.get(name, name), name)))
