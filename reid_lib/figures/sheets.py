"""Figures made of photographs: queries with their nearest animals, and a sheet of individuals by encounter.

Each draws into one axes, photographs at whole-number places; a photograph is shrunk as soon as it is loaded, so that a
strip of 12-megapixel images needs no more memory than one of thumbnails.
"""

import hashlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from reid_lib.core.messages import counted
from reid_lib.core.names import (
    DATASET,
    DATE,
    ENCOUNTER,
    IDENTITY,
    IMAGE_ID,
    INDIVIDUAL,
    N_RANKS,
    ORIENTATION,
    PATH,
    ranked_column,
)
from reid_lib.figures.labels import shorten
from reid_lib.figures.legible import legible
from reid_lib.figures.match_lines import MatchedPair, draw_lines
from reid_lib.figures.placing import Frame, LoadImage, place_photo, shrink
from reid_lib.figures.style import BLACK, COLOURS, GREY, TICK_PT, TITLE_PT, new_axes, write_message
from reid_lib.openset.answers import Answers
from reid_lib.openset.outcomes import classify_outcomes, judge_candidate, say_decision, say_truth
from reid_lib.openset.threshold import threshold_for

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from reid_lib.openset.threshold import Threshold

LINES = 8  # between a query and its nearest photograph: more would hide both
DECIDED, NAMED = 16, 13  # letters of a name left of a row, and below a photograph
SHOWN_PX = 240  # long side of a photograph as drawn
MARKS = {"right": "✓", "wrong": "✗", "refused": "✗", "unlabelled": "?"}
TEXT_WIDTH = 1.55  # room for the words left of a row of photographs, in photographs
ROW_HEIGHT = 1.24  # a photograph and the words below it, in photographs


def examples(predictions: pd.DataFrame, *, n: int = 6) -> pd.DataFrame:
    """`n` queries that show every kind of outcome in turn, drawn blindly (by a hash of `image_id`) within each kind.

    The same queries whatever the order of the rows. Returned sorted by kind.
    """
    kinds = classify_outcomes(Answers.of(predictions))
    lot = predictions[IMAGE_ID].map(lambda image_id: hashlib.sha256(str(image_id).encode()).hexdigest())
    table = pd.DataFrame({"kind": kinds, "lot": lot}, index=predictions.index).sort_values("lot")
    table["turn"] = table.groupby("kind").cumcount()
    chosen = table.sort_values(["turn", "kind"], kind="stable").head(n).sort_values(["kind", "turn"])
    return predictions.loc[chosen.index]


@legible
def retrieval(
    predictions: pd.DataFrame,
    load_image: LoadImage,
    *,
    n: int = 6,
    image_ids: list[str] | None = None,
    matches: Mapping[str, MatchedPair] | None = None,
    threshold: "Threshold | Mapping[str, Any] | float | None" = None,
    title: str = "",
    ax: "Axes | None" = None,
) -> "Axes":
    """Queries, one a row: the photograph, the decision, and the best gallery photograph of its five nearest animals.

    A green frame and ✓ mark the query's own individual, a vermilion frame and ✗ any other; the heavier frame is the
    nearest. The queries show every kind of outcome (`examples`), so they say nothing about how often each happens.

    Args:
        predictions: one row per query, with `predicted`; unique index.
        load_image: image_id -> uint8 (H, W, 3); called for the queries and gallery photographs that are drawn.
        n: number of queries.
        image_ids: these queries instead, in this order.
        matches: query -> where it matches its nearest photograph: drawn as lines between both.
        threshold: see `threshold.threshold_for`; an upright line parts the candidates that reach it from the others.
        title: another one than the usual.

    Raises:
        ValueError: a query of `image_ids` is not among the predictions.
    """
    rows = examples(predictions, n=n) if image_ids is None else _rows_of(predictions, image_ids)
    ax = _empty_sheet(ax, n_columns=N_RANKS + 1, n_rows=len(rows))
    for place, (kind, (_, row)) in enumerate(zip(classify_outcomes(Answers.of(rows)), rows.iterrows(), strict=True)):
        top = place * ROW_HEIGHT
        _decision(ax, row, kind, top)
        _draw_threshold(ax, row, threshold_for(threshold, str(row[DATASET])), top)
        asked = _photo(ax, load_image(row[IMAGE_ID]), 0, top, frame=BLACK, width=0.8)
        found = [_candidate(ax, row, rank, kind, top, load_image) for rank in range(1, N_RANKS + 1)]
        pair = (matches or {}).get(row[IMAGE_ID])
        if pair is not None and found[0] is not None and pair.candidate == row[ranked_column("image", 1)]:
            draw_lines(ax, pair, asked, found[0], most=LINES, small=True)
    key = _key(lines=bool(matches), threshold=threshold is not None, chosen=image_ids is None)
    _headline(ax, title or "Each photograph and its five most alike animals in the gallery, nearest first", key)
    if len(rows):
        _heads(ax, ["query", "nearest", "2nd", "3rd", "4th", "5th"])
    else:
        write_message(ax, "no queries")
    return ax


