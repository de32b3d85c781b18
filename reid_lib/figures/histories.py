"""Histories of several runs in one figure."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from reid_lib.figures.labels import LOSS, LOSSES, NAME_WIDTH, ONE_LOSS, capital, history_column, wrap_names
from reid_lib.figures.legible import legible
from reid_lib.figures.style import (
    CYCLE,
    GREY,
    LABEL_PT,
    MARKERS,
    dress,
    label_ends,
    legend_above,
    legend_pad,
    new_axes,
    write_message,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

OTHER_LOSSES = "not one loss: only the shapes of the curves compare, not their heights"
STYLES = ("-", "--", "-.", (0, (1, 1)))


@legible
def loss_comparison(
    histories: Mapping[str, pd.DataFrame], *, losses: Mapping[str, str] | None = None, ax: "Axes | None" = None
) -> "Axes":
    """Loss by epoch of several runs: validation photographs thick, training photographs (augmented) thin and dashed.

    Args:
        histories: run, as it is to be called -> its history: `epoch`, `train_loss`, `val_loss`. Of more than eight
            runs those with the lowest validation loss are named, the others are grey.
        losses: run -> the loss that it minimised, with its margin; where they differ they are named, and the heights of
            the curves are said not to compare.
    """
    ax = new_axes(ax)
    lines = find_lines(histories, "val_loss")
    train = find_lines(histories, "train_loss")
    minimised = {run: loss for run, loss in (losses or {}).items() if run in lines or run in train}
    differ = len(set(minimised.values())) > 1
    title = _title("Loss while training", "on validation photographs", lines, "lower")
    shown = rank_lines(lines, "lower") + [run for run in train if run not in lines]
    styles = style_lines(shown)
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
        ax.plot([], [], "-", color=GREY, linewidth=1.8, label=LOSSES["val_loss"][0])
        ax.plot([], [], linestyle=(0, (4, 2)), color=GREY, linewidth=0.9, label=LOSSES["train_loss"][0])
        legend_above(ax, 2)
    return ax


@legible
def history_lines(
    histories: Mapping[str, pd.DataFrame], column: str, *, note: str = "", ax: "Axes | None" = None
) -> "Axes":
    """One column of the histories by epoch, a line per run.

    Args:
        histories: run, as it is to be called -> its history, with `epoch` and the column; undefined values are
            bridged. Of more than eight runs those with the best value (the last, where neither direction is better) are
            named, the others grey.
        column: `val_score`, `lr`, `images_per_s`, or any other column of numbers.
        note: what a reader has to know about these runs, below the axis.
    """
    ax = new_axes(ax)
    what, y, better = history_column(column)
    lines = find_lines(histories, column)
    title = _title(capital(what), "", lines, better)
    dress(ax, title=title, x="epoch", y=y)
    shown = rank_lines(lines, better)
    styles = style_lines(shown)
    for run in reversed(shown):
        colour, style, marker, named = styles[run]
        _line(ax, lines[run], colour, style, marker, named=named, gid=run)
    ends = {run: lines[run][1][-1] for run in shown}
    _finish(ax, histories, ends, styles, note=note or (ONE_LOSS if y == LOSS else ""))
    return ax


def find_lines(histories: Mapping[str, pd.DataFrame], column: str) -> dict[str, tuple[np.ndarray, np.ndarray]]:
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


def rank_lines(lines: Mapping[str, tuple[np.ndarray, np.ndarray]], better: str) -> list[str]:
    """The runs, the best first; where no direction is better, the one that ends highest."""
    rank = {"lower": lambda y: y.min(), "higher": lambda y: -y.max()}.get(better, lambda y: -y[-1])
    return sorted(lines, key=lambda run: rank(lines[run][1]))


def style_lines(shown: Sequence[str]) -> dict[str, tuple]:
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
        write_message(ax, "nothing was trained, or no epoch has been finished yet" if histories else "no run was given")
        return
    low, high = ax.get_xlim()
    if high - low < 1:
        ax.set_xlim(round((low + high) / 2) - 0.5, round((low + high) / 2) + 0.5)
    ax.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    short = wrap_names(ends, NAME_WIDTH)
    names = {run: _with(short[run], f"({more[run]})" if more and run in more else "") for run in ends}
    label_ends(ax, [(y, names[run], styles[run][0]) for run, y in ends.items() if styles[run][3]])
    grey, missing = sum(not styles[run][3] for run in ends), len(histories) - len(ends)
    notes = [f"grey: {grey} more run{'' if grey == 1 else 's'}"] if grey else []
    notes += [f"{missing} run{'' if missing == 1 else 's'} without a value"] if missing else []
    lines = ["epoch", "; ".join(notes), note if len(ends) > 1 else ""]
    ax.set_xlabel("\n".join(filter(None, lines)), fontsize=LABEL_PT)


def _with(name: str, more: str) -> str:
    """The name and what stands behind it, in a line of its own where the last one has no room."""
    room = len(name.rpartition("\n")[2]) + 1 + len(more) <= NAME_WIDTH
    return name + (" " if room else "\n") * bool(more) + more
