"""The lease of a run folder: one live process owns it, also where several machines share the folder."""

import errno
import json
import os
import time
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, NamedTuple

from reid_lib.core import processes
from reid_lib.core.errors import RunBusyError, RunError
from reid_lib.core.locks import hold_lock
from reid_lib.core.logs import LOGGER
from reid_lib.core.processes import HOST, PID, START, identify_process
from reid_lib.core.temporaries import name_temporary

LOCK = ".owner"
GUARD = ".owner.guard"
NO_LINKS = (errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS)  # exFAT, say: a disk one carries about
HEARTBEAT_S = 10.0
# A heartbeat older than this is a dead process's; long against a file server's delays and clocks that differ.
STALE_S = 120.0
# How long a silent owner is watched before it is taken for dead: clocks may differ, or have been set, by any time.
WATCH_S = 15.0
NOT_FOLLOWED = os.O_NOFOLLOW | os.O_CLOEXEC
LONGEST = 4096  # bytes of what an owner says of itself


class Found(NamedTuple):
    """What lies in the file of a lease: its text, what that says, and its last sign of life, in seconds since 1970."""

    text: str
    owner: dict[str, Any]
    heartbeat: float


def is_alive(owner: dict[str, Any], *, heartbeat: float) -> bool:
    """Is the process that wrote `owner` running? Where its process id says nothing, its heartbeat has to tell.

    Args:
        owner: from `identify_process`.
        heartbeat: its last sign of life, seconds since the epoch; one in the future is as old as one in the past.
    """
    running = _asked(owner)
    return abs(time.time() - heartbeat) < STALE_S if running is None else running


def _asked(owner: dict[str, Any]) -> bool | None:
    """Whether the owner lives, by its process id; None where that is of another machine, boot or namespace."""
    return processes.is_running(owner.get(PID), owner.get(START)) if processes.is_here(owner) else None


class Lock:
    """The file `.owner` in a run folder; made by exactly one process, even when several try at once."""

    def __init__(self, folder: Path):
        self.path = folder / LOCK
        self.held = False
        self.before: dict[str, Any] | None = None  # the dead owner that this one has succeeded
        self._mine: str | None = None

    def take(self) -> None:
        """Become the owner; a dead owner's lock is taken over.

        Raises:
            RunBusyError: a live process holds it.
            RunError: a folder lies in its place.
        """
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self._mine = json.dumps(identify_process())
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

    def owner_is_here(self) -> bool:
        """Does the process id of the owner that was taken or borrowed from mean that process here?"""
        return processes.is_here(_parse(self._mine or ""))

    def is_mine(self) -> bool:
        """Does this process still own the run? A process that slept for long may have been succeeded meanwhile."""
        self.held = self.held and self._read() == self._mine
        return self.held

    def beat(self) -> None:
        """A sign of life."""
        if self.is_mine():
            os.utime(self.path, follow_symlinks=False)

    def release(self) -> None:
        """Let go; another process may take the run."""
        if self.is_mine():
            self.path.unlink(missing_ok=True)
        self.held = False

    def _create(self, text: str) -> bool:
        """Make the lock with its content at once (a hard link to a finished file), or find that it exists."""
        draft = name_temporary(self.path)
        try:
            _write_new(draft, text)
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
            _write_new(self.path, text)
        except FileExistsError:
            return False
        return True

    def _look(self) -> Found | None:
        """What lies there, without following a link; None where nothing does, or a link, which is nobody's lock."""
        try:
            handle = os.open(self.path, os.O_RDONLY | os.O_NONBLOCK | NOT_FOLLOWED)
        except OSError as error:
            if isinstance(error, FileNotFoundError) or self.path.is_symlink():
                return None
            raise
        try:
            text = os.read(handle, LONGEST).decode(errors="replace")
            return Found(text, _parse(text), os.fstat(handle).st_mtime)
        except IsADirectoryError as error:
            raise RunError(f"{self.path} is a folder, and a run writes a file there: move it away") from error
        finally:
            os.close(handle)

    def _read(self) -> str | None:
        found = self._look()
        return None if found is None else found.text

    def _guarded(self) -> AbstractContextManager[bool]:
        """One process of this machine at a time. Without file locks (rare), nothing is guarded."""
        guard = self.path.with_name(GUARD)
        if guard.is_symlink():  # none of ours
            guard.unlink(missing_ok=True)
        return hold_lock(guard)

    def _remove_dead(self) -> None:
        """Take a dead owner's lock away.

        Raises:
            RunBusyError: its owner is alive, or it is just being written.
        """
        found = self._look()
        if found is None:
            if self.path.is_symlink():  # none of ours, and nobody else's lease
                self.path.unlink(missing_ok=True)
            return
        if self._lives(found):
            raise RunBusyError(
                f"run {self.path.parent.name!r} belongs to process {found.owner.get(PID, '?')} on "
                f"{found.owner.get(HOST, 'an unknown machine')}, which is alive{_how_known(found)}: wait for it, stop "
                "it, or choose another run_name"
            )
        self.before = found.owner
        if self._look() == found:  # not where it was released, and taken by somebody else, while it was watched
            self.path.unlink(missing_ok=True)

    def _lives(self, found: Found) -> bool:
        """Does an owner live? One that cannot be asked and was silent for long is watched for a sign of life."""
        if (running := _asked(found.owner)) is not None or is_alive(found.owner, heartbeat=found.heartbeat):
            return running is not False
        return self._watch(found)

    def _watch(self, found: Found) -> bool:
        """Does an owner that seems dead give a sign of life?"""
        LOGGER.warning(
            f"the owner of run {self.path.parent.name!r} on {found.owner.get(HOST, 'an unknown machine')} has given no "
            f"sign of life for long, or the clocks differ: watched for {WATCH_S:.0f} s before it is succeeded"
        )
        deadline = time.monotonic() + WATCH_S
        while (now := self._look()) == found and time.monotonic() < deadline:
            time.sleep(min(0.5, WATCH_S))
        return now is not None and now != found


def _how_known(found: Found) -> str:
    """What to add where a process id says nothing: a killed owner in another container seems to live for a while."""
    if _asked(found.owner) is not None:
        return ""
    age = max(0.0, time.time() - found.heartbeat)
    return f" by its sign of life {age:.0f} s ago (without one for {STALE_S:.0f} s it can be succeeded)"


def _write_new(path: Path, text: str) -> None:
    """Write a file that is not there yet; a link is never followed."""
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | NOT_FOLLOWED, 0o666), "w") as file:
        file.write(text)


def _parse(text: str) -> dict[str, Any]:
    try:
        owner = json.loads(text)
    except ValueError:
        return {}
    return owner if isinstance(owner, dict) else {}
