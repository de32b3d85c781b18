"""The lease of a run folder: one live process owns it, also where several machines share the folder."""

import errno
import json
import os
import socket
import time
from contextlib import AbstractContextManager
from pathlib import Path

import psutil

from reid_lib.core.errors import RunBusyError, RunError
from reid_lib.core.locks import hold_lock

LOCK = ".owner"
GUARD = ".owner.guard"
NO_LINKS = (errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS)  # exFAT, say: a disk one carries about
HEARTBEAT_S = 10.0
# A heartbeat older than this is a dead process's; long against a file server's delays and clocks that differ.
STALE_S = 120.0


def this_process() -> dict:
    """Host, process id and its start time: a process id alone may have been given away again."""
    return {"host": socket.gethostname(), "pid": os.getpid(), "started": round(psutil.Process().create_time(), 2)}


def is_alive(owner: dict, *, heartbeat: float) -> bool:
    """Is the process that wrote `owner` running? On another machine the age of its heartbeat has to tell.

    Args:
        owner: from `this_process`.
        heartbeat: its last sign of life, seconds since the epoch.
    """
    if owner.get("host") != socket.gethostname():
        return time.time() - heartbeat < STALE_S
    try:
        return abs(psutil.Process(owner["pid"]).create_time() - owner["started"]) < 1.0
    except (psutil.Error, KeyError, TypeError):
        return False


class Lock:
    """The file `.owner` in a run folder; made by exactly one process, even when several try at once."""

    def __init__(self, folder: Path):
        self.path = folder / LOCK
        self.held = False
        self._mine: str | None = None

    def take(self) -> None:
        """Become the owner; a dead owner's lock is taken over.

        Raises:
            RunBusyError: a live process holds it.
        """
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self._mine = json.dumps(this_process())
        if not self._create(self._mine) and self._read() != self._mine:
            with self._guarded():  # of those who find a dead owner's lock, one after the other looks and replaces it
                self._remove_dead()
                if not self._create(self._mine):
                    raise RunBusyError(f"run {self.path.parent.name!r} is being taken by another process: try again")
        self.held = True

    def borrow(self) -> None:
        """Write on behalf of whoever owns the run now, for as long as it does.

        Raises:
            RunError: nobody does.
        """
        self._mine = self._read()
        if self._mine is None:
            raise RunError(f"run {self.path.parent.name!r} has no owner: it is started by its notebook")
        self.held = True

    def host(self) -> str:
        """The machine of the owner that was taken or borrowed from."""
        return json.loads(self._mine or "{}").get("host", "")

    def is_mine(self) -> bool:
        """Does this process still own the run? A process that slept for long may have been succeeded meanwhile."""
        self.held = self.held and self._read() == self._mine
        return self.held

    def beat(self) -> None:
        """A sign of life."""
        if self.is_mine():
            os.utime(self.path)

    def release(self) -> None:
        """Let go; another process may take the run."""
        if self.is_mine():
            self.path.unlink(missing_ok=True)
        self.held = False

    def _create(self, text: str) -> bool:
        """Make the lock with its content at once (a hard link to a finished file), or find that it exists."""
        draft = self.path.with_name(f"{LOCK}.{socket.gethostname()}.{os.getpid()}")
        try:
            draft.write_text(text)
            os.link(draft, self.path)
        except FileExistsError:
            return False
        except OSError as error:
            if error.errno not in NO_LINKS:
                raise
            return self._create_without_links(text)
        finally:
            draft.unlink(missing_ok=True)
        return True

    def _create_without_links(self, text: str) -> bool:
        try:
            with open(self.path, "x") as file:
                file.write(text)
        except FileExistsError:
            return False
        return True

    def _read(self) -> str | None:
        try:
            return self.path.read_text()
        except FileNotFoundError:
            return None

    def _guarded(self) -> AbstractContextManager[bool]:
        """One process of this machine at a time. Without file locks (rare), nothing is guarded."""
        return hold_lock(self.path.with_name(GUARD))

    def _remove_dead(self) -> None:
        """Take a dead owner's lock away.

        Raises:
            RunBusyError: its owner is alive, or it is just being written.
        """
        try:
            text, heartbeat = self.path.read_text(), self.path.stat().st_mtime
        except FileNotFoundError:
            return
        try:
            owner = json.loads(text)
            alive = is_alive(owner, heartbeat=heartbeat)
        except (ValueError, AttributeError):
            owner, alive = {}, time.time() - heartbeat < STALE_S
        if alive:
            raise RunBusyError(
                f"run {self.path.parent.name!r} belongs to process {owner.get('pid', '?')} on "
                f"{owner.get('host', 'an unknown machine')}, which is alive: wait for it, stop it, or choose another "
                "run_name"
            )
        self.path.unlink(missing_ok=True)
