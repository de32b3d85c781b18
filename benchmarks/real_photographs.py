"""The real photographs that benchmarks measure on, as rows: the nyala of wildlife-datasets, and frames of cattle faces.

Cattle frames are named by video and number (`cattle/<animal>/<video><number>.jpg`). A hundred frames in a row are one
encounter: frames that follow each other show nearly the same.
"""

import re
from pathlib import Path

import pandas as pd

from reid_lib.core.names import ENCOUNTER, IDENTITY, ORIENTATION, PATH
from reid_lib.data.catalogue import read_catalogue

BLOCK_FRAMES = 100  # of a video, that are one encounter
VIDEO, BLOCK = "video", "block"


def list_nyala(root: Path) -> pd.DataFrame:
    """All photographs in `root`/nyala: `path` (absolute), `identity`, `encounter`, `orientation` (the flank)."""
    catalogue = read_catalogue("wildlife:NyalaData", str(root / "nyala"))
    rows = catalogue.rows[[PATH, IDENTITY, ENCOUNTER, ORIENTATION]]
    return rows.assign(**{PATH: [str(catalogue.root / path) for path in rows[PATH]]})


def list_frames(root: Path) -> pd.DataFrame:
    """All frames in `root`/cattle: `path`, `identity`, `video`, `block` (int, its place in the video), `encounter`."""
    files = sorted((root / "cattle").glob("*/*.jpg"))
    video, frame = zip(*(re.fullmatch(r"(.*?)(\d*)", file.stem).groups() for file in files), strict=True)
    rows = pd.DataFrame({PATH: map(str, files), IDENTITY: [file.parent.name for file in files]})
    rows[VIDEO] = [f"{name} {part}" for name, part in zip(rows[IDENTITY], video, strict=True)]
    rows[BLOCK] = [int(number or 0) // BLOCK_FRAMES for number in frame]
    return rows.assign(**{ENCOUNTER: rows[VIDEO] + " " + rows[BLOCK].astype(str)})


def list_cattle(root: Path) -> pd.DataFrame:
    """Every second block of `list_frames`, so that at least 100 frames lie between two encounters of a video."""
    rows = list_frames(root)
    return rows.loc[rows[BLOCK] % 2 == 0, [PATH, IDENTITY, ENCOUNTER]]


def name_photograph(path: str | Path) -> str:
    """Folder and file: an id that stays the same wherever the data lie."""
    return f"{Path(path).parent.name}/{Path(path).name}"
