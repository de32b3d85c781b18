"""Embeddings in two dimensions, of one run or of several side by side."""

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from reid_lib.core.errors import ParameterError
from reid_lib.core.names import DATASET, GALLERY, IMAGE_ID, INDIVIDUAL, KNOWN, ROLE
from reid_lib.figures.labels import LABEL_WIDTH, wrap_names
from reid_lib.figures.legible import legible
from reid_lib.figures.style import (
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
    legend_above,
    legend_pad,
    new_axes,
    write_message,
)
from reid_lib.openset.answers import Answers, mask_known
from reid_lib.openset.outcomes import classify_outcomes

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MOST_PANELS = 12
MOST_SETS = 8  # data sets whose names stand among their photographs
MOST_POINTS = 3000  # of a panel: more lie on top of each other and take their time
BY_OUTCOME = "outcome"  # in the place of a column to colour by
# What points are coloured by -> what is seen then, in words.
COLOURED = {
    KNOWN: "known and unknown animals",
    DATASET: "data sets",
    INDIVIDUAL: "individuals",
    BY_OUTCOME: "what became of the queries",
}
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
def projection(frame: pd.DataFrame, *, colour_by: str = KNOWN, ax: "Axes | None" = None) -> "Axes":
    """Embeddings in two dimensions (`projection.reduce_to_plane`): photographs that the model finds alike lie close.

    Args:
        frame: one row per image: x, y, and the column asked for; `role` and `known` for "known".
        colour_by: "known" (gallery, known and unknown queries) or a column of names ("dataset", "individual", ...), of
            which the eight with the most images get a colour and a marker, the others are grey.
    """
    ax = new_axes(ax, height_in=5.0)
    groups = _known_groups(frame) if colour_by == KNOWN else _named_groups(frame, colour_by)
    title = f"Photographs that the model finds alike lie close: {COLOURED.get(colour_by, colour_by)}"
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
    if colour_by != DATASET:
        _name_datasets(ax, frame)
    ax.set(xticks=[], yticks=[])
    ax.spines[:].set_visible(False)
    ax.set_aspect("equal", adjustable="datalim")
    if groups:
        legend = legend_above(ax, 3)
        for handle in legend.legend_handles:
            handle.set(sizes=[28], alpha=1)
    if not groups or frame["x"].isna().all():
        write_message(ax, "not laid out: see projection.txt" if groups else "no photographs")
    return ax


def _name_datasets(ax, frame) -> None:
    """The name of each data set in the middle of its photographs, where there are several; of many the largest."""
    if DATASET not in frame or frame[DATASET].nunique() < 2:
        return
    places = frame[np.isfinite(frame["x"]) & np.isfinite(frame["y"])]
    white = {"facecolor": "white", "edgecolor": "none", "alpha": 0.75, "pad": 1.5}
    for name in (
        places[DATASET].value_counts().sort_index().sort_values(ascending=False, kind="stable").index[:MOST_SETS]
    ):
        own = places[places[DATASET] == name]
        at = {"ha": "center", "va": "center", "fontsize": LABEL_PT, "fontweight": "bold", "color": BLACK}
        ax.text(own["x"].median(), own["y"].median(), str(name), gid="data set", bbox=white, zorder=6, **at)


