"""A Camtrap DP package (camtrap-dp.tdwg.org): photographs of `media`, animals by `individualID` of `observations`."""

import json
from pathlib import Path

import pandas as pd

from reid_lib.core.errors import CatalogueError, first_line
from reid_lib.core.messages import counted
from reid_lib.core.names import BBOX, DATE, ENCOUNTER, IDENTITY, IMAGE_ID, PATH, SPECIES, UTC_OFFSET
from reid_lib.data.exif_dates import parse_exif_time
from reid_lib.data.kinds import ADVICE, VIDEO, describe_passed
from reid_lib.data.readers.table_file import read_cells
from reid_lib.data.readers.tables import Table

PACKAGE = "datapackage.json"
MISSING = ("NA", "NaN", "nan")  # cells that count as missing beside empty ones, by the table schemas
BOX = ("bboxX", "bboxY", "bboxWidth", "bboxHeight")  # shares of the photograph, from its top left corner
ELSEWHERE = "it lies at an address: download it and write its path into media.csv"
NEEDED = {
    "media": ("mediaID", "deploymentID", "timestamp", "filePath", "fileMediatype"),
    "observations": ("observationID", "deploymentID", "observationType"),
}
OPTIONAL = ("mediaID", "eventID", "eventStart", "eventEnd", "scientificName", "individualID", *BOX)


def read_camtrap(source: Path) -> Table:
    """One row per photograph and animal observed in it, of a Camtrap DP package of version 1.

    An observation of a media file belongs to that file. An observation of an event belongs to the photographs of the
    event (same deployment, from `eventStart` to `eventEnd`) that have no observation of their own, as long as the event
    is of one animal. An animal without `individualID` is unlabelled. Coordinates are not read.

    Args:
        source: the package's folder, or its datapackage.json.

    Raises:
        CatalogueError: it is no package, a table or a column is missing, or no photograph lies on this disk.
    """
    file = source if source.is_file() else source / PACKAGE
    media, observed = (_read_resource(file, name) for name in NEEDED)
    media, passed = _photographs(media, file)
    animals = observed[observed["observationType"] == "animal"]
    rows = _of_media(animals, media)
    rows, several = _with_events(rows, animals, media)
    if rows.empty:
        raise CatalogueError(f"{file}: no observation of an animal belongs to a photograph of media.csv")
    seen = rows["mediaID"].nunique()
    notes = [f"passed over: {describe_passed(passed)}"] if passed else []
    if seen < len(media):
        notes.append(f"{len(media) - seen} of {len(media)} photographs have no observation of an animal: left out")
    if several:
        photographs = counted(several, "photograph")
        notes.append(f"{photographs} of events with several animals, without a word on which one it is: left out")
    return Table(_as_catalogue(rows), file.parent, tuple(notes), passed=tuple(passed))


def _read_resource(file: Path, name: str) -> pd.DataFrame:
    try:
        package = json.loads(file.read_text(encoding="utf-8-sig"))
        resources = {resource["name"]: resource.get("path") for resource in package["resources"]}
    except FileNotFoundError:
        raise CatalogueError(f"no {PACKAGE} in {file.parent}: expected the folder of a Camtrap DP package") from None
    except (ValueError, KeyError, TypeError) as error:
        raise CatalogueError(
            f"{file} is no data package ({first_line(error)}): expected resources with names"
        ) from error
    path = resources.get(name)
    path = path[0] if isinstance(path, list) and len(path) == 1 else path
    if not isinstance(path, str) or "://" in path or path.endswith((".gz", ".zip")):
        raise CatalogueError(
            f"{file}: resource {name!r} is {path!r}; expected a CSV file beside it: unpack or fetch it"
        )
    if not (file.parent / path).is_file():
        raise CatalogueError(f"{file} names {path}, which is not there: fetch the whole package")
    cells, _ = read_cells(file.parent / path)
    absent = [column for column in NEEDED[name] if column not in cells]
    if absent:
        raise CatalogueError(f"{file.parent / path} has no column {', '.join(absent)}: expected Camtrap DP 1.0")
    cells = cells.mask(cells.isin(MISSING))
    return cells.reindex(columns=list(dict.fromkeys((*cells.columns, *(OPTIONAL if name == "observations" else ())))))


