"""Photographs in one folder per animal, root/<identity>/<image>; encounters from EXIF times, or from a pattern of the
path."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path

import pandas as pd

from reid_lib.core.errors import CatalogueError, is_text, printable
from reid_lib.core.messages import counted
from reid_lib.core.names import DATE, DRAW_KEY, ENCOUNTER, IDENTITY, IMAGE_ID, PATH, UTC_OFFSET
from reid_lib.core.paths import escape_path, readable_path
from reid_lib.data.file_states import FileState, FileStates
from reid_lib.data.find_files import Found, find_photographs
from reid_lib.data.kinds import EXTENSIONS, describe_passed
from reid_lib.data.readers.pattern import match_paths
from reid_lib.data.readers.tables import Table

ENCOUNTER_GAP = timedelta(minutes=30)
# Hours of the day that share a draw key (`make_draw_keys`). With shorter cells more encounters lie in two of them, and
# are then in the gallery more often; with longer ones more of an animal's encounters get one role.
CELL_H = 2
NOT_AN_ANIMAL = ("train", "test", "val", "valid", "validation", "images", "photos", "database", "query", "gallery")


def read_folder(root: Path, *, encounter: str = "") -> Table:
    """One row per image below root/<identity>/, at any depth.

    Hidden files and other kinds of files are passed over; a camera's files that are not read here (RAW, video) are
    noted. Identities that are not UTF-8 are taken for Windows-1252. Paths that a table could not hold are written as
    `core.paths.escape_path` does.

    Args:
        root: the folder.
        encounter: a pattern of the path, such as "{identity}/{encounter}_*", see `pattern.match_paths`; where it has no
            {identity}, that is the first folder. Empty: photographs of an animal within 30 minutes are one encounter.

    Raises:
        CatalogueError: there are no images, images lie in no animal's folder, or the pattern fits none.
    """
    if root.is_file():
        raise CatalogueError(f"{root} is a file: dataset='folder' wants the folder above it; a table is dataset='csv'")
    found = find_photographs(root)
    if not found.paths:
        raise CatalogueError(_nothing_there(root, found))
    there = set(found.paths)
    kept = [p for p in found.paths if (escaped := escape_path(p)) == p or escaped not in there]
    paths, names = [escape_path(p) for p in kept], [readable_path(p) for p in kept]
    told, notes = match_paths(encounter, names) if encounter else ([None] * len(paths), "")
    identities = [_identity_of(name, values) for name, values in zip(names, told, strict=True)]
    _refuse_direct(root, [n for n, identity in zip(names, identities, strict=True) if not identity], encounter)
    misnamed = tuple(printable(p) for p in sorted(there - set(kept)))
    states = FileStates(root)
    looked = states.of(paths, exif=True)
    frame = pd.DataFrame({IMAGE_ID: paths, PATH: paths, IDENTITY: identities})
    passed = [f"passed over: {describe_passed(found.passed)}"] if found.passed else []
    notes = [*_name_notes(identities), *_spelling_notes(kept), *passed, *([notes] if notes else [])]
    notes += _add_told(frame, told) if encounter else []
    _add_times(frame, looked, encounter=not encounter)
    notes += _time_notes([state.taken for state in looked], encounter=not encounter)
    return Table(frame, root, tuple(notes), misnamed, states, tuple(found.passed))


def _identity_of(path: str, told: dict[str, str] | None) -> str:
    if told and IDENTITY in told:
        return told[IDENTITY]
    return path.split("/")[0] if "/" in path else ""


def _add_told(frame: pd.DataFrame, told: Sequence[dict[str, str] | None]) -> list[str]:
    """Add what the pattern read, in place; encounters are named within their animal. Returns a note on their number."""
    for field in next(values for values in told if values):
        if field != IDENTITY:
            frame[field] = pd.Series([values[field] if values else None for values in told], dtype=object)
    frame[ENCOUNTER] = (frame[IDENTITY] + " " + frame[ENCOUNTER]).where(frame[ENCOUNTER].notna(), None)
    return [f"{counted(frame[ENCOUNTER].nunique(), 'encounter')} by the pattern"]


def _add_times(frame: pd.DataFrame, looked: Sequence[FileState], *, encounter: bool) -> None:
    """Add dates by EXIF, unless the pattern gave some, and, if asked for, the encounters that follow, in place."""
    times = [state.taken for state in looked]
    if not any(times):
        return
    if DATE not in frame:
        frame[DATE] = [time.isoformat() if time else None for time in times]
        frame[UTC_OFFSET] = [state.zone or None for state in looked]
    if encounter:
        frame[ENCOUNTER] = find_encounters(list(frame[IDENTITY]), times)
        frame[DRAW_KEY] = make_draw_keys(times)


def _nothing_there(root: Path, found: Found) -> str:
    others = f" (found {describe_passed(found.passed)})" if found.passed else ""
    return (
        f"no images under {root}{others}: expected {root.name}/<identity>/<image>.jpg, "
        f"of the kinds {', '.join(e[1:] for e in EXTENSIONS)}; pass dataset='csv' for a table"
    )


def _refuse_direct(root: Path, direct: list[str], pattern: str) -> None:
    if direct:
        fits = f" and do not fit {pattern!r}" if pattern else ""
        raise CatalogueError(
            f"{counted(len(direct), 'image lies', 'images lie')} directly in {root}{fits}, so the animal is unknown "
            f"({', '.join(direct[:3])}): expected {root.name}/<identity>/<image>.jpg; move them into a folder per "
            'animal, pass a pattern of their names (-p encounter "{identity}_{encounter}_*"), '
            "or pass dataset='csv' for a table"
        )


def find_encounters(identities: list[str], times: list[datetime | None]) -> list[str]:
    """Name the encounter of each photograph: "<identity> <time of its first photograph>".

    A photograph within 30 minutes of the animal's previous one belongs to the same encounter. All photographs of an
    animal without a time count as one encounter, as they must not end up on both sides of a split.

    Args:
        identities: of n photographs.
        times: when they were taken; None where that is not known.
    """
    names = [f"{identity} (no time)" for identity in identities]
    dated = sorted((i, t, at) for at, (i, t) in enumerate(zip(identities, times, strict=True)) if t is not None)
    previous = (None, None)
    for identity, time, at in dated:
        if identity != previous[0] or time - previous[1] > ENCOUNTER_GAP:
            name = f"{identity} {time:%Y-%m-%d %H:%M:%S}"
        names[at], previous = name, (identity, time)
    return names


def make_draw_keys(times: list[datetime | None]) -> list[str | None]:
    """The text by which the encounter of each photograph draws its role: day and cell of `CELL_H` hours, None without a
    time. A photograph that is added may rename an encounter or join two of them, but it changes no cell.
    """
    return [f"time:{time:%Y-%m-%d} {time.hour // CELL_H}" if time else None for time in times]


def _name_notes(identities: list[str]) -> list[str]:
    odd = sorted({name for name in identities if name.lower() in NOT_AN_ANIMAL})
    if not odd:
        return []
    return [
        f"folders taken for animals: {', '.join(odd)}; if they are not, pass the folder that holds the animals' folders"
    ]


def _spelling_notes(paths: list[str]) -> list[str]:
    foreign = [path for path in paths if not is_text(path)]
    if not foreign:
        return []
    return [
        f"{len(foreign)} names are not UTF-8: read as Windows-1252, e.g. {readable_path(foreign[0])!r}; look whether "
        "the accents are right, else rename them (convmv -f ENCODING -t utf-8 -r --notest FOLDER)"
    ]


def _time_notes(times: list[datetime | None], *, encounter: bool) -> list[str]:
    absent = sum(time is None for time in times)
    if not encounter:  # they come from the pattern
        return []
    if absent == len(times):
        return [
            "no photograph carries an EXIF time: encounters are unknown, and the split may leak; paths that tell "
            "them are read by a pattern, e.g. -p encounter '{identity}/{encounter}_*'"
        ]
    if absent:
        return [f"{absent} of {len(times)} photographs carry no EXIF time: those of one animal count as one encounter"]
    return []
