"""Figures of a run: `f(data, *, ax=None) -> ax`. This module is the door to all of them.

Without `ax` each makes a new pyplot figure, which a notebook shows at the end of the cell; with `ax` it draws there and
touches nothing else. Functions called `*_panels` need a figure of their own and return it. Scores, thresholds and the
confusion are in `plotscores.py`, photographs in `photographs.py`, the look in `plotstyle.py`.
"""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from reid_lib.legible import legible
from reid_lib.names import DATASET, GALLERY, INDIVIDUAL, KNOWN, ROLE
from reid_lib.photographs import photographs, retrieval
from reid_lib.plotscores import (
    confusion,
    confusion_counts,
    score_distributions,
    score_groups,
    score_panels,
    threshold_curve,
    threshold_panels,
)
from reid_lib.plotstyle import (
    BLACK,
    COLOURS,
    CYCLE,
    GREY,
    LABEL_PT,
    MARKERS,
    TICK_PT,
    dress,
    in_legend,
    known_masks,
    label_ends,
    legend_above,
    legend_pad,
    mark_value,
    new_axes,
    percent,
    save_figure,
    say,
)

__all__ = [
    "COLOURS",
    "bars",
    "confusion",
    "confusion_counts",
    "leak",
    "loss_curves",
    "photographs",
    "projection",
    "retrieval",
    "save_figure",
    "score_distributions",
    "score_groups",
    "score_panels",
    "threshold_curve",
    "threshold_panels",
    "val_scores",
]

# History column -> (label, colour, line style, marker).
LOSSES = {
    "train_loss": ("in training (augmented)", GREY, ":", "s"),
    "train_eval_loss": ("training photographs, as they are", COLOURS["known"], "-", "o"),
    "val_loss": ("validation photographs", COLOURS["wrong"], "--", "^"),
}
SCORES = {
    "val_score": ("best geometric mean", BLACK, "-", "o"),
    "val_top1": ("top-1 of the known", COLOURS["known"], "--", "s"),
    "val_auroc": ("AUROC known/unknown", COLOURS["wrong"], "-.", "^"),
    "val_baks_baus_area": ("BAKS–BAUS area", COLOURS["right"], ":", "D"),
}
# Name of a metric -> what a reader should see.
METRIC_LABELS = {
    "geometric_mean": "geometric mean of BAKS and BAUS",
    "baks": "BAKS: known individuals named rightly",
    "baus": "BAUS: unknown individuals called new",
    "top1": "top-1: nearest individual is right",
    "top5": "top-5: right one among five nearest",
    "top1_individual": "top-1, averaged over individuals",
    "mean_average_precision": "mean average precision",
    "auroc": "AUROC known against unknown",
    "fpr_at_95_tpr": "FPR at 95 % TPR (lower is better)",
    "oscr": "OSCR",
    "dir_at_1": "identified at 1 % false alarms",
    "dir_at_10": "identified at 10 % false alarms",
    "top1_same_orientation": "top-1 where the same flank is enrolled",
    "top1_other_orientation": "top-1 where only another flank is",
    "right_from_other_orientation": "right answers found by another flank",
    "baks_baus_area": "area under the BAKS–BAUS curve",
}


@legible
def loss_curves(history: pd.DataFrame, best_epoch: int | None = None, *, ax=None):
    """Training loss against validation loss, by epoch; epochs that were not evaluated are bridged.

    Args:
        history: one row per epoch: `epoch`, `train_loss`, and when there `train_eval_loss`, `val_loss`.
        best_epoch: the epoch whose weights were kept; marked when given.
    """
    ax = new_axes(ax)
    title = "Loss while training"
    if (val := _finite(history, "val_loss")) is not None and len(val) > 1:
        title += f": on validation photographs lowest at {_epoch(val['epoch'].iloc[val['val_loss'].argmin()])}"
    dress(ax, title=title, x="epoch", y="loss (no unit)")
    _lines_by_epoch(ax, history, LOSSES, best_epoch)
    return ax


