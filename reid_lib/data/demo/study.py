"""Demo data: drawn salamanders, turtles and lynxes that need no download and can be told apart by their patterns.

What makes real re-identification hard is in them: each encounter has its own background and light (so a random split
leaks and an encounter split does not), the two flanks of a lynx carry different patterns, and an animal is seen in only
a few encounters.
"""

import os
import shutil
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pandas as pd

from reid_lib.core.errors import CatalogueError
from reid_lib.core.logs import LOGGER
from reid_lib.core.names import DATASET, DATE, ENCOUNTER, IDENTITY, IMAGE_ID, ORIENTATION, PATH, SPECIES
from reid_lib.core.paths import cache_root, writing
from reid_lib.core.progress import make_bar
from reid_lib.data.demo.drawing import draw_photo, draw_scene
from reid_lib.data.demo.patterns import KINDS, Kind, draw_pattern

# Part of the folder's name: raise it with every change to what is drawn, so that older folders are not used.
VERSION = 3
METADATA = "metadata.csv"
COLUMNS = (IMAGE_ID, PATH, IDENTITY, DATASET, SPECIES, ENCOUNTER, DATE, ORIENTATION)
_STUDY = 4  # stream number of the random draws that decide who was seen when
_FIRST_DAY = date(2021, 4, 1)


@dataclass(frozen=True)
class Size:
    """How much is drawn: animals of each kind, pixels a side, and the odds of 1, 2, 3 ... encounters."""

    animals: int
    side: int
    odds: tuple[float, ...]


SIZES = {
    "small": Size(8, 96, (0.06, 0.34, 0.36, 0.24)),
    "default": Size(30, 160, (0.06, 0.16, 0.22, 0.24, 0.18, 0.14)),
    "large": Size(334, 160, (0.04, 0.08, 0.12, 0.16, 0.20, 0.20, 0.12, 0.08)),
}
PHOTOS = (1, 2, 3)
PHOTO_ODDS = (0.25, 0.40, 0.35)


def draw_demo(size: str, seed: int, *, progress: bool = True) -> Path:
    """Folder of the demo data of this size and seed, drawn on the first call and kept in the cache.

    Args:
        size: "small" (about 24 animals, 150 images of 96 px), "default" (90, 700, 160 px) or "large" (1,000, 10,000,
            160 px).
        seed: 0 or more; another seed gives other animals.
        progress: show a bar.

    Returns:
        A folder with `metadata.csv` (columns `COLUMNS`) and the JPEG images it names. It is whole: drawn elsewhere and
        renamed, so neither an interruption nor another process that draws the same leaves half a folder there.

    Raises:
        CatalogueError: unknown size or a negative seed.
    """
    if size not in SIZES:
        raise CatalogueError(f"unknown demo size {size!r}: expected one of {', '.join(SIZES)}")
    if seed < 0:
        raise CatalogueError(f"the demo data are drawn from a seed of 0 or more, not {seed}")
    folder = cache_root() / "demo" / f"{size}-seed{seed}-v{VERSION}"
    if _is_whole(folder):
        return folder
    with writing(cache_root(), "REID_CACHE", CatalogueError):
        folder.parent.mkdir(parents=True, exist_ok=True)
        drawn = Path(tempfile.mkdtemp(prefix=".drawing-", dir=folder.parent))
        try:
            _draw_into(drawn, size, seed, progress)
            drawn.chmod(0o755)
            _move(drawn, folder)
        finally:
            shutil.rmtree(drawn, ignore_errors=True)
    return folder


def _is_whole(folder: Path) -> bool:
    # The table is written last, and the folder gets its name after that. But tools that tidy caches remove files.
    return (folder / METADATA).is_file() and not _purged(folder, pd.read_csv(folder / METADATA)[PATH])


def _purged(folder: Path, paths: Iterable[str]) -> list[str]:
    """The images that are missing or empty."""

    def is_there(path: str) -> bool:
        try:
            return os.stat(folder / path).st_size > 0
        except OSError:
            return False

    return [path for path in paths if not is_there(path)]


def _move(drawn: Path, folder: Path) -> None:
    """Rename the drawn folder to `folder`; one that another process has put there first stays, as it holds the same."""
    if (folder / METADATA).is_file():
        purged = _purged(folder, pd.read_csv(drawn / METADATA)[PATH])
        for path in purged:  # one by one: somebody may be reading the others
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            os.replace(drawn / path, folder / path)
        if purged:
            LOGGER.warning(f"{len(purged)} images of the demo data were gone from {folder}: they are drawn again")
        return
    if folder.exists():
        shutil.rmtree(folder)  # its table is gone, so nothing can be read from the rest
    try:
        os.rename(drawn, folder)
    except OSError:
        if not _is_whole(folder):
            raise


def _draw_into(folder: Path, size: str, seed: int, progress: bool) -> None:
    study = plan_study(size, seed)
    for kind in KINDS:
        (folder / "images" / kind.dataset).mkdir(parents=True)
    encounters = [photos for _, photos in study.groupby(ENCOUNTER, sort=False)]
    bar = {"desc": "drawing the demo animals", "unit": "encounter", "disable": not progress}
    for photos in make_bar(encounters, **bar):
        _draw_encounter(folder, photos, SIZES[size].side, seed)
    study[list(COLUMNS)].to_csv(folder / METADATA, index=False)


def _draw_encounter(folder: Path, photos: pd.DataFrame, side: int, seed: int) -> None:
    first = photos.iloc[0]
    kind = next(kind for kind in KINDS if kind.name == first[SPECIES])
    key = [seed, KINDS.index(kind), int(first["animal"]), int(first["visit"])]
    scene = draw_scene(kind, side, key)
    for number, row in enumerate(photos.to_dict("records")):
        pattern = draw_pattern(kind, seed, row["animal"], row[ORIENTATION])
        photo = draw_photo(kind, pattern, row[ORIENTATION], scene, side, [*key, number])
        photo.save(folder / row[PATH], quality=90)


def plan_study(size: str, seed: int) -> pd.DataFrame:
    """Who is seen when: one row per photograph, with `COLUMNS`, `animal` and `visit` (numbers that seed the drawing).

    Args:
        size, seed: see `draw_demo`.
    """
    what = SIZES[size]
    return pd.DataFrame(
        row for kind in KINDS for animal in range(what.animals) for row in _seen(kind, animal, what, seed)
    )


def _seen(kind: Kind, animal: int, what: Size, seed: int) -> list[dict]:
    """The photographs of one animal."""
    rng = np.random.default_rng([seed, _STUDY, KINDS.index(kind), animal])
    identity = f"{kind.letter}{animal + 1:03d}"
    visits = 1 + int(rng.choice(len(what.odds), p=what.odds))
    days = np.sort(rng.choice(900, visits, replace=False))
    rows = []
    for visit, day in enumerate(days.tolist()):
        encounter = f"{identity}-e{visit + 1}"
        flank = kind.flanks[int(rng.integers(len(kind.flanks)))]
        for number in range(int(rng.choice(PHOTOS, p=PHOTO_ODDS))):
            if number and rng.random() < 0.25:  # it turned round
                flank = kind.flanks[int(rng.integers(len(kind.flanks)))]
            image_id = f"{encounter}-{number + 1}"
            values = (image_id, f"images/{kind.dataset}/{image_id}.jpg", identity, kind.dataset, kind.name, encounter)
            when = (_FIRST_DAY + timedelta(days=day)).isoformat()
            rows.append(dict(zip(COLUMNS, (*values, when, flank), strict=True)) | {"animal": animal, "visit": visit})
    return rows
