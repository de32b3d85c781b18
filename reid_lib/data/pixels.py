"""The pixels of a whole catalogue, decoded and shrunk once, then mapped from disk."""

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from PIL import Image

from reid_lib.core.errors import ParameterError
from reid_lib.core.names import BBOX, PATH
from reid_lib.core.parallel import map_in_threads
from reid_lib.core.paths import cache_root
from reid_lib.data.photo import UnreadablePhoto, open_upright
from reid_lib.data.pixel_store import open_or_build

if TYPE_CHECKING:
    from reid_lib.data.catalogue import Catalogue

# Raised whenever the same file would give other pixels, so that caches of earlier versions are not used.
VERSION = 2
INTERPOLATIONS = {
    "nearest": Image.Resampling.NEAREST,
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
    "lanczos": Image.Resampling.LANCZOS,
}


def load_pixels(
    catalogue: "Catalogue",
    *,
    image_size: int,
    interpolation: str = "bicubic",
    progress: bool = True,
    check: bool = True,
) -> np.ndarray:
    """Every image of a catalogue, cut to its bbox and squashed to a square (not cropped: the animal stays whole).

    They are made once for the contents of the files, the size and the interpolation, stored under
    `cache_root()/pixels`, and mapped from there, so they may take more than the memory. Where a file has changed, all
    are made anew. Several processes may ask at once; an interrupted build is resumed.

    Args:
        catalogue: a `Catalogue`; the result is in the order of its rows.
        image_size: side of the square in px.
        interpolation: nearest, bilinear, bicubic or lanczos, all but nearest with antialiasing.
        progress: show bars.
        check: compare stored pixels with their checksums, once in a process; see `pixel_store`.

    Returns:
        uint8 (n, image_size, image_size, 3) RGB, a read-only memory map.

    Raises:
        CatalogueError: images cannot be decoded (all of them are listed), or the disk is full.
        ParameterError: unknown interpolation or size.
    """
    if interpolation not in INTERPOLATIONS:
        raise ParameterError(f"unknown interpolation {interpolation!r}: expected one of {', '.join(INTERPOLATIONS)}")
    if image_size < 1:
        raise ParameterError(f"image_size must be at least 1 px, got {image_size}")
    files, boxes = catalogue.files(), list_boxes(catalogue.rows)
    key = _key(catalogue, image_size, interpolation)

    def shrink(item):
        file, box = item
        try:
            return _squash(open_upright(file, bbox=box, target_px=image_size), image_size, interpolation)
        except UnreadablePhoto as error:
            return error

    def squares(begin: int, end: int):
        items = list(zip(files, boxes, strict=True))[begin:end]
        yield from map_in_threads(shrink, items, title="decoding images", progress=progress)

    return open_or_build(
        cache_root() / "pixels" / f"{key}.npy", (len(files), image_size, image_size, 3), squares, check=check
    )


def load_image(path: Path | str, *, bbox: object = None, max_side_px: int = 0) -> np.ndarray:
    """One photograph to look at: uint8 (height, width, 3) RGB, upright.

    Args:
        path: of the file.
        bbox: to cut out, see `photo.parse_bbox`.
        max_side_px: most pixels of the longer side; 0: as it is.

    Raises:
        UnreadablePhoto: see `photo.open_upright`.
    """
    image = open_upright(path, bbox=bbox, target_px=max_side_px // 2)
    if max_side_px and max(image.size) > max_side_px:
        image.thumbnail((max_side_px, max_side_px), Image.Resampling.BICUBIC)
    return np.array(image)


def _squash(image: Image.Image, side: int, interpolation: str) -> np.ndarray:
    return np.asarray(image.resize((side, side), INTERPOLATIONS[interpolation], reducing_gap=2.0))


def list_boxes(rows: pd.DataFrame) -> list[str | None]:
    """The bbox of each photograph, "x,y,width,height" in px; None where there is none."""
    return [None] * len(rows) if BBOX not in rows else [box if isinstance(box, str) else None for box in rows[BBOX]]


def _key(catalogue: "Catalogue", image_size: int, interpolation: str) -> str:
    """The name of the array: a hash of everything that decides on the pixels and their order.

    What is in the files counts, not where they lie nor what they are called: a folder that was moved keeps its pixels,
    and another folder of the same names, sizes and times has its own. Files are looked at now, since they may have
    changed after the catalogue was read; a missing one counts as "missing", and decoding it then fails.
    """
    rows = catalogue.rows
    digest = hashlib.sha256(f"{VERSION} {image_size} {interpolation}".encode())
    for box, content in zip(list_boxes(rows), catalogue.states.digests_now(rows[PATH]), strict=True):
        digest.update(f"\n{box}\t{content}".encode())
    return f"{digest.hexdigest()[:24]}-{image_size}"
