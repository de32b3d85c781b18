"""What holds for any table and any folder: one row per image, names as they stand, no order that matters."""

import io
import unicodedata

import numpy as np
import pandas as pd
from hypothesis import example, given, settings
from hypothesis import strategies as st
from PIL import Image

from reid_lib import files
from reid_lib.catalogue import read_catalogue
from reid_lib.names import BBOX, DATASET, DATE, IDENTITY, IMAGE_ID, INDIVIDUAL, KNOWN, ORIENTATION, PATH, ROLE, SCORE
from reid_lib.readers import TABLES
from reid_lib.spellings import folded, is_blank
from reid_lib.tidy import PLACEHOLDERS

LETTERS = st.characters(codec="utf-8", exclude_characters="\0")
# Whatever a person may call an animal: in NFC, without blanks around it, as the catalogue keeps names.
IDENTITIES = (
    st.text(LETTERS, min_size=1, max_size=10)
    .map(lambda name: unicodedata.normalize("NFC", name).strip())
    .filter(lambda name: name and not is_blank(name) and folded(name) not in PLACEHOLDERS)
)
ODD = (
    "NA",
    "None",
    "null",
    "nan",
    "01",
    "1",
    "1.0",
    "1e5",
    "$x$",
    r"\alpha",
    '"',
    "a,b",
    "a\r\nb",
    "猫",
    "True",
    "=1+1",
)
NAMES = st.one_of(IDENTITIES, st.sampled_from(ODD))
# A name of a file: what a file system takes on every machine.
FILE_NAMES = st.text(
    st.characters(categories=("L", "N", "S", "Zs"), codec="utf-8", exclude_characters='\\/:*?"<>|'), max_size=8
)


def png(number: int) -> bytes:
    """A small photograph, different for each number."""
    pixels = np.random.default_rng(number).integers(0, 256, (8, 9, 3), dtype=np.uint8)
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "PNG")
    return stream.getvalue()


@settings(max_examples=20)
@given(
    names=st.lists(st.one_of(st.just(""), NAMES), min_size=1, max_size=6).filter(any),
    columns=st.permutations([PATH, IDENTITY, DATASET, DATE, "remarks"]),
    dataset=st.sampled_from(TABLES),
    separator=st.sampled_from(",;\t"),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]),
    dates=st.lists(st.one_of(NAMES, st.sampled_from(["2024:05:01", "2024-05-01T10:00Z"])), min_size=6, max_size=6),
)
def test_any_table_gives_one_row_per_image_with_its_name_as_it_stands(
    tmp_path_factory, names, columns, dataset, separator, encoding, dates
):
    root = tmp_path_factory.mktemp("table")
    for number in range(len(names)):
        (root / f"{number}.png").write_bytes(png(number))
    table = pd.DataFrame({PATH: [f"{number}.png" for number in range(len(names))], IDENTITY: names, DATASET: "NA"})
    table[DATE], table["remarks"] = dates[: len(names)], "a, b; c"
    table[columns].to_csv(root / "metadata.csv", index=False, sep=separator, encoding=encoding, quoting=1)
    rows = read_catalogue(dataset, str(root), progress=False).rows
    assert rows[PATH].tolist() == table[PATH].tolist() and rows[IMAGE_ID].is_unique
    assert rows[IDENTITY].fillna("").tolist() == names
    assert set(rows[DATASET]) == {"NA"}
    assert rows[INDIVIDUAL].nunique() == len({name for name in names if name})


@settings(max_examples=20)
@given(names=st.lists(st.tuples(FILE_NAMES, FILE_NAMES), min_size=1, max_size=6), backwards=st.booleans())
def test_any_folder_gives_one_row_per_image_of_the_animal_it_lies_in(tmp_path_factory, names, backwards):
    root = tmp_path_factory.mktemp("folder")
    expected = {}
    for number, (animal, name) in enumerate(reversed(names) if backwards else names):
        file = root / f"a{animal}b" / f"{number}{name}.png"
        file.parent.mkdir(exist_ok=True)
        file.write_bytes(png(number))
        expected[file.relative_to(root).as_posix()] = unicodedata.normalize("NFC", file.parent.name)
    rows = read_catalogue("folder", str(root), progress=False).rows
    assert dict(zip(rows[PATH], rows[IDENTITY], strict=True)) == expected and len(rows) == len(names)
    assert rows[PATH].tolist() == sorted(expected)


@settings(max_examples=6)
@given(order=st.permutations(range(6)), names=st.lists(NAMES, min_size=6, max_size=6), boxed=st.booleans())
def test_the_fingerprint_knows_no_order_of_rows_and_every_name(tmp_path_factory, order, names, boxed):
    root = tmp_path_factory.mktemp("fingerprint")
    for number in range(6):
        (root / f"{number}.png").write_bytes(png(number))
    table = pd.DataFrame({PATH: [f"{number}.png" for number in range(6)], IDENTITY: names})
    if boxed:
        table["bbox"] = [f"0,0,{number + 2},8" for number in range(6)]

    def fingerprint(rows):
        rows.to_csv(root / "metadata.csv", index=False, quoting=1)
        return read_catalogue("csv", str(root), progress=False).fingerprint

    first = fingerprint(table)
    assert fingerprint(table.iloc[list(order)]) == first
    assert fingerprint(table.assign(identity=[names[0] + "'s child", *names[1:]])) != first


TEXT = st.one_of(st.none(), st.text(LETTERS, min_size=1, max_size=8), st.sampled_from(ODD))


@given(
    st.lists(
        st.tuples(TEXT, TEXT, TEXT, st.sampled_from([True, False, None]), st.floats(allow_infinity=False)), max_size=6
    )
)
@example([("01", "1", "1", True, 0.5), ("2", None, None, False, 0.1)])
@example([("a\rb", None, "NA", None, float("nan"))])
def test_whatever_a_run_writes_it_reads_back(tmp_path_factory, rows):
    file = tmp_path_factory.mktemp("csv") / "predictions.csv"
    frame = pd.DataFrame(rows, columns=[IDENTITY, "identity_1", ORIENTATION, KNOWN, SCORE])
    frame = frame.astype({IDENTITY: object, "identity_1": object, ORIENTATION: object, KNOWN: "boolean", SCORE: float})
    frame["orientation_1"], frame[BBOX] = frame[ORIENTATION], frame[IDENTITY]
    frame.insert(0, IMAGE_ID, [f"{number}" for number in range(len(frame))])
    frame[ROLE] = "test"
    files.write_csv(file, frame)
    back = files.read_csv(file)
    assert list(back) == list(frame) and len(back) == len(frame)
    for column in (IMAGE_ID, IDENTITY, "identity_1", ORIENTATION, "orientation_1", BBOX, ROLE):
        assert back[column].fillna("").tolist() == frame[column].fillna("").tolist(), column
    assert back[KNOWN].tolist() == frame[KNOWN].tolist()
    assert np.array_equal(back[SCORE].to_numpy(float), frame[SCORE].to_numpy(float), equal_nan=True)
