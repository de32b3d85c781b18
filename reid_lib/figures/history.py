"""Histories of one run: losses and val scores by epoch."""

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from reid_lib.figures.labels import LOSSES, SCORES
from reid_lib.figures.legible import legible
from reid_lib.figures.style import GREY, LABEL_PT, dress, label_ends, mark_value, new_axes, write_message

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@legible
def loss_curves(history: pd.DataFrame, best_epoch: int | None = None, *, ax: "Axes | None" = None) -> "Axes":
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
def val_scores(history: pd.DataFrame, best_epoch: int | None = None, *, ax: "Axes | None" = None) -> "Axes":
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
        write_message(ax, "no epoch has been finished yet")
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
