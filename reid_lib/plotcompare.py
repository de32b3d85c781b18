"""Figures of several runs together: `f(data, *, ax=None) -> ax`. This module is the door to all of them.

Tables of runs are drawn in `plotperformance.py`, the impact of a parameter in `plotimpact.py`.
"""

import math
from collections.abc import Mapping

import numpy as np
import pandas as pd

from reid_lib.errors import ParameterError
from reid_lib.legible import legible
from reid_lib.names import DATASET, GALLERY, IMAGE_ID, INDIVIDUAL, KNOWN, ROLE
from reid_lib.photographs import outcomes
from reid_lib.plotimpact import parameter_impact
from reid_lib.plotperformance import NAME_WIDTH, performance_bars, performance_heatmap, shortened
from reid_lib.plotstyle import (
    BLACK,
    COLOURS,
    CYCLE,
    DPI,
    GREY,
    LABEL_PT,
    MARKERS,
    TICK_PT,
    TITLE_PT,
    dress,
    in_legend,
    known_masks,
    label_ends,
    legend_above,
    legend_pad,
    new_axes,
    say,
)

__all__ = [
    "history_lines",
    "loss_comparison",
    "parameter_impact",
    "performance_bars",
    "performance_heatmap",
    "projections",
    "shortened",
]

LOSS = "loss (no unit)"
ONE_LOSS = "losses compare only between runs that minimise the same one"
OTHER_LOSSES = "not one loss: only the shapes of the curves compare, not their heights"
# History column -> (what it is, axis with its unit, is lower or higher better, or neither).
HISTORY = {
    "train_loss": ("training loss (augmented)", LOSS, "lower"),
    "train_eval_loss": ("loss on training photographs", LOSS, "lower"),
    "val_loss": ("validation loss", LOSS, "lower"),
    "val_score": ("val score", "val score: best geometric mean (0 to 1)", "higher"),
    "val_top1": ("top-1 on val", "top-1 of the known, on val (0 to 1)", "higher"),
    "val_auroc": ("AUROC on val", "AUROC known/unknown, on val (0 to 1)", "higher"),
    "val_baks_baus_area": ("BAKS–BAUS area on val", "area under the BAKS–BAUS curve, on val (0 to 1)", "higher"),
    "lr": ("learning rate", "learning rate (no unit)", ""),
    "images_per_s": ("speed of training", "speed (photographs per second)", ""),
    "seconds": ("time of an epoch", "time of an epoch (s)", ""),
}
STYLES = ("-", "--", "-.", (0, (1, 1)))
MOST_PANELS = 12
MOST_POINTS = 3000  # of a panel: more lie on top of each other and take their time
# Outcome of a query -> (label, colour, marker); in the order of drawing.
OUTCOMES = {
    "known right": ("known, named rightly", COLOURS["right"], "o"),
    "unknown right": ("unknown, called new", COLOURS["known"], "s"),
    "known refused": ("known, called new", COLOURS["refused"], "D"),
    "known wrong": ("known, named wrongly", COLOURS["wrong"], "X"),
    "unknown wrong": ("unknown, named", COLOURS["unknown"], "^"),
    "unlabelled": ("not labelled", BLACK, "x"),
}


