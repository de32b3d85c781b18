"""Files written whole: a temporary name in the same folder, then a rename. A reader sees the old file or the new."""

import csv
import errno
import json
import math
import os
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pandas as pd

from reid_lib.errors import ReidError, RunError
from reid_lib.names import (
    BBOX,
    DATASET,
    DATE,
    ENCOUNTER,
    IDENTITY,
    IMAGE_ID,
    INDIVIDUAL,
    KNOWN,
    N_RANKS,
    ORIENTATION,
    PATH,
    PREDICTED,
    ROLE,
    SPECIES,
    SPLIT,
    ranked,
)

TEMPORARY = ".tmp-"  # infix of the temporary names
# pandas 3 reads floats back exactly by default, and deprecates asking for it.
EXACT = {} if int(pd.__version__.split(".")[0]) >= 3 else {"float_precision": "round_trip"}
NO_ROOM = (errno.ENOSPC, errno.EDQUOT)
FULL = 2**20  # bytes: a disk with less room than this is full
# Names stay text when read back: "007" is no number, and "NA" may be an animal.
TEXT_COLUMNS = {
    *(IMAGE_ID, PATH, IDENTITY, DATASET, INDIVIDUAL, ENCOUNTER, DATE, ORIENTATION, SPECIES, SPLIT, ROLE, PREDICTED),
    *(ranked(what, rank) for what in (IDENTITY, "image", ORIENTATION) for rank in range(1, N_RANKS + 1)),
    BBOX,
    *(f"{name}_{side}" for name in (IMAGE_ID, PATH, DATASET, ROLE) for side in (1, 2)),  # of pairs of images
    "run",
    "reference",
}


@contextmanager
def atomic(path: Path) -> Iterator[Path]:
    """A temporary path to write to; renamed to `path` when the block ends, removed when it fails.

    Raises:
        RunError: the disk is full, or something of another kind is in the way; the old file is as it was.
    """
    path = Path(path)
    # Not the process id alone: processes of two machines, or of two containers, may share one.
    temporary = path.with_name(f"{path.name}{TEMPORARY}{os.getpid()}-{uuid.uuid4().hex[:8]}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield temporary
        with open(temporary, "rb") as file:
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException as error:
        full = _is_full(error, path.parent)  # asked before the half-written file makes room again
        temporary.unlink(missing_ok=True)
        if full:
            raise RunError(
                f"no room left in {path.parent} for {path.name} ({_no_room_told(error)}): the file before it is kept. "
                "Free some space and run the same command again: it continues"
            ) from error
        if isinstance(error, IsADirectoryError | NotADirectoryError | FileExistsError):
            raise RunError(
                f"{path} cannot be written ({error.strerror}): a folder lies where a file belongs, or a file where a "
                "folder does; move it away and run the same command again"
            ) from error
        raise


def _no_room_told(error: BaseException) -> str:
    return error.strerror if isinstance(error, OSError) and error.strerror else "the disk is full"


def _is_full(error: BaseException, folder: Path) -> bool:
    """Did a write fail for want of room? torch and safetensors raise errors of their own, which do not say so."""
    if isinstance(error, OSError) and error.errno is not None:
        return error.errno in NO_ROOM
    if not isinstance(error, Exception) or isinstance(error, ReidError):
        return False
    told = any(f"(os error {number})" in str(error) for number in NO_ROOM)  # safetensors, in Rust's words
    return told or shutil.disk_usage(folder).free < FULL


def write_json(path: Path, value) -> None:
    """Write `value` whole; NaN and infinities become null, which every reader of JSON understands."""
    text = json.dumps(_without_nan(value), indent=2, ensure_ascii=False, allow_nan=False)
    with atomic(path) as temporary:
        temporary.write_text(text + "\n", encoding="utf-8")


def overwrite_json(path: Path, value: dict, *, cut: str) -> None:
    """Write `value` over the file that is there, in the room it has: what is left to do on a full disk.

    Args:
        cut: key of a text that may be cut short to make the whole fit.

    Raises:
        OSError: it cannot be written even so.
    """
    with open(path, "r+b") as file:
        stat = os.fstat(file.fileno())
        room = max(stat.st_size, stat.st_blocks * 512)
        text = json.dumps(_without_nan(value), allow_nan=False)
        if (over := len(text) - room) > 0 and value.get(cut):
            text = json.dumps(_without_nan(value | {cut: str(value[cut])[: -over - 3] + "..."}), allow_nan=False)
        if len(text) > room:
            raise OSError(errno.ENOSPC, "No space left on device", str(path))
        file.write(text.encode())
        file.truncate()
        os.fsync(file.fileno())


def read_json(path: Path):
    """What `write_json` wrote; null comes back as NaN inside of dictionaries of numbers only by the caller's word."""
    return json.loads(Path(path).read_text(encoding="utf-8"))


def _without_nan(value):
    if isinstance(value, dict):
        return {str(key): _without_nan(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_without_nan(entry) for entry in value]
    if hasattr(value, "item"):  # a number of numpy
        value = value.item()
    return None if isinstance(value, float) and not math.isfinite(value) else value


def write_csv(path: Path, frame: pd.DataFrame) -> None:
    """Write `frame` whole, without its index; floats with all their digits."""
    # A return alone would end the line for pandas, yet Python's writer puts no quotes around it.
    quoting = csv.QUOTE_NONNUMERIC if _holds_a_return(frame) else csv.QUOTE_MINIMAL
    with atomic(path) as temporary:
        frame.to_csv(temporary, index=False, quoting=quoting)


def _holds_a_return(frame: pd.DataFrame) -> bool:
    texts = frame.select_dtypes(exclude=["number", "bool", "boolean"])
    return any(isinstance(value, str) and "\r" in value for name in texts for value in texts[name])


def read_csv(path: Path) -> pd.DataFrame:
    """What `write_csv` wrote: the same floats, names as text, `known` as nullable boolean."""
    columns = pd.read_csv(path, nrows=0).columns
    # Names are taken as they stand: only an empty field is missing, an animal may well be called "NA" or "None".
    types = {column: object for column in columns if column in TEXT_COLUMNS} | {KNOWN: "boolean"}
    types = {column: kind for column, kind in types.items() if column in columns}
    return pd.read_csv(path, dtype=types, keep_default_na=False, na_values=_missing(columns), **EXACT)


def _missing(columns) -> dict:
    return {column: [""] if column in TEXT_COLUMNS else ["", "nan", "NaN", "<NA>"] for column in columns}