@legible
def val_scores(history: pd.DataFrame, best_epoch: int | None = None, *, ax=None):
    """What the validation photographs say, by epoch; the score that picks the epoch is the black line.

    Args:
        history: `epoch`, `val_score`, and when there `val_top1`, `val_auroc`, `val_baks_baus_area`; each 0 to 1.
        best_epoch: the epoch whose weights were kept; marked when given.
    """
    ax = new_axes(ax)
    title = "Open-set scores on the validation photographs"
    if best_epoch is None and (score := _finite(history, "val_score")) is not None:
        title += f": the best geometric mean is highest at {_epoch(score['epoch'].iloc[score['val_score'].argmax()])}"
    elif best_epoch is not None:
        title += f": {_epoch(best_epoch)} is kept"
    dress(ax, title=title, x="epoch", y="score (0 to 1, higher is better)")
    _lines_by_epoch(ax, history, SCORES, best_epoch, low=0.0)
    return ax


def _epoch(epoch: float) -> str:
    """Epoch 0 is the network as it was before its first step: where it is the best, training did not help."""
    return f"epoch {epoch:g}" + (" (before training)" if epoch == 0 else "")


def _finite(history: pd.DataFrame, column: str) -> pd.DataFrame | None:
    """Rows (epoch, column) where the column is a finite number; None when there is no such row."""
    if column not in history.columns:
        return None
    rows = history[["epoch", column]].astype(float)
    rows = rows[np.isfinite(rows[column])].sort_values("epoch")
    return rows if len(rows) else None


