"""Temporary names of files that are being written; the files of killed writers are removed, those of live ones never.

A name holds who writes: the place of the process (`processes.name_place`), its id and start, and a random part.
"""

import time
import uuid
from contextlib import suppress
from pathlib import Path
from typing import Any

from reid_lib.core.processes import PID, START, identify_process, is_running, name_place

TEMPORARY = ".tmp-"  # infix of the temporary names
# A file whose writer cannot be asked (it ran on another machine, or in an earlier version) is abandoned at this age.
ABANDONED_S = 3600.0


def name_temporary(path: Path) -> Path:
    """A name beside `path` that nobody else uses; `remove_abandoned` removes the file after this process was killed."""
    return path.with_name(f"{path.name}{TEMPORARY}{name_writer(identify_process())}-{uuid.uuid4().hex[:12]}")


def remove_abandoned(folder: Path, *, of: str = "", below: bool = False, dead: dict[str, Any] | None = None) -> None:
    """Delete the temporary files of writers that are dead; those of live ones stay.

    Args:
        folder: where to look; nothing happens where it is missing or cannot be listed.
        of: name of the file that was being written; "" for all.
        below: look in the folders below it, too.
        dead: a process of another machine that is known to be dead, from `identify_process`.
    """
    with suppress(OSError):
        for path in folder.rglob(f"*{TEMPORARY}*") if below else folder.glob(f"*{TEMPORARY}*"):
            if path.name.startswith(f"{of}{TEMPORARY}" if of else "") and _is_abandoned(path, dead):
                path.unlink(missing_ok=True)


def name_writer(process: dict[str, Any]) -> str:
    """How a temporary name tells who writes: "place-pid-start"."""
    return f"{name_place(process)}-{process.get(PID)}-{process.get(START)}"


def _is_abandoned(path: Path, dead: dict[str, Any] | None) -> bool:
    if path.is_symlink() or not path.is_file():
        return False
    writer = path.name.rpartition(TEMPORARY)[2].rpartition("-")[0]
    place, pid, start = (*writer.split("-", 2), "", "")[:3]
    running = None
    if place == name_place(identify_process()) and pid.isdecimal():
        running = is_running(int(pid), start)
    if running is not None:
        return not running
    known = dead is not None and writer == name_writer(dead)
    return known or time.time() - path.stat().st_mtime > ABANDONED_S
