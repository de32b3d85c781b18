"""Which process is it, and does it live: by process id, start, boot and pid namespace, whatever the clock says.

A process id alone says little: it is given away again, and containers of one machine, or two machines of one name,
count theirs apart. The start is counted from the boot, since a start in seconds moves with every step of the clock.
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
STATE_AT, START_AT = 0, 19  # in what `_read_stat` gives
DEAD_STATES = "ZX"  # killed, and its parent has not asked yet how it ended


def identify_process() -> dict[str, Any]:
    """This process: host, process id, start, the machine's boot, and the namespace that counts process ids.

    Boot and namespace are None where the system has no such thing. `started` is the start in seconds since the epoch,
    for people.
    """
    return dict(_identify(os.getpid()))


@functools.cache
def _identify(pid: int) -> dict[str, Any]:  # a forked child has another id
    started = 0.0
    with suppress(psutil.Error):
        started = round(psutil.Process(pid).create_time(), 2)
    told = {HOST: socket.gethostname(), PID: pid, "started": started, START: find_start(pid)}
    return told | {BOOT: _read_boot(), NAMESPACE: _read_namespace()}


def who_asks() -> str:
    """The user and the machine, for a log."""
    return f"{find_login()} on {socket.gethostname()}"


def find_login() -> str:
    """The user's login, "unknown" in a container without a name for its user."""
    try:
        return getpass.getuser()
    except (KeyError, OSError, ImportError):
        return "unknown"


def name_place(process: dict[str, Any]) -> str:
    """The place in which process ids mean the same processes: eight hexadecimal digits of boot and namespace, and of
    the host where one of them is not known.

    Args:
        process: from `identify_process`, perhaps of another version or machine.
    """
    parts = [process.get(BOOT), process.get(NAMESPACE)]
    if None in parts:
        parts.append(process.get(HOST))
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:8]


def is_here(process: dict[str, Any]) -> bool:
    """Does a process id of that process's place mean the same process here?"""
    return name_place(process) == name_place(identify_process())


def is_running(pid: Any, start: Any) -> bool | None:
    """Does a process of this place live that has this id and started then? None: it cannot be told.

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
    return None if _exists(pid) else False  # None: a process of somebody else, which /proc may hide


def find_start(pid: int) -> str | None:
    """When a process of this place started, as text that no step of a clock changes; None: it is gone, or hidden."""
    fields = _read_stat(pid)
    return fields[START_AT] if fields else None


def _has_own_proc() -> bool:
    """Does /proc count processes as this process does? In a new namespace it may still be the old one's."""
    try:
        return os.readlink(PROC / "self") == str(os.getpid())
    except OSError:
        return False


def _read_stat(pid: int) -> list[str] | None:
    """Of a process its state (a letter) first and its start as the twentieth, in ticks since the boot; None: it is
    gone, or hidden. From /proc/<pid>/stat, after the name, which may hold anything; elsewhere as psutil tells them."""
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
        os.kill(pid, 0)  # asks, and does nothing
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