def _key(*, lines: bool, threshold: bool, chosen: bool) -> str:
    """What frames, lines and the upright line of a sheet mean."""
    key = "✓ green: the same animal, ✗ vermilion: another."
    key += " Lines: the same spot, by one geometry." if lines else ""
    key += "\nUpright line: the threshold, alike enough is what stands left of it." if threshold else ""
    return key + ("\nChosen to show every kind of outcome: not how often each happens." if chosen else "")


def _rows_of(predictions, image_ids):
    rows = predictions.set_index(IMAGE_ID, drop=False)
    absent = [image_id for image_id in image_ids if image_id not in rows.index]
    if absent:
        raise ValueError(f"no prediction for image_id {absent[0]!r}: pass ids of queries ({len(rows)} there)")
    return rows.loc[list(image_ids)]


def _decision(ax, row, kind, top):
    """The words left of a row: what was decided, whether that is right, and what the animal is."""
    verdict = kind.rpartition(" ")[2]
    named, truth = say_decision(row, _decided), say_truth(row, kind, _decided)
    colour = COLOURS[verdict] if verdict != "unlabelled" else BLACK
    right, middle = -0.12, top + 0.5
    ax.text(
        right, middle - 0.2, f"{MARKS[verdict]} {named}", color=colour, fontsize=10, ha="right", gid=f"decision {kind}"
    )
    ax.text(right, middle + 0.02, truth, color=BLACK, fontsize=TICK_PT, ha="right", gid="truth")
    ax.text(right, middle + 0.24, shorten(row[DATASET], 20), color=GREY, fontsize=8, ha="right")


def _decided(name: object) -> str:
    return shorten(name, DECIDED)


def _draw_threshold(ax, row, threshold: float | None, top: float) -> None:
    """An upright line behind the last candidate that reaches the threshold; before the first where none does."""
    scores = np.array([row[ranked_column("score", rank)] for rank in range(1, N_RANKS + 1)], dtype=float)
    if threshold is None or not np.isfinite(scores).any():
        return
    x = _column(1 + int((scores >= threshold).sum())) - (_column(1) - 1) / 2
    line = {"color": BLACK, "linewidth": 2.2, "linestyle": (0, (2, 1)), "clip_on": False, "zorder": 6}
    ax.plot([x, x], [top - 0.03, top + 1.03], gid="threshold", **line)
    if np.isfinite(threshold):  # left of the row: beside the line it would stand in the names below the photographs
        told = {"fontsize": 8, "color": GREY, "ha": "right", "gid": "threshold value"}
        ax.text(-0.12, top + 0.92, f"threshold {threshold:.2f}", **told)


