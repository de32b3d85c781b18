"""Figures of open-set scores: how alike queries are to known animals, thresholds, what became of the queries."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from reid_lib.core.messages import counted
from reid_lib.core.names import COSINE, DATASET, SCORE
from reid_lib.figures.labels import RATE_STYLES, metric_label, metric_word
from reid_lib.figures.legible import legible
from reid_lib.figures.style import (
    BLACK,
    COLOURS,
    GREY,
    LABEL_PT,
    TICK_PT,
    dress,
    legend_above,
    legend_pad,
    mark_value,
    new_axes,
    panels,
    percent,
    write_message,
)
from reid_lib.figures.units import SIMILARITY, THRESHOLD, in_unit
from reid_lib.openset.answers import Answers
from reid_lib.openset.outcomes import count_confusion, group_scores
from reid_lib.openset.threshold import threshold_for

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from reid_lib.openset.threshold import Threshold

MOST_PANELS = 12  # more small panels than this cannot be read at the width of a notebook
RUG_LIMIT = 150  # up to this many photographs each one gets a tick of its own
CURVE_POINTS = 2000  # a threshold curve with more points than the figure has pixels is thinned

# Group of queries -> (label, colour, line style).
GROUPS = {
    "known_right": ("known, nearest is right", COLOURS["known"], "-"),
    "known_wrong": ("known, nearest is wrong", COLOURS["wrong"], "--"),
    "unknown": ("unknown", COLOURS["unknown"], "-."),
    "unlabelled": ("not labelled", COLOURS["unlabelled"], ":"),
}


@legible
def score_distributions(
    predictions: pd.DataFrame,
    threshold: "Threshold | Mapping[str, Any] | float | None" = None,
    *,
    unit: str = COSINE,
    ax: "Axes | None" = None,
) -> "Axes":
    """How alike each query is to its nearest known individual: known against unknown animals, all data sets together.

    Args:
        predictions: one row per query (`predictions.score_individuals`).
        threshold: see `threshold.threshold_for`. When it differs between data sets, the axis is the similarity minus
            the threshold of the query's data set, and data sets without a threshold are left out, which is said.
        unit: of the scores.
    """
    ax = new_axes(ax)
    names = predictions[DATASET].unique()
    values = {name: threshold_for(threshold, name) for name in names}
    x, one = in_unit(SIMILARITY, unit), next(iter(values.values()), None)
    if relative := len(set(values.values())) > 1:
        own = predictions[DATASET].map(values).astype(float)
        own = own.where(np.isfinite(own))
        left_out = predictions.loc[own.isna(), DATASET].nunique()
        predictions = predictions.assign(**{SCORE: predictions[SCORE] - own})
        x, one = f"{in_unit('similarity', unit)} minus the threshold of the data set", 0.0
        x += f"; {left_out} without one left out" if left_out else ""
    groups = {group: scores for group, scores in group_scores(Answers.of(predictions)).items() if len(scores)}
    columns = 3 if len(groups) <= 3 else 2
    title = "How alike is each photograph to its nearest known individual?"
    dress(ax, title=title, x=x, y="share of the group (%)", title_pad=legend_pad(len(groups), columns))
    _draw_scores(ax, groups, one, counts=True, name="threshold" if relative else "")
    if groups:
        legend_above(ax, columns)
    return ax


@legible
def score_panels(
    predictions: pd.DataFrame, threshold: "Threshold | Mapping[str, Any] | float | None" = None, *, unit: str = COSINE
) -> "Figure":
    """`score_distributions` with one panel per data set, each with its own threshold; returns the Figure.

    Beyond 12 data sets those with the most queries are shown, which the title says.
    """
    shown, n_all = _largest(predictions[DATASET])
    scores = predictions.loc[predictions[DATASET].isin(shown), SCORE]
    answers = Answers.of(predictions)
    span = _span([*scores, *(threshold_for(threshold, name) for name in shown)])

    def draw(dataset, ax):
        groups = group_scores(answers.of_dataset(dataset))
        groups = {group: scores for group, scores in groups.items() if len(scores)}
        dress(ax, title="")
        ax.set_title(f"{dataset}  (n = {sum(map(len, groups.values())):,})", loc="left", fontsize=LABEL_PT, color=BLACK)
        _draw_scores(ax, groups, threshold_for(threshold, dataset), counts=False, span=span)

    title = "Similarity of each photograph to its nearest known individual" + _of_all(shown, n_all)
    return panels(shown, draw, title=title, x=in_unit(SIMILARITY, unit), y="share of the group (%)")


def _largest(datasets: pd.Series) -> tuple[list[str], int]:
    """Names of at most MOST_PANELS data sets, those with the most rows, sorted; and how many there are."""
    counts = datasets.value_counts().sort_index().sort_values(ascending=False, kind="stable")
    return sorted(counts.index[:MOST_PANELS]), len(counts)


def _of_all(shown: list[str], n_all: int) -> str:
    return f" ({len(shown)} largest of {n_all} data sets)" if n_all > len(shown) else ""


def _draw_scores(ax, groups, threshold, *, counts: bool, name: str = "", span=None):
    """Step histograms (each group sums to 100 %), with one tick per photograph below where they are few."""
    if not groups:
        write_message(ax, "no query has a score")
        return
    everything = np.concatenate(list(groups.values()))
    low, high = _span([*everything, threshold])
    edges = np.linspace(low, high, int(np.clip(2 * len(everything) ** 0.4, 8, 60)) + 1)
    peak = 0.0
    for group, scores in groups.items():
        label, colour, style = GROUPS[group]
        share = 100 * np.histogram(scores, edges)[0] / len(scores)
        peak = max(peak, share.max())
        label += f" ({len(scores):,})" if counts else ""
        ax.stairs(share, edges, color=colour, linestyle=style, linewidth=1.6, label=label, gid=group)
        ax.stairs(share, edges, fill=True, color=colour, alpha=0.10)
    few = [group for group, scores in groups.items() if len(scores) <= RUG_LIMIT]
    lane = 0.06 * peak
    for row, group in enumerate(few):
        at = np.full(len(groups[group]), -lane * (row + 0.75))
        ax.plot(groups[group], at, "|", color=GROUPS[group][1], markersize=5, alpha=0.8, gid=f"rug {group}")
    ax.set_xlim(*(span or (low, high)))
    ax.set_ylim(-lane * (len(few) + 0.5) if few else 0, 1.22 * peak)
    ax.set_yticks([tick for tick in ax.get_yticks() if 0 <= tick <= 1.05 * peak])
    if threshold is not None:
        _mark_threshold(ax, threshold, name=name)


def _mark_threshold(ax, threshold: float, *, height: float = 0.93, name: str = ""):
    """The frozen threshold as a line with its value, or as a sentence where it refuses or accepts everything."""
    if np.isfinite(threshold):
        mark_value(ax, threshold, name or f"threshold {threshold:.3f}", height=height)
        return
    message = "every query is called new" if threshold > 0 else "every query is named"
    ax.text(0.5, height, message, transform=ax.transAxes, ha="center", va="center", fontsize=TICK_PT, color=BLACK)


@legible
def threshold_curve(
    curve: pd.DataFrame,
    threshold: "Threshold | Mapping[str, Any] | float | None" = None,
    *,
    dataset: str = "",
    unit: str = COSINE,
    ax: "Axes | None" = None,
) -> "Axes":
    """What every threshold would give on the validation photographs, and the frozen one. Nothing of test is drawn.

    Args:
        curve: columns dataset ("" or missing: all together), threshold, baks, baus, geometric_mean (0 to 1).
        threshold: see `threshold.threshold_for`.
        dataset: whose curve; "" for the overall one.
        unit: of the scores.

    Raises:
        ValueError: the curve has no rows for `dataset`.
    """
    ax = new_axes(ax)
    missing = _draw_curve(ax, curve, dataset, threshold_for(threshold, dataset))
    title = "A higher threshold names fewer known animals and recognises more new ones"
    x = in_unit(THRESHOLD, unit)
    if missing:
        title, x = "No threshold can be chosen here", f"{x}\nnot defined: {', '.join(missing)}"
    title += f" ({dataset})" if dataset else ""
    pad = legend_pad(len(RATE_STYLES) - len(missing), 2)
    dress(ax, title=title, x=x, y="share of individuals (validation)", title_pad=pad)
    legend_above(ax, 2)
    return ax


@legible
def threshold_panels(
    curve: pd.DataFrame,
    threshold: "Threshold | Mapping[str, Any] | float | None" = None,
    *,
    unit: str = COSINE,
) -> "Figure":
    """`threshold_curve` with one panel per data set, of at most 12; returns the Figure.

    A curve of all data sets together alone is drawn as the only panel.
    """
    names = curve[DATASET].fillna("").astype(str)
    if len(names) and (names == "").all():
        return threshold_curve(curve, threshold, unit=unit).figure
    shown, n_all = _largest(names[names != ""])
    rows = curve[names.isin(shown)]
    span = _span([*rows["threshold"], *(threshold_for(threshold, name) for name in shown)])

    def draw(name, ax):
        dress(ax, title="")
        ax.set_title(name, loc="left", fontsize=LABEL_PT, color=BLACK)
        _draw_curve(ax, curve, name, threshold_for(threshold, name), span=span)

    title = "What each threshold would give on the validation photographs" + _of_all(shown, n_all)
    return panels(shown, draw, title=title, x=in_unit(THRESHOLD, unit), y="share of individuals (validation)")


def _draw_curve(ax, curve, dataset, threshold, *, span=None):
    """The curves and the threshold; returns the names of curves that are nowhere defined. `span`: of a panel."""
    rows = curve[curve[DATASET].fillna("").astype(str) == dataset].sort_values("threshold")
    if rows.empty:
        there = ", ".join(repr(name) for name in sorted(curve[DATASET].fillna("").astype(str).unique()))
        raise ValueError(f"the threshold curve has no rows for data set {dataset!r}: it has {there or 'none at all'}")
    rows = rows[np.isfinite(rows["threshold"].astype(float))]
    rows = rows.iloc[:: max(1, len(rows) // CURVE_POINTS)]
    missing = []
    for column, (colour, style) in RATE_STYLES.items():
        label = metric_word(column) if span else metric_label(column)  # few words above small panels
        width = 2.2 if column == "geometric_mean" else 1.5
        x, y = rows["threshold"].to_numpy(float), rows[column].to_numpy(float)
        if np.isnan(y).all():
            missing.append(label)
            continue
        ax.plot(x, y, style, color=colour, linewidth=width, label=label, gid=column)
    ax.set_ylim(0, 1.25)
    ax.set_yticks(np.linspace(0, 1, 6))
    low, high = span or _span([*rows["threshold"], threshold])
    ax.set_xlim(low, high)
    if threshold is not None:
        _mark_threshold(ax, threshold, height=0.95)
    return missing


def _span(values) -> tuple[float, float]:
    """Limits of an axis that shows every finite one of the values (None and NaN among them)."""
    finite = np.array([value for value in values if value is not None], dtype=float)
    finite = finite[np.isfinite(finite)]
    low, high = (finite.min(), finite.max()) if len(finite) else (0.0, 1.0)
    pad = 0.03 * (high - low) or 0.05
    return low - pad, high + pad


@legible
def confusion(predictions: pd.DataFrame, *, ax: "Axes | None" = None) -> "Axes":
    """What became of known and unknown animals: counts of photographs and the share of their row.

    Green cells are right, vermilion and purple ones are wrong; the stronger the colour, the larger the share.
    """
    ax = new_axes(ax, height_in=3.2)
    counts = count_confusion(Answers.of(predictions))
    colours = {("known", "right"): "right", ("known", "new"): "refused", ("unknown", "new"): "right"}
    titles = [
        f"{row} animals: {percent(numbers[good] / numbers.sum())} {what}"
        for row, good, what in (("known", "right", "named rightly"), ("unknown", "new", "called new"))
        if (numbers := counts.loc[row]).sum()
    ]
    title = "; ".join(titles) or "no labelled photographs were queried"
    dress(ax, title=title[0].upper() + title[1:])
    for i, (row, numbers) in enumerate(counts.iterrows()):
        for j, column in enumerate(counts.columns):
            colour = COLOURS[colours.get((row, column), "wrong")]
            good = colours.get((row, column)) == "right"
            count = None if (row, column) == ("unknown", "right") else numbers[column]
            _cell(ax, (j, i), count, numbers.sum(), colour, good)
    ax.set(xlim=(0, 3), ylim=(2, 0))
    ax.set_xticks([0.5, 1.5, 2.5], ["named rightly", "named wrongly", "called new"], fontsize=LABEL_PT)
    totals = [f"{row} animals\n{counted(total, 'photograph')}" for row, total in counts.sum(axis=1).items()]
    ax.set_yticks([0.5, 1.5], totals, fontsize=LABEL_PT)
    ax.xaxis.tick_top()
    ax.tick_params(length=0)
    ax.spines[:].set_visible(False)
    unlabelled = len(predictions) - int(counts.to_numpy().sum())
    if unlabelled:
        ax.set_xlabel(
            f"left out for want of a label: {counted(unlabelled, 'photograph')}", fontsize=TICK_PT, color=GREY
        )
    return ax


def _cell(ax, corner, count, total, colour, good):
    """One cell of the confusion: its tint, its count, its share and whether that is right (✓) or not (✗)."""
    from matplotlib.patches import Rectangle

    x, y = corner
    share = count / total if count is not None and total else 0.0
    box = {"linewidth": 2, "edgecolor": "white"}
    ax.add_patch(Rectangle(corner, 1, 1, facecolor="#f4f4f4", **box))
    ax.add_patch(Rectangle(corner, 1, 1, facecolor=colour, alpha=0.75 * share, gid="tint", **box))
    if count is None or not total:
        text = "cannot happen" if count is None else "none to judge"
        ax.text(x + 0.5, y + 0.5, text, ha="center", va="center", fontsize=TICK_PT, color=GREY)
        return
    ax.text(x + 0.5, y + 0.42, f"{count:,}", ha="center", va="center", fontsize=17, color=BLACK)
    ax.text(x + 0.5, y + 0.75, f"{'✓' if good else '✗'} {percent(share)}", ha="center", va="center", fontsize=LABEL_PT)
