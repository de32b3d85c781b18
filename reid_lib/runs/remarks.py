"""What people say of a run: tags and a note, in remarks.json of its folder.

They belong to no result: the file is not sealed, is no part of the run's key, and no decision reads it. A run has them
in whatever state it is, and keeps them when it is made anew or renamed.
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

from reid_lib.core import files
from reid_lib.core.errors import RunError
from reid_lib.core.locks import hold_lock
from reid_lib.core.names import REMARKS_JSON
from reid_lib.core.paths import runs_root, writing
from reid_lib.runs import seals
from reid_lib.runs.folder import RunFolder, check_name, folder_of, is_run, no_such_run

FORMAT = 1
GUARD = ".remarks.guard"  # one writer at a time
TAG = re.compile(r"\w[\w.:+-]{0,39}")
LONGEST = 2000  # characters of a note


@dataclass(frozen=True)
class Remarks:
    """Tags in the order in which they were given, and a note."""

    tags: tuple[str, ...] = ()
    note: str = ""

    @property
    def hashed(self) -> str:
        """The tags as people write them: "#paper #final"."""
        return " ".join(f"#{tag}" for tag in self.tags)


def read_remarks(run: RunFolder) -> Remarks:
    """What is said of a run.

    Raises:
        RunError: remarks.json is damaged.
    """
    path = run.path(REMARKS_JSON)
    try:
        stored = files.read_json(path)
        return Remarks(tuple(str(tag) for tag in stored["tags"]), str(stored["note"]))
    except FileNotFoundError:
        return Remarks()
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise RunError(f"{path} cannot be read ({seals.explain(error)}): mend it or delete it") from error


def remarks_if_readable(run: RunFolder) -> Remarks:
    """The same for lists of runs, which go on: a damaged file says nothing."""
    try:
        return read_remarks(run)
    except RunError:
        return Remarks()


def remarks_of(name: str, *, root: Path | None = None) -> Remarks:
    """What is said of a run, by its name.

    Raises:
        RunError: there is no such run, or remarks.json is damaged.
    """
    return read_remarks(_find(name, root or runs_root()))


def tag_run(name: str, *, add: Iterable[str] = (), remove: Iterable[str] = (), root: Path | None = None) -> Remarks:
    """Give a run tags, and take tags from it; returns what is said of it now.

    Raises:
        RunError: there is no such run, a word can be no tag, or remarks.json cannot be read or written.
    """
    added, removed = [check_tag(tag) for tag in add], {tag.removeprefix("#") for tag in remove}

    def change(before: Remarks) -> Remarks:
        tags = [tag for tag in dict.fromkeys((*before.tags, *added)) if tag not in removed]
        return Remarks(tuple(tags), before.note)

    return _change(name, change, root)


def note_run(name: str, note: str, *, root: Path | None = None) -> Remarks:
    """Write the note of a run in the place of the one before, "" for none; returns what is said of it now.

    Raises:
        RunError: there is no such run, the note is too long, or remarks.json cannot be read or written.
    """
    note = note.strip()
    if len(note) > LONGEST:
        raise RunError(f"the note has {len(note):,} characters, and {LONGEST:,} are the most")
    return _change(name, lambda before: Remarks(before.tags, note), root)


def check_tag(tag: str) -> str:
    """A tag without its #.

    Raises:
        RunError: it is no word.
    """
    tag = tag.removeprefix("#")
    if not TAG.fullmatch(tag):
        raise RunError(f"tag {tag!r}: expected one word of letters, digits, '.', '_', ':', '+' and '-', 40 at most")
    return tag


def _find(name: str, root: Path) -> RunFolder:
    run = RunFolder(folder_of(name, root=root))
    if not is_run(run.folder):
        raise RunError(no_such_run(check_name(name), root=root))
    return run


def _change(name: str, change: Callable[[Remarks], Remarks], root: Path | None) -> Remarks:
    root = root or runs_root()
    run = _find(name, root)
    with writing(root, "REID_RUNS", RunError), hold_lock(run.path(GUARD)):
        before = read_remarks(run)
        after = change(before)
        if after != before:
            files.write_json(run.path(REMARKS_JSON), {"format": FORMAT} | asdict(after))
    return after
