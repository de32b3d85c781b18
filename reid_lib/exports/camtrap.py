"""A whole Camtrap DP package 1.0.2 (camtrap-dp.tdwg.org): deployments, media, observations, datapackage.json."""

import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd

from reid_lib.core.errors import CatalogueError
from reid_lib.core.files import write_json
from reid_lib.core.frames import write_csv
from reid_lib.core.messages import counted
from reid_lib.core.names import ENCOUNTER, IDENTITY, IMAGE_ID, PATH, SPECIES, UTC_OFFSET
from reid_lib.data.kinds import extension_of
from reid_lib.exports.boxes import measure_boxes
from reid_lib.exports.camtrap_columns import COLUMNS
from reid_lib.exports.sightings import BY, CLOCK, LATITUDE, LOCATION, LONGITUDE, MACHINE, PROBABILITY, TIME, Sightings

VERSION = "1.0.2"
SCHEMAS = f"https://raw.githubusercontent.com/tdwg/camtrap-dp/{VERSION}"
# Listed here, since Python's `mimetypes` knows them on some machines only. All others are JPEG.
MEDIA_TYPES = {
    **{".png": "image/png", ".tif": "image/tiff", ".tiff": "image/tiff", ".webp": "image/webp", ".bmp": "image/bmp"},
    **{".heic": "image/heic", ".heif": "image/heif", ".hif": "image/heif", ".gif": "image/gif", ".avif": "image/avif"},
}
MOST_DECIMALS = 7  # of a degree: a centimetre
ELSEWHERE = "unknown"  # the deployment of photographs without a location
_BAD_PATH = re.compile(r"^[./~]|\.\.")  # what the table schema forbids in media.filePath


def write_camtrap(
    sightings: Sightings,
    folder: Path,
    *,
    zone: str = "",
    decimals: int | None = None,
    title: str = "",
    contributor: str = "",
    sampling: str = "",
    photos: Path | None = None,
) -> list[str]:
    """Write the package's four files; the photographs belong beside them, under the paths of the table.

    A deployment is a location, from its first photograph to its last. Every photograph is an observation of one animal,
    with `individualID` where it is known who.

    Args:
        sightings: with time, latitude and longitude; of several coordinates of one location the mean counts.
        folder: where to write.
        zone: offset from UTC ("+02:00") of times that have none.
        decimals: of a degree, to which the coordinates were rounded; None: they were not.
        title: of the project.
        contributor: who is responsible for the data.
        sampling: one of `offered.SAMPLING`.
        photos: folder of the photographs, for boxes in pixels.

    Returns:
        Notes: what was left out, what a person should correct.

    Raises:
        CatalogueError: something that the format requires is missing; with the cure.
    """
    rows, notes = _usable(sightings.rows, zone)
    boxes, said = measure_boxes(rows, photos)
    notes += said
    deployments, observations = _deployments(rows, decimals), _observations(rows).join(boxes)
    package = _package(deployments, observations, title, contributor, sampling)
    if decimals is not None:
        package["coordinatePrecision"] = 10.0**-decimals
    for name, table in zip(COLUMNS, (deployments, _media(rows), observations), strict=True):
        write_csv(folder / f"{name}.csv", table.reindex(columns=list(COLUMNS[name])))
    write_json(folder / "datapackage.json", package)
    notes.append("deployments last from the first to the last photograph of a location: correct deployments.csv")
    if not (title and contributor and sampling):
        notes.append("title, contributor or sampling design are not told: correct datapackage.json")
    return notes


def _usable(rows: pd.DataFrame, zone: str) -> tuple[pd.DataFrame, list[str]]:
    """Rows that have all that the format requires: a time with its zone, a place, a path of the allowed form."""
    notes = []
    untimed = rows[TIME].isna()
    if untimed.all():
        raise CatalogueError("Camtrap DP wants to know when: no photograph has a date. Add a column date")
    if untimed.any():
        notes.append(f"{counted(untimed.sum(), 'photograph')} without a date left out")
    rows = rows[~untimed].copy()
    if zone:
        rows[UTC_OFFSET] = rows[UTC_OFFSET].fillna(zone)
    if rows[UTC_OFFSET].isna().any():
        raise CatalogueError(
            f"Camtrap DP wants the time zone: {rows[UTC_OFFSET].isna().sum()} of {len(rows)} times tell none. "
            "Pass it, e.g. --zone +02:00"
        )
    rows[LOCATION] = rows[LOCATION].fillna(ELSEWHERE)
    place = rows.groupby(LOCATION)[[LATITUDE, LONGITUDE]].mean()
    absent = place.index[place.isna().any(axis=1)]
    if len(absent):
        raise CatalogueError(
            f"Camtrap DP wants to know where: {len(absent)} of {len(place)} locations have no coordinates, e.g. "
            f"{absent[0]!r}. Add the columns latitude and longitude and pass --gps (--round 2 blurs them to 1 km); "
            "--photos FOLDER reads them from the photographs"
        )
    bad = rows[PATH].astype(str).str.contains(_BAD_PATH)
    if bad.any():
        raise CatalogueError(
            f"Camtrap DP wants paths below the package, without .. and not absolute: {bad.sum()} are not, e.g. "
            f"{rows.loc[bad, PATH].iloc[0]!r}"
        )
    if not rows[CLOCK].all():
        dates = counted((~rows[CLOCK]).sum(), "date tells", "dates tell")
        notes.append(f"{dates} no time of day: written as midnight, and marked")
    return rows, notes


