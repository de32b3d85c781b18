"""How far probabilities can be believed: the reliability diagram."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from reid_lib.core.names import TEST, VAL
from reid_lib.figures.legible import legible
from reid_lib.figures.style import BLACK, COLOURS, GREY, TICK_PT, dress, panels

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

SAID = {VAL: "val, by fits that never saw the animal", TEST: "test, by the frozen fit"}
# What has a probability -> title, horizontal and vertical axis.
OF_PAIRS = (
    "How far can the probabilities of pairs be believed?",
    "probability that both photographs show one animal",
    "share of pairs that do",
)
OF_ANSWERS = (
    "How far can the probability of the best candidate be believed?",
    "probability that the best candidate is the animal",
    "share of photographs where it is",
)
TOP = 1.16  # of the vertical axis: room for the numbers of pairs


@legible
def reliability_panels(
    bins: Mapping[str, pd.DataFrame], measured: Mapping[str, dict], *, words: tuple[str, str, str] = OF_PAIRS
) -> "Figure":
    """Of what was given a probability, how much came true: on the line, exactly as much as was said.

    Bars are 95 % Wilson intervals, pairs (or photographs) taken as independent; the numbers above count those of each
    point.

    Args:
        bins: role -> `match.reliability.bin_reliability` of its pairs.
        measured: role -> `match.reliability.summarise_reliability` of the same.
        words: title and axes, `OF_PAIRS` or `OF_ANSWERS`.
    """

    def draw(role: str, ax: "Axes") -> None:
        _draw_bins(ax, bins[role][bins[role]["n"] > 0], role, measured[role])

    return panels(
        list(bins),
        draw,
        **dict(zip(("title", "x", "y"), words, strict=True)),
    )


def _draw_bins(ax: "Axes", table: pd.DataFrame, role: str, measured: dict) -> None:
    observed = table["observed"].to_numpy()
    around = np.abs(_intervals(table) - observed)
    dress(ax, title=SAID.get(role, role))
    ax.set(xlim=(-0.03, 1.03), ylim=(-0.02, TOP), yticks=np.linspace(0, 1, 6))
    ax.plot(
        [0, 1], [0, 1], color=GREY, linewidth=0.8, linestyle="--", zorder=1, label="as often as said", gid="as said"
    )
    look = {"color": COLOURS["known"], "marker": "o", "markersize": 4, "linewidth": 1.2, "elinewidth": 0.8}
    ax.errorbar(table["predicted"], observed, around, label="share, 95 % interval", gid=f"reliability {role}", **look)
    for x, n in zip(table["predicted"], table["n"], strict=True):
        ax.text(x, 1.05, f"{int(n):,}", fontsize=7, color=GREY, ha="center", va="bottom", rotation=45, gid="pairs")
    words = f"calibration error {measured['ece']:.3f}\nBrier score {measured['brier']:.3f}"
    ax.text(0.97, 0.04, words, transform=ax.transAxes, fontsize=TICK_PT, color=BLACK, ha="right", va="bottom")


def _intervals(table: pd.DataFrame) -> np.ndarray:
    """(2, bins) lower and upper end of each share's 95 % Wilson interval."""
    from scipy.stats import binomtest

    counts = zip((table["observed"] * table["n"]).round().astype(int), table["n"].astype(int), strict=True)
    return np.array([binomtest(k, n).proportion_ci(method="wilson") for k, n in counts]).T
