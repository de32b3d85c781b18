"""The catalogue: one row per image, checked before anything is computed from it."""

import hashlib
import os
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

import pandas as pd

from reid_lib.core.errors import CatalogueError
from reid_lib.core.messages import counted
from reid_lib.core.names import (
    BBOX,
    DATASET,
    DATE,
    ENCOUNTER,
    IDENTITY,
    IMAGE_ID,
    INDIVIDUAL,
    LEFT_OUT_CSV,
    ORIENTATION,
    PATH,
    SPLIT,
)
from reid_lib.core.paths import locate
from reid_lib.data.audit import (
    COPY,
    DETAIL,
    DUPLICATED_ID,
    KIND,
    describe_problems,
    find_problems,
    tabulate_misnamed,
    tabulate_passed_over,
)
from reid_lib.data.boxes import convert_to_pixels, describe_boxes
from reid_lib.data.file_states import FileStates
from reid_lib.data.normalise import normalise_table
from reid_lib.data.readers import registry

# Whatever can change a result is part of the fingerprint; the root and the order of the rows are not.
FINGERPRINTED = (IMAGE_ID, IDENTITY, DATASET, PATH, BBOX, ENCOUNTER, DATE, ORIENTATION, SPLIT)

NAMED = 3  # images left out that a note names, of each kind


@dataclass(frozen=True)
class Catalogue:
    """Photographs and what is known of them.

    Attributes:
        rows: one row per image: `image_id` (unique), `path` (below root), `identity` (missing where unlabelled),
            `dataset`, `individual` ("<dataset>/<identity>", missing with the identity), then the optional columns of
            `names.OPTIONAL_COLUMNS` that have any value. All text; index 0 ... n-1.
        root: absolute folder of the photographs.
        name: the parameter `dataset` it was read by.
        notes: what a person should know about these data, one sentence each.
        left_out: images that were left out (`skip_unreadable`), and files that are not read (RAW, video): image_id,
            path, kind, detail.
        audited: states of the files as far as they have been read; None for none.
    """

    rows: pd.DataFrame
    root: Path
    name: str
    notes: tuple[str, ...] = ()
    left_out: pd.DataFrame = field(default_factory=lambda: pd.DataFrame(columns=[IMAGE_ID, PATH, KIND, DETAIL]))
    audited: FileStates | None = None

    def __len__(self) -> int:
        return len(self.rows)

    @cached_property
    def states(self) -> FileStates:
        """States of the files: those that the audit has read, the others read when they are asked for."""
        return self.audited or FileStates(self.root)

    def files(self) -> list[Path]:
        """Absolute path of the file of every row."""
        return [locate(self.root, path) for path in self.rows[PATH]]

    def summary(self) -> pd.DataFrame:
        """Photographs, individuals and encounters per data set, for a person to read."""
        counted = {"photographs": (IMAGE_ID, "size"), "individuals": (INDIVIDUAL, "nunique")}
        if ENCOUNTER in self.rows:
            counted["encounters"] = (ENCOUNTER, "nunique")
        return self.rows.groupby(DATASET).agg(**counted).rename_axis("data set")

    @cached_property
    def fingerprint(self) -> str:
        """16 hex digits over the columns `FINGERPRINTED` and what is in the files (`FileState.digest`)."""
        return self._hash([f"{state.size} {state.digest}" for state in self.states.of(self.rows[PATH])])

    def fingerprint_like(self, stored: str) -> str:
        """The fingerprint, in the form of the one that a run has stored.

        Earlier versions knew a file by its size alone. If `stored` is what they would have computed of this catalogue,
        it is returned, so that their runs can be continued.
        """
        by_size = self._hash([str(state.size) for state in self.states.of(self.rows[PATH])])
        return stored if stored == by_size else self.fingerprint

    def _hash(self, files: list[str]) -> str:
        columns = [self.rows[column].fillna("").astype(str) for column in FINGERPRINTED if column in self.rows]
        names = "\t".join(column.name for column in columns)
        lines = sorted("\t".join(map(str, values)) for values in zip(*columns, files, strict=True))
        return hashlib.sha256("\n".join([names, *lines]).encode()).hexdigest()[:16]