def _deployments(rows: pd.DataFrame, decimals: int | None) -> pd.DataFrame:
    by = rows.assign(instant=_instants(rows)).groupby(LOCATION, sort=True)
    digits = MOST_DECIMALS if decimals is None else decimals
    first, last = by["instant"].idxmin(), by["instant"].idxmax()
    return pd.DataFrame(
        {
            "deploymentID": first.index,
            "locationID": first.index,
            "latitude": by[LATITUDE].mean().round(digits).to_numpy(),
            "longitude": by[LONGITUDE].mean().round(digits).to_numpy(),
            "deploymentStart": _stamps(rows.loc[first]).to_numpy(),
            "deploymentEnd": _stamps(rows.loc[last]).to_numpy(),
            "timestampIssues": (~by[CLOCK].all()).map({True: "true", False: "false"}).to_numpy(),
        }
    )


def _media(rows: pd.DataFrame) -> pd.DataFrame:
    """Each photograph once, whatever the number of animals on it."""
    table = pd.DataFrame(
        {
            "mediaID": rows[PATH],
            "deploymentID": rows[LOCATION],
            "timestamp": _stamps(rows),
            "filePath": rows[PATH],
            "filePublic": "false",
            "fileName": rows[PATH].str.rsplit("/", n=1).str[-1],
            "fileMediatype": [MEDIA_TYPES.get(extension_of(str(path)), "image/jpeg") for path in rows[PATH]],
        }
    )
    return table.drop_duplicates("mediaID")


def _observations(rows: pd.DataFrame) -> pd.DataFrame:
    start, end = _event_times(rows)
    machine = rows[BY] == MACHINE
    number = rows.groupby(IMAGE_ID).cumcount()
    return pd.DataFrame(
        {
            "observationID": rows[IMAGE_ID].where(number == 0, rows[IMAGE_ID] + "#" + (number + 1).astype(str)),
            "deploymentID": rows[LOCATION],
            "mediaID": rows[PATH],
            "eventID": rows[ENCOUNTER],
            "eventStart": start,
            "eventEnd": end,
            "observationLevel": "media",
            "observationType": "animal",
            "scientificName": rows[SPECIES],
            "count": 1,
            "individualID": rows[IDENTITY],
            "classificationMethod": rows[BY],
            "classifiedBy": machine.map({True: "reid_lib", False: None}),
            "classificationProbability": rows[PROBABILITY].clip(0, 1).where(machine & rows[IDENTITY].notna()),
        }
    )


def _event_times(rows: pd.DataFrame) -> tuple[pd.Series, pd.Series]:
    """When the event of each photograph began and ended: its encounter at its location, else the photograph alone."""
    alone = pd.Series(range(-len(rows), 0), index=rows.index)
    key = rows.groupby([LOCATION, ENCOUNTER]).ngroup().where(rows[ENCOUNTER].notna(), alone)
    by, stamps = _instants(rows).groupby(key), _stamps(rows)
    ends = []
    for place in (by.transform("idxmin"), by.transform("idxmax")):
        ends.append(pd.Series(stamps.loc[place].to_numpy(), index=rows.index))
    return ends[0], ends[1]


def _instants(rows: pd.DataFrame) -> pd.Series:
    return pd.to_datetime(_stamps(rows), utc=True, format="ISO8601")


def _stamps(rows: pd.DataFrame) -> pd.Series:
    """Times as the format writes them: "2024-05-01T10:11:12+02:00"."""
    return rows[TIME].dt.strftime("%Y-%m-%dT%H:%M:%S") + rows[UTC_OFFSET].astype(str)


def _package(
    deployments: pd.DataFrame, observations: pd.DataFrame, title: str, contributor: str, sampling: str
) -> dict[str, Any]:
    """The descriptor, datapackage.json."""
    resources = [
        {
            "name": name,
            "path": f"{name}.csv",
            "profile": "tabular-data-resource",
            "format": "csv",
            "mediatype": "text/csv",
            "encoding": "utf-8",
            "schema": f"{SCHEMAS}/{name}-table-schema.json",
        }
        for name in COLUMNS
    ]
    species = sorted(observations["scientificName"].dropna().unique())
    return {
        "resources": resources,
        "profile": f"{SCHEMAS}/camtrap-dp-profile.json",
        "created": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "contributors": [{"title": contributor or "not told", "role": "contact"}],
        "project": {
            "title": title or "not told",
            "samplingDesign": sampling or "opportunistic",
            "captureMethod": ["activityDetection"],
            "individualAnimals": True,
            "observationLevel": ["media"],
        },
        "spatial": _spatial(deployments),
        "temporal": {
            "start": deployments["deploymentStart"].min()[:10],
            "end": deployments["deploymentEnd"].max()[:10],
        },
        "taxonomic": [{"scientificName": name} for name in species],
    }


def _spatial(deployments: pd.DataFrame) -> dict[str, Any]:
    """The rectangle around all deployments as GeoJSON, counter-clockwise; a point where there is but one place."""
    west, east = float(deployments["longitude"].min()), float(deployments["longitude"].max())
    south, north = float(deployments["latitude"].min()), float(deployments["latitude"].max())
    if (west, south) == (east, north):
        return {"type": "Point", "coordinates": [west, south]}
    ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
    return {"type": "Polygon", "coordinates": [ring]}
