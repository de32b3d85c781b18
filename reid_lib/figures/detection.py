"""Curves of recognition: CMC (is the animal among the k most alike?) and DET (misses against false alarms)."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from reid_lib.core.messages import counted
from reid_lib.figures.legible import legible
from reid_lib.figures.style import (
    BLACK,
    COLOURS,
    CYCLE,
    DPI,
    MARKERS,
    TICK_PT,
    dress,
    in_legend,
    legend_above,
    legend_pad,
    new_axes,
    percent,
    write_message,
)
from reid_lib.openset.answers import Answers
from reid_lib.openset.metrics import OperatingCurves, divide
from reid_lib.openset.threshold import threshold_for

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from reid_lib.openset.threshold import Threshold

MOST_RANKS = 20  # of the CMC curve
MOST_SETS = 6  # data sets with a curve of their own
RATES = (0.001, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 0.8, 0.9, 0.95, 0.98, 0.99, 0.995, 0.999)  # ticks
MISSES = {
    "refused": ("known animals called new", COLOURS["known"], "-"),
    "missed": ("... or given a wrong name", COLOURS["wrong"], "--"),
}


@legible
def detection_panels(
    predictions: pd.DataFrame, threshold: "Threshold | Mapping[str, Any] | float | None" = None
) -> "Figure":
    """`cmc_curve` and `det_curve` side by side; returns the Figure."""
    import matplotlib.pyplot as plt

    figure, (left, right) = plt.subplots(1, 2, figsize=(9.6, 4.2), dpi=DPI, layout="constrained")
    cmc_curve(predictions, ax=left)
    det_curve(predictions, threshold, ax=right)
    return figure


@legible
def cmc_curve(predictions: pd.DataFrame, *, ax: "Axes | None" = None) -> "Axes":
    """Cumulative match characteristic: the share of known queries whose animal is among the k most alike ones.

    No threshold takes part. A query of a known animal that was compared with nothing is never found. Of several data
    sets each has a line beside that of all of them.

    Args:
        predictions: one row per query, with `rank` (of its own animal).
    """
    ax = new_axes(ax)
    answers = Answers.of(predictions)
    curves = {"all": _cmc(answers)} if answers.known.any() else {}
    sets = [name for name, own in answers.by_dataset.items() if own.known.any()]
    if 1 < len(sets) <= MOST_SETS:
        curves |= {name: _cmc(answers.of_dataset(name)) for name in sets}
    title = "Is the animal among the most alike ones?"
    if curves and len(curves["all"]) >= 5:
        title = f"{percent(curves['all'][4])} of the photographs of known animals: theirs is among the 5 most alike"
    pad = legend_pad(len(curves), 2) if len(curves) > 1 else 8
    dress(ax, title="", x="animals looked at, the most alike first", y="photographs whose animal is among them (%)")
    _set_title(ax, title, pad)
    if not curves:
        ax.set(xticks=[], yticks=[])
        write_message(ax, "no labelled photographs of known animals")
        return ax
    for k, (name, shares) in enumerate(curves.items()):
        style = {"color": BLACK, "linewidth": 2.0} if k == 0 else {"color": CYCLE[k - 1], "linewidth": 1.2}
        n = int((answers if k == 0 else answers.of_dataset(name)).known.sum())
        label = in_legend(f"{'all data sets' if k == 0 and len(curves) > 1 else name} ({n:,})")
        marker = {"marker": MARKERS[k % len(MARKERS)], "markersize": 4, "markevery": max(1, len(shares) // 10)}
        ax.plot(np.arange(1, len(shares) + 1), 100 * shares, label=label, gid=f"cmc {name}", **style, **marker)
    ax.set(ylim=(0, 103), xlim=(0.5, len(curves["all"]) + 0.5))
    ax.xaxis.get_major_locator().set_params(integer=True, min_n_ticks=1)
    if len(curves) > 1:
        legend_above(ax, 2)
    return ax


def _cmc(answers: Answers) -> np.ndarray:
    """(k,) share of the known queries whose animal has a rank of at most 1 ... k."""
    rank = answers.rank[answers.known]
    found = rank[np.isfinite(rank)]
    last = int(np.clip(found.max() if len(found) else 1, 5, MOST_RANKS))
    return (rank[:, None] <= np.arange(1, last + 1)).mean(axis=0)


@legible
def det_curve(
    predictions: pd.DataFrame,
    threshold: "Threshold | Mapping[str, Any] | float | None" = None,
    *,
    ax: "Axes | None" = None,
) -> "Axes":
    """Detection error trade-off: unknown animals that are named against known ones that are missed, at any threshold.

    Both axes are stretched at their ends (normal deviates), as Martin et al. 1997 draw it: equal distances are equal
    differences in difficulty. All data sets together; where their thresholds differ, scores are taken relative to the
    threshold of their data set, and data sets without one are left out.

    Args:
        predictions: one row per query.
        threshold: see `threshold.threshold_for`; the errors at it are marked.
    """
    from scipy.stats import norm

    ax = new_axes(ax)
    answers, score, frozen, left_out = _relative(Answers.of(predictions).labelled_only, threshold)
    axis = "photographs of unknown animals given a name (%)" + (
        f"\nwithout {counted(left_out, 'data set')} of no threshold" if left_out else ""
    )
    dress(ax, title="", x=axis, y="photographs of known animals missed (%)")
    n_known, n_unknown = int(answers.known.sum()), int((~answers.known).sum())
    if not n_known or not n_unknown:
        _set_title(ax, "No trade-off to show", 8)
        ax.set(xticks=[], yticks=[])
        write_message(ax, "it takes photographs of known and of unknown animals")
        return ax
    false_alarms, misses = det_rates(score, answers.named, answers.known)
    low = [min(0.01, 0.5 / n) for n in (n_unknown, n_known)]
    x, *ys = (norm.ppf(np.clip(rate, end, 1 - end)) for rate, end in
              ((false_alarms, low[0]), *((misses[kind], low[1]) for kind in MISSES)))  # fmt: skip
    for y, (label, colour, style) in zip(ys, MISSES.values(), strict=True):
        ax.plot(x, y, style, color=colour, linewidth=1.6, label=label, gid=f"det {label}")
    title = _mark_frozen(ax, answers, score, frozen, low) or "What a threshold costs"
    for axis, end in ((ax.xaxis, low[0]), (ax.yaxis, low[1])):
        ticks = [rate for rate in RATES if end <= rate <= 1 - end]
        axis.set_ticks(norm.ppf(ticks), [f"{100 * rate:g}" for rate in ticks])
    edges = [1.04 * norm.ppf(end) for end in low]
    ax.set(xlim=(edges[0], -edges[0]), ylim=(edges[1], -edges[1]))
    ax.tick_params(labelsize=TICK_PT - 1)
    ax.grid(linewidth=0.4, color="#e4e4e4")
    _set_title(ax, title, legend_pad(len(MISSES) + (frozen is not None), 2))
    legend_above(ax, 2)
    return ax


def det_rates(score: np.ndarray, named: np.ndarray, known: np.ndarray) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Error rates at every threshold, from naming nobody to naming all: (m + 1,) each, for m distinct scores.

    Args:
        score: (n,) of the best individual; NaN counts as the lowest.
        named: (n,) bool, the best individual is the right one.
        known: (n,) bool.

    Returns:
        share of the unknown queries that are named; "refused": share of the known ones called new; "missed": share of
        the known ones called new or given a wrong name.
    """
    curves = OperatingCurves.of(score, named, known)
    all_known = curves.known[0, -1]
    misses = {"refused": 1 - divide(curves.known[0], all_known), "missed": 1 - divide(curves.named[0], all_known)}
    return divide(curves.unknown[0], curves.unknown[0, -1]), misses


