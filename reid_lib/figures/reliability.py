"""How far probabilities can be believed: the reliability diagram."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from reid_lib.core.names import TEST, VAL
from reid_lib.figures.legible import legible
from reid_lib.figures.style import BLACK, COLOURS, CYCLE, GREY, TICK_PT, dress, new_axes, percent, write_message

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SAID = {
    VAL: "val: by fits that never saw the animal",
    TEST: "test: by the frozen fit",
}
LOOKS = {VAL: (CYCLE[0], "o", -1), TEST: (CYCLE[1], "^", 1)}


@legible
def reliability(bins: Mapping[str, pd.DataFrame], measured: Mapping[str, dict], *, ax: "Axes | None" = None) -> "Axes":
    """Of the pairs that were given a probability, how many show one animal: on the line, exactly as many as said.

    Bars are 95 % Wilson intervals, pairs taken as independent; the number beside a point counts its pairs.

    Args:
        bins: role -> `match.reliability.bin_reliability` of its pairs.
        measured: role -> `match.reliability.summarise_reliability` of the same.
    """
    ax = new_axes(ax, height_in=4.4)
    dress(
        ax,
        title="When the model says a pair is one animal with this probability, how often is it?",
        x="probability that the two photographs show one animal",
        y="share of pairs that do",
    )
    ax.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.02))
    ax.plot([0, 1], [0, 1], color=GREY, linewidth=0.8, linestyle="--", zorder=1, gid="as said")
    for role, table in bins.items():
        _draw_bins(ax, table[table["n"] > 0], role, measured[role])
    if not any(len(table[table["n"] > 0]) for table in bins.values()):
        write_message(ax, "no labelled pairs")
    else:
        ax.legend(loc="upper left", frameon=False, fontsize=TICK_PT)
    return ax


def _draw_bins(ax: "Axes", table: pd.DataFrame, role: str, measured: dict) -> None:
    colour, marker, side = LOOKS.get(role, (COLOURS["unlabelled"], "s", 1))
    if not len(table):
        return
    observed = table["observed"].to_numpy()
    around = np.abs(_intervals(table) - observed)
    words = f"{SAID.get(role, role)}; calibration error {measured['ece']:.3f}, {percent(measured['rate'])} of pairs"
    ax.errorbar(
        table["predicted"],
        observed,
        around,
        color=colour,
        marker=marker,
        markersize=5,
        linewidth=1.2,
        elinewidth=0.8,
        label=words,
        gid=f"reliability {role}",
    )
    for x, y, n in zip(table["predicted"], observed, table["n"], strict=True):
        ax.annotate(
            f"{int(n):,}",
            (x, y),
            (6 * side, -3),
            textcoords="offset points",
            fontsize=7,
            color=BLACK,
            ha="left" if side > 0 else "right",
            va="top",
        )


def _intervals(table: pd.DataFrame) -> np.ndarray:
    """(2, bins) lower and upper end of each share's 95 % Wilson interval."""
    from scipy.stats import binomtest

    counts = zip((table["observed"] * table["n"]).round().astype(int), table["n"].astype(int), strict=True)
    return np.array([binomtest(k, n).proportion_ci(method="wilson") for k, n in counts]).T
