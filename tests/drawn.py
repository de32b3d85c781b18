"""Predictions to draw, and what the artists of a figure hold."""

import numpy as np
import pandas as pd

from reid_lib.core.names import (
    DATASET,
    ENCOUNTER,
    GALLERY,
    IDENTITY,
    IMAGE_ID,
    INDIVIDUAL,
    KNOWN,
    N_RANKS,
    NEW_INDIVIDUAL,
    ORIENTATION,
    PREDICTED,
    ROLE,
    SCORE,
    TEST,
    ranked_column,
)


def predictions_of(rows):
    """Rows of (image_id, dataset, identity, known, nearest identity, score, predicted); further ranks are invented."""
    columns = [IMAGE_ID, DATASET, IDENTITY, KNOWN, ranked_column(IDENTITY, 1), SCORE, PREDICTED]
    frame = pd.DataFrame(rows, columns=columns).astype({KNOWN: "boolean"})
    frame[INDIVIDUAL] = frame[DATASET] + "/" + frame[IDENTITY]
    for rank in range(1, N_RANKS + 1):
        if rank > 1:
            frame[ranked_column(IDENTITY, rank)] = f"other{rank}"
        frame[ranked_column(SCORE, rank)] = frame[SCORE] - 0.1 * (rank - 1)
        frame[ranked_column("image", rank)] = "g-" + frame[ranked_column(IDENTITY, rank)]
    return frame


HAND = predictions_of(
    [
        ("q0", "newts", "a", True, "a", 0.9, "a"),  # named rightly
        ("q1", "newts", "a", True, "a", 0.8, "a"),  # named rightly
        ("q2", "newts", "b", True, "a", 0.7, "a"),  # named wrongly
        ("q3", "newts", "b", True, "b", 0.3, NEW_INDIVIDUAL),  # refused, though the nearest is right
        ("q4", "newts", "c", True, "b", 0.2, NEW_INDIVIDUAL),  # refused
        ("q5", "seals", "x", False, "y", 0.6, "y"),  # named, though unknown
        ("q6", "seals", "x", False, "y", 0.1, NEW_INDIVIDUAL),  # called new, rightly
        ("q7", "seals", "z", False, "y", 0.15, NEW_INDIVIDUAL),  # called new, rightly
        ("q8", "seals", None, None, "y", 0.5, "y"),  # not labelled
    ]
)


def many(n=400, seed=0, datasets=("newts", "seals")):
    rng = np.random.default_rng(seed)
    rows = []
    for i in range(n):
        known, nearest = bool(rng.random() < 0.7), f"k{rng.integers(8)}"
        identity = (nearest if rng.random() < 0.6 else f"k{rng.integers(8)}") if known else f"u{rng.integers(8)}"
        score = float(rng.normal(0.6 if identity == nearest else 0.4, 0.1))
        dataset = datasets[int(rng.integers(len(datasets)))]
        named = nearest if score > 0.5 else NEW_INDIVIDUAL
        rows.append((f"q{i:04d}", dataset, identity, known, nearest, score, named))
    return predictions_of(rows)


def history_of(**columns):
    n = len(next(iter(columns.values())))
    return pd.DataFrame({"epoch": np.arange(1, n + 1), **columns})


CURVE = pd.DataFrame(
    {
        DATASET: ["", "", "", "", "newts", "newts"],
        "threshold": [0.2, 0.4, 0.6, np.inf, 0.1, 0.3],
        "baks": [0.9, 0.8, 0.5, 0.0, 1.0, 0.5],
        "baus": [0.1, 0.5, 0.9, 1.0, 0.0, 1.0],
        "geometric_mean": [0.3, 0.63, 0.67, 0.0, 0.0, 0.71],
    }
)


def texts(ax):
    return [text.get_text() for text in ax.texts if text.get_text()]


def words(ax):
    """Everything that can be read in the axes."""
    return "\n".join([ax.get_title(loc="left"), ax.get_xlabel(), ax.get_ylabel(), *texts(ax)])


def by_gid(ax, gid):
    return [artist for artist in ax.get_children() if artist.get_gid() == gid]


def line_at(ax, gid):
    (line,) = by_gid(ax, gid)
    return line.get_xdata()[0]


def photo(image_id):
    """A picture that differs by its id, twice as wide as high."""
    return np.full((300, 600, 3), sum(str(image_id).encode()) % 256, dtype=np.uint8)


def content(ax):
    """What the artists hold, independent of the order of equal ones."""
    lines = sorted((str(line.get_gid()), line.get_xydata().tolist()) for line in ax.lines)
    patches = sorted((str(p.get_gid()), str(p.get_path().vertices.round(9).tolist())) for p in ax.patches)
    boxes = sorted(str(p.get_window_extent().bounds) for p in ax.patches)
    return sorted((t.get_text(), *np.round(t.get_position(), 9)) for t in ax.texts), lines, patches, boxes, words(ax)


def plane_of(n, seed=0):
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(rng.normal(size=(n, 2)), columns=["x", "y"])
    frame[ROLE] = rng.choice([GALLERY, TEST], n)
    frame[KNOWN] = rng.random(n) < 0.6
    frame[INDIVIDUAL] = [f"newts/{i}" for i in rng.integers(20, size=n)]
    return frame


LEAK = pd.DataFrame({"split": ["random", "encounter"], "value": [0.9, 0.4], "low": [0.8, 0.3], "high": [0.95, 0.5]})


def catalogue_rows():
    rows = [
        ("i1", "a", "newts", "e2", "left"),
        ("i2", "a", "newts", "e1", "right"),
        ("i3", "a", "newts", "e1", "left"),
        ("i4", "b", "newts", "e3", None),
        ("i5", "a", "seals", "e4", "left"),
        ("i6", "a", "seals", "e5", "left"),
        ("i7", None, "seals", "e6", "left"),
    ]
    frame = pd.DataFrame(rows, columns=[IMAGE_ID, IDENTITY, DATASET, ENCOUNTER, ORIENTATION])
    frame[INDIVIDUAL] = (frame[DATASET] + "/" + frame[IDENTITY]).where(frame[IDENTITY].notna())
    return frame
