"""The cache of masks: the animal of a photograph is found once, whoever finds keypoints on it afterwards.

Finding a mask takes longer than finding the keypoints of RootSIFT. Like those (`keypoint_store`), it goes by the bytes
of the file, its bbox and the masker, so nothing in the cache can be out of date.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image

from reid_lib.core.files import hash_file
from reid_lib.core.names import PATH
from reid_lib.core.parallel import map_in_threads
from reid_lib.core.paths import cache_root, locate
from reid_lib.core.pieces import Piece, Pieces, hash_parts
from reid_lib.data.pixels import list_boxes, load_image
from reid_lib.match.keypoints import Masker

FORMAT = 1  # raised whenever the same name would mean another mask
SIDE_PX = 384  # longer side of what a masker is handed: networks of this kind see less
STEP_PX = 2  # of a mask that is kept: every second pixel of that
PIECE = 64  # masks in a file: what a kill costs at most
FOLDER = "masks"
Item = tuple[Path, str | None]  # a file, and the bbox in it: "x,y,width,height" in px


class Masks:
    """Masks of photographs in a few bits each: 10,000 of them take 35 MB."""

    def __init__(self, kept: Sequence[Piece]):
        self._kept = kept

    def __len__(self) -> int:
        return len(self._kept)

    def share(self, i: int) -> float:
        """The share of photograph i that shows the animal, 0 ... 1."""
        pixels = int(self._kept[i]["size"].prod())
        return int(np.unpackbits(self._kept[i]["bits"], count=pixels).sum()) / max(pixels, 1)

    def at(self, i: int, size: tuple[int, int]) -> np.ndarray:
        """(height, width) bool of photograph i at any size (height, width) in px: true where the animal is."""
        height, width = self._kept[i]["size"].tolist()
        mask = np.unpackbits(self._kept[i]["bits"], count=height * width).reshape(height, width)
        if (height, width) == size:
            return mask.astype(bool)
        return np.asarray(Image.fromarray(mask).resize(size[::-1], Image.Resampling.NEAREST)).astype(bool)


def list_photos(rows: pd.DataFrame, root: Path) -> list[Item]:
    """File and bbox of each photograph; a bbox that is not there is None."""
    return [(locate(root, path), box) for path, box in zip(rows[PATH], list_boxes(rows), strict=True)]


def hash_photos(items: list[Item], *, progress: bool = True) -> list[str]:
    """The SHA-256 of each file's bytes; of one that cannot be read, "missing": decoding says why."""
    files = [file for file, _ in items]
    return list(map_in_threads(_hash_file, files, title="looking at photographs", progress=progress))


def _hash_file(path: Path) -> str:
    try:
        return hash_file(path)
    except OSError:
        return "missing"


def find_masks(masker: Masker, items: list[Item], contents: list[str], *, progress: bool = True) -> Masks:
    """Where the animal is in photographs: found now where it is not in the cache, which holds them all afterwards.

    Args:
        masker: who finds it.
        items: of each photograph, as `list_photos` gives them.
        contents: of each file, as `hash_photos` gives them.
        progress: show a bar.

    Raises:
        UnreadablePhoto: a file cannot be decoded; what was found until then is kept.
    """
    pieces = Pieces(cache_root() / FOLDER, mask_key(masker), title="masks")
    names = [hash_parts(content, box, mask_key(masker)) for content, (_, box) in zip(contents, items, strict=True)]
    found = pieces.read(names)
    missing = {name: item for name, item in zip(names, items, strict=True) if name not in found}
    masks = _find(masker, list(missing.values()), progress)
    found |= pieces.keep(zip(missing, masks, strict=True), at_once=PIECE)
    return Masks([found[name] for name in names])


def mask_key(masker: Masker | None) -> str:
    """All that masks depend on beside the photographs; part of the names of keypoints that were found with them."""
    return f"{FORMAT} {masker.key} {SIDE_PX} {STEP_PX}" if masker else "None"


def _find(masker: Masker, items: list[Item], progress: bool) -> Iterator[Piece]:
    def find(item: Item) -> Piece:
        file, box = item
        (mask,) = masker.find([load_image(file, bbox=box, max_side_px=SIDE_PX)])
        mask = mask[::STEP_PX, ::STEP_PX]
        return {"bits": np.packbits(mask), "size": np.array(mask.shape, dtype=np.int32)}

    yield from map_in_threads(find, items, title="finding the animal", progress=progress)
