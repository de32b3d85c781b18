"""Boxes given as shares of a photograph's width and height, as detectors write them, become pixels."""

import numpy as np
import pandas as pd

from reid_lib.core.errors import CatalogueError
from reid_lib.core.names import BBOX, PATH
from reid_lib.data.file_states import FileStates
from reid_lib.data.photo import parse_bbox

SLACK = 0.05  # detectors overshoot the border a little; in pixels no animal is as small as that
CURE = "write x,y,width,height, all in pixels of the upright image or all as shares of its width and height (0 to 1)"


def convert_to_pixels(
    rows: pd.DataFrame, states: FileStates, *, progress: bool = True
) -> tuple[pd.DataFrame, list[str]]:
    """Rows with every bbox in pixels, and a note where they were shares. The whole column decides: one box above 1 and
    all are pixels.

    Args:
        rows: with `path`, and `bbox` as text "x,y,width,height" where there is one.
        states: of the files.

    Raises:
        CatalogueError: all numbers lie between 0 and 1, yet they are no x,y,width,height.
    """
    if BBOX not in rows:
        return rows, []
    boxes = {row: box for row, text in rows[BBOX].dropna().items() if (box := _numbers(text)) is not None}
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
    paths = sorted(set(rows.loc[list(boxes), PATH]))
    looked = states.of(paths, exif=True, progress=progress)
    size_of = {path: state.sides for path, state in zip(paths, looked, strict=True)}
    text = rows[BBOX].astype(object).copy()
    for row, (x, y, width, height) in boxes.items():
        size = size_of[rows.at[row, PATH]]
        pixels = size and (x * size[0], y * size[1], width * size[0], height * size[1])
        # Without a size the file cannot be used: the audit tells why, and has nothing to say of its box.
        text[row] = ",".join(f"{number:.10g}" for number in pixels) if pixels else None
    note = f"all {len(boxes)} boxes lie between 0 and 1: taken as shares of the photograph's width and height"
    return rows.assign(**{BBOX: text}), [note]


def _numbers(text: str) -> tuple[float, float, float, float] | None:
    try:
        return parse_bbox(text)
    except ValueError:  # a problem that the audit tells
        return None
