"""Versions of a gallery: which photographs are in it under which names, who changed what, and how it is undone.

A version names segments, and edits to their rows: each applies to the segments that were there when it was made. So a
change writes nothing but what is new. Each version is a file of its own; gallery.json alone says which one counts, and
is replaced by one rename.
"""

import time
from pathlib import Path
from typing import Any, Literal

import pandas as pd
from pydantic import BaseModel, ConfigDict, ValidationError

from reid_lib.core import files
from reid_lib.core.errors import GalleryError
from reid_lib.core.names import DATASET, IDENTITY, IMAGE_ID
from reid_lib.core.processes import describe_user

FOLDER = "versions"
CURE = "copy the gallery again, or export it again from its run"


class Edit(BaseModel):
    """A change to rows of the first `segments` segments.

    Attributes:
        kind: "rename": `identity` of `dataset` is called `to` from now on; "remove": the photographs `images` are gone.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["rename", "remove"]
    segments: int
    dataset: str = ""
    identity: str = ""
    to: str = ""
    images: list[str] = []


class Version(BaseModel):
    """One state of a gallery, and the change that led to it.

    Attributes:
        number: from 1.
        previous: the version that undoing this one goes back to; None: there is none.
        state_of: the version whose change led to this state: itself, or an earlier one where later ones were undone.
        segments: an entry for each, as `segments.write_segment` returns it.
        edits: in the order in which they were made.
        images, animals: how many are in it.
        when: seconds since 1970.
        who: user and machine.
        what: the change in words.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    number: int
    previous: int | None
    state_of: int
    segments: list[dict[str, Any]]
    edits: list[Edit] = []
    images: int
    animals: int
    when: float
    who: str
    what: str

    def apply(self, rows: pd.DataFrame, segment: int) -> pd.DataFrame:
        """Rows of one segment (its place in `segments`) as this version has them: renamed, without the removed ones.

        The index stays that of `rows`, so it says which ones are left.
        """
        for edit in self.edits:
            if segment >= edit.segments:
                continue
            if edit.kind == "remove":
                rows = rows[~rows[IMAGE_ID].isin(edit.images)]
            else:
                named = (rows[DATASET] == edit.dataset) & (rows[IDENTITY] == edit.identity)
                rows = rows.assign(**{IDENTITY: rows[IDENTITY].where(~named, edit.to)})
        return rows


def write_version(root: Path, version: Version) -> None:
    """Write the file of a version; it does not count before gallery.json names it."""
    files.write_checked_json(_path(root, version.number), version.model_dump(mode="json"))


def read_version(root: Path, number: int) -> Version:
    """A version that was written.

    Raises:
        GalleryError: it is damaged.
        FileNotFoundError: it is gone.
    """
    path = _path(root, number)
    try:
        return Version.model_validate(files.read_checked_json(path))
    except FileNotFoundError:
        raise
    except OSError as error:
        raise GalleryError(f"{path} cannot be read ({error.strerror or error!r}): {CURE}") from error
    except ValidationError as error:
        raise GalleryError(f"{path} is damaged (it is no version of a gallery): {CURE}") from error
    except ValueError as error:
        raise GalleryError(f"{path} is damaged ({error}): {CURE}") from error


def list_versions(root: Path, newest: int) -> list[Version]:
    """All versions up to the newest one, oldest first."""
    numbers = sorted(int(path.stem) for path in (root / FOLDER).glob("*.json") if path.stem.isdigit())
    return [read_version(root, number) for number in numbers if number <= newest]


def make_next_version(before: Version | None, **changes: Any) -> Version:
    """The version after `before`, made now, with these changes."""
    kept = {} if before is None else {n: getattr(before, n) for n in ("segments", "edits", "images", "animals")}
    number = 1 if before is None else before.number + 1
    made = {"number": number, "state_of": number, "previous": before and before.number}
    return Version(**kept | made | {"when": time.time(), "who": describe_user()} | changes)


def _path(root: Path, number: int) -> Path:
    return root / FOLDER / f"{number:06d}.json"