def _photographs(media: pd.DataFrame, file: Path) -> tuple[pd.DataFrame, list[tuple[str, str]]]:
    """The media that are photographs on this disk; the others as paths with reasons."""
    is_image = media["fileMediatype"].str.startswith("image/", na=False)
    is_here = ~media["filePath"].str.contains("://", na=True, regex=False)
    passed = [(str(path), f"{VIDEO}: {ADVICE[VIDEO]}") for path in media.loc[~is_image, "filePath"]]
    passed += [(str(path), ELSEWHERE) for path in media.loc[is_image & ~is_here, "filePath"]]
    kept = media[is_image & is_here].drop_duplicates("mediaID")
    if kept.empty:
        raise CatalogueError(f"{file}: none of {len(media)} media is a photograph on this disk; {ELSEWHERE}")
    return kept, passed


def _of_media(animals: pd.DataFrame, media: pd.DataFrame) -> pd.DataFrame:
    """The observations of single photographs, one per animal, with the photograph's columns."""
    own = animals[animals["mediaID"].notna()].drop(columns="deploymentID")
    rows = media[["mediaID", "deploymentID", "timestamp", "filePath"]].merge(own, on="mediaID")
    named = rows.groupby("mediaID")["individualID"].transform("count") > 0
    rows = rows[
        rows["individualID"].notna() | ~named | rows["bboxX"].notna()
    ]  # without "some animal" beside a named one
    return rows[~rows.duplicated(["mediaID", "individualID", *BOX])]


def _with_events(rows: pd.DataFrame, animals: pd.DataFrame, media: pd.DataFrame) -> tuple[pd.DataFrame, int]:
    """The rows and, besides, photographs that only an event describes; and how many of these show several animals."""
    events = animals[animals["mediaID"].isna() & animals["eventStart"].notna()].drop(columns=["mediaID", *BOX])
    bare = media.loc[~media["mediaID"].isin(rows["mediaID"]), ["mediaID", "deploymentID", "timestamp", "filePath"]]
    found = bare.merge(events, on="deploymentID")
    at, start, end = (_instants(found[column]) for column in ("timestamp", "eventStart", "eventEnd"))
    found = found[(start <= at) & (at <= end.fillna(start))]
    found = found.drop_duplicates(["mediaID", "individualID", "scientificName"])
    unsure = found["mediaID"].duplicated(keep=False)
    return pd.concat([rows, found[~unsure]], ignore_index=True), found.loc[unsure, "mediaID"].nunique()


def _instants(times: pd.Series) -> pd.Series:
    return pd.to_datetime(times, errors="coerce", format="ISO8601", utc=True)


def _as_catalogue(rows: pd.DataFrame) -> pd.DataFrame:
    box = (
        rows[list(BOX)]
        .agg(lambda numbers: ",".join(map(str, numbers)), axis=1)
        .where(rows[list(BOX)].notna().all(axis=1))
    )
    number = rows.groupby("mediaID").cumcount()
    frame = pd.DataFrame(
        {
            IMAGE_ID: rows["mediaID"].where(number == 0, rows["mediaID"] + "#" + (number + 1).astype(str)),
            PATH: rows["filePath"],
            IDENTITY: rows["individualID"],
            SPECIES: rows["scientificName"],
            ENCOUNTER: rows["eventID"],
            DATE: rows["timestamp"],
            UTC_OFFSET: [parse_exif_time(str(time))[1] or None for time in rows["timestamp"]],
            BBOX: box,
        }
    )
    return frame.sort_values([PATH, IMAGE_ID]).reset_index(drop=True)
