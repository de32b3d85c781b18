"""Boxes in a JSON file: COCO's annotations as a table, or MegaDetector's detections added to folders of animals."""

import json
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any

import pandas as pd

from reid_lib.core.errors import CatalogueError, first_line
from reid_lib.core.messages import counted
from reid_lib.core.names import BBOX, IDENTITY, PATH, SPECIES
from reid_lib.core.paths import escape_path
from reid_lib.data.readers.folder import read_folder
from reid_lib.data.readers.tables import ALIASES, Table, has_column, parse_columns, rename_columns

COCO, MEGADETECTOR = "coco", "megadetector"
CONFIDENCE = 0.2  # what MegaDetector's authors recommend for version 5, where the file itself names no threshold
ANIMAL = "animal"
CATEGORY = "category"  # the column that holds a category's name


def read_coco(source: Path, *, columns: str = "") -> Table:
    """One row per annotation of a COCO file, and per image without one, its bbox in pixels.

    Entries of annotation and image become columns of their names (`file_name`, `date_captured`, ...), `category` is the
    name of the category. The identity is the column given, else one of the usual names ("individual_id", "name", ...),
    else the image's first folder.

    Args:
        source: the file, or a folder with one JSON file. Paths in it are relative to the folder that the file lies in.
        columns: pairs "ours:theirs", e.g. "identity:category".

    Raises:
        CatalogueError: it is no COCO file, or nothing in it says who is who.
    """
    file, content = _read_json(source)
    if "annotations" not in content:
        other = f": pass dataset {MEGADETECTOR}" if _is_megadetector(content) else "; expected images and annotations"
        raise CatalogueError(f"{file} is no COCO file{other}")
    try:
        frame = _join(content)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise CatalogueError(f"{file} is no whole COCO file ({type(error).__name__}: {first_line(error)})") from error
    given, notes = parse_columns(columns), []
    if IDENTITY not in given and not has_column(frame, IDENTITY):
        frame, said = _identity_by_folder(frame, file)
        notes.append(said)
    if SPECIES not in given and given.get(IDENTITY) != CATEGORY and CATEGORY in frame:
        given = given | {SPECIES: CATEGORY}
    named, understood = rename_columns(frame, given, where=str(file))
    return Table(named, file.parent, (*notes, *understood))


def read_megadetector(source: Path, *, encounter: str = "") -> Table:
    """Read folders of animals (`folder.read_folder`) beside MegaDetector's file, root/<identity>/<image>, and give each
    photograph the box of the animal that the detector is surest of.

    Args:
        source: the file, which lies in the folder of the photographs, or that folder if it has one JSON file.
        encounter: see `folder.read_folder`.

    Raises:
        CatalogueError: it is no output of MegaDetector, or none of its photographs lies there.
    """
    file, content = _read_json(source)
    if not _is_megadetector(content):
        other = f": pass dataset {COCO}" if "annotations" in content else "; expected images with detections"
        raise CatalogueError(f"{file} is no output of MegaDetector{other}")
    table = read_folder(file.parent, encounter=encounter)
    try:
        least = _threshold(content)
        boxes = {
            escape_path(_relative(image["file"], file.parent)): _animals(image, content, least)
            for image in content["images"]
        }
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        what = f"{type(error).__name__}: {first_line(error)}"
        raise CatalogueError(f"{file} is no whole output of MegaDetector ({what}): write it anew") from error
    paths = table.frame[PATH]
    if not paths.isin(boxes).any():
        example = next(iter(boxes), "none")
        raise CatalogueError(
            f"none of the {len(paths)} photographs under {file.parent} stands in {file.name} (it has {example}, "
            f"there is {paths[0]}): put the file into the folder that MegaDetector was given, "
            "or run it with relative names"
        )
    found = [boxes.get(path, []) for path in paths]
    frame = table.frame.assign(**{BBOX: [",".join(map(str, animals[0])) if animals else None for animals in found]})
    several, without = sum(len(animals) > 1 for animals in found), sum(not animals for animals in found)
    notes = [f"boxes of {len(found) - without} of {len(found)} photographs: animals detected with at least {least:g}"]
    notes += [f"{counted(without, 'photograph')} without a detected animal: taken whole"] if without else []
    if several:
        shows = counted(several, "photograph shows", "photographs show")
        notes.append(f"{shows} several animals: the surest box is taken")
    return Table(frame, table.root, (*table.notes, *notes), table.misnamed, table.states, table.passed)


