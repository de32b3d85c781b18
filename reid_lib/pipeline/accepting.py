"""From answers to a catalogue: what a person accepts goes into a gallery, new animals under one new name each."""

from pathlib import Path

import pandas as pd

from reid_lib.core import files
from reid_lib.core.errors import CatalogueError, GalleryError
from reid_lib.core.locks import hold_lock
from reid_lib.core.logs import LOGGER
from reid_lib.core.messages import counted
from reid_lib.core.names import (
    ACCEPTED,
    ASKED_JSON,
    DATASET,
    DECISION,
    GROUP,
    IDENTITY,
    IMAGE_ID,
    NEW_ANIMAL,
    PATH,
)
from reid_lib.core.paths import locate
from reid_lib.data.accepted import read_accepted
from reid_lib.data.catalogue import Catalogue
from reid_lib.data.readers.table_file import read_cells
from reid_lib.gallery.changes import list_all_names
from reid_lib.gallery.store import Gallery, open_gallery
from reid_lib.pipeline.galleries import OPTIONAL, Enrolled, enroll, write_catalogue


def accept_answers(answers: Path, name: str, *, catalogue: Path | None = None, device: str = "auto") -> Enrolled:
    """Put accepted answers into a gallery, and write a corrected catalogue as a new file.

    The column `accepted` says what is done with each photograph: "yes" takes the answer (a new animal gets one new name
    for its whole group), a name is the animal that it shows (of another data set: "lynxes/Anna"), "new" a new
    animal, nothing or "no" leaves it out. Where an animal of the gallery is called like such a word ("1"), its name is
    meant. Photographs that are enrolled already are left alone, so that doing it twice changes nothing.

    Args:
        answers: answers.csv, as a person has filled it in, in the folder where it was written.
        name: of the gallery.
        catalogue: file to write; None: beside the answers, named after the gallery and its version.
        device: where photographs are embedded: "auto", "cpu", "cuda" or "mps".

    Raises:
        CatalogueError: nothing is accepted, or the file is not one of answers.
        GalleryError: the photographs are not there any more, or the catalogue's file is.
    """
    gallery = open_gallery(name)
    if catalogue is not None and catalogue.exists():
        raise GalleryError(f"{catalogue} is there already: the corrected catalogue is a new file, give another name")
    accepted, root = _read_accepted(answers, gallery), _root_of(answers)
    missing = [path for path in accepted[PATH] if not locate(root, path).is_file()]
    if missing:
        told = counted(len(missing), "accepted photograph is", "accepted photographs are")
        raise GalleryError(f"{told} not in {root} any more, e.g. {missing[0]}: put back what is missing")
    columns = [IMAGE_ID, PATH, IDENTITY, DATASET, *(name for name in OPTIONAL if name in accepted)]
    groups = accepted[NEW_ANIMAL].where(accepted["is_new"], None)
    with hold_lock(gallery.folder / ".accepting"):  # two at once might make one new name
        accepted[IDENTITY] = _names(accepted, gallery)
        photographs = Catalogue(accepted[columns], root, "answers")
        version, added, there = enroll(gallery, photographs, how="accepted", groups=groups, device=device)
    path = catalogue or answers.parent / f"catalogue-{gallery.name}-v{version.number}.csv"
    write_catalogue(gallery, path)
    nothing = pd.DataFrame({PATH: [], "reason": []}, dtype=object)
    return Enrolled(version, added, there, nothing, path)


def _read_accepted(answers: Path, gallery: Gallery) -> pd.DataFrame:
    """Rows of answers.csv that are accepted, with `is_new` and `identity`; all text, empty cells missing."""
    if not answers.is_file():
        raise CatalogueError(f"there is no file {answers}: expected the answers.csv of a folder in runs/answers")
    cells, _ = read_cells(answers)
    missing = [name for name in (IMAGE_ID, PATH, DATASET, DECISION, NEW_ANIMAL, ACCEPTED) if name not in cells]
    if missing:
        raise CatalogueError(f"{answers} is no table of answers: it has no column {missing[0]!r}")
    cells = cells.astype(object).where(cells.notna(), None)
    rows = gallery.rows()[1]
    said, notes = read_accepted(cells, set(zip(rows[DATASET], rows[IDENTITY], strict=True)))
    for note in notes:
        LOGGER.warning(note)
    usable = cells[DECISION].map(lambda decision: bool(decision and str(decision).strip()))
    cells = cells.assign(**{name: said[name] for name in ("is_new", IDENTITY, DATASET)})
    chosen = cells[usable & said["said"] & ~said["refused"]]
    if not len(chosen):
        raise CatalogueError(
            f"nothing is accepted in {answers}: write 'yes', the name of the animal, or 'new' into its column "
            f"{ACCEPTED!r}"
        )
    return chosen.reset_index(drop=True)


def _names(accepted: pd.DataFrame, gallery: Gallery) -> list[str]:
    """The animal of each accepted row: named, or one new name for each group, which no animal ever had."""
    rows = gallery.rows()[1]
    by_group = dict(zip(rows[GROUP].dropna(), rows.loc[rows[GROUP].notna(), IDENTITY], strict=True))
    taken = list_all_names(gallery) | set(accepted[IDENTITY].dropna())
    names = []
    for row in accepted.itertuples():
        if not row.is_new:
            names.append(row.identity)
            continue
        group = row.new_animal or f"alone {row.path}"
        if group not in by_group:
            by_group[group] = next(name for k in range(1, 10**6) if (name := f"new-{k:04d}") not in taken)
            taken.add(by_group[group])
        names.append(by_group[group])
    return names


def _root_of(answers: Path) -> Path:
    """The folder that paths in answers.csv are relative to, as asked.json beside it says."""
    try:
        return Path(files.read_json(answers.parent / ASKED_JSON)["root"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise CatalogueError(
            f"{answers.parent / ASKED_JSON} cannot be read ({error}): leave answers.csv in the folder where it was "
            "written"
        ) from error
