"""A file that a finished run lacks, added to it: the run stays finished, and sealed where it was."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from reid_lib.core import files
from reid_lib.core.errors import RunError
from reid_lib.runs import seals
from reid_lib.runs.folder import RunFolder
from reid_lib.runs.owner import Lock


@contextmanager
def add_file(run: RunFolder, name: str) -> Iterator[Path]:
    """A temporary path; it becomes the file `name` of a finished run when the block ends without an error.

    Raises:
        RunBusyError: a live process owns the run, which is about to make it anew, or adds to it, too.
        RunError: the run is not finished, or the disk is full.
        OSError: its folder cannot be written.
    """
    lock = Lock(run.folder)
    lock.take()
    try:
        if not run.finished:
            raise RunError(f"run {run.name!r} is {run.status()['state']}, not finished: its notebook writes {name}")
        with files.atomic(run.path(name)) as temporary:
            yield temporary
        seals.seal_file(run.folder, name)
    finally:
        lock.release()