def _known_groups(frame) -> list[tuple]:
    """`known_kinds` with images, how many each has in its label."""
    return [
        (f"{label} ({mask.sum():,})", mask, colour, marker)
        for label, mask, colour, marker in known_kinds(frame)
        if mask.any()
    ]


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
def projections(
    projections: Mapping[str, pd.DataFrame],
    predictions: Mapping[str, pd.DataFrame] | None = None,
    *,
    colour_by: str = KNOWN,
) -> "Figure":
    """Embeddings of several runs side by side, one axes per run; returns the Figure.

    Args:
        projections: run, as it is to be called -> one row per image: `image_id`, `x`, `y`, `role`, `known`, and the
            column to colour by.
        predictions: the same run -> its predictions; needed for "outcome" only, joined by `image_id`.
        colour_by: "known"; "outcome" (what became of each query); or a column of names ("dataset", "individual", ...):
            the eight with the most images have one colour in all runs, the others are grey.

    Raises:
        ParameterError: "outcome" without the predictions of each run.
    """
    import matplotlib.pyplot as plt

    shown = list(projections)[:MOST_PANELS]
    title = _title_of(colour_by, len(shown), len(projections))
    if not shown:
        ax = dress(new_axes(), title=title)
        ax.set(xticks=[], yticks=[])
        write_message(ax, "no run was given")
        return ax.figure
    every = math.ceil(max(len(projections[run]) for run in shown) / MOST_POINTS)
    if every > 1:
        title += f" (one of {every} photographs is drawn)"
        projections = {run: projections[run].sort_values(IMAGE_ID).iloc[::every] for run in shown}
    columns = 2 if len(shown) == 4 else min(3, len(shown))
    rows = math.ceil(len(shown) / columns)
    size = (max(7.0, 3.3 * columns), 0.9 + (3.2 if columns > 1 else 4.2) * rows)
    figure, grid = plt.subplots(rows, columns, figsize=size, dpi=DPI, layout="constrained", squeeze=False)
    groups = {
        run: _groups(projections[run], (predictions or {}).get(run), colour_by, run, projections) for run in shown
    }
    handles, short = {}, wrap_names(shown, min(LABEL_WIDTH, 96 // columns))
    for ax, run in zip(grid.flat, shown, strict=False):
        handles.update(_scatter(ax, projections[run], groups[run]))
        if colour_by != DATASET:
            _name_datasets(ax, projections[run])
        ax.set_title(short[run], loc="left", fontsize=LABEL_PT, color=BLACK)
    for ax in grid.flat[len(shown) :]:
        ax.set_visible(False)
    _add_legend(figure, handles, title, columns=4 if columns > 2 else 3)
    return figure


def _title_of(colour_by: str, n_shown: int, n_runs: int) -> str:
    title = f"Photographs that a model finds alike lie close: {COLOURED.get(colour_by, colour_by)}"
    return title + (f" ({n_shown} of {n_runs} runs)" if n_runs > n_shown else "")


def _add_legend(figure, handles: Mapping, title: str, *, columns: int) -> None:
    """One legend for all panels, above them and under the title."""
    legend = figure.legend(
        handles.values(),
        handles.keys(),
        loc="outside upper left",
        ncols=columns,
        frameon=False,
        fontsize=TICK_PT,
        title=title,
        title_fontsize=TITLE_PT,
        alignment="left",
    )
    for handle in legend.legend_handles:
        handle.set(sizes=[28], alpha=1)


def _scatter(ax, frame, groups) -> dict:
    """Draws one run; returns label -> handle."""
    size = float(np.clip(4000 / max(len(frame), 1), 2.5, 24))
    handles = {}
    for label, mask, colour, marker in groups:
        part = frame[mask]
        style = {"s": size, "c": colour, "marker": marker, "alpha": 0.8, "linewidths": 0.8 if marker == "x" else 0}
        handles[label] = ax.scatter(part["x"], part["y"], label=label, gid=label, **style)
    if not groups:
        write_message(ax, "no photographs")
    elif frame["x"].isna().all():
        write_message(ax, "not laid out: see projection.txt of the run")
    ax.set(xticks=[], yticks=[])
    ax.spines[:].set(linewidth=0.6, color=GREY)
    ax.set_aspect("equal", adjustable="datalim")
    return handles


def _groups(frame, predictions, colour_by, run, projections) -> list[tuple]:
    """(label, mask (n,), colour, marker) of the groups that have images, in the order of drawing."""
    if frame.empty:
        return []
    if colour_by == KNOWN:
        groups = known_kinds(frame)
    elif colour_by == BY_OUTCOME:
        groups = _outcome(frame, predictions, run)
    else:
        groups = _named(frame, colour_by, projections)
    return [group for group in groups if group[1].any()]


def known_kinds(frame: pd.DataFrame) -> list[tuple]:
    """(label, mask (n,), colour, marker) of gallery, known and unknown queries; in the order of drawing."""
    known, unknown = mask_known(frame[KNOWN])
    gallery = (frame[ROLE] == GALLERY).to_numpy(bool)
    return [
        ("gallery", gallery, COLOURS["gallery"], "o"),
        ("known, queried", known & ~gallery, COLOURS["known"], "o"),
        ("unknown, queried", unknown & ~gallery, COLOURS["unknown"], "^"),
        ("not labelled", ~known & ~unknown & ~gallery, BLACK, "x"),
    ]


def _outcome(frame, predictions, run):
    if predictions is None:
        raise ParameterError(
            f'colour_by="{BY_OUTCOME}" needs the predictions of each run; those of {run!r} are missing'
        )
    kinds = frame[IMAGE_ID].map(pd.Series(classify_outcomes(Answers.of(predictions)), predictions[IMAGE_ID]))
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
