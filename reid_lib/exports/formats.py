"""Writing sightings in a format; coordinates are left out unless they are asked for."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd

from reid_lib.core.errors import CatalogueError
from reid_lib.core.files import atomic
from reid_lib.core.frames import write_csv
from reid_lib.core.messages import counted
from reid_lib.core.names import DATE, ENCOUNTER, IDENTITY, IMAGE_ID, PATH, SPECIES, UTC_OFFSET
from reid_lib.core.parallel import map_in_threads
from reid_lib.core.paths import locate
from reid_lib.data.gps import read_place
from reid_lib.exports.camtrap import write_camtrap
from reid_lib.exports.histories import CaptureHistories, format_inp, format_secr, make_histories, tabulate_histories
from reid_lib.exports.offered import FORMATS
from reid_lib.exports.sightings import BY, CLOCK, LATITUDE, LOCATION, LONGITUDE, PROBABILITY, TIME, Sightings
from reid_lib.exports.wildbook import write_wildbook

PLACE_DECIMALS = 3  # of a degree, about 100 m: photographs without a location whose coordinates agree so far share one


@dataclass(frozen=True)
class Options:
    """What a format may need beside the sightings.

    Attributes:
        occasion: of capture histories: "day", "week", "month" or "encounter".
        fill: of capture histories: occasions without any photograph, between others, count, too.
        gps: write coordinates; else none is written.
        decimals: of a degree, to which coordinates are rounded (2: about 1 km); None: not at all.
        photos: folder of the photographs. With `gps`, their EXIF gives the coordinates that the table lacks; for
            Camtrap DP, they give the sizes that boxes in pixels are divided by.
        zone, title, contributor, sampling: of Camtrap DP, see `camtrap.write_camtrap`.
        submitter: of Wildbook: the user name there.
    """

    occasion: str = "day"
    fill: bool = False
    gps: bool = False
    decimals: int | None = None
    photos: Path | None = None
    zone: str = ""
    title: str = ""
    contributor: str = ""
    sampling: str = ""
    submitter: str = ""


def write_sightings(sightings: Sightings, name: str, folder: Path, options: Options | None = None) -> list[str]:
    """Write sightings in a format.

    Args:
        sightings: of `read_sightings`.
        name: one of `FORMATS`.
        folder: where to write; made where it is missing.
        options: None: the defaults.

    Returns:
        Notes: what was left out or changed, what a person should correct.

    Raises:
        CatalogueError: the format is unknown, or something that it requires is missing; with the cure. Nothing is
            written.
    """
    if name not in FORMATS:
        raise CatalogueError(f"unknown format {name!r}: expected one of {', '.join(FORMATS)}")
    options = options or Options()
    rows, notes = settle_places(sightings.rows, options)
    return [*notes, *_WRITERS[name](replace(sightings, rows=rows), folder, options)]


def settle_places(rows: pd.DataFrame, options: Options) -> tuple[pd.DataFrame, list[str]]:
    """The rows with the coordinates that may be written, and a note on what was left out or added.

    Without `options.gps` no coordinates are left. Locations that have no name are named by their coordinates.

    Args:
        rows: of `Sightings`.
        options: `gps`, `decimals` and `photos` count.

    Raises:
        CatalogueError: coordinates are no degrees.
    """
    rows = rows.copy()
    told = rows[[LATITUDE, LONGITUDE]].notna().all(axis=1)
    if not options.gps:
        rows[[LATITUDE, LONGITUDE]] = float("nan")
        photographs = counted(told.sum(), "photograph")
        return rows, [f"coordinates of {photographs} are kept out: --gps writes them"] if told.any() else []
    if options.photos is not None and not told.all():
        files = [locate(options.photos, str(path)) for path in rows.loc[~told, PATH]]
        places = list(map_in_threads(read_place, files, total=len(files), title="reading where it was"))
        found = [place or (float("nan"), float("nan")) for place in places]
        rows.loc[~told, [LATITUDE, LONGITUDE]] = found
    wrong = (rows[LATITUDE].abs() > 90) | (rows[LONGITUDE].abs() > 180)
    if wrong.any():
        first = rows[wrong].iloc[0]
        raise CatalogueError(
            f"{wrong.sum()} coordinates are no degrees, e.g. {first[LATITUDE]:g}, {first[LONGITUDE]:g}: expected "
            "latitude from -90 to 90 and longitude from -180 to 180"
        )
    if options.decimals is not None:
        rows[[LATITUDE, LONGITUDE]] = rows[[LATITUDE, LONGITUDE]].round(options.decimals)
    nameless = rows[LOCATION].isna() & rows[[LATITUDE, LONGITUDE]].notna().all(axis=1)
    if not nameless.any():
        return rows, []
    digits = PLACE_DECIMALS if options.decimals is None else min(options.decimals, PLACE_DECIMALS)
    rows.loc[nameless, LOCATION] = [
        f"{row.latitude:.{digits}f} {row.longitude:.{digits}f}" for row in rows[nameless].itertuples()
    ]
    places = rows.loc[nameless, LOCATION].nunique()
    return rows, [
        f"{counted(nameless.sum(), 'photograph names', 'photographs name')} no location: "
        f"{counted(places, 'is', 'are')} made of coordinates"
    ]


def _write_plain(sightings: Sightings, folder: Path, options: Options) -> list[str]:
    names = [IMAGE_ID, PATH, IDENTITY, DATE, UTC_OFFSET, ENCOUNTER, SPECIES, LOCATION, LATITUDE, LONGITUDE]
    rows, time = sightings.rows, sightings.rows[TIME].dt
    date = time.strftime("%Y-%m-%dT%H:%M:%S").where(rows[CLOCK], time.strftime("%Y-%m-%d"))
    table = rows.assign(**{DATE: date})[[*names, PROBABILITY, BY]]
    kept = [c for c in table if c in (IMAGE_ID, PATH, IDENTITY, DATE, BY) or table[c].notna().any()]
    write_csv(folder / "sightings.csv", table[kept])
    return []


def _histories(sightings: Sightings, options: Options) -> CaptureHistories:
    return make_histories(sightings, occasion=options.occasion, fill=options.fill)


def _write_histories(sightings: Sightings, folder: Path, options: Options) -> list[str]:
    histories = _histories(sightings, options)
    write_csv(folder / "histories.csv", tabulate_histories(histories))
    write_csv(folder / "occasions.csv", histories.occasions)
    return list(histories.notes)


def _write_inp(sightings: Sightings, folder: Path, options: Options) -> list[str]:
    histories = _histories(sightings, options)
    _write_text(folder / "histories.inp", format_inp(histories))
    write_csv(folder / "occasions.csv", histories.occasions)
    return [*histories.notes, 'in R: RMark::convert.inp("histories.inp", use.comments = TRUE)']


def _write_secr(sightings: Sightings, folder: Path, options: Options) -> list[str]:
    histories = _histories(sightings, options)
    captures, traps = format_secr(histories, places=options.gps)
    _write_text(folder / "captures.txt", captures)
    write_csv(folder / "occasions.csv", histories.occasions)
    read = f'"captures.txt", "traps.txt", detector = "proximity", noccasions = {histories.seen.shape[1]}'
    notes = [*histories.notes, f"in R: secr::read.capthist({read})"]
    if not traps:
        return [*notes, "traps.txt (detector, x and y in metres) is yours to write; --gps makes it of coordinates"]
    _write_text(folder / "traps.txt", traps)
    return [*notes, "traps.txt has the detectors of which there is a capture: add those without one"]


def _write_camtrap(sightings: Sightings, folder: Path, options: Options) -> list[str]:
    names = ("zone", "decimals", "title", "contributor", "sampling", "photos")
    return write_camtrap(sightings, folder, **{name: getattr(options, name) for name in names})


def _write_wildbook(sightings: Sightings, folder: Path, options: Options) -> list[str]:
    return write_wildbook(sightings, folder, submitter=options.submitter)


def _write_text(path: Path, text: str) -> None:
    with atomic(path) as temporary:
        temporary.write_text(text, encoding="utf-8", newline="\n")


_WRITERS: dict[str, Callable[[Sightings, Path, Options], list[str]]] = {
    "csv": _write_plain,
    "histories": _write_histories,
    "inp": _write_inp,
    "secr": _write_secr,
    "camtrap-dp": _write_camtrap,
    "wildbook": _write_wildbook,
}
