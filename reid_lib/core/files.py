"""Files written whole: a temporary name in the same folder, then a rename. A reader sees the old file or the new."""

import errno
import hashlib
import json
import math
import os
import shutil
import stat
import zlib
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from reid_lib.core.errors import ReidError, RunError
from reid_lib.core.temporaries import name_temporary, remove_abandoned

NO_ROOM = (errno.ENOSPC, errno.EDQUOT)
READ_AT_ONCE = 2**22  # bytes
FULL = 2**20  # bytes: a disk with less room than this is full
CHECKSUM = "crc32"  # key of a JSON file that holds the checksum of the others


@contextmanager
def atomic(path: Path) -> Iterator[Path]:
    """A temporary path to write to; renamed to `path` when the block ends, removed when it fails.

    What a killed writer of `path` has left is removed, too.

    Raises:
        RunError: the disk is full, or something of another kind is in the way; the old file is as it was.
    """
    path = Path(path)
    temporary = name_temporary(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        remove_abandoned(path.parent, of=path.name)
        yield temporary
        _give_usual_mode(temporary)
        with open(temporary, "rb") as file:
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException as error:
        full = _is_full(error, path.parent)  # asked before deleting the half-written file makes room again
        temporary.unlink(missing_ok=True)
        if full:
            raise RunError(
                f"no room left in {path.parent} for {path.name} ({_explain_no_room(error)}): the file before it is "
                "kept. Free some space and run the same command again: it continues"
            ) from error
        if isinstance(error, IsADirectoryError | NotADirectoryError | FileExistsError):
            raise RunError(
                f"{path} cannot be written ({error.strerror}): a folder lies where a file belongs, or a file where a "
                "folder does; move it away and run the same command again"
            ) from error
        raise


def _give_usual_mode(path: Path) -> None:
    """Give a new file the mode that the umask allows: safetensors, for one, makes files that only their owner reads."""
    if stat.S_IMODE(path.stat().st_mode) != 0o600:
        return
    other = name_temporary(path)  # made only to read its mode: asking for the umask changes it, for all threads
    with suppress(OSError):
        handle = os.open(other, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666)
        try:
            path.chmod(stat.S_IMODE(os.fstat(handle).st_mode))
        finally:
            os.close(handle)
            other.unlink()


def _explain_no_room(error: BaseException) -> str:
    return error.strerror if isinstance(error, OSError) and error.strerror else "the disk is full"


def _is_full(error: BaseException, folder: Path) -> bool:
    """Did a write fail for want of room? torch and safetensors raise errors of their own, which do not say so."""
    if isinstance(error, OSError) and error.errno is not None:
        return error.errno in NO_ROOM
    if not isinstance(error, Exception) or isinstance(error, ReidError):
        return False
    told = any(f"(os error {number})" in str(error) for number in NO_ROOM)  # safetensors, in Rust's words
    return told or shutil.disk_usage(folder).free < FULL


def write_json(path: Path, value: Any) -> None:
    """Write `value` whole; NaN and infinities become null, which every reader of JSON understands."""
    text = json.dumps(without_nan(value), indent=2, ensure_ascii=False, allow_nan=False)
    with atomic(path) as temporary:
        temporary.write_text(text + "\n", encoding="utf-8")


def overwrite_json(path: Path, value: dict, *, cut: str) -> None:
    """Write `value` over an existing file, within the room the file has: the last resort on a full disk.

    Unlike `write_json` this is not atomic.

    Args:
        path: an existing file.
        value: what to write.
        cut: key of a text in `value` that may be cut short to make the whole fit.

    Raises:
        OSError: the file is missing, or `value` does not fit even so.
    """
    with open(path, "r+b") as file:
        found = os.fstat(file.fileno())
        room = max(found.st_size, found.st_blocks * 512)
        text = json.dumps(without_nan(value), allow_nan=False)
        if (over := len(text) - room) > 0 and value.get(cut):
            text = json.dumps(without_nan(value | {cut: str(value[cut])[: -over - 3] + "..."}), allow_nan=False)
        if len(text) > room:
            raise OSError(errno.ENOSPC, "No space left on device", str(path))
        file.write(text.encode())
        file.truncate()
        os.fsync(file.fileno())


def read_json(path: Path) -> Any:
    """What `write_json` wrote. NaN and infinities come back as None: the file holds null for both.

    Raises:
        OSError: it cannot be read.
        ValueError: it is no JSON, or not UTF-8.
    """
    return json.loads(Path(path).read_text(encoding="utf-8"))


def write_checked_json(path: Path, value: dict[str, Any]) -> None:
    """As `write_json`, with a checksum that `read_checked_json` compares: a flipped bit may leave valid JSON."""
    written = without_nan(value)
    write_json(path, written | {CHECKSUM: _sum_json(written)})


def read_checked_json(path: Path) -> Any:
    """What `write_checked_json` wrote. A file without a checksum (earlier versions wrote none) is not checked.

    Raises:
        OSError: it cannot be read.
        ValueError: it is no JSON, or its checksum differs.
    """
    stored = read_json(path)
    if isinstance(stored, dict) and CHECKSUM in stored and stored.pop(CHECKSUM) != _sum_json(stored):
        raise ValueError("it is not as it was written: its checksum differs")
    return stored


def _sum_json(value: dict[str, Any]) -> str:
    return f"{zlib.crc32(json.dumps(value, sort_keys=True).encode()):08x}"


def without_nan(value: Any) -> Any:
    """`value` as JSON can hold it: NaN and infinities become None, keys text, tuples lists, numpy scalars numbers."""
    if isinstance(value, dict):
        return {str(key): without_nan(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [without_nan(entry) for entry in value]
    if hasattr(value, "item"):  # a numpy scalar
        value = value.item()
    return None if isinstance(value, float) and not math.isfinite(value) else value


def list_sizes(folder: Path, *, skip: Collection[str] = ()) -> list[tuple[Path, int]]:
    """All files below a folder with their sizes in bytes; files that vanish meanwhile, or refuse, are left out.

    Args:
        folder: where to look, at any depth.
        skip: names of folders that are passed over.
    """
    found = []
    for where, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if name not in skip]
        for name in names:
            with suppress(OSError):
                found.append((Path(where) / name, (Path(where) / name).lstat().st_size))
    return found


def hash_file(path: Path) -> str:
    """SHA-256 of a file's bytes, in hexadecimal digits.

    Raises:
        OSError: it cannot be read.
    """
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def compute_checksum(path: Path) -> str:
    """CRC-32 of a file's bytes, eight hexadecimal digits: quicker than SHA-256, and safe against damage, not intent.

    Raises:
        OSError: it cannot be read.
    """
    crc = 0
    with open(path, "rb") as file:
        while block := file.read(READ_AT_ONCE):
            crc = zlib.crc32(block, crc)
    return f"{crc:08x}"


def digest(key: dict[str, Any]) -> str:
    """A run's key (`runs.key.make_run_key`) in 32 hexadecimal digits, as status.json and the checkpoint hold it."""
    text = json.dumps(without_nan(key), sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()[:32]