def _candidate(ax, row, rank, kind, top, load_image) -> Frame | None:
    """A photograph of the gallery with its mark and words; where it lies."""
    identity, image_id = row[ranked_column(IDENTITY, rank)], row[ranked_column("image", rank)]
    x = _column(rank)
    if pd.isna(identity) or pd.isna(image_id):
        ax.text(x + 0.5, top + 0.5, "no more\nanimals", ha="center", va="center", fontsize=8, color=GREY)
        return None
    mark = judge_candidate(row, rank, kind)
    width = 3.0 if rank == 1 else 1.3
    frame = _photo(ax, load_image(image_id), x, top, frame=COLOURS[mark], width=width, gid=f"frame {mark}")
    style = {"facecolor": "white", "edgecolor": "none", "pad": 1.2, "alpha": 0.9}
    ax.text(
        *(frame[0] + (0.09, 0.1)),
        MARKS[mark],
        color=COLOURS[mark],
        fontsize=10,
        ha="center",
        va="center",
        bbox=style,
    )
    words = f"{shorten(identity, NAMED)}  {row[ranked_column('score', rank)]:.2f}"
    ax.text(x + 0.5, top + 1.04, words, fontsize=8, color=BLACK, ha="center", va="top")
    return frame


@legible
def photographs(
    rows: pd.DataFrame, load_image: LoadImage, *, individuals: int = 5, columns: int = 6, ax: "Axes | None" = None
) -> "Axes":
    """A sheet of the data: one individual a row, one photograph of each of its encounters.

    Shown are the individuals with the most encounters, data sets taking turns, and their first encounters by date
    (where known) or name; without encounters, their photographs in order of `image_id`.

    Args:
        rows: catalogue rows: image_id, individual, identity, dataset, and when there encounter, date, orientation.
        load_image: image_id -> uint8 (H, W, 3).
        individuals, columns: most rows and most photographs in a row.
    """
    shown = _sheet_rows(rows, individuals, columns)
    names = list(dict.fromkeys(shown[INDIVIDUAL]))
    widest = shown[INDIVIDUAL].value_counts().max() if names else columns
    ax = _empty_sheet(ax, n_columns=int(widest), n_rows=len(names))
    for place, name in enumerate(names):
        top = place * ROW_HEIGHT
        mine = shown[shown[INDIVIDUAL] == name]
        total = int((rows[INDIVIDUAL] == name).sum())
        ax.text(
            -0.12,
            top + 0.42,
            _decided(mine[IDENTITY].iloc[0]),
            fontsize=10,
            color=BLACK,
            ha="right",
            gid="individual",
        )
        words = f"{shorten(mine[DATASET].iloc[0], 20)}\n{counted(total, 'photograph')}"
        ax.text(-0.12, top + 0.5, words, fontsize=8, color=GREY, ha="right", va="top")
        for x, (_, row) in enumerate(mine.iterrows()):
            _photo(ax, load_image(row[IMAGE_ID]), _column(x), top, frame=GREY, width=0.6)
            ax.text(_column(x) + 0.5, top + 1.04, _when(row), fontsize=8, color=BLACK, ha="center", va="top")
    by = "encounter" if ENCOUNTER in rows.columns else "photograph"
    _headline(ax, f"Each row is one animal, each column another {by} of it")
    if not names:
        write_message(ax, "no labelled photographs")
    return ax


@legible
def suspects(
    pairs: pd.DataFrame,
    load_image: LoadImage,
    *,
    title: str = "One photograph under two animals?",
    n: int = 6,
    ax: "Axes | None" = None,
) -> "Axes":
    """Photographs that look like one photograph, a pair a row.

    Args:
        pairs: image_id_1, identity_1, path_1, dataset_1, the same of 2, and correlation; as `suspects.find_suspects`
            and `same_photo.find_own_photos` find them.
        load_image: image_id -> uint8 (H, W, 3).
        title: what they are.
        n: most pairs; those of other individuals come before a second pair of the same two.
    """
    both = [f"{name}_{side}" for name in (DATASET, IDENTITY) for side in (1, 2)]
    turn = pairs.groupby(both, dropna=False).cumcount()
    shown = pairs.loc[turn.sort_values(kind="stable").index].head(n)
    ax = _empty_sheet(ax, n_columns=2, n_rows=len(shown))
    for place, (_, row) in enumerate(shown.iterrows()):
        top = place * ROW_HEIGHT
        words = f"{row['correlation']:.3f}"
        ax.text(-0.12, top + 0.5, words, fontsize=10, color=BLACK, ha="right", gid="correlation")
        for side in (1, 2):
            x = _column(side - 1)
            _photo(ax, load_image(row[f"{IMAGE_ID}_{side}"]), x, top, frame=COLOURS["wrong"], width=1.0)
            name = row[f"{IDENTITY}_{side}"]
            words = (
                f"{'true name not known' if pd.isna(name) else shorten(name, 18)}\n{shorten(row[f'{PATH}_{side}'], 18)}"
            )
            ax.text(x + 0.5, top + 1.02, words, fontsize=8, color=BLACK, ha="center", va="top")
    more = f" ({len(shown)} of {len(pairs)})" if len(shown) < len(pairs) else ""
    _headline(ax, f"{title}{more}", "Left of each pair: the correlation of their pixels.")
    if not len(shown):
        write_message(ax, "none")
    return ax


