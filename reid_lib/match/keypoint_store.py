"""The cache of keypoints, by extractor, mask and photograph: keypoints of no photograph are found twice.

A photograph goes by the bytes of its file and its bbox, not by its name; what differs in any setting of the extractor
or the mask has another name, so nothing in the cache can be out of date.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd

from reid_lib.core.logs import LOGGER
from reid_lib.core.parallel import map_in_threads
from reid_lib.core.paths import cache_root
from reid_lib.core.pieces import Piece, Pieces, hash_parts
from reid_lib.data.pixels import load_image
from reid_lib.match.keypoints import KINDS, Extractor, Keypoints, KeypointSet, Masker
from reid_lib.match.mask_store import Item, Masks, find_masks, hash_photos, list_photos, mask_key

FORMAT = 1  # raised whenever the same name would mean other keypoints
PIECE = 256  # photographs in a file: what a kill costs at most
FOLDER = "keypoints"


def extract_keypoints(
    extractor: Extractor, rows: pd.DataFrame, root: Path, *, mask: Masker | None = None, progress: bool = True
) -> KeypointSet:
    """Keypoints of photographs: found now where they are not in the cache, which holds them all afterwards.

    An interrupted call is resumed by the next one; it loses the last `PIECE` photographs at most.

    Args:
        extractor: who finds them.
        rows: `image_id`, `path` below root, and `bbox` ("x,y,width,height" in px) where there is one; not empty.
        root: folder of the photographs.
        mask: who finds the animal; keypoints off it are dropped. None: all count.
        progress: show a bar, and say how many were there.

    Returns:
        KeypointSet of all rows, in their order; a photograph without keypoints has none.

    Raises:
        UnreadablePhoto: a file cannot be decoded; what was found until then is kept.
    """
    items = list_photos(rows, root)
    key = f"{FORMAT} {extractor.max_side_px} {extractor.key}, mask {mask_key(mask)}"
    hashes = hash_photos(items, progress=progress)
    names = [hash_parts(content, box, key) for content, (_, box) in zip(hashes, items, strict=True)]
    kept = Pieces(cache_root() / FOLDER, key, title="keypoints")
    found = kept.read(names)
    if found and progress:
        there = sum(name in found for name in names)
        LOGGER.info(f"keypoints of {there} of {len(names)} photographs were found before")
    missing = {name: item for name, item in zip(names, items, strict=True) if name not in found}
    masks = None
    if mask:
        contents = dict(zip(names, hashes, strict=True))
        masks = find_masks(mask, list(missing.values()), [contents[name] for name in missing], progress=progress)
    packed = map(_pack, _extract(extractor, masks, list(missing.values()), progress))
    found |= kept.keep(zip(missing, packed, strict=True), at_once=PIECE)
    return KeypointSet.of([_unpack(found[name]) for name in names], rows, names)


def _extract(extractor: Extractor, masks: Masks | None, items: list[Item], progress: bool) -> Iterator[Keypoints]:
    """Keypoints of each photograph, in order; only a few are in memory at any moment."""

    def load(part: range) -> tuple[list[np.ndarray], list[np.ndarray | None]]:
        some = [items[i] for i in part]
        photos = [load_image(file, bbox=box, max_side_px=extractor.max_side_px) for file, box in some]
        if masks is None:
            return photos, [None] * len(photos)
        return photos, [masks.at(i, photo.shape[:2]) for i, photo in zip(part, photos, strict=True)]

    def find(loaded: tuple[list[np.ndarray], list[np.ndarray | None]]) -> list[Keypoints]:
        return extractor.extract(*loaded)

    n, at_once = len(items), extractor.at_once
    parts = [range(begin, min(begin + at_once, n)) for begin in range(0, n, at_once)]
    unit = "photograph" if at_once == 1 else "part"
    how = {"title": "finding keypoints", "unit": unit, "progress": progress}
    if extractor.threads:
        results = map_in_threads(lambda part: find(load(part)), parts, **how)
    else:  # photographs are decoded in threads while the network is at work
        results = map(find, map_in_threads(load, parts, **how))
    for result in results:
        yield from result


def _pack(keypoints: Keypoints) -> Piece:
    return {key: getattr(keypoints, key) for key in (*KINDS, "descriptors")} | {"size": np.array([keypoints.size])}


def _unpack(arrays: Piece) -> Keypoints:
    ((width, height),) = arrays["size"].tolist()
    return Keypoints(**{key: arrays[key] for key in (*KINDS, "descriptors")}, size=(width, height))
