"""Bounding boxes of a table: shares of a photograph's width and height become pixels, odd ones are noted."""

import numpy as np
import pandas as pd

from reid_lib.core.errors import CatalogueError
from reid_lib.core.names import BBOX, PATH
from reid_lib.data.file_states import FileStates
from reid_lib.data.photo import parse_bbox

SLACK = 0.05  # detectors overshoot the border a little; in pixels no animal is as small as that
PERCENT, LARGE_SIDE = 100, 250  # px: no animals of a whole study lie in the upper left corner
CURE = "write x,y,width,height, all in pixels of the upright image or all as shares of its width and height (0 to 1)"


def convert_to_pixels(
    rows: pd.DataFrame, states: FileStates, *, progress: bool = True
) -> tuple[pd.DataFrame, list[str]]:
    """Rows with every bbox in pixels, and a note where they were shares.

    The whole column decides: they are shares if all numbers lie between 0 and 1, with a little slack.

    Args:
        rows: with `path`, and `bbox` as text "x,y,width,height" where there is one.
        states: of the files.
        progress: show a bar.

    Raises:
        CatalogueError: all numbers lie between 0 and 1, but boxes end outside their photographs.
    """
    if BBOX not in rows:
        return rows, []
    boxes = {row: box for row, text in rows[BBOX].dropna().items() if (box := read_box(text)) is not None}
    numbers = np.array(list(boxes.values()), dtype=float).reshape(-1, 4)
    if not len(numbers) or numbers.min() < -SLACK or numbers.max() > 1 + SLACK:
        return rows, []
    beyond = (numbers[:, :2] + numbers[:, 2:] > 1 + SLACK).any(axis=1)
    if beyond.any():
        first = list(boxes)[int(beyond.argmax())]
        raise CatalogueError(
            f"all boxes lie between 0 and 1, but {beyond.sum()} of {len(boxes)} end outside their photograph, e.g. "
            f"{rows.at[first, BBOX]} of {rows.at[first, PATH]}: corners or centres, perhaps? {CURE}"
        )
    size_of = _sizes(rows.loc[list(boxes), PATH], states, progress)
    text = rows[BBOX].astype(object).copy()
    for row, (x, y, width, height) in boxes.items():
        size = size_of[rows.at[row, PATH]]
        pixels = size and (x * size[0], y * size[1], width * size[0], height * size[1])
        # Without a size the file cannot be used: the audit reports it, and its box does not matter.
        text[row] = ",".join(f"{number:.10g}" for number in pixels) if pixels else None
    note = f"all {len(boxes)} boxes lie between 0 and 1: taken as shares of the photograph's width and height"
    return rows.assign(**{BBOX: text}), [note]


def describe_boxes(rows: pd.DataFrame, states: FileStates, *, progress: bool = True) -> list[str]:
    """Notes on boxes that can be used as pixels but look like something else: corners, or percent.

    Args:
        rows: with `path`, and `bbox` in pixels where there is one.
        states: of the files.
        progress: show a bar.
    """
    if BBOX not in rows:
        return []
    size_of = _sizes(rows.loc[rows[BBOX].notna(), PATH], states, progress)
    boxes = {row: read_box(text) for row, text in rows[BBOX].dropna().items() if size_of[rows.at[row, PATH]]}
    boxes = {row: box for row, box in boxes.items() if box is not None}
    if not boxes:
        return []
    sides = np.array([size_of[rows.at[row, PATH]] for row in boxes], dtype=float)
    numbers = np.array(list(boxes.values()), dtype=float)
    ends, notes = numbers[:, :2] + numbers[:, 2:], []
    outside = (ends > sides * (1 + SLACK)).any(axis=1) | (numbers[:, :2] < -SLACK * sides).any(axis=1)
    if outside.any():
        first = list(boxes)[int(outside.argmax())]
        notes.append(
            f"{outside.sum()} of {len(boxes)} boxes end outside their photograph and are cut at its border, e.g. "
            f"{rows.at[first, BBOX]} of {rows.at[first, PATH]}: corners or centres, perhaps? {CURE}"
        )
    if len(boxes) > 1 and ends.max() <= PERCENT and sides.min() >= LARGE_SIDE:
        notes.append(
            f"all {len(boxes)} boxes lie within the first {PERCENT} px of larger photographs: percent, perhaps? {CURE}"
        )
    return notes


def _sizes(paths: pd.Series, states: FileStates, progress: bool) -> dict[str, tuple[int, int] | None]:
    """Width and height in pixels of each upright photograph; None where it cannot be read."""
    names = sorted(set(paths))
    looked = states.of(names, exif=True, progress=progress)
    return {name: state.sides for name, state in zip(names, looked, strict=True)}


def read_box(text: object) -> tuple[float, float, float, float] | None:
    """x, y, width, height of a cell; None where there is no box, or none that can be read."""
    try:
        return parse_bbox(text)
    except ValueError:  # the audit reports it
        return None