def _relative(answers: Answers, threshold) -> tuple[Answers, np.ndarray, float | None, int]:
    """The queries, their scores, the one threshold for them, and how many data sets are left out."""
    own = {name: threshold_for(threshold, name) for name in answers.by_dataset}
    if len(set(own.values())) <= 1:
        return answers, answers.score, next(iter(own.values()), None), 0
    limits = np.array([np.nan if own[name] is None else own[name] for name in answers.dataset], dtype=float)
    there = np.isfinite(limits)
    without = len(own) - len(set(answers.dataset[there]))
    return answers.where(there), answers.score[there] - limits[there], 0.0, without


def _mark_frozen(ax: "Axes", answers: Answers, score: np.ndarray, frozen: float | None, low: list[float]) -> str:
    """Mark the errors at the frozen threshold, on either line; returns them in words."""
    from scipy.stats import norm

    if frozen is None:
        return ""
    accepted = np.nan_to_num(score, nan=-np.inf) >= frozen
    false_alarms = accepted[~answers.known].mean()
    misses = (1 - accepted[answers.known].mean(), 1 - (accepted & answers.named)[answers.known].mean())
    x = norm.ppf(np.clip(false_alarms, low[0], 1 - low[0]))
    ys = norm.ppf(np.clip(misses, low[1], 1 - low[1]))
    style = {"color": BLACK, "markersize": 8, "markerfacecolor": "white", "markeredgewidth": 1.6, "zorder": 5}
    ax.plot([x, x], ys, "o", label="at the threshold", gid="threshold", **style)
    unknown, known = percent(false_alarms), percent(misses[0])
    return f"The threshold names {unknown} of the photographs of unknown animals, and calls {known} of known ones new"


def _set_title(ax: "Axes", title: str, pad: float) -> None:
    """A title that is broken where the axes end."""
    import textwrap

    width = int(ax.figure.get_size_inches()[0] * 0.86 / max(1, _columns(ax)) * 13)
    ax.set_title(textwrap.fill(title, width), loc="left", fontsize=10, color=BLACK, pad=pad)


def _columns(ax: "Axes") -> int:
    spec = ax.get_subplotspec()
    return spec.get_gridspec().ncols if spec is not None else 1