def read_catalogue(
    dataset: str,
    data_root: str = "",
    *,
    columns: str = "",
    encounter: str = "",
    split_seed: int = 0,
    skip_unreadable: bool = False,
    progress: bool = True,
) -> Catalogue:
    """Read a data set and audit it.

    Args:
        dataset: which reader, see `registry.READERS`.
        data_root: folder or table; a relative path is tried from the working folder, then from the project root.
        columns: for tables, pairs "ours:theirs" separated by blanks.
        encounter: for folders, a pattern of the paths, see `readers.pattern.match_paths`.
        split_seed: the demo data are drawn from it.
        skip_unreadable: leave out images that are missing, unreadable or carry two identities, and say so in the
            notes; for this every image is decoded.
        progress: show bars.

    Raises:
        CatalogueError: the data cannot be used; the message lists everything that is wrong, with its cure.

    Example:
        >>> catalogue = read_catalogue("demo:small")  # doctest: +SKIP
        >>> catalogue.rows[["image_id", "individual"]].head()  # doctest: +SKIP
    """
    table = registry.read(dataset, data_root, columns=columns, encounter=encounter, split_seed=split_seed)
    rows, notes = normalise_table(table.frame, dataset=registry.default_dataset(dataset))
    rows, root = _below_root(rows, table.root)
    states = table.states or FileStates(root)
    rows, measured = convert_to_pixels(rows, states, progress=progress)
    measured = measured or describe_boxes(rows, states, progress=progress)
    catalogue = Catalogue(rows, root, dataset, (*table.notes, *notes, *measured), audited=states)
    problems = audit(catalogue, thorough=skip_unreadable, progress=progress)
    if table.misnamed:
        problems = pd.concat([problems, tabulate_misnamed(table.misnamed, after=len(rows))])
    catalogue = _without(catalogue, problems, skip_unreadable=skip_unreadable)
    if not table.passed:
        return catalogue
    listed = tabulate_passed_over(table.passed, after=len(rows) + len(table.misnamed))
    return replace(catalogue, left_out=pd.concat([catalogue.left_out, listed]) if len(catalogue.left_out) else listed)


def audit(catalogue: Catalogue, *, thorough: bool = False, progress: bool = True) -> pd.DataFrame:
    """`find_problems` of a catalogue: DataFrame(image_id, path, kind, detail), indexed by row number."""
    options = {"states": catalogue.states, "thorough": thorough, "progress": progress}
    return find_problems(catalogue.rows, catalogue.root, **options)


def _below_root(rows: pd.DataFrame, root: Path) -> tuple[pd.DataFrame, Path]:
    """Absolute paths of a table become relative to the folder they share, so that moving it changes no result."""
    absolute = rows[PATH].map(lambda path: Path(path).is_absolute())
    if not absolute.any():
        return rows, root.absolute()
    if not absolute.all():
        raise CatalogueError(f"{absolute.sum()} of {len(rows)} paths are absolute, the others not: make them alike")
    shared = Path(os.path.commonpath([str(Path(path).parent) for path in rows[PATH]]))
    return rows.assign(**{PATH: [Path(path).relative_to(shared).as_posix() for path in rows[PATH]]}), shared


def _without(catalogue: Catalogue, problems: pd.DataFrame, *, skip_unreadable: bool) -> Catalogue:
    """The catalogue as it may be used: whole, or without the images that have problems."""
    copies, problems = problems[problems[KIND] == COPY], problems[problems[KIND] != COPY]
    notes = list(catalogue.notes)
    if len(copies):
        told = f"{counted(len(copies), 'file is', 'files are')} byte-identical to another of the same animal"
        notes.append(f"{told}, e.g. {copies[DETAIL].iloc[0]}")
    fatal = problems if not skip_unreadable else problems[problems[KIND] == DUPLICATED_ID]
    if len(fatal):
        raise CatalogueError(describe_problems(problems, where=f"dataset {catalogue.name!r} in {catalogue.root}"))
    left_out = problems.index.unique()
    rows = catalogue.rows.drop(index=left_out, errors="ignore").reset_index(drop=True)
    if len(problems):
        notes.append(f"{len(left_out)} of {len(rows) + len(left_out)} images left out: {_which(problems)}")
    if rows[IDENTITY].isna().all():
        where = f"no usable labelled image is left of dataset {catalogue.name!r}"
        raise CatalogueError(describe_problems(problems, where=where))
    return replace(catalogue, rows=rows, notes=tuple(notes), left_out=problems)


def _which(problems: pd.DataFrame) -> str:
    """The images that were left out: of each kind how many, and the first of them by name."""
    told = []
    for kind, those in problems.groupby(KIND, sort=False):
        names = [row.path + (f": {row.detail}" if row.detail else "") for row in those.head(NAMED).itertuples()]
        more = f"; and {len(those) - NAMED} more" if len(those) > NAMED else ""
        told.append(f"{len(those)} x {kind} ({'; '.join(names)}{more})")
    return f"{', '.join(told)}; all of them stand in {LEFT_OUT_CSV} of the run folder"
