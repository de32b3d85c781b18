"""What holds for any table and any folder: one row per image, names as they stand, no order that matters."""

import io
import re
import sys
import types
import unicodedata

import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from PIL import Image
from readers_cases import write_table

from reid_lib.core import frames
from reid_lib.core.errors import CatalogueError
from reid_lib.core.names import (
    BBOX,
    DATASET,
    DATE,
    IDENTITY,
    IMAGE_ID,
    INDIVIDUAL,
    KNOWN,
    ORIENTATION,
    PATH,
    ROLE,
    SCORE,
    SPECIES,
    SPLIT,
)
from reid_lib.data.catalogue import read_catalogue
from reid_lib.data.normalise import PLACEHOLDERS
from reid_lib.data.readers import registry
from reid_lib.data.readers.registry import TABLES
from reid_lib.data.spellings import fold_spelling, is_blank

LETTERS = st.characters(codec="utf-8", exclude_characters="\0")
# Whatever a person may call an animal: in NFC, without blanks around it, as the catalogue keeps names.
IDENTITIES = (
    st.text(LETTERS, min_size=1, max_size=10)
    .map(lambda name: unicodedata.normalize("NFC", name).strip())
    .filter(lambda name: name and not is_blank(name) and fold_spelling(name) not in PLACEHOLDERS)
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
        table["bbox"] = [f"0,0,{number + 4},8" for number in range(6)]

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
    frames.write_csv(file, frame)
    back = frames.read_csv(file)
    assert list(back) == list(frame) and len(back) == len(frame)
    for column in (IMAGE_ID, IDENTITY, "identity_1", ORIENTATION, "orientation_1", BBOX, ROLE):
        assert back[column].fillna("").tolist() == frame[column].fillna("").tolist(), column
    assert back[KNOWN].tolist() == frame[KNOWN].tolist()
    assert np.array_equal(back[SCORE].to_numpy(float), frame[SCORE].to_numpy(float), equal_nan=True)


pytestmark = pytest.mark.usefixtures("clean_dirs")


# competitions


def competition(train, test):
    """The columns of metadata.csv as the AnimalCLEF competitions have them; the test part has no identities."""
    paths = [
        "LynxID2025/1.jpg",
        "LynxID2025/2.jpg",
        "SeaTurtleID2022/3.jpg",
        "LynxID2025/4.jpg",
        "SalamanderID2025/5.jpg",
    ]
    return {
        "image_id": range(5),
        "identity": ["LynxID2025_lynx_37", "LynxID2025_lynx_44", "SeaTurtleID2022_t243", None, None],
        "path": [f"images/{path}" for path in paths],
        "date": [None, None, "2017-06-30", None, "2018-05-01"],
        "orientation": ["left", "right", "top", "unknown", "top"],
        "species": ["lynx", "lynx", "loggerhead turtle", "lynx", "salamander"],
        "split": [train, train, train, test, test],
        "dataset": [path.split("/")[0] for path in paths],
    }


@pytest.mark.parametrize(("year", "train", "test"), [(2025, "database", "query"), (2026, "train", "test")])
def test_animalclef(tmp_path, year, train, test):
    root = write_table(tmp_path, competition(train, test))
    rows = read_catalogue(f"animalclef{year}", str(root)).rows
    assert list(rows[SPLIT]) == ["train"] * 3 + ["test"] * 2
    assert rows[IDENTITY].isna().tolist() == [False] * 3 + [True] * 2
    assert list(rows[IMAGE_ID]) == ["0", "1", "2", "3", "4"]
    assert rows[INDIVIDUAL][2] == "SeaTurtleID2022/SeaTurtleID2022_t243"
    assert list(rows[SPECIES])[-1] == "salamander" and rows[DATE][2] == "2017-06-30"


def test_wildlifereid10k(tmp_path):
    rows = {
        "identity": ["ATRW_1", "ATRW_1", "BelugaID_2"],
        "path": ["images/ATRW/a.jpg", "images/ATRW/b.jpg", "images/BelugaID/a.jpg"],
        "date": [None, None, None],
        "orientation": ["left", "right", None],
        "species": ["tiger", "tiger", "whale"],
        "split": ["train", "test", "test"],
        "dataset": ["ATRW", "ATRW", "BelugaID"],
        "cluster_id": [0, 1, 2],
    }
    found = read_catalogue("wildlifereid10k", str(write_table(tmp_path, rows))).rows
    assert list(found[IMAGE_ID]) == rows["path"]
    assert list(found[SPLIT]) == rows["split"] and list(found[DATASET]) == rows["dataset"]


@pytest.mark.parametrize("dataset", ["animalclef2025", "animalclef2026", "wildlifereid10k"])
@pytest.mark.parametrize("root", ["", "nowhere/at/all", "empty"])
def test_without_its_data_a_competition_says_where_they_come_from_and_how_they_lie(
    dataset, root, tmp_path, monkeypatch
):
    monkeypatch.delenv("REID_DATA", raising=False)
    (tmp_path / "empty").mkdir()
    page = {"animalclef2025": "animal-clef-2025", "animalclef2026": "animal-clef-2026"}.get(dataset, "wildlifereid-10k")
    with pytest.raises(CatalogueError) as caught:
        read_catalogue(dataset, str(tmp_path / root) if root else "")
    for words in (f"kaggle.com/.*{page}", f"reid download -p dataset {dataset}", r"metadata\.csv", "images/"):
        assert re.search(words, str(caught.value)), words
    with pytest.raises(CatalogueError) as caught:
        read_catalogue("csv", "nowhere")
    assert "kaggle" not in str(caught.value)


def test_wrong_folder_for_a_competition(tmp_path):
    with pytest.raises(CatalogueError, match=r"no table in .*expected metadata\.csv"):
        read_catalogue("animalclef2025", str(tmp_path))


# demo and names


@pytest.mark.parametrize("dataset, size", [("demo", "default"), ("demo:small", "small"), ("demo:large", "large")])
def test_demo_is_drawn_from_the_split_seed(tmp_path, monkeypatch, dataset, size):
    demo = types.ModuleType("reid_lib.data.demo.study")
    asked = []

    def draw_demo(size, seed):
        asked.append((size, seed))
        return write_table(tmp_path, {"image_id": ["1"], "path": ["a.jpg"], "identity": ["x"], "dataset": ["spots"]})

    demo.draw_demo = draw_demo
    monkeypatch.setitem(sys.modules, "reid_lib.data.demo.study", demo)
    catalogue = read_catalogue(dataset, split_seed=5)
    assert asked == [(size, 5)]
    assert list(catalogue.rows[INDIVIDUAL]) == ["spots/x"] and catalogue.name == dataset


@pytest.mark.parametrize(
    ("name", "near"), [("animalclef2027", "animalclef2026"), ("Folder", "folder"), ("demo:smal", "demo:small")]
)
def test_unknown_data_set_names_the_near_one(name, near):
    with pytest.raises(CatalogueError, match=f"did you mean '{near}'"):
        read_catalogue(name, ".")


def test_missing_data_root_lists_the_places_tried():
    with pytest.raises(CatalogueError, match="looked for"):
        read_catalogue("folder", "no/such/folder")
    with pytest.raises(CatalogueError, match="data_root is empty"):
        read_catalogue("csv")


def test_the_built_in_animals_take_no_photographs():
    with pytest.raises(CatalogueError, match="data_root is 'photos', but dataset 'demo' draws.*pass dataset folder"):
        registry.read("demo", "photos")