def _read_json(source: Path) -> tuple[Path, dict[str, Any]]:
    if source.is_dir():
        files = sorted(p for p in source.glob("*.json") if not p.name.startswith("."))
        if len(files) != 1:
            told = ", ".join(p.name for p in files[:10]) or "none"
            raise CatalogueError(f"expected one JSON file in {source}, found {told}: pass the file itself as data_root")
        source = files[0]
    try:
        content = json.loads(source.read_text(encoding="utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise CatalogueError(f"{source} is no JSON ({first_line(error)})") from error
    if not isinstance(content, dict) or not isinstance(content.get("images"), list) or not content["images"]:
        raise CatalogueError(f"{source} lists no images: expected COCO's or MegaDetector's JSON")
    return source, content


def _is_megadetector(content: dict[str, Any]) -> bool:
    images = (image for image in content["images"] if isinstance(image, dict))
    return "detection_categories" in content or any("detections" in image for image in images)


def _join(content: dict[str, Any]) -> pd.DataFrame:
    """Annotations with their images and the names of their categories, then the images without one."""
    names = {category["id"]: category.get("name") for category in content.get("categories") or []}
    images = {image["id"]: _scalars(image) for image in content["images"]}
    rows = []
    for annotation in content["annotations"]:
        row = images[annotation["image_id"]] | _scalars(annotation)
        row[CATEGORY] = names.get(annotation.get("category_id"))
        rows.append(row | {BBOX: annotation.get("bbox") or None})
    annotated = {annotation["image_id"] for annotation in content["annotations"]}
    rows += [image for key, image in images.items() if key not in annotated]
    # Left out: ids by which the file links its own entries. They name no row, as an image has one for each annotation.
    frame = pd.DataFrame(rows).drop(columns=["id", "image_id", "category_id"], errors="ignore")
    empty = frame.columns[frame.isna().all()]
    return frame.drop(columns=empty).astype(object)


def _scalars(entry: dict[str, Any]) -> dict[str, Any]:
    """The text and numbers of an entry; a list of one value counts as that value ("individual_ids": ["A"])."""
    plain = {key: value[0] if isinstance(value, list) and len(value) == 1 else value for key, value in entry.items()}
    plain = {key: value for key, value in plain.items() if isinstance(value, str | int | float) and value != ""}
    if "individual_ids" in plain:
        plain.setdefault("individual_id", plain.pop("individual_ids"))
    return plain


def _identity_by_folder(frame: pd.DataFrame, file: Path) -> tuple[pd.DataFrame, str]:
    path = next((column for column in frame.columns if str(column).lower() in ALIASES[PATH]), None)
    parts = frame[path].astype(str).str.replace("\\", "/", regex=False).str.split("/") if path else None
    if parts is None or (parts.str.len() < 2).any():
        keys = ", ".join(map(str, frame.columns))
        raise CatalogueError(
            f"{file} does not tell who is who, nor do folders: its entries have {keys}. Say which it is, "
            f"e.g. -p columns 'identity:{CATEGORY}'"
        )
    return frame.assign(**{IDENTITY: parts.str[0]}), "who is who is told by the first folder of each image"


def _threshold(content: dict[str, Any]) -> float:
    told = ((content.get("info") or {}).get("detector_metadata") or {}).get("typical_detection_threshold")
    return float(told) if isinstance(told, int | float) else CONFIDENCE


def _animals(image: dict[str, Any], content: dict[str, Any], least: float) -> list[list[float]]:
    """Boxes (shares of x, y, width, height) of the animals in a photograph, the surest first."""
    names = {
        str(key): str(name).lower() for key, name in (content.get("detection_categories") or {"1": ANIMAL}).items()
    }
    sure = [
        detection
        for detection in image.get("detections") or []
        if names.get(str(detection.get("category"))) == ANIMAL and float(detection.get("conf", 0)) >= least
    ]
    return [detection["bbox"] for detection in sorted(sure, key=lambda detection: -float(detection["conf"]))]


def _relative(path: str, root: Path) -> str:
    """A path of MegaDetector's file below the folder, with forward slashes; as it is where it lies elsewhere."""
    posix = PureWindowsPath(path).as_posix() if "\\" in path else path
    if PurePosixPath(posix).is_relative_to(root.absolute().as_posix()):
        return PurePosixPath(posix).relative_to(root.absolute().as_posix()).as_posix()
    return posix.removeprefix("./")
