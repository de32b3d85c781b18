"""New photographs whose animals nobody has named: a folder of any depth, one file, or a table."""

from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import pandas as pd

from reid_lib.core.errors import CatalogueError
from reid_lib.core.names import DATE, ENCOUNTER, IDENTITY, IMAGE_ID, PATH
from reid_lib.core.paths import escape_path, find_data
from reid_lib.data.audit import COPY, KIND, MISSING, TWO_IDENTITIES, find_problems
from reid_lib.data.boxes import convert_to_pixels, describe_boxes
from reid_lib.data.catalogue import Catalogue
from reid_lib.data.file_states import FileStates
from reid_lib.data.find_files import list_files
from reid_lib.data.kinds import extension_of, is_photograph, why_passed_over
from reid_lib.data.normalise import normalise_table
from reid_lib.data.readers.table_file import ENDINGS, read_cells
from reid_lib.data.readers.tables import has_column, parse_columns, rename_columns

NONE, BY_FOLDER = "none", "encounter"  # what subfolders mean
REASON = "reason"


@dataclass(frozen=True)
class NewPhotographs:
    """What was given, and what of it can be used.

    Attributes:
        catalogue: the usable ones; `identity` is missing, or what a table says.
        rejected: DataFrame(path, reason) of the others, sorted by path.
    """

    catalogue: Catalogue
    rejected: pd.DataFrame


def read_photographs(
    photos: str, *, folders: str = NONE, columns: str = "", dataset: str, progress: bool = True
) -> NewPhotographs:
    """Find photographs and look at every file; files that cannot be used are listed and stop nothing.

    Args:
        photos: a folder, in which photographs lie at any depth; one photograph; or a table (.csv, .tsv).
        folders: "none": subfolders mean nothing; "encounter": photographs of one subfolder are one encounter.
        columns: of a table, pairs "ours:theirs"; its `identity` may be absent or empty.
        dataset: that rows belong to which name none.
        progress: show bars.

    Raises:
        CatalogueError: nothing is there, or a table cannot be read.
    """
    source = find_data(photos) if photos else None
    if source is None:
        raise CatalogueError("which photographs? pass a folder, a photograph or a table as photos")
    if source.is_file() and source.suffix.lower() in ENDINGS:
        frame, root, rejected = _from_table(source, columns)
    elif columns:
        raise CatalogueError(f"columns are for tables ({', '.join(ENDINGS)}), not for {source}")
    else:
        frame, root, rejected = _from_files(source, folders)
    states = FileStates(root)
    rows, notes = normalise_table(frame, dataset=dataset, names_wanted=False) if len(frame) else (frame, [])
    rows, measured = convert_to_pixels(rows, states, progress=progress)
    measured = measured or describe_boxes(rows, states, progress=progress)
    problems = find_problems(rows, root, states=states, thorough=False, progress=progress) if len(rows) else None
    if problems is not None:
        problems = problems[~problems[KIND].isin((COPY, TWO_IDENTITIES))]
        told = [
            f"{row.kind}: {row.detail}" if row.kind == MISSING and row.detail else row.detail or row.kind
            for row in problems.itertuples()
        ]
        bad = pd.DataFrame({PATH: problems[PATH].to_numpy(), REASON: told}, dtype=object)
        rejected = pd.concat([rejected, bad], ignore_index=True)
        rows = rows.drop(index=problems.index.unique()).reset_index(drop=True)
        rows = _with_dates(rows, states, progress)
    rejected = rejected.drop_duplicates(PATH).sort_values(PATH, kind="stable", ignore_index=True)
    return NewPhotographs(Catalogue(rows, root, "photos", (*notes, *measured), audited=states), rejected)


def _from_files(source: Path, folders: str) -> tuple[pd.DataFrame, Path, pd.DataFrame]:
    root = source.parent if source.is_file() else source
    names = [source.name] if source.is_file() else list_files(source)
    there, paths, rejected = set(names), [], []
    for name in names:
        path = escape_path(name)
        if is_photograph(name) and (path == name or path not in there):
            paths.append(path)
        else:
            kind = extension_of(name) or "a name without an ending"
            rejected.append((path, why_passed_over(name) or f"not a photograph ({kind})"))
    frame = pd.DataFrame({IMAGE_ID: paths, PATH: paths, IDENTITY: None}, dtype=object)
    if folders == BY_FOLDER:
        frame[ENCOUNTER] = [PurePosixPath(path).parent.as_posix() for path in paths]
        frame[ENCOUNTER] = frame[ENCOUNTER].mask(frame[ENCOUNTER] == ".", None)
    return frame, root, pd.DataFrame(rejected, columns=[PATH, REASON], dtype=object)


def _from_table(source: Path, columns: str) -> tuple[pd.DataFrame, Path, pd.DataFrame]:
    cells, _ = read_cells(source)
    given = parse_columns(columns)
    if IDENTITY not in given and not has_column(cells, IDENTITY):
        cells = cells.assign(**{IDENTITY: None})
    frame, _ = rename_columns(cells, given, where=str(source))
    empty = frame[PATH].isna() | (frame[PATH].astype(str).str.strip() == "")
    twice = frame[IMAGE_ID].duplicated() & ~empty
    reasons = [(f"row {row + 2} of {source.name}", "it names no file") for row in frame.index[empty]]
    reasons += [(path, "its image_id stands more than once") for path in frame.loc[twice, PATH]]
    rejected = pd.DataFrame(reasons, columns=[PATH, REASON], dtype=object)
    return frame[~empty & ~twice].reset_index(drop=True), source.parent, rejected


def _with_dates(rows: pd.DataFrame, states: FileStates, progress: bool) -> pd.DataFrame:
    """The rows, with the time of EXIF (and its zone, if there is one) where they have no date."""
    looked = states.of(rows[PATH], exif=True, progress=progress)
    told = [f"{state.taken:%Y-%m-%d %H:%M:%S}{state.zone}" if state.taken else None for state in looked]
    told = pd.Series(told, index=rows.index, dtype=object)
    date = rows[DATE].where(rows[DATE].notna(), told) if DATE in rows else told
    return rows.assign(**{DATE: date.astype(object)})
