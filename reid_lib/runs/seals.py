"""Checksums of what a run has written, kept beside it: a flipped bit or a lost block is noticed when a file is read.

A run is sealed when it is finished, and open again as soon as anything of it is made anew. CRC-32 is enough against
accidents, and costs less than reading from most disks (about 0.7 s for 1 GB).
"""

import json
from pathlib import Path

from reid_lib.core import files
from reid_lib.core.errors import RunError, first_line
from reid_lib.core.files import compute_checksum
from reid_lib.core.names import CHECKPOINT, CHECKSUMS_JSON, REMARKS_JSON, REPORT_HTML, STATUS_JSON

FORMAT = 1
# Not sealed: what goes on changing, what others write or people say, and the checkpoint, which a finished run needs no
# more.
OPEN = (CHECKSUMS_JSON, STATUS_JSON, CHECKPOINT, REPORT_HTML, REMARKS_JSON)
KINDS = (".json", ".csv", ".npz", ".png", ".txt", ".safetensors")


def seal(folder: Path) -> None:
    """Write checksums.json: every file of a run folder that holds results, by name, with its size and checksum."""
    names = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if _sealable(folder, path))
    _write(folder, {name: _describe(folder / name) for name in names})


def seal_file(folder: Path, name: str) -> None:
    """Take a file that was added into checksums.json; a run that is not sealed stays so."""
    try:
        sealed = read_seal(folder)
    except RunError:  # damaged: it is made again with the run's next finish
        return
    if sealed is not None and _sealable(folder, folder / name):
        _write(folder, sealed | {name: _describe(folder / name)})


def _write(folder: Path, sealed: dict[str, dict]) -> None:
    files.write_json(folder / CHECKSUMS_JSON, {"format": FORMAT, "files": sealed})


def _describe(path: Path) -> dict:
    return {"bytes": path.stat().st_size, "crc32": compute_checksum(path)}


def _sealable(folder: Path, path: Path) -> bool:
    name = path.relative_to(folder)
    hidden = any(part.startswith(".") for part in name.parts)
    return path.is_file() and path.suffix in KINDS and not hidden and name.as_posix() not in OPEN


def read_seal(folder: Path) -> dict[str, dict] | None:
    """Name -> size and checksum as of when the run was sealed; None where it is not.

    Raises:
        RunError: checksums.json is damaged.
    """
    path = folder / CHECKSUMS_JSON
    try:
        stored = files.read_json(path)
        if stored["format"] != FORMAT:
            return None  # of another version, which knows how to read it
        return {
            str(name): {"bytes": int(of["bytes"]), "crc32": str(of["crc32"])} for name, of in stored["files"].items()
        }
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise RunError(f"{path} cannot be read ({explain(error)})") from error


def find_damage(folder: Path, name: str, seal: dict[str, dict] | None) -> str | None:
    """What is wrong with a sealed file, in words; None where nothing is, or it is not sealed."""
    if seal is None or name not in seal:
        return None
    path, was = folder / name, seal[name]
    try:
        size = path.stat().st_size
        if not path.is_file():
            return "is no file"
        if size != was["bytes"]:
            return f"has {size} bytes, and had {was['bytes']} when the run was finished" if size else "is empty"
        return None if compute_checksum(path) == was["crc32"] else "is not as the run wrote it: its checksum differs"
    except OSError as error:
        return explain(error)


def check(folder: Path, name: str) -> None:
    """Compare a file with its seal, if it has one.

    Raises:
        ValueError: it is another than the run wrote.
    """
    try:
        found = find_damage(folder, name, read_seal(folder))
    except RunError:  # damaged itself; it is made again with the run's next finish
        return
    if found:
        raise ValueError(found)


def explain(error: Exception) -> str:
    """What is wrong with a file, in a few words for a person."""
    if isinstance(error, FileNotFoundError):
        return "is missing"
    if isinstance(error, PermissionError):
        return "may not be read: no permission"
    if isinstance(error, IsADirectoryError | NotADirectoryError):
        return "is no file"
    if isinstance(error, OSError):
        return error.strerror or repr(error)
    if isinstance(error, json.JSONDecodeError):
        return "is empty" if not error.doc.strip() else f"is no JSON: {error}"
    if isinstance(error, UnicodeDecodeError):
        return "is no text"
    return first_line(error)
