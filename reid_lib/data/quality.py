"""How large and how sharp photographs are, at the size at which a network sees them."""

import numpy as np
import pandas as pd

from reid_lib.core.names import BBOX, DATASET, IMAGE_ID, PATH
from reid_lib.core.parallel import map_in_threads
from reid_lib.data.file_states import FileStates
from reid_lib.data.photo import parse_bbox

WIDTH, HEIGHT, SHARPNESS, BLURRED, SMALL = "width", "height", "sharpness", "blurred", "small"
BLURRED_SHARE = 0.1  # of the data set's median sharpness: no absolute limit suits the coats of all species
SMALL_SHARE = 0.5  # of the side that the network sees: a photograph is then enlarged more than twice
_AT_ONCE = 64


def measure_quality(
    pixels: np.ndarray, rows: pd.DataFrame, states: FileStates, *, progress: bool = False
) -> pd.DataFrame:
    """Size and sharpness of every photograph.

    Args:
        pixels: (n, s, s, 3) uint8, as `pixels.load_pixels` gives them.
        rows: n rows of a catalogue.
        states: of its files.
        progress: show a bar when it takes more than two seconds.

    Returns:
        DataFrame(image_id, dataset, width, height, sharpness, small, blurred) in the order of the rows. Width and
        height in pixels are those of the bbox where there is one, else of the photograph; NaN where the file cannot be
        read. Sharpness as `measure_sharpness`. Small: the shorter side is below s / 2. Blurred: sharpness is below a
        tenth of the data set's median.
    """
    sides = measure_sides(rows, states)
    sharpness = measure_sharpness(pixels, progress=progress)
    table = pd.DataFrame(
        {
            IMAGE_ID: rows[IMAGE_ID].to_numpy(),
            DATASET: rows[DATASET].to_numpy(),
            WIDTH: sides[:, 0],
            HEIGHT: sides[:, 1],
            SHARPNESS: sharpness,
        }
    )
    typical = table.groupby(DATASET)[SHARPNESS].transform("median")
    table[SMALL] = sides.min(axis=1) < SMALL_SHARE * pixels.shape[1]
    table[BLURRED] = table[SHARPNESS] < BLURRED_SHARE * typical
    return table


def measure_sharpness(pixels: np.ndarray, *, progress: bool = False) -> np.ndarray:
    """Variance of the Laplacian of the grey picture (Pech-Pacheco et al., "Diatom autofocusing in brightfield
    microscopy", ICPR 2000): (n,) float64, in squared grey levels; low where a photograph is blurred, or its animal
    and background are plain.

    Args:
        pixels: (n, s, s, 3) uint8 RGB.
        progress: show a bar.
    """
    import cv2

    def some(begin: int) -> list[float]:
        part = pixels[begin : begin + _AT_ONCE]
        return [
            cv2.Laplacian(cv2.cvtColor(p, cv2.COLOR_RGB2GRAY), cv2.CV_64F).var() for p in np.ascontiguousarray(part)
        ]

    begins = range(0, len(pixels), _AT_ONCE)
    found = map_in_threads(some, begins, title="measuring sharpness", unit="part", progress=progress)
    return np.array([value for values in found for value in values], dtype=np.float64)


def measure_sides(rows: pd.DataFrame, states: FileStates) -> np.ndarray:
    """Width and height in pixels of each upright photograph, or of the part of its bbox that lies in it.

    Args:
        rows: n rows of a catalogue.
        states: of its files.

    Returns:
        (n, 2) float64; NaN where the file cannot be read.
    """
    found = [state.sides or (np.nan, np.nan) for state in states.of(rows[PATH], exif=True, progress=False)]
    sides = np.array(found, dtype=float).reshape(-1, 2)
    for place, box in enumerate(rows[BBOX] if BBOX in rows else ()):
        if isinstance(box, str) and (numbers := parse_bbox(box)):
            x, y, width, height = numbers
            ends = np.fmin((x + width, y + height), sides[place])
            sides[place] = ends - np.maximum((x, y), 0)
    return sides
