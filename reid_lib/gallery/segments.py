"""Segments of a gallery: photographs that were added together, written once, whole, and never changed."""

import os
import shutil
import uuid
from pathlib import Path

import numpy as np
import pandas as pd

from reid_lib.core import frames
from reid_lib.core.errors import GalleryError
from reid_lib.core.files import compute_checksum
from reid_lib.core.temporaries import TEMPORARY
from reid_lib.embed.embedding_set import EmbeddingSet
from reid_lib.gallery.photographs import Photographs, select_columns
from reid_lib.match.keypoints import KINDS, KeypointSet

FOLDER = "segments"
ROWS, FEATURES, GREYS = "rows.csv", "features.npy", "greys.npy"
_ARRAYS = (*KINDS, "descriptors", "first", "sizes", "images")


def write_segment(root: Path, photographs: Photographs) -> dict:
    """Write photographs into a new folder below `root`, which is there whole or not at all.

    Returns:
        What a version says of it: `id`, `images`, `files` (name -> CRC-32).

    Raises:
        OSError: there is no room, or no permission.
    """
    name = uuid.uuid4().hex
    target = root / FOLDER / name
    making = root / FOLDER / f"{name}{TEMPORARY}{os.getpid()}"
    making.mkdir(parents=True)
    try:
        frames.write_csv(making / ROWS, select_columns(photographs.rows))
        arrays = {FEATURES: photographs.embeddings.features, GREYS: photographs.greys}
        for feature, found in photographs.keypoints.items():
            arrays |= {f"{feature}.{kind}.npy": getattr(found, kind) for kind in _ARRAYS}
        for file, array in arrays.items():
            with open(making / file, "wb") as stream:
                np.save(stream, array, allow_pickle=False)
                stream.flush()
                os.fsync(stream.fileno())
        sums = {file: compute_checksum(making / file) for file in (ROWS, *arrays)}
        os.replace(making, target)
    except BaseException:
        shutil.rmtree(making, ignore_errors=True)
        raise
    return {"id": name, "images": len(photographs), "files": sums}


def read_rows(root: Path, entry: dict) -> pd.DataFrame:
    """Rows of a segment.

    Args:
        entry: what `write_segment` returned.

    Raises:
        GalleryError: it is damaged.
        FileNotFoundError: it was removed.
    """
    path = _checked(root, entry, ROWS)
    rows = frames.read_csv(path).astype(object)
    if len(rows) != entry["images"]:
        raise GalleryError(_damaged(path, f"{len(rows)} rows, not {entry['images']}"))
    return select_columns(rows)


def read_segment(root: Path, entry: dict, features: list[str]) -> Photographs:
    """All of a segment; arrays are mapped from disk.

    Args:
        entry: what `write_segment` returned.
        features: local features whose keypoints are needed.

    Raises:
        GalleryError: it is damaged, or lacks a local feature.
        FileNotFoundError: it was removed.
    """
    rows = read_rows(root, entry)
    keypoints = {}
    for feature in features:
        arrays = [_array(root, entry, f"{feature}.{kind}.npy") for kind in _ARRAYS]
        *of_keypoints, first, sizes, images = arrays
        keypoints[feature] = KeypointSet(*of_keypoints, np.asarray(first), sizes, rows, np.asarray(images))
    embeddings = EmbeddingSet(_array(root, entry, FEATURES), rows)
    return Photographs(embeddings, keypoints, _array(root, entry, GREYS))


def remove_leftovers(root: Path, kept: set[str]) -> int:
    """Delete segments that no version names: those of a killed process, and of versions that are gone; their number."""
    others = [path for path in (root / FOLDER).glob("*") if path.name not in kept]
    for path in others:
        shutil.rmtree(path, ignore_errors=True)
    return len(others)


def _array(root: Path, entry: dict, file: str) -> np.ndarray:
    path = _checked(root, entry, file)
    try:
        return np.load(path, mmap_mode="r" if path.stat().st_size > 2**16 else None, allow_pickle=False)
    except ValueError as error:
        raise GalleryError(_damaged(path, str(error))) from error


def _checked(root: Path, entry: dict, file: str) -> Path:
    path = root / FOLDER / entry["id"] / file
    if file not in entry["files"]:
        raise GalleryError(
            f"{path.parent} has no {file}: the gallery was made without it; export it again from its run"
        )
    try:
        checksum = compute_checksum(path)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise GalleryError(_damaged(path, error.strerror or repr(error))) from error
    if checksum != entry["files"][file]:
        raise GalleryError(_damaged(path, "its checksum differs"))
    return path


def _damaged(path: Path, why: str) -> str:
    return f"{path} is damaged ({why}): copy the gallery again, or export it again from its run"