def _lines_by_epoch(ax, history, styles, best_epoch, *, low=None):
    from matplotlib.ticker import MaxNLocator

    ends, missing, top, epochs = [], [], 0.0, []
    for column, (label, colour, style, marker) in styles.items():
        if (rows := _finite(history, column)) is None:
            missing.append(label)
            continue
        x, y = rows["epoch"].to_numpy(), rows[column].to_numpy()
        every = max(1, len(x) // 12)
        ax.plot(x, y, style, color=colour, marker=marker, markersize=4.5, markevery=every, linewidth=1.5, label=label)
        ends.append((y[-1], label, colour))
        top = max(top, y.max())
        epochs += [x.min(), x.max()]
    if not ends:
        say(ax, "no epoch has been finished yet")
        return
    if min(epochs) == max(epochs):
        ax.set_xlim(epochs[0] - 0.5, epochs[0] + 0.5)
    if low is not None:
        ax.set_ylim(low, min(1.02, max(0.1, 1.2 * top)))
    ax.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    if best_epoch is not None:
        bottom, up = ax.get_ylim()
        ax.set_ylim(bottom, up + 0.1 * (up - bottom))  # room for the label above the data
        mark_value(ax, best_epoch, f"kept: epoch {best_epoch}", height=0.96, colour=GREY, gid="best_epoch")
    if missing and low is not None:
        ax.set_xlabel(f"epoch\nnot defined here: {', '.join(missing)}", fontsize=LABEL_PT)
    label_ends(ax, ends)


@legible
def projection(frame: pd.DataFrame, *, colour_by: str = KNOWN, ax=None):
    """Embeddings in two dimensions (`project.project`): photographs that the model finds alike lie close.

    Args:
        frame: one row per image: x, y, and the column asked for; `role` and `known` for "known".
        colour_by: "known" (gallery, known and unknown queries) or a column of names ("dataset", "individual", ...), of
            which the eight with the most images get a colour and a marker, the others are grey.
    """
    ax = new_axes(ax, height_in=5.0)
    groups = _known_groups(frame) if colour_by == KNOWN else _named_groups(frame, colour_by)
    what = {KNOWN: "known and unknown animals", DATASET: "data sets", INDIVIDUAL: "individuals"}.get(
        colour_by, colour_by
    )
    title = f"Photographs that the model finds alike lie close: {what}"
    dress(ax, title=title, x="no unit: only neighbourhoods mean something", title_pad=legend_pad(len(groups), 3))
    size = float(np.clip(6000 / max(len(frame), 1), 3, 30))
    alpha = 0.85 if len(frame) < 2000 else 0.5
    # Many photographs are drawn in turns, some of each group at a time: else the last group covers the first.
    turns = 1 + len(frame) // 2000
    for turn in range(turns):
        for label, mask, colour, marker in groups:
            part = frame[mask].iloc[turn::turns]
            style = {"s": size, "c": colour, "marker": marker, "alpha": alpha, "linewidths": 0}
            ax.scatter(part["x"], part["y"], label=label if turn == 0 else "_again", gid=label, **style)
    ax.set(xticks=[], yticks=[])
    ax.spines[:].set_visible(False)
    ax.set_aspect("equal", adjustable="datalim")
    if groups:
        legend = legend_above(ax, 3)
        for handle in legend.legend_handles:
            handle.set(sizes=[28], alpha=1)
    if not groups or frame["x"].isna().all():
        say(ax, "not laid out: see projection.txt" if groups else "no photographs")
    return ax


def _known_groups(frame):
    known, unknown = known_masks(frame, KNOWN)
    gallery = (frame[ROLE] == GALLERY).to_numpy(bool)
    parts = [
        ("gallery", gallery, COLOURS["gallery"], "o"),
        ("known, queried", known & ~gallery, COLOURS["known"], "o"),
        ("unknown, queried", unknown & ~gallery, COLOURS["unknown"], "^"),
        ("not labelled", ~known & ~unknown & ~gallery, BLACK, "x"),
    ]
    return [(f"{label} ({mask.sum():,})", mask, colour, marker) for label, mask, colour, marker in parts if mask.any()]


def _named_groups(frame, column):
    names = frame[column].astype("string")
    counts = names.value_counts().sort_index().sort_values(ascending=False, kind="stable")
    shown = list(counts.index[: len(CYCLE)])
    rest = (~names.isin(shown)).to_numpy(bool)
    groups = (
        [(f"{len(counts) - len(shown)} others ({rest.sum():,})", rest, COLOURS["gallery"], "o")] if rest.any() else []
    )
    for name, colour, marker in zip(sorted(shown), CYCLE, MARKERS, strict=False):
        mask = (names == name).fillna(False).to_numpy(bool)
        groups.append((in_legend(f"{name} ({mask.sum():,})"), mask, colour, marker))
    return groups


@legible
def bars(values: Mapping[str, Mapping[str, float]], *, title: str, x: str = "value (0 to 1)", n_of: str = "", ax=None):
    """Horizontal bars with 95 % intervals, first on top; undefined values say so.

    Args:
        values: name -> {"value", and when there "low", "high", "n"}, as in `stats.summarise(...)["overall"]`. Names
            of metrics are written out.
        n_of: what `n` counts ("photographs"); shown with the value when given.
    """
    ax = new_axes(ax, height_in=1.2 + 0.34 * max(2, len(values)))
    dress(ax, title=title, x=x)
    ends = [0.0]
    for place, (name, entry) in enumerate(values.items()):
        value, low, high = (float(entry.get(key, np.nan)) for key in ("value", "low", "high"))
        note = f"  n = {entry['n']:g} {n_of}" if n_of and "n" in entry else ""
        if np.isnan(value):
            ax.text(0, place, f" undefined{note}", va="center", fontsize=TICK_PT, color=GREY)
            continue
        ax.barh(place, value, height=0.62, color=COLOURS["known"], alpha=0.45, linewidth=0)
        text = f"{value:.2f}"
        if np.isfinite([low, high]).all():
            ax.plot([low, high], [place, place], "|-", color=BLACK, linewidth=1.2, markersize=6, gid=f"interval {name}")
            text += f"  ({low:.2f} to {high:.2f})"
        end = np.nanmax([value, high])
        ends.append(end)
        ax.annotate(text + note, (end, place), xytext=(6, 0), textcoords="offset points", va="center", fontsize=TICK_PT)
    labels = [METRIC_LABELS.get(name, name) for name in values]
    ax.set_yticks(range(len(values)), labels, fontsize=TICK_PT)
    ax.set_ylim(len(values) - 0.4, -0.6)
    ax.set_xlim(min(0.0, *ends), 1.0 if 0.5 < max(ends) <= 1 else 1.02 * max(ends) or 1.0)
    return ax


@legible
def leak(frame: pd.DataFrame, *, ax=None):
    """The same data under two splits: photographs of one encounter on both sides flatter the result.

    Args:
        frame: one row per split: `split` (its name), `value`, `low`, `high` (top-1 and its 95 % interval, 0 to 1), and
            when there `n` (queries).
    """
    entries = {str(row["split"]): {key: row[key] for key in row.index if key != "split"} for _, row in frame.iterrows()}
    title = "The same data, split two ways"
    if frame["value"].notna().all():
        shares = [f"{percent(row['value'])} ({row['split']})" for _, row in frame.iterrows()]
        title += f": recognised are {', '.join(shares)}"
    x = "top-1: share of photographs whose nearest animal is right"
    return bars(entries, title=title, x=x, n_of="photographs", ax=ax)
