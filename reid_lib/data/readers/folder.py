"""Photographs in one folder per animal: root/<identity>/<image>, times and encounters from EXIF."""

import os
from collections import Counter
from datetime import datetime, timedelta
from pathlib import Path

import pandas as pd

from reid_lib.core.errors import CatalogueError, is_text, printable
from reid_lib.core.names import DATE, DRAW_KEY, ENCOUNTER, IDENTITY, IMAGE_ID, PATH
from reid_lib.data.file_states import FileStates
from reid_lib.data.readers.tables import Table

EXTENSIONS = (".jpg", ".jpeg", ".png", ".tif", ".tiff", ".bmp", ".webp")
# Photographs all the same, which Pillow does not read by itself: worth a word, unlike a stray text file.
UNREAD_EXTENSIONS = (".heic", ".heif", ".avif", ".cr2", ".cr3", ".nef", ".arw", ".dng", ".orf", ".rw2", ".raf", ".gif")
ENCOUNTER_GAP = timedelta(minutes=30)
# The clock's cells that encounters draw their roles by. Shorter ones cut more encounters in two, which are then in the
# gallery more often; longer ones give more of an animal's encounters one role.
CELL_H = 2
SYSTEM_FOLDERS = ("__MACOSX", "@eaDir")
NOT_AN_ANIMAL = ("train", "test", "val", "valid", "validation", "images", "photos", "database", "query", "gallery")


def read_folder(root: Path) -> Table:
    """One row per image below root/<identity>/, at any depth; hidden files and other kinds of files are passed over,
    names that are not UTF-8 kept apart.

    Raises:
        CatalogueError: no images, or images that lie in no animal's folder.
    """
    if root.is_file():
        raise CatalogueError(f"{root} is a file: dataset='folder' wants the folder above it; a table is dataset='csv'")
    found, unread = _find_images(root)
    paths, misnamed = [p for p in found if is_text(p)], [printable(p) for p in found if not is_text(p)]
    direct = [p for p in paths if "/" not in p]
    if direct:
        raise CatalogueError(
            f"{len(direct)} images lie directly in {root}, so their animal is unknown ({', '.join(direct[:3])}): "
            f"expected {root.name}/<identity>/<image>.jpg; move them into a folder per animal, "
            "or pass dataset='csv' for a table"
        )
    if not paths and misnamed:
        raise CatalogueError(f"no photograph under {root} has a name in UTF-8 (first: {misnamed[0]}): rename them")
    if not paths:
        others = f" (found {_counted(unread)}: save these as JPEG or PNG)" if unread else ""
        raise CatalogueError(
            f"no images under {root}{others}: expected {root.name}/<identity>/<image>.jpg, "
            f"of the kinds {', '.join(e[1:] for e in EXTENSIONS)}; pass dataset='csv' for a table"
        )
    identities = [p.split("/")[0] for p in paths]
    states = FileStates(root)
    times = [state.taken for state in states.of(paths, exif=True)]
    frame = pd.DataFrame({IMAGE_ID: paths, PATH: paths, IDENTITY: identities})
    notes = _name_notes(identities) + ([f"passed over: {_counted(unread)}; save them as JPEG or PNG"] if unread else [])
    if any(times):
        frame[DATE] = [time.isoformat() if time else None for time in times]
        frame[ENCOUNTER] = find_encounters(identities, times)
        frame[DRAW_KEY] = draw_keys(times)
    return Table(frame, root, (*notes, *_time_notes(times)), tuple(misnamed), states)


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


def _find_images(root: Path) -> tuple[list[str], Counter]:
    """Paths relative to root, with forward slashes, sorted; and how many photographs of unreadable kinds there are."""
    paths, unread = [], Counter()
    for folder, subfolders, names in os.walk(root, followlinks=True):
        here = os.path.realpath(folder)
        below = Path(folder).relative_to(root).as_posix()
        subfolders[:] = sorted(
            name
            for name in subfolders
            if not name.startswith(".")
            and name not in SYSTEM_FOLDERS
            and not (here + os.sep).startswith(
                os.path.realpath(os.path.join(folder, name)) + os.sep
            )  # a link in a circle
        )
        for name in names:
            extension = os.path.splitext(name)[1].lower()
            if name.startswith("."):
                continue
            if extension in EXTENSIONS:
                paths.append(name if below == "." else f"{below}/{name}")
            elif extension in UNREAD_EXTENSIONS:
                unread[extension] += 1
    return sorted(paths), unread


def _counted(kinds: Counter) -> str:
    return ", ".join(f"{count} {extension}" for extension, count in kinds.most_common())


def _name_notes(identities: list[str]) -> list[str]:
    odd = sorted({name for name in identities if name.lower() in NOT_AN_ANIMAL})
    if not odd:
        return []
    return [
        f"folders taken for animals: {', '.join(odd)}; if they are not, pass the folder that holds the animals' folders"
    ]


def _time_notes(times: list[datetime | None]) -> list[str]:
    absent = sum(time is None for time in times)
    if absent == len(times):
        return ["no photograph carries an EXIF time: encounters are unknown, and the split may leak"]
    if absent:
        return [f"{absent} of {len(times)} photographs carry no EXIF time: those of one animal count as one encounter"]
    return []
