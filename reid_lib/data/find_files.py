"""The photographs below a folder, and the files there that a camera made but that are not read (RAW, video)."""

import os
from dataclasses import dataclass
from pathlib import Path

from reid_lib.data.kinds import is_photograph, why_passed_over

SYSTEM_FOLDERS = ("__MACOSX", "@eaDir")


@dataclass(frozen=True)
class Found:
    """What a folder holds.

    Attributes:
        paths: of the photographs, relative to the folder, with forward slashes, sorted. Bytes that are not UTF-8 are
            lone surrogates in them (PEP 383); `core.errors.is_text` recognises such paths.
        passed: files passed over, as pairs of a path and the reason with its cure (`kinds.why_passed_over`), sorted.
    """

    paths: list[str]
    passed: list[tuple[str, str]]


def find_photographs(root: Path) -> Found:
    """The photographs below a folder, and the files that are passed over; which files are seen: see `list_files`."""
    files = list_files(root)
    reasons = ((path, why_passed_over(path)) for path in files)
    return Found([path for path in files if is_photograph(path)], [(path, why) for path, why in reasons if why])


def list_files(root: Path) -> list[str]:
    """The files at any depth of a folder, relative to it, with forward slashes, sorted.

    Links are followed, but not in circles. Hidden files and folders, and folders that may not be read, are left out.
    """
    found = []
    for folder, subfolders, names in os.walk(root, followlinks=True):
        here = os.path.realpath(folder) + os.sep
        below = Path(folder).relative_to(root).as_posix()
        subfolders[:] = [
            name
            for name in subfolders
            if not name.startswith(".")
            and name not in SYSTEM_FOLDERS
            and not here.startswith(os.path.realpath(os.path.join(folder, name)) + os.sep)  # a link in a circle
        ]
        found += [name if below == "." else f"{below}/{name}" for name in names if not name.startswith(".")]
    return sorted(found)