def _sheet_rows(rows, individuals, columns):
    """The photographs of the sheet in the order they are drawn."""
    order = [column for column in (DATE, ENCOUNTER) if column in rows.columns]
    rows = rows.sort_values([*order, IMAGE_ID], key=_as_counted)
    if ENCOUNTER in rows.columns:
        own = rows[ENCOUNTER].astype("string").fillna("image " + rows[IMAGE_ID].astype("string"))
        rows = rows[~pd.DataFrame({"who": rows[INDIVIDUAL], "when": own}).duplicated()]
    sizes = rows.groupby([DATASET, INDIVIDUAL]).size().reset_index(name="n")
    sizes = sizes.sort_values(["n", INDIVIDUAL], ascending=[False, True])
    sizes["turn"] = sizes.groupby(DATASET).cumcount()
    names = sizes.sort_values(["turn", DATASET]).head(individuals).sort_values([DATASET, "turn"])[INDIVIDUAL]
    return pd.concat([rows[rows[INDIVIDUAL] == name].head(columns) for name in names]) if len(names) else rows.head(0)


def _as_counted(column: pd.Series) -> pd.Series:
    """Sort key that puts "e9" before "e10"."""
    return column.astype("string").str.replace(r"\d+", lambda digits: digits.group().zfill(12), regex=True)


def _when(row) -> str:
    """The encounter (or date) and the flank of a photograph, as far as known, in few letters."""
    parts = [row.get(DATE), row.get(ENCOUNTER)]
    when = next((str(part)[:10] for part in parts if not pd.isna(part)), "")
    flank = row.get(ORIENTATION)
    return ", ".join(part for part in (when, "" if pd.isna(flank) else str(flank)) if part)


def _empty_sheet(ax, *, n_columns: int, n_rows: int):
    """Axes without marks whose unit is one photograph, rows downwards."""
    right = _column(n_columns)
    width, height = TEXT_WIDTH + right, max(1, n_rows) * ROW_HEIGHT + 0.25
    width_in = min(9.0, 1.25 * width)  # a few photographs need not be as wide as the page
    ax = new_axes(ax, width_in=width_in, height_in=width_in * height / width + 0.35)
    ax.set(xlim=(-TEXT_WIDTH, right), ylim=(height - 0.25, -0.25), aspect="equal")
    ax.axis("off")
    return ax


def _column(place: int) -> float:
    """Left edge of a photograph in the row."""
    return 1.07 * place


def _headline(ax, title: str, key: str = ""):
    pad = 8 + 14 * len(key.splitlines()) if key else 6
    ax.set_title(title, loc="left", fontsize=TITLE_PT, color=BLACK, pad=pad)
    ax.annotate(key, (0, 1), (0, 7), xycoords="axes fraction", textcoords="offset points", fontsize=TICK_PT, color=GREY)


def _heads(ax, words: list[str]):
    for place, word in enumerate(words):
        ax.text(_column(place) + 0.5, -0.07, word, fontsize=TICK_PT, color=GREY, ha="center")


def _photo(ax, pixels, x: float, top: float, *, frame: str, width: float, gid: str = "frame") -> Frame:
    """One photograph within the unit square whose upper left corner is (x, top); where it lies."""
    return place_photo(ax, shrink(pixels, SHOWN_PX), (x, top), frame=frame, width=width, gid=gid)
