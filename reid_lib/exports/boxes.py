"""Boxes as Camtrap DP has them: shares of a photograph's width and height."""

from pathlib import Path

import numpy as np
import pandas as pd

from reid_lib.core.messages import counted
from reid_lib.core.names import BBOX, PATH
from reid_lib.data.boxes import SLACK, read_box
from reid_lib.data.file_states import FileStates
from reid_lib.data.readers.camtrap import BOX


def measure_boxes(rows: pd.DataFrame, photos: Path | None) -> tuple[pd.DataFrame, list[str]]:
    """The boxes of sightings, cut at the borders of their photographs.

    Args:
        rows: with `path`, and `bbox` as text "x,y,width,height", all in pixels of the upright photograph or all as
            shares.
        photos: folder of the photographs, whose sizes boxes in pixels are divided by; None: such boxes are left out.

    Returns:
        (n, 4) float, columns `BOX` (`data.readers.camtrap`), from 0 to 1, missing where there is no box or no size;
        and notes.
    """
    found = pd.DataFrame(np.nan, index=rows.index, columns=list(BOX))
    boxes = {row: box for row, text in rows[BBOX].items() if (box := read_box(text)) is not None}
    numbers = np.array(list(boxes.values())).reshape(-1, 4)
    if not len(numbers):
        return found, []
    if numbers.min() < -SLACK or numbers.max() > 1 + SLACK:
        if photos is None:
            n = counted(len(boxes), "box is", "boxes are")
            return found, [f"{n} left out, in pixels: --photos FOLDER tells how many a photograph has"]
        sides = [
            state.sides or (np.nan, np.nan) for state in FileStates(photos).of(rows.loc[list(boxes), PATH], exif=True)
        ]
        numbers = numbers / np.tile(sides, 2)
    low, high = np.clip(numbers[:, :2], 0, 1), np.clip(numbers[:, :2] + numbers[:, 2:], 0, 1)
    usable = (high > low).all(axis=1)
    found.loc[list(boxes)] = np.where(usable[:, None], np.hstack([low, high - low]), np.nan)
    lost = counted((~usable).sum(), "box lies", "boxes lie")
    return found, [f"{lost} on no photograph that can be read: left out"] if not usable.all() else []