@legible
def loss_comparison(histories: Mapping[str, pd.DataFrame], *, losses: Mapping[str, str] | None = None, ax=None):
    """Loss by epoch of several runs: validation photographs thick, training photographs (augmented) thin and dashed.

    Args:
        histories: run -> its history: `epoch`, `train_loss`, `val_loss`. Of more than eight runs those with the lowest
            validation loss are named, the others are grey.
        losses: run -> the loss that it minimised, with its margin; where they differ they are named, and the heights of
            the curves are said not to compare.
    """
    ax = new_axes(ax)
    lines = _lines(histories, "val_loss")
    train = _lines(histories, "train_loss")
    minimised = {run: loss for run, loss in (losses or {}).items() if run in lines or run in train}
    differ = len(set(minimised.values())) > 1
    title = _title("Loss while training", "on validation photographs", lines, "lower")
    shown = _by_rank(lines, "lower") + [run for run in train if run not in lines]
    styles = _styles(shown)
    dress(ax, title=title, x="epoch", y=LOSS, title_pad=legend_pad(2, 2))
    for run in reversed(shown):
        colour, _, marker, named = styles[run]
        if run in train:
            quiet = {"linewidth": 0.9, "alpha": 0.8 if named else 0.35, "gid": f"train {run}"}
            ax.plot(*train[run], linestyle=(0, (4, 2)), color=colour, **quiet, **_alone(train[run], marker))
        if run in lines:
            _line(ax, lines[run], colour, "-", marker, named=named, gid=f"val {run}")
    ends = {run: (lines.get(run) or train[run])[1][-1] for run in shown}
    _finish(ax, histories, ends, styles, note=OTHER_LOSSES if differ else ONE_LOSS, more=minimised if differ else {})
    if shown:
        ax.plot([], [], "-", color=GREY, linewidth=1.8, label="validation photographs")
        ax.plot([], [], linestyle=(0, (4, 2)), color=GREY, linewidth=0.9, label="in training (augmented)")
        legend_above(ax, 2)
    return ax


@legible
def history_lines(histories: Mapping[str, pd.DataFrame], column: str, *, note: str = "", ax=None):
    """One column of the histories by epoch, a line per run.

    Args:
        histories: run -> its history, with `epoch` and the column; undefined values are bridged. Of more than eight
            runs those with the best value (the last, where neither direction is better) are named, the others grey.
        column: `val_score`, `lr`, `images_per_s`, or any other column of numbers.
        note: what a reader has to know about these runs, below the axis.
    """
    ax = new_axes(ax)
    what, y, better = HISTORY.get(column, (column.replace("_", " "), column.replace("_", " "), ""))
    lines = _lines(histories, column)
    title = _title(what[:1].upper() + what[1:], "", lines, better)
    dress(ax, title=title, x="epoch", y=y)
    shown = _by_rank(lines, better)
    styles = _styles(shown)
    for run in reversed(shown):
        colour, style, marker, named = styles[run]
        _line(ax, lines[run], colour, style, marker, named=named, gid=run)
    ends = {run: lines[run][1][-1] for run in shown}
    _finish(ax, histories, ends, styles, note=note or (ONE_LOSS if y == LOSS else ""))
    return ax


