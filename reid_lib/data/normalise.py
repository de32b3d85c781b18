"""Normalisation: a reader's table brought to the one form of columns and values that every later step relies on."""

import unicodedata

import pandas as pd

from reid_lib.core.errors import CatalogueError
from reid_lib.core.messages import counted
from reid_lib.core.names import (
    BBOX,
    DATASET,
    DATE,
    IDENTITY,
    IMAGE_ID,
    INDIVIDUAL,
    NEW_INDIVIDUAL,
    OPTIONAL_COLUMNS,
    ORIENTATION,
    PATH,
    REQUIRED_COLUMNS,
    SPLIT,
)
from reid_lib.core.suggest import find_near
from reid_lib.data.dates import settle_day_first
from reid_lib.data.photo import parse_bbox
from reid_lib.data.spellings import describe_look_alikes, fold_spelling, group_look_alikes, is_blank

# What people write for "we do not know which one": the name of no animal, and no flank.
PLACEHOLDERS = ("unknown", "unidentified", "unlabelled", "unlabeled", NEW_INDIVIDUAL)
# Spellings of the data set's own split; its val part counts as training, out of which val is drawn anyway.
SPLIT_WORDS = dict.fromkeys(
    ("train", "training", "database", "gallery", "reference", "val", "valid", "validation"), "train"
) | dict.fromkeys(("test", "testing", "query"), "test")


def normalise_table(frame: pd.DataFrame, *, dataset: str, names_wanted: bool = True) -> tuple[pd.DataFrame, list[str]]:
    """The rows of a catalogue, and notes on what was changed.

    Args:
        frame: at least image_id, path, identity; values of any type.
        dataset: that rows belong to which name none.
        names_wanted: note rows without an identity, and refuse a table that has no others.

    Returns:
        Rows with image_id, path, identity, dataset, individual and those optional columns that have any value; text or
        missing; index 0 ... n-1. Duplicated ids are left for the audit.

    Raises:
        CatalogueError: a required column or value is missing, or no image is labelled.
    """
    absent = [column for column in REQUIRED_COLUMNS if column not in frame]
    if absent:
        needed = ", ".join(REQUIRED_COLUMNS)
        raise CatalogueError(f"a catalogue needs the columns {needed}; missing: {', '.join(absent)}")
    if frame.empty:
        raise CatalogueError("the data set has no images")
    kept = [column for column in (*REQUIRED_COLUMNS, *OPTIONAL_COLUMNS) if column in frame]
    rows = pd.DataFrame({column: (_bbox_text if column == BBOX else _text)(frame[column]) for column in kept})
    as_spelled = _text(frame[IMAGE_ID].rename(PATH))
    if rows[IMAGE_ID].nunique() < as_spelled.nunique():  # names of files that differ in Unicode form alone
        rows[IMAGE_ID] = as_spelled
    rows = rows.reset_index(drop=True)
    for column in (PATH, IMAGE_ID):  # paths first: in a table without ids they are the ids, too
        if (empty := rows[column].isna()).any():
            first = ", ".join(str(number) for number in rows.index[empty][:10])
            raise CatalogueError(
                f"{counted(empty.sum(), 'row has', 'rows have')} no {column} (rows {first}, counted from 0): fill it in"
            )
    rows[PATH] = rows[PATH].str.replace("\\", "/", regex=False)
    rows[DATASET] = rows[DATASET].fillna(dataset) if DATASET in rows else dataset
    notes = _merged_notes(frame, rows) + _drop_placeholders(rows, names_wanted)
    if ORIENTATION in rows:
        lower = rows[ORIENTATION].str.lower()
        rows[ORIENTATION] = lower.where(~lower.isin(PLACEHOLDERS), None)
    _add_individual(rows)
    notes += _look_alike_notes(rows)
    notes += _tidy_split(rows)
    if DATE in rows:
        rows[DATE], said = settle_day_first(rows[DATE])
        notes += said
    first = (*REQUIRED_COLUMNS, DATASET, INDIVIDUAL)
    optional = [c for c in OPTIONAL_COLUMNS if c in rows and c not in first and rows[c].notna().any()]
    return rows[[*first, *optional]], notes


def _text(values: pd.Series) -> pd.Series:
    """The values as text: stripped of blanks, 7.0 as "7", accented letters in one Unicode form (NFC). Missing stays
    missing, and text of nothing but blanks and zero-width characters becomes missing.

    Paths keep their Unicode form: a file system may tell the two apart.
    """

    def clean(value):
        if isinstance(value, list | tuple):  # some data sets list several species
            value = ", ".join(map(str, value))
        if pd.isna(value):
            return None
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        text = str(value).strip()
        if values.name == PATH:
            return text or None
        return None if is_blank(text) else unicodedata.normalize("NFC", text)

    return pd.Series([clean(value) for value in values], index=values.index, name=values.name, dtype=object)


