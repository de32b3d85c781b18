"""The state of each photograph's file: read once, by the first step that asks, and carried by the catalogue.

Reader, audit, fingerprint and what a run was trained on look at a file through here; only decoding opens it again.
"""

import hashlib
import os
import stat
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import BinaryIO

import pandas as pd
from PIL import Image

from reid_lib.core.names import BBOX, PATH
from reid_lib.core.parallel import cpu_count, map_in_threads
from reid_lib.core.paths import locate
from reid_lib.data.photo import decoding_problem, header_problem, read_exif_time, read_upright_size
from reid_lib.data.photo_file import explain, open_image, why_no_file, why_refused

_SAMPLE_BYTES = 2**14
_WHOLE_BYTES = 2**19  # files up to this size are read whole for their digest; a seek costs about as much
_HEAD_BYTES = 2**17  # EXIF and XMP, which turn a photograph, stand in segments of 64 KiB each
_CHUNK_BYTES = 2**20


@dataclass(frozen=True, slots=True)
class FileState:
    """What is known of the file of a photograph.

    Attributes:
        size: bytes; -1 where nothing is there, or something that is no file (a folder, a named pipe).
        problem: why it cannot be used, by its header and its end; "" where it can, and where nothing is there.
        sample: its size and a digest of samples of its bytes, see `FileStates.contents`; "" where it cannot be read.
        digest: for `Catalogue.fingerprint`; it differs for another photograph of the same size, and for the same one
            after it was turned; "" where it cannot be read.
        stamp: inode, times of change in ns, and size when the file was read; as long as they stay, so does the file.
        taken: when the photograph was taken, on the camera's clock; None where EXIF does not say, or was not read.
        zone: of that time, "+02:00"; "" where EXIF does not say.
        sides: width and height in pixels of the upright image; None where unreadable, or EXIF was not read.
        exif: were `taken` and `sides` read?
    """

    size: int
    problem: str = ""
    sample: str = ""
    digest: str = ""
    stamp: tuple[int, ...] = ()
    taken: datetime | None = None
    sides: tuple[int, int] | None = None
    exif: bool = False
    zone: str = ""


class FileStates:
    """States of the files below a folder, each read when it is first asked for."""

    def __init__(self, root: Path):
        self.root = root
        self._known: dict[str, FileState] = {}

    def of(self, paths: Iterable[str], *, exif: bool = False, progress: bool = True) -> list[FileState]:
        """The state of each file, in order.

        Args:
            paths: below the root; one that is listed several times is read once.
            exif: read `taken` and `sides`, too; for these Pillow decodes a whole PNG.
            progress: show a bar.
        """
        paths = list(paths)
        known = self._known
        todo = [path for path in dict.fromkeys(paths) if path not in known or exif > known[path].exif]
        # More threads than CPUs: a network disk answers many requests at once.
        found = map_in_threads(
            lambda path: read_state(locate(self.root, path), exif=exif),
            todo,
            title="looking at the photographs",
            workers=4 * cpu_count(),
            progress=progress,
        )
        known.update(zip(todo, found, strict=True))
        return [known[path] for path in paths]

    def digests_now(self, paths: Iterable[str]) -> list[str]:
        """What each file holds at this moment, in order; "missing" where there is none.

        A file that has changed since it was read is read again; of all others only the stamp is compared. Where not all
        of a file is read for its digest, the time of its last change is part of the answer.

        Args:
            paths: below the root.
        """
        paths = list(paths)
        known = dict(zip(paths, self.of(paths), strict=True))

        def look(path: str) -> str:
            file, state = locate(self.root, path), known[path]
            try:
                now = os.stat(file)
            except (OSError, ValueError):
                return "missing"
            state = state if _stamp(now) == state.stamp else read_state(file)
            sampled = f" {now.st_mtime_ns}" if now.st_size > _WHOLE_BYTES else ""
            return f"{state.digest or 'unreadable'}{sampled}"

        found = map_in_threads(look, known, title="looking for the pixel cache", workers=4 * cpu_count())
        digest_of = dict(zip(known, found, strict=True))
        return [digest_of[path] for path in paths]

    def contents(self, rows: pd.DataFrame) -> list[str]:
        """What each photograph is recognised by wherever it lies: text of its size, a digest of samples of its bytes,
        and its bbox; "" where the file cannot be read.

        Four samples of 16 KiB, the last one at the end, keep this cheap with large files; files of up to 64 KiB are
        read whole. The first bytes of a larger one are left out, since programs add their notes there.

        Args:
            rows: `path`, and `bbox` where there is one.
        """
        boxes = rows[BBOX].fillna("") if BBOX in rows else [""] * len(rows)
        states = zip(self.of(rows[PATH]), boxes, strict=True)
        return [f"{state.sample} {box}".strip() if state.sample else "" for state, box in states]


def read_state(path: Path, *, exif: bool = False) -> FileState:
    """Read the state of one photograph's file, by one stat and one opening.

    Args:
        path: of the file.
        exif: see `FileStates.of`.
    """
    try:
        found = os.stat(path)
    except (OSError, ValueError):  # a NUL byte is part of no name
        return FileState(-1, exif=exif)
    if not stat.S_ISREG(found.st_mode):
        return FileState(-1, why_no_file(path), exif=exif)
    if reason := why_refused(path):
        return FileState(found.st_size, reason, exif=exif)
    sample, digest, taken, zone, sides, problem = "", "", None, "", None, None
    try:
        with open(path, "rb") as file:
            sample = f"{found.st_size}-{_sample(file, found.st_size)}"
            digest = _digest(file, found.st_size, whole=False)
            with open_image(file) as image:
                if found.st_size > _WHOLE_BYTES and _is_uncompressed(image):
                    digest = _digest(file, found.st_size, whole=True)
                if exif:
                    (taken, zone), sides = read_exif_time(image), read_upright_size(image)
                problem = header_problem(image, file)
        if problem is None:
            problem = decoding_problem(path)
    except Exception as error:  # decoders raise OSError, SyntaxError, struct.error, ... for a broken file
        problem = explain(path, error)
    return FileState(found.st_size, problem, sample, digest, _stamp(found), taken, sides, exif, zone)


def _stamp(found: os.stat_result) -> tuple[int, ...]:
    # ctime, too: programs can set a file's mtime back, but not its ctime.
    return found.st_ino, found.st_mtime_ns, found.st_ctime_ns, found.st_size


def _sample(file: BinaryIO, size: int) -> str:
    digest = hashlib.blake2b(digest_size=16)
    for quarter in range(1, 5):
        file.seek(max(size * quarter // 4 - _SAMPLE_BYTES, 0))
        digest.update(file.read(_SAMPLE_BYTES))
    return digest.hexdigest()


def _digest(file: BinaryIO, size: int, *, whole: bool) -> str:
    """Digest of every byte, or, of a large file, of its beginning and the samples: compressed pixels differ throughout
    where the photograph does. `whole`: of every byte whatever the size.
    """
    digest = hashlib.blake2b(digest_size=16)
    if whole or size <= _WHOLE_BYTES:
        file.seek(0)
        while chunk := file.read(_CHUNK_BYTES):
            digest.update(chunk)
    else:
        file.seek(0)
        digest.update(file.read(_HEAD_BYTES))
        digest.update(_sample(file, size).encode())
    file.seek(0)
    return digest.hexdigest()


def _is_uncompressed(image: Image.Image) -> bool:
    """Are pixels stored as they are, so that one may change without any other byte of the file?"""
    return image.format in ("BMP", "PPM") or (image.format == "TIFF" and image.info.get("compression") == "raw")
