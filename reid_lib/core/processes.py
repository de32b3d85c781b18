"""Which process is it, and is it alive: told by process id, start, boot and pid namespace, independent of the clock.

A process id alone says little: ids are reused, and containers on one machine, or two machines of one name, each count
their own. The start is counted from the boot, since a start in seconds since the epoch moves when the clock is set.
"""

import functools
import getpass
import hashlib
import os
import socket
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil

PROC = Path("/proc")
BOOT_ID = PROC / "sys/kernel/random/boot_id"
HOST, PID, START, BOOT, NAMESPACE = "host", "pid", "start", "boot", "pid_namespace"
STATE_AT, START_AT = 0, 19  # places in the list that `_read_stat` returns
DEAD_STATES = "ZX"  # zombie or dead: ended, but its parent has not yet asked how


def identify_process() -> dict[str, Any]:
    """This process: `host`, `pid`, `start`, `boot` (id of the machine's boot), `pid_namespace`, and `started`.

    Boot and namespace are None where the system has no such thing. `start` is text, see `find_start`; `started` is the
    same in seconds since the epoch, for people to read.
    """
    return dict(_identify(os.getpid()))


@functools.cache
def _identify(pid: int) -> dict[str, Any]:  # a forked child has another id
    started = 0.0
    with suppress(psutil.Error):
        started = round(psutil.Process(pid).create_time(), 2)
    told = {HOST: socket.gethostname(), PID: pid, "started": started, START: find_start(pid)}
    return told | {BOOT: _read_boot(), NAMESPACE: _read_namespace()}


def describe_user() -> str:
    """The user and the machine, for a log."""
    return f"{find_login()} on {socket.gethostname()}"


def find_login() -> str:
    """The user's login, "unknown" in a container without a name for its user."""
    try:
        return getpass.getuser()
    except (KeyError, OSError, ImportError):
        return "unknown"


def name_place(process: dict[str, Any]) -> str:
    """The place in which process ids mean the same processes: eight hexadecimal digits, a hash of boot and namespace,
    and of the host where one of them is not known.

    Args:
        process: from `identify_process`, perhaps of another version or machine.
    """
    parts = [process.get(BOOT), process.get(NAMESPACE)]
    if None in parts:
        parts.append(process.get(HOST))
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:8]


def is_here(process: dict[str, Any]) -> bool:
    """Do process ids mean the same here as where that process runs or ran?"""
    return name_place(process) == name_place(identify_process())


def is_running(pid: Any, start: Any) -> bool | None:
    """Is a process of this place alive that has this id and this start? None: it cannot be told.

    Args:
        pid, start: as `identify_process` told them.
    """
    if type(pid) is not int or pid <= 0:
        return None
    if sys.platform == "linux" and not _has_own_proc():
        return None
    fields = _read_stat(pid)
    if fields:
        return fields[START_AT] == start and fields[STATE_AT] not in DEAD_STATES
    return None if _exists(pid) else False  # None: another user's process, which /proc may hide


def find_start(pid: int) -> str | None:
    """When a process of this place started: on Linux in clock ticks since the boot, elsewhere in seconds since the
    epoch, as text; None: it is gone, or hidden.
    """
    fields = _read_stat(pid)
    return fields[START_AT] if fields else None


def _has_own_proc() -> bool:
    """Does /proc list the processes of this process's own namespace? In a new one it may still be the parent's."""
    try:
        return os.readlink(PROC / "self") == str(os.getpid())
    except OSError:
        return False


def _read_stat(pid: int) -> list[str] | None:
    """Fields of a process: at `STATE_AT` its state (a letter), at `START_AT` its start; None: it is gone, or hidden.

    On Linux those of /proc/<pid>/stat behind the name (which may hold any sign), elsewhere made of what psutil says.
    """
    if sys.platform == "linux":
        try:
            return (PROC / str(pid) / "stat").read_text(errors="replace").rpartition(")")[2].split()
        except OSError:
            return None
    try:
        process = psutil.Process(pid)
        state = "Z" if process.status() in (psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD) else "R"
        return [state, *[""] * (START_AT - 1), str(round(process.create_time(), 2))]
    except (psutil.Error, OverflowError):
        return None


def _exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)  # signal 0 only asks whether the process is there
    except (ProcessLookupError, OverflowError):
        return False
    except OSError:  # not ours to signal
        return True
    return True


def _read_boot() -> str | None:
    try:
        return BOOT_ID.read_text().strip() or None
    except OSError:
        return None


def _read_namespace() -> int | None:
    try:
        return os.stat(PROC / "self/ns/pid").st_ino
    except OSError:
        return None
