"""Galleries made of runs, photographs enrolled in them, and the catalogue that they hold."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from reid_lib.core import frames
from reid_lib.core.errors import CatalogueError, GalleryError, RunError
from reid_lib.core.messages import counted
from reid_lib.core.names import (
    BBOX,
    CONTENT,
    DATASET,
    DATE,
    ENCOUNTER,
    GROUP,
    IDENTITY,
    IMAGE_ID,
    ORIENTATION,
    PATH,
    ROOT,
    SPECIES,
)
from reid_lib.core.paths import locate
from reid_lib.data.catalogue import Catalogue
from reid_lib.data.new_photographs import read_photographs
from reid_lib.gallery import changes
from reid_lib.gallery.store import Gallery, check_unused, create_gallery, open_gallery
from reid_lib.gallery.versions import Version
from reid_lib.pipeline.enrolment import Network, describe_photographs, enroll_run, measure_shift
from reid_lib.pipeline.recipes import FinishedRun

NAMED = 5  # animals that the log names of one change
OPTIONAL = (ENCOUNTER, DATE, ORIENTATION, BBOX, SPECIES)


@dataclass(frozen=True)
class Enrolled:
    """What became of photographs that were to be enrolled.

    Attributes:
        version: of the gallery, afterwards.
        added: number of photographs.
        there: photographs that were enrolled before, or given twice, and whose they are.
        rejected: DataFrame(path, reason) of those that could not be used.
        catalogue: the corrected catalogue; None where none was written.
    """

    version: Version
    added: int
    there: list[str]
    rejected: pd.DataFrame
    catalogue: Path | None = None


def export_run(run: str, name: str, *, device: str = "auto") -> Gallery:
    """Make a gallery of all named photographs of a finished run, with its network, threshold and calibration."""
    check_unused(name)  # told before anything is computed
    finished = FinishedRun.load(run)
    network = Network(finished.model_folder, finished.recipe(), device)
    photographs = enroll_run(finished, network)
    recipe = network.recipe.model_copy(update={"shift": measure_shift(finished, network)})
    what = f"made of run {run}: {counted(len(photographs), 'photograph')}"
    return create_gallery(name, recipe, finished.model_folder, photographs, what=what)


def find_run(name: str) -> str:
    """Name of the finished run whose network a gallery has.

    Raises:
        GalleryError: no such gallery, or its run is not here any more, or has been trained anew since.
    """
    recipe = open_gallery(name).recipe()
    told = f"gallery {name!r} has the network of run {recipe.run!r}, whose results it does not keep"
    try:
        finished = FinishedRun.load(recipe.run)
    except RunError as error:
        raise GalleryError(f"{told}, and that run cannot be opened: {error}") from error
    if finished.weights_sha256 != recipe.weights_sha256:
        raise GalleryError(f"{told}, and the run of that name has other weights by now: name the run that is meant")
    return recipe.run


def add_folder(
    gallery: Gallery, photos: str, *, identity: str = "", dataset: str = "", columns: str = "", device: str = "auto"
) -> Enrolled:
    """Enroll photographs of named animals; no photograph that is enrolled is embedded again.

    Args:
        photos: photographs of one animal (`identity`); a folder with one folder for each animal; or a table that names
            them.
        identity: of all photographs; empty: the table's, or the name of the first folder.
        dataset: of the gallery, where it has several.
        columns: of a table, pairs "ours:theirs".

    Raises:
        GalleryError: a photograph has no name, or the data set is not said.
        CatalogueError: no photograph can be used.
    """
    known = sorted(gallery.rows()[1][DATASET].unique())
    chosen = dataset or (known[0] if len(known) == 1 else "")
    found = read_photographs(photos, columns=columns, dataset=chosen or "?")
    rows = found.catalogue.rows
    if not len(rows):
        raise CatalogueError(f"none of the photographs in {photos} can be used: {_first_reasons(found.rejected)}")
    rows = _named(rows, identity)
    if known and (others := sorted(set(rows[DATASET]) - set(known))):
        told = "and none is named" if others == ["?"] else f"not {', '.join(others)}"
        raise GalleryError(
            f"gallery {gallery.name!r} has the data sets {', '.join(known)}, {told}: say which one these photographs "
            "belong to (--dataset)"
        )
    catalogue = Catalogue(rows, found.catalogue.root, "photos")
    version, added, there = enroll(gallery, catalogue, device=device, how="added")
    return Enrolled(version, added, there, found.rejected)


def enroll(
    gallery: Gallery, catalogue: Catalogue, *, how: str, groups: pd.Series | None = None, device: str = "auto"
) -> tuple[Version, int, list[str]]:
    """Put named photographs into a gallery that are not in it yet, by their content.

    Args:
        how: first word of the change in the log.
        groups: of new animals: label of each row's group.

    Returns:
        The version afterwards, how many were added, and in words those that were there before them.
    """
    version, rows = gallery.rows()
    first, there = _sort_out(rows, catalogue)
    if not first.any():
        return version, 0, there
    fresh = Catalogue(catalogue.rows[first].reset_index(drop=True), catalogue.root, "photos")
    network = Network(gallery.model_folder, gallery.recipe(), device)
    photographs = describe_photographs(network, fresh)
    if groups is not None:
        photographs = photographs.with_rows(photographs.rows.assign(**{GROUP: groups[first].to_numpy()}))
    names = photographs.rows[IDENTITY].value_counts(sort=False)
    told = ", ".join(f"{name} ({count})" for name, count in list(names.items())[:NAMED])
    told += f" and {len(names) - NAMED} more animals" if len(names) > NAMED else ""
    version, added = changes.add_photographs(gallery, photographs, what=f"{how} {told}")
    return version, added, there


def _sort_out(enrolled: pd.DataFrame, catalogue: Catalogue) -> tuple[np.ndarray, list[str]]:
    """Which photographs are to be enrolled (n,): not those that are by their content, of those given twice the first;
    and, of the others, in words whose they are already."""
    contents = catalogue.states.contents(catalogue.rows)
    columns = (enrolled[name] for name in (CONTENT, IMAGE_ID, IDENTITY, DATASET))
    known = {content: (f"{name} ({who})", dataset) for content, name, who, dataset in zip(*columns, strict=True)}
    columns = (catalogue.rows[name] for name in (PATH, IDENTITY, DATASET))
    fresh, there = [], []
    for content, path, who, dataset in zip(contents, *columns, strict=True):
        fresh.append(not content or content not in known)
        if fresh[-1]:
            known[content] = f"{path} ({who})", dataset
        else:
            words, other = known[content]
            there.append(f"{path}: {words}" + (f", under data set {other}" if other != dataset else ""))
    return np.array(fresh, dtype=bool), there


def write_catalogue(gallery: Gallery, path: Path) -> None:
    """Write all photographs of a gallery under their present names as a table that `dataset=csv` reads."""
    rows = gallery.rows()[1]
    files_of = [str(locate(Path(root), path)) for root, path in zip(rows[ROOT], rows[PATH], strict=True)]
    kept = [column for column in OPTIONAL if rows[column].notna().any()]
    frames.write_csv(path, rows.assign(**{PATH: files_of})[[IMAGE_ID, PATH, IDENTITY, DATASET, *kept]])


def _named(rows: pd.DataFrame, identity: str) -> pd.DataFrame:
    """Rows with the animal of each photograph."""
    if identity:
        return rows.assign(**{IDENTITY: identity})
    folder = rows[PATH].map(lambda path: path.split("/")[0] if "/" in path else None)
    names = rows[IDENTITY].where(rows[IDENTITY].notna(), folder)
    if names.isna().any():
        nameless = counted(names.isna().sum(), "photograph is", "photographs are")
        raise GalleryError(
            f"{nameless} of no named animal, e.g. {rows.loc[names.isna(), PATH].iloc[0]}: say which (--identity NAME), "
            "put what shows it into a folder of its name, or name it in a table"
        )
    return rows.assign(**{IDENTITY: names})


def _first_reasons(rejected: pd.DataFrame) -> str:
    return "; ".join(f"{path}: {reason}" for path, reason in rejected.head(3).to_numpy()) or "there are none"