def _bbox_text(values: pd.Series) -> pd.Series:
    """Each bbox as "x,y,width,height"; one that cannot be read stays as it is, and the audit reports it."""

    def write(value):
        missing = pd.isna(value) if pd.api.types.is_scalar(value) else any(pd.isna(number) for number in value)
        if missing or (isinstance(value, str) and not value.strip()):
            return None
        try:
            return ",".join(f"{number:.10g}" for number in parse_bbox(value))
        except ValueError:
            return str(value)

    return pd.Series([write(value) for value in values], index=values.index, name=values.name, dtype=object)


def _drop_placeholders(rows: pd.DataFrame, names_wanted: bool) -> list[str]:
    """Make identities such as "unknown" missing, in place."""
    meant = {name for name in rows[IDENTITY].dropna().unique() if fold_spelling(name) in PLACEHOLDERS}
    placeholder = rows[IDENTITY].isin(meant)
    names = sorted(set(rows.loc[placeholder, IDENTITY]))
    rows[IDENTITY] = rows[IDENTITY].where(~placeholder, None)
    n_unlabelled, notes = int(rows[IDENTITY].isna().sum()) if names_wanted else 0, []
    if n_unlabelled == len(rows):
        raise CatalogueError(f"none of the {len(rows)} images has an identity: there is nothing to learn from")
    if names:
        called = counted(placeholder.sum(), "image")
        notes.append(f"{called} called {' or '.join(map(repr, names))}: taken as unlabelled")
    if n_unlabelled:
        notes.append(f"{n_unlabelled} of {len(rows)} images have no identity: they get an answer, but no score")
    return notes


def _merged_notes(frame: pd.DataFrame, rows: pd.DataFrame) -> list[str]:
    """A note on identities that `frame` spells in several ways and `rows` in one (blanks around them, Unicode form)."""
    spellings = {}
    for spelled, name in zip(frame[IDENTITY], rows[IDENTITY], strict=True):
        if isinstance(spelled, str) and isinstance(name, str):
            spellings.setdefault(name, set()).add(spelled)
    groups = sorted(sorted(group) for group in spellings.values() if len(group) > 1)
    return (
        [f"identities that count as one, for they differ in form alone: {describe_look_alikes(groups)}"]
        if groups
        else []
    )


def _look_alike_notes(rows: pd.DataFrame) -> list[str]:
    pairs = rows[[DATASET, IDENTITY]].dropna().drop_duplicates()
    groups = [group for _, names in pairs.groupby(DATASET)[IDENTITY] for group in group_look_alikes(names)]
    if not groups:
        return []
    return [
        f"identities that read alike but count as different animals: {describe_look_alikes(groups)}; "
        "where they are one animal, write its name in one way"
    ]


def _add_individual(rows: pd.DataFrame) -> None:
    """Add the column `individual`, the key of an animal across data sets, in place."""
    rows[INDIVIDUAL] = (rows[DATASET].astype(object) + "/" + rows[IDENTITY]).where(rows[IDENTITY].notna())
    if rows[INDIVIDUAL].nunique() != len(rows[[DATASET, IDENTITY]].dropna().drop_duplicates()):
        raise CatalogueError(
            "two animals get one name <dataset>/<identity>: take the slashes out of the dataset column"
        )


def _tidy_split(rows: pd.DataFrame) -> list[str]:
    """Spell the data set's own split "train" and "test", in place; drop one that cannot test identification."""
    if SPLIT not in rows:
        return []
    words = rows[SPLIT].str.lower()
    rows[SPLIT] = words.map(SPLIT_WORDS).astype(object)
    notes = _split_typos(words[rows[SPLIT].isna() & words.notna()])
    asked, learnt = (set(rows.loc[rows[SPLIT] == part, INDIVIDUAL]) for part in ("test", "train"))
    if not asked or not learnt:
        why = f"no row of it is called {'train' if asked else 'test'}"
    elif not any(pd.isna(individual) or individual in learnt for individual in asked):
        why = "no animal of its test part is in its training part"
    else:
        if untold := int(words.isna().sum()):
            has = counted(untold, "image has", "images have")
            notes.append(f"{has} no split value: left out of the official split")
        return notes
    if rows[SPLIT].notna().any() or notes:
        notes.append(f"the data set's own split is not used: {why}")
    del rows[SPLIT]
    return notes


def _split_typos(odd: pd.Series) -> list[str]:
    """A note on values of a split that are neither train nor test, with the words they may stand for."""
    if odd.empty:
        return []
    near = {word: find_near(word, SPLIT_WORDS) for word in sorted(set(odd))}
    told = (f"{word!r}" + (f" (did you mean {guess[0]!r}?)" if guess else "") for word, guess in near.items())
    left = counted(len(odd), "image is", "images are")
    return [f"split values {', '.join(told)} are neither train nor test: {left} left out of the official split"]
