"""Folders written whole: a temporary name beside the place, then a rename. A reader never sees half of one."""

import os
import shutil
import uuid
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path

from reid_lib.core.errors import ReidError
from reid_lib.core.temporaries import TEMPORARY

SHOWN = 3  # names of files that a message quotes


def check_replaceable(folder: Path, *, own: Collection[str], force: bool) -> None:
    """Check that an export may be written to `folder`.

    Args:
        folder: where the export is to lie.
        own: names of the files that an export consists of; a folder that holds any other file is never replaced.
        force: replace an earlier export.

    Raises:
        ReidError: `folder` is a file or a link, holds other files, or holds an export and `force` is False.
    """
    if folder.is_symlink() or (folder.exists() and not folder.is_dir()):
        raise ReidError(f"{folder} is no folder of its own (a file, or a link): choose another place")
    there = sorted(path.name for path in folder.iterdir()) if folder.exists() else []
    foreign = [name for name in there if name not in own]
    if foreign:
        more = f" and {len(foreign) - SHOWN} more" if len(foreign) > SHOWN else ""
        raise ReidError(
            f"{folder} holds what is not of an export ({', '.join(foreign[:SHOWN])}{more}), and stays as it is: "
            "name a folder that is empty or not there yet"
        )
    if there and not force:
        raise ReidError(f"{folder} holds an export already: pass --force to replace it, or name another folder")


@contextmanager
def write_folder(folder: Path, *, own: Collection[str], force: bool = False) -> Iterator[Path]:
    """A new, empty folder to write into; it becomes `folder` when the block ends, and is deleted when the block fails.

    Args:
        folder, own, force: see `check_replaceable`.

    Raises:
        ReidError: something is in the way; it stays as it is.
    """
    folder = Path(folder).expanduser().absolute()
    check_replaceable(folder, own=own, force=force)
    folder.parent.mkdir(parents=True, exist_ok=True)
    unique = f"{TEMPORARY}{os.getpid()}-{uuid.uuid4().hex[:8]}"
    new, old = (folder.with_name(f".{folder.name}{unique}-{which}") for which in ("new", "old"))
    new.mkdir()
    try:
        yield new
        check_replaceable(folder, own=own, force=force)  # somebody else may have been quicker
        if folder.exists():
            folder.rename(old)
        try:
            new.rename(folder)
        except OSError:
            if old.exists():
                old.rename(folder)
            raise
        shutil.rmtree(old, ignore_errors=True)
    finally:
        shutil.rmtree(new, ignore_errors=True)
