"""What the pointer says over a figure: words at places of its axes, kept beside it, found again in its PNG."""

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
    _said.setdefault(ax, []).append((float(x), float(y), *map(float, box), [word for word in words if word]))


def locate_spots(figure: "Figure | Axes") -> list[dict]:
    """What was pointed out in a figure (or in the figure of an axes), by its place in the PNG that
    `saving.render_png` and `saving.save_figure` make of it.

    Returns:
        `x`, `y` of each: shares of the width (from the left) and of the height (from the top); `w`, `h`: half the
        width and height of its box, shares, too; `words`: lines. `MOST_SPOTS` at most.
    """
    from matplotlib import rcParams

    figure = figure_of(figure)
    figure.draw_without_rendering()  # what is laid out only then has its place
    cut = figure.get_tightbbox().padded(rcParams["savefig.pad_inches"])
    spots = []
    for ax in figure.axes:
        for x, y, w, h, words in _said.get(ax, ()):
            places = ax.transData.transform([(x, y), (x + w, y + h)]) / figure.dpi
            (px, py), half = (places[0] - cut.min) / cut.size, np.abs(places[1] - places[0]) / cut.size
            if np.isfinite([px, py]).all():
                spots.append({"x": px, "y": 1 - py, "w": half[0], "h": half[1], "words": words})
    return [{key: value if key == "words" else round(float(value), 5) for key, value in spot.items()}
            for spot in spots[:MOST_SPOTS]]  # fmt: skip


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
