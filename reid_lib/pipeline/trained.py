"""What a run was trained on, and which queries must therefore not be asked of it."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from reid_lib.core.errors import SplitError
from reid_lib.core.names import (
    CONTENT,
    GALLERY,
    IMAGE_ID,
    IMAGES_CSV,
    INDIVIDUAL,
    KNOWN,
    PATH,
    ROLE,
    TEST,
    TRAINED_CSV,
    VAL,
)
from reid_lib.data.catalogue import Catalogue
from reid_lib.data.file_states import FileStates
from reid_lib.data.split import Split, leave_out
from reid_lib.runs.folder import RunFolder

# Share of the images of two catalogues that have one name and one animal, from which on they are of the same animals.
SAME = 0.5


def list_photographs(catalogue: Catalogue, where: np.ndarray) -> pd.DataFrame:
    """What a run keeps of the images it is trained on: DataFrame(image_id, individual, content).

    Args:
        where: (n,) mask over the catalogue's rows.
    """
    rows = catalogue.rows[where]
    content = catalogue.states.contents(rows)
    return pd.DataFrame({IMAGE_ID: rows[IMAGE_ID], INDIVIDUAL: rows[INDIVIDUAL], CONTENT: content})


def trained_on(run: RunFolder) -> pd.DataFrame:
    """The images that a run was trained on, as `list_photographs` gives them; none where nothing was trained.

    A run of an earlier version kept no contents: they are read where its photographs still lie.

    Raises:
        RunError: its list of images cannot be read: nobody knows then what it must not be asked.
    """
    if "num_epochs" not in run.params:  # a backbone as it comes
        return pd.DataFrame({IMAGE_ID: [], INDIVIDUAL: [], CONTENT: []}, dtype=object)
    if run.path(TRAINED_CSV).exists():
        run.look_at(TRAINED_CSV, (IMAGE_ID, INDIVIDUAL, CONTENT))
        return run.read_csv(TRAINED_CSV).fillna({CONTENT: ""})
    run.look_at(IMAGES_CSV, (IMAGE_ID, INDIVIDUAL, PATH, ROLE))
    rows = run.read_csv(IMAGES_CSV)
    rows = rows[rows[ROLE] == GALLERY]
    return rows[[IMAGE_ID, INDIVIDUAL]].assign(**{CONTENT: FileStates(Path(run.described()["root"])).contents(rows)})


def recall_split(run: RunFolder, catalogue: Catalogue) -> Split | None:
    """The roles that a run gave to these very images; None where its images are others.

    Raises:
        RunError: its list of images cannot be read.
    """
    described = run.described()
    stored = described.get("catalogue_fingerprint", "")
    if stored != catalogue.fingerprint_like(stored):
        return None
    run.look_at(IMAGES_CSV, (IMAGE_ID, ROLE, KNOWN))
    stored, ids = run.read_csv(IMAGES_CSV).set_index(IMAGE_ID), catalogue.rows[IMAGE_ID]
    roles, known = ids.map(stored[ROLE]).astype(object), ids.map(stored[KNOWN]).astype("boolean")
    return Split(catalogue.rows.assign(**{ROLE: roles, KNOWN: known}), described["split_policy"])


def exclude_trained(split: Split, catalogue: Catalogue, trained: pd.DataFrame, *, who: str) -> Split:
    """The split without the queries that a run must not be asked.

    These are photographs it was trained on, known by their content, and by their name where the catalogue is of the
    same animals; and all queries asked as unknown whose individual it was trained on. (Of a run with `n`, its whole
    gallery counts as trained on.)

    Args:
        trained: from `list_photographs` or `trained_on`.
        who: beginning of the remark: "run 'default' was trained on".

    Raises:
        SplitError: no known val query is left, or no labelled test query.
    """
    if trained.empty:
        return split
    rows = split.rows
    seen = _seen(rows, catalogue, trained)
    individuals, labelled = rows[INDIVIDUAL], rows[INDIVIDUAL].notna()
    learnt = set(individuals[seen & labelled])
    by_name = False
    if _same_animals(rows, trained, seen):
        named = rows[IMAGE_ID].isin(trained[IMAGE_ID])
        by_name = not seen.any()
        seen, learnt = seen | named, learnt | set(trained[INDIVIDUAL]) | set(individuals[named & labelled])
    asked = rows[ROLE].isin([VAL, TEST])
    as_unknown = individuals.isin(learnt) & labelled & ~rows[KNOWN].fillna(True).astype(bool)
    out = asked & (seen | as_unknown)
    if not out.any():
        return split
    left = leave_out(split, out.to_numpy(), "")
    told = " and ".join(f"{n} of {split.queries(role).sum()} {role} queries" for role, n in left.left_out.items() if n)
    what = f"{who} {int((asked & seen).sum())} of these photographs" + (", going by their names" if by_name else "")
    if others := int((out & ~seen).sum()):
        what += f", and on the animals of the {others} others, which would be asked as unknown"
    for role, wanted in ((VAL, left.rows[KNOWN].fillna(False)), (TEST, left.rows[INDIVIDUAL].notna())):
        if left.left_out[role] and not (left.queries(role) & wanted.to_numpy(dtype=bool)).any():
            raise SplitError(
                f"{told} have to be left out: {what}. Nothing is left to ask in {role}: add photographs that it has "
                "not seen, or evaluate it on the data and the split it was trained with (leave dataset out)"
            )
    return replace(left, remarks=(*split.remarks, f"{told} are left out: {what}"))


def _seen(rows: pd.DataFrame, catalogue: Catalogue, trained: pd.DataFrame) -> pd.Series:
    """(n,) mask: the photograph's content is one of those trained on."""
    known = set(trained[CONTENT]) - {""}
    return pd.Series([content in known for content in catalogue.states.contents(catalogue.rows)], index=rows.index)


def _same_animals(rows: pd.DataFrame, trained: pd.DataFrame, seen: pd.Series) -> bool:
    """Is a name here the animal of that name there? They share photographs, or most names of images with their animals.

    One name in the folders of two herds is a coincidence, most names are the same photographs saved again.
    """
    here, there = (set(zip(t[IMAGE_ID], t[INDIVIDUAL], strict=True)) for t in (rows, trained))
    return bool(seen.any()) or len(here & there) >= SAME * min(len(here), len(there))
