"""Photographs in one folder per animal: root/<identity>/<image>, times and encounters from EXIF, or both names from a
pattern of the path."""

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
# The clock's cells that encounters draw their roles by. Shorter ones cut more encounters in two, which are then in the
# gallery more often; longer ones give more of an animal's encounters one role.
CELL_H = 2
NOT_AN_ANIMAL = ("train", "test", "val", "valid", "validation", "images", "photos", "database", "query", "gallery")


def read_folder(root: Path, *, encounter: str = "") -> Table:
    """One row per image below root/<identity>/, at any depth. Hidden files and other kinds of files are passed over;
    what some camera made and is not read here (RAW, video) is told. Names that are not UTF-8 are read as Windows-1252;
    their paths, and those with a backslash or a blank before them, are written as `core.paths.escape_path` does.

    Args:
        root: the folder.
        encounter: a pattern of the path, such as "{identity}/{encounter}_*", see `pattern.match_paths`; where it has no
            {identity}, that is the first folder. Empty: photographs of an animal within 30 minutes are one encounter.

    Raises:
        CatalogueError: no images, images that lie in no animal's folder, or a pattern that fits none.
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
    """What the pattern read, in place: an encounter is of one animal. Returns a note on how many there are."""
    for field in next(values for values in told if values):
        if field != IDENTITY:
            frame[field] = pd.Series([values[field] if values else None for values in told], dtype=object)
    frame[ENCOUNTER] = (frame[IDENTITY] + " " + frame[ENCOUNTER]).where(frame[ENCOUNTER].notna(), None)
    return [f"{counted(frame[ENCOUNTER].nunique(), 'encounter')} by the pattern"]


def _add_times(frame: pd.DataFrame, looked: Sequence[FileState], *, encounter: bool) -> None:
    """Dates by EXIF, where the paths tell none, and, if asked for, the encounters that follow from them, in place."""
    times = [state.taken for state in looked]
    if not any(times):
        return
    if DATE not in frame:
        frame[DATE] = [time.isoformat() if time else None for time in times]
        frame[UTC_OFFSET] = [state.zone or None for state in looked]
    if encounter:
        frame[ENCOUNTER] = find_encounters(list(frame[IDENTITY]), times)
        frame[DRAW_KEY] = draw_keys(times)


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

    A photograph within 30 minutes of the animal's previous one belongs to the same encounter. Those of an animal
    without a time count as one encounter: they must not end up on both sides of a split.
    """
    names = [f"{identity} (no time)" for identity in identities]
    dated = sorted((i, t, at) for at, (i, t) in enumerate(zip(identities, times, strict=True)) if t is not None)
    previous = (None, None)
    for identity, time, at in dated:
        if identity != previous[0] or time - previous[1] > ENCOUNTER_GAP:
            name = f"{identity} {time:%Y-%m-%d %H:%M:%S}"
        names[at], previous = name, (identity, time)
    return names


def draw_keys(times: list[datetime | None]) -> list[str | None]:
    """What the encounter of each photograph draws its role by: the cell of the clock. Another photograph may rename an
    encounter or join it to another one, and changes no cell.
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
    if not encounter:  # a pattern tells them
        return []
    if absent == len(times):
        return [
            "no photograph carries an EXIF time: encounters are unknown, and the split may leak; paths that tell "
            "them are read by a pattern, e.g. -p encounter '{identity}/{encounter}_*'"
        ]
    if absent:
        return [f"{absent} of {len(times)} photographs carry no EXIF time: those of one animal count as one encounter"]
    return []
