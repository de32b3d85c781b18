"""A cache of many small results, in files of some hundred each; a killed process loses at most the file it was filling.

The name of a result is a hash of everything it depends on, so nothing in the cache can be out of date.
"""

import contextlib
import hashlib
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np

from reid_lib.core import files
from reid_lib.core.arrays import open_arrays
from reid_lib.core.cache import make_room
from reid_lib.core.errors import RunError
from reid_lib.core.logs import LOGGER

NAMES, FIRST = "names", "first of "
NAME_BYTES = 32  # half a SHA-256 in hexadecimal digits
LIMIT_SHARE = 0.1  # of the disk, for all files of the folder; see `cache.make_room`
Piece = dict[str, np.ndarray]


def hash_parts(*parts: object) -> str:
    """The name of a result that depends on these parts: 32 hexadecimal digits."""
    told = "\n".join(f"{len(str(part))} {part}" for part in parts)  # with lengths: "ab", "c" is not "a", "bc"
    return hashlib.sha256(told.encode("utf-8", "surrogateescape")).hexdigest()[:NAME_BYTES]


def save_piece(path: Path, arrays: Piece) -> None:
    """Write a file of the cache whole, after removing others where there is no room.

    Raises:
        OSError, RunError: there is no room.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    make_room(path, sum(array.nbytes for array in arrays.values()), share=LIMIT_SHARE)
    with files.atomic(path) as temporary, open(temporary, "wb") as file:
        np.savez(file, **arrays)


class Pieces:
    """Results by name, in files of a folder. A result is several arrays, each with its own key; arrays of one key have
    the same dtype and shape in all results but for their length.

    Args:
        folder: in the cache; all files in it share one limit (`LIMIT_SHARE`).
        key: all that results depend on beside what their names say, and which arrays they have.
        title: what the results are, for messages ("keypoints").
    """

    def __init__(self, folder: Path, key: str, *, title: str):
        self.folder, self.prefix, self.title = folder, hash_parts(key), title

    def read(self, names: Iterable[str | bytes]) -> dict[str, Piece]:
        """Those of the results that are there: name → its arrays. A damaged file is logged and left out."""
        wanted = {name if isinstance(name, str) else name.decode() for name in names}
        found: dict[str, Piece] = {}
        for path in sorted(self.folder.glob(f"{self.prefix}-*.npz")):
            left = wanted - found.keys()
            if not left:
                break
            found |= self._read(path, left)
        return found

    def write(self, results: dict[str, Piece]) -> None:
        """Store results in one file. On a disk without room that is noted, and they are computed again another time.

        Args:
            results: name → its arrays by key; see the class.
        """
        if not results:
            return
        names, held = sorted(results), {}
        for key in results[names[0]]:
            parts = [results[name][key] for name in names]
            held[key] = np.concatenate(parts)
            held[FIRST + key] = np.concatenate([[0], np.cumsum([len(part) for part in parts])]).astype(np.int64)
        held[NAMES] = np.array(names, dtype=f"S{NAME_BYTES}")
        path = self.folder / f"{self.prefix}-{hash_parts(*names)}.npz"
        try:
            save_piece(path, held)
        except (OSError, RunError) as error:
            LOGGER.warning(f"{self.title} are not kept for another time ({error})")

    def keep(self, results: Iterable[tuple[str, Piece]], *, at_once: int) -> Iterator[tuple[str, Piece]]:
        """Pass the results on, and store them in files of `at_once` each; what is left over goes into a last file, also
        where the iteration is cut short.
        """
        piece: dict[str, Piece] = {}
        try:
            for name, arrays in results:
                piece[name] = arrays
                if len(piece) == at_once:
                    full, piece = piece, {}
                    self.write(full)
                yield name, arrays
        finally:
            self.write(piece)

    def _read(self, path: Path, wanted: set[str]) -> dict[str, Piece]:
        try:
            with open_arrays(path) as kept:
                at = [(i, name.decode()) for i, name in enumerate(kept.read(NAMES).tolist())]
                at = [(i, name) for i, name in at if name in wanted]
                if not at:
                    return {}
                arrays = {key: kept.read(key) for key in kept.names}
                n_names = len(arrays.pop(NAMES))
                first = {key: arrays.pop(FIRST + key) for key in list(arrays) if FIRST + key in arrays}
                _check(arrays, first, n_names)
        except FileNotFoundError:  # another process has made room
            return {}
        except (OSError, ValueError, KeyError, AttributeError, TypeError) as error:
            LOGGER.warning(f"{path} is damaged ({error}): its {self.title} are computed again")
            if not isinstance(error, OSError):  # an error of the disk may pass
                path.unlink(missing_ok=True)
            return {}
        with contextlib.suppress(OSError):  # used last: removed last
            os.utime(path)
        return {name: {key: arrays[key][first[key][i] : first[key][i + 1]] for key in arrays} for i, name in at}


def _check(arrays: Piece, first: Piece, n_names: int) -> None:
    for key, array in arrays.items():
        ends = first[key]
        if len(ends) != n_names + 1 or ends[0] != 0 or ends[-1] != len(array) or (np.diff(ends) < 0).any():
            raise ValueError(f"{key} has {len(array)} rows in {len(ends) - 1} results, for {n_names} names")