def _lines(histories, column) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Run -> (epochs, values), the finite ones; runs without any are left out."""
    lines = {}
    for run, history in histories.items():
        if column not in history or "epoch" not in history:
            continue
        rows = history[["epoch", column]].astype(float)
        rows = rows[np.isfinite(rows[column])].sort_values("epoch")
        if len(rows):
            lines[run] = (rows["epoch"].to_numpy(), rows[column].to_numpy())
    return lines


def _by_rank(lines, better: str) -> list[str]:
    """The runs, the best first; where no direction is better, the one that ends highest."""
    rank = {"lower": lambda y: y.min(), "higher": lambda y: -y.max()}.get(better, lambda y: -y[-1])
    return sorted(lines, key=lambda run: rank(lines[run][1]))


def _styles(shown) -> dict[str, tuple]:
    """Run -> (colour, line style, marker, is it named?)."""
    known = {
        run: (colour, STYLES[i % len(STYLES)], marker, True)
        for i, (run, colour, marker) in enumerate(zip(shown, CYCLE, MARKERS, strict=False))
    }
    return {run: known.get(run, ("#bdbdbd", "-", "", False)) for run in shown}


def _line(ax, line, colour, style, marker, *, named: bool, gid: str):
    x, y = line
    if not named:
        ax.plot(x, y, "-", color=colour, linewidth=0.8, gid=gid, zorder=1, **_alone(line, "."))
        return
    every = max(1, len(x) // 10)
    ax.plot(x, y, linestyle=style, color=colour, marker=marker, markersize=5, markevery=every, linewidth=1.7, gid=gid)


def _alone(line, marker) -> dict:
    """A line of one point is seen by its marker only."""
    return {"marker": marker or ".", "markersize": 4} if len(line[0]) == 1 else {}


def _title(start: str, where: str, lines, better: str) -> str:
    """What is drawn; of a single run also the epoch of its best value. Which of several runs is better is not in it:
    the curves have no intervals."""
    if len(lines) != 1 or not better:
        return f"{start}, {where}" if where else start
    ((x, y),) = lines.values()
    at = y.argmin() if better == "lower" else y.argmax()
    extreme = "lowest" if better == "lower" else "highest"
    before = " before training," if x[at] == 0 else ""
    return f"{start}: {where + ' ' if where else ''}{extreme}{before} at epoch {x[at]:g} ({y[at]:.3g})"


def _finish(ax, histories, ends, styles, *, note: str, more: Mapping[str, str] | None = None):
    """Whole epochs, the names at the ends of the lines, and how many runs are grey or have nothing to show.

    `more`: run -> what stands behind its name.
    """
    from matplotlib.ticker import MaxNLocator

    if not ends:
        ax.set(xticks=[], yticks=[])
        say(ax, "no epoch has been finished yet" if histories else "no run was given")
        return
    low, high = ax.get_xlim()
    if high - low < 1:
        ax.set_xlim(round((low + high) / 2) - 0.5, round((low + high) / 2) + 0.5)
    ax.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    short = shortened(ends)
    names = {run: short[run] + (f" ({more[run]})" if more and run in more else "") for run in ends}
    label_ends(ax, [(y, names[run], styles[run][0]) for run, y in ends.items() if styles[run][3]])
    grey, missing = sum(not styles[run][3] for run in ends), len(histories) - len(ends)
    notes = [f"grey: {grey} more run{'' if grey == 1 else 's'}"] if grey else []
    notes += [f"{missing} run{'' if missing == 1 else 's'} without a value"] if missing else []
    lines = ["epoch", "; ".join(notes), note if len(ends) > 1 else ""]
    ax.set_xlabel("\n".join(filter(None, lines)), fontsize=LABEL_PT)


@legible
def projections(
    projections: Mapping[str, pd.DataFrame],
    predictions: Mapping[str, pd.DataFrame] | None = None,
    *,
    colour: str = KNOWN,
):
    """Embeddings of several runs side by side, one axes per run; returns the Figure.

    Args:
        projections: run -> one row per image: `image_id`, `x`, `y`, `role`, `known`, and the column to colour by.
        predictions: run -> its predictions; needed for "outcome" only, joined by `image_id`.
        colour: "known"; "outcome" (what became of each query); or a column of names ("dataset", "individual", ...), of
            which the eight with the most images have one colour in all runs, the others are grey.

    Raises:
        ParameterError: "outcome" without the predictions of each run.
    """
    import matplotlib.pyplot as plt

    shown = list(projections)[:MOST_PANELS]
    what = {KNOWN: "known and unknown animals", DATASET: "data sets", INDIVIDUAL: "individuals"}.get(colour, colour)
    what = "what became of the queries" if colour == "outcome" else what
    title = f"Photographs that a model finds alike lie close: {what}"
    if len(projections) > len(shown):
        title += f" ({len(shown)} of {len(projections)} runs)"
    if not shown:
        ax = dress(new_axes(), title=title)
        ax.set(xticks=[], yticks=[])
        say(ax, "no run was given")
        return ax.figure
    every = math.ceil(max(len(projections[run]) for run in shown) / MOST_POINTS)
    if every > 1:
        title += f" (one of {every} photographs is drawn)"
        projections = {run: projections[run].sort_values(IMAGE_ID).iloc[::every] for run in shown}
    columns = 2 if len(shown) == 4 else min(3, len(shown))
    rows = math.ceil(len(shown) / columns)
    size = (max(7.0, 3.3 * columns), 0.9 + (3.2 if columns > 1 else 4.2) * rows)
    figure, grid = plt.subplots(rows, columns, figsize=size, dpi=DPI, layout="constrained", squeeze=False)
    groups = {run: _groups(projections[run], (predictions or {}).get(run), colour, run, projections) for run in shown}
    handles, short = {}, shortened(shown, min(NAME_WIDTH, 84 // columns))
    for ax, run in zip(grid.flat, shown, strict=False):
        handles.update(_scatter(ax, projections[run], groups[run]))
        ax.set_title(short[run], loc="left", fontsize=LABEL_PT, color=BLACK)
    for ax in grid.flat[len(shown) :]:
        ax.set_visible(False)
    legend = figure.legend(
        handles.values(),
        handles.keys(),
        loc="outside upper left",
        ncols=4 if columns > 2 else 3,
        frameon=False,
        fontsize=TICK_PT,
        title=title,
        title_fontsize=TITLE_PT,
        alignment="left",
    )
    for handle in legend.legend_handles:
        handle.set(sizes=[28], alpha=1)
    return figure


def _scatter(ax, frame, groups) -> dict:
    """Draws one run; returns label -> handle."""
    size = float(np.clip(4000 / max(len(frame), 1), 2.5, 24))
    handles = {}
    for label, mask, colour, marker in groups:
        part = frame[mask]
        style = {"s": size, "c": colour, "marker": marker, "alpha": 0.8, "linewidths": 0.8 if marker == "x" else 0}
        handles[label] = ax.scatter(part["x"], part["y"], label=label, gid=label, **style)
    if not groups:
        say(ax, "no photographs")
    elif frame["x"].isna().all():
        say(ax, "not laid out: see projection.txt of the run")
    ax.set(xticks=[], yticks=[])
    ax.spines[:].set(linewidth=0.6, color=GREY)
    ax.set_aspect("equal", adjustable="datalim")
    return handles


def _groups(frame, predictions, colour, run, projections) -> list[tuple]:
    """(label, mask (n,), colour, marker) of the groups that have images, in the order of drawing."""
    if frame.empty:
        return []
    if colour == KNOWN:
        groups = _known(frame)
    elif colour == "outcome":
        groups = _outcome(frame, predictions, run)
    else:
        groups = _named(frame, colour, projections)
    return [group for group in groups if group[1].any()]


def _known(frame):
    known, unknown = known_masks(frame, KNOWN)
    gallery = (frame[ROLE] == GALLERY).to_numpy(bool)
    return [
        ("gallery", gallery, COLOURS["gallery"], "o"),
        ("known, queried", known & ~gallery, COLOURS["known"], "o"),
        ("unknown, queried", unknown & ~gallery, COLOURS["unknown"], "^"),
        ("not labelled", ~known & ~unknown & ~gallery, BLACK, "x"),
    ]


def _outcome(frame, predictions, run):
    if predictions is None:
        raise ParameterError(f'colour="outcome" needs the predictions of each run; those of {run!r} are missing')
    kinds = frame[IMAGE_ID].map(outcomes(predictions).set_axis(predictions[IMAGE_ID]))
    groups = [("gallery, or not asked", kinds.isna().to_numpy(bool), COLOURS["gallery"], "o")]
    return groups + [
        (label, (kinds == kind).to_numpy(bool), c, marker) for kind, (label, c, marker) in OUTCOMES.items()
    ]


def _named(frame, column, projections):
    everything = pd.concat([f[column].astype("string") for f in projections.values() if column in f], ignore_index=True)
    counts = everything.value_counts().sort_index().sort_values(ascending=False, kind="stable")
    shown = sorted(counts.index[: len(CYCLE)])
    names = frame[column].astype("string")
    rest = f"{len(counts) - len(shown)} others" if len(counts) > len(shown) else "without a name"
    groups = [(rest, (~names.isin(shown)).to_numpy(bool), COLOURS["gallery"], "o")]
    for name, colour, marker in zip(shown, CYCLE, MARKERS, strict=False):
        groups.append((in_legend(name), (names == name).fillna(False).to_numpy(bool), colour, marker))
    return groups
