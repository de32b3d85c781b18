"""Photographs saved again under another animal: planted among drawn ones, all are found, and nothing else is."""

import matplotlib
import numpy as np
import pandas as pd
import pytest
from drawn import texts, words
from nearcopies_cases import scene
from PIL import Image, ImageEnhance

from reid_lib.core import frames
from reid_lib.core.names import (
    DATASET,
    FIGURES,
    GALLERY,
    IDENTITY,
    IMAGE_ID,
    INDIVIDUAL,
    PATH,
    ROLE,
    SUSPECTS_CSV,
    TEST,
)
from reid_lib.data import pixels as images
from reid_lib.data.catalogue import read_catalogue
from reid_lib.data.near_copies import shrink_to_grey
from reid_lib.discover.suspects import COLUMNS, EMBEDDING, HASH, find_suspects
from reid_lib.embed.embedding_set import EmbeddingSet
from reid_lib.figures import sheets
from reid_lib.params.fields import EvaluateParams
from reid_lib.pipeline import data, drawing, steps

matplotlib.use("Agg")

pytestmark = pytest.mark.usefixtures("clean_dirs", "no_figure_is_left")

# Animal and name of a copy, and how it was made from photograph 0 of the animal before (a1 -> a0, a2 -> a1, ...).
PLANTED = {
    "a1/scaled.jpg": lambda image: (image.resize((128, 96)), {"quality": 85}),
    "a2/low.jpg": lambda image: (image, {"quality": 25}),
    "a3/other.png": lambda image: (image, {}),
    "a4/other.webp": lambda image: (image, {"quality": 60}),
    "a5/brighter.jpg": lambda image: (ImageEnhance.Brightness(image).enhance(1.12), {"quality": 80}),
    "a6/cropped.jpg": lambda image: (image.crop((8, 6, 312, 240)), {"quality": 90}),
    "a7/grey.tif": lambda image: (image.convert("L").resize((200, 150)), {}),
}


def draw(root, animals=12, each=4):
    for animal in range(animals):
        (root / f"a{animal}").mkdir(parents=True)
        for i in range(each):
            scene(100 * animal + i).save(root / f"a{animal}" / f"{i}.jpg", quality=95)
    return root


@pytest.fixture
def photos(tmp_path):
    root = draw(tmp_path / "photos")
    for name, how in PLANTED.items():
        changed, options = how(Image.open(root / f"a{int(name[1]) - 1}" / "0.jpg"))
        changed.save(root / name, **options)
    return root


def looked_at(root):
    catalogue = read_catalogue("folder", str(root), progress=False)
    pixels = images.load_pixels(catalogue, image_size=96, progress=False)
    return shrink_to_grey(pixels), catalogue.rows.assign(**{ROLE: GALLERY})


def pairs_of(table):
    return {frozenset(pair) for pair in table[[f"{PATH}_1", f"{PATH}_2"]].itertuples(index=False)}


def test_every_planted_copy_is_found_and_nothing_else(photos):
    found = find_suspects(*looked_at(photos))
    assert list(found.pairs.columns) == COLUMNS
    assert pairs_of(found.pairs) == {frozenset({f"a{int(name[1]) - 1}/0.jpg", name}) for name in PLANTED}
    assert set(found.pairs["found_by"]) == {HASH} and found.pairs["cosine"].isna().all()
    assert found.pairs["correlation"].is_monotonic_decreasing
    assert "7 pairs of photographs look like one photograph under two animals" in found.note
    assert "and 4 more" in found.note and SUSPECTS_CSV in found.note and found.leaked == 0


def test_photographs_of_drawn_animals_are_no_suspects(tmp_path):
    found = find_suspects(*looked_at(draw(tmp_path / "photos")))
    assert found.pairs.empty and list(found.pairs.columns) == COLUMNS
    assert "no photograph stands under two animals" in found.note


def test_the_built_in_animals_are_no_suspects():
    catalogue = read_catalogue("demo:small", progress=False)
    pixels = images.load_pixels(catalogue, image_size=64, progress=False)
    found = find_suspects(shrink_to_grey(pixels), catalogue.rows.assign(**{ROLE: GALLERY}))
    assert found.pairs.empty


def test_copies_of_one_animal_are_no_suspects_but_leak_from_gallery_to_query(photos):
    greys, rows = looked_at(photos)
    rows = rows.assign(**{INDIVIDUAL: "d/a", IDENTITY: "a"})
    assert find_suspects(greys, rows).pairs.empty
    rows.loc[rows[PATH].isin(["a2/low.jpg", "a3/other.png", "a0/1.jpg"]), ROLE] = TEST
    found = find_suspects(greys, rows)  # a1/0.jpg and a2/0.jpg are in the gallery; a0/1.jpg has no copy
    assert found.leaked == 2 and "2 queries have a near copy of the same animal in the gallery" in found.note


def test_an_unlabelled_copy_is_no_suspect(photos):
    greys, rows = looked_at(photos)
    rows.loc[~rows[PATH].str.endswith(("0.jpg", "1.jpg", "2.jpg", "3.jpg")), [IDENTITY, INDIVIDUAL]] = None
    assert find_suspects(greys, rows).pairs.empty


def test_one_photograph_under_the_same_name_in_two_data_sets_is_two_animals(photos):
    greys, rows = looked_at(photos)
    copy = rows[PATH] == "a3/other.png"
    rows.loc[copy, [IDENTITY, DATASET, INDIVIDUAL]] = ["a2", "other", "other/a2"]
    assert frozenset({"a2/0.jpg", "a3/other.png"}) in pairs_of(find_suspects(greys, rows).pairs)


def test_what_the_hash_misses_embeddings_propose_and_pixels_decide(tmp_path):
    """A copy cut by a tenth: another hash, but the nearest neighbour in an embedding that sees the animal."""
    root = draw(tmp_path / "photos", animals=4)
    whole = Image.open(root / "a0" / "0.jpg")
    whole.crop((32, 24, 320, 240)).save(root / "a1" / "cut.png")
    greys, rows = looked_at(root)
    rng = np.random.default_rng(0)
    features = rng.normal(size=(len(rows), 16)).astype(np.float32)
    a, b = (rows.index[rows[PATH] == path][0] for path in ("a0/0.jpg", "a1/cut.png"))
    features[b] = features[a] + 0.01
    c, d = (rows.index[rows[PATH] == path][0] for path in ("a2/0.jpg", "a3/0.jpg"))
    features[d] = features[c]  # as alike as can be, and other photographs
    assert find_suspects(greys, rows).pairs.empty
    shuffled = rng.permutation(len(rows))
    found = find_suspects(greys, rows, EmbeddingSet(features[shuffled], rows.iloc[shuffled].reset_index(drop=True)))
    assert pairs_of(found.pairs) == {frozenset({"a0/0.jpg", "a1/cut.png"})}
    (row,) = found.pairs.itertuples()
    assert row.found_by == EMBEDDING and row.cosine > 0.99


def test_frames_of_a_standing_camera_are_counted_once_each(tmp_path):
    """Equal hashes by the dozen, of one animal and of two: one pair for the two animals, every query counted."""
    pixels = np.repeat(np.asarray(scene(0).resize((64, 64)))[None], 60, axis=0)
    rows = pd.DataFrame({IMAGE_ID: [f"i{i}" for i in range(60)]}).assign(**{PATH: "x", DATASET: "d"})
    rows[IDENTITY] = ["a"] * 40 + ["b"] * 20
    rows[INDIVIDUAL] = "d/" + rows[IDENTITY]
    rows[ROLE] = [GALLERY, TEST] * 20 + [GALLERY] * 20
    found = find_suspects(shrink_to_grey(pixels), rows)
    assert found.leaked == 20
    assert set(zip(found.pairs[f"{IMAGE_ID}_1"], found.pairs[f"{IMAGE_ID}_2"], strict=True)) == {
        ("i0", "i40"),
        ("i1", "i40"),
    }


def test_the_run_folder_lists_and_shows_them(photos, clean_dirs, capsys):
    given = {"dataset": "folder", "data_root": str(photos), "run_name": "r", "split_policy": "random"}
    params = EvaluateParams.checked(given | {"backbone": "resnet10t", "pretrained": False, "image_size": 64})
    catalogue = data.read(params)
    experiment = steps.start(params, catalogue, data.split(catalogue, params))
    results = steps.evaluate(experiment)
    drawing.show_suspects(experiment)
    steps.finish(experiment, results)
    folder = clean_dirs / "runs" / "r"
    table = frames.read_csv(folder / SUSPECTS_CSV)
    assert len(table) == len(PLANTED) and table["cosine"].notna().all()
    assert (folder / FIGURES / "suspected_label_errors.png").exists()
    assert "7 pairs of photographs look like one photograph under two animals" in capsys.readouterr().out
    again = steps.start(params, catalogue, data.split(catalogue, params))
    drawing.show_suspects(again)  # of a finished run, from its files
    assert not (folder / FIGURES / "suspected_label_errors.txt").exists()


def test_the_figure_names_both_animals_and_shows_other_animals_before_a_second_pair(photos):
    table = find_suspects(*looked_at(photos)).pairs
    twice = pd.concat([table.head(1)] * 9 + [table.tail(3)], ignore_index=True)
    loaded = []
    ax = sheets.suspects(twice, lambda image_id: loaded.append(image_id) or np.zeros((30, 40, 3), np.uint8), n=6)
    assert len(loaded) == 12
    for row in [table.iloc[0], *(table.iloc[-k] for k in (1, 2, 3))]:
        assert row[f"{IMAGE_ID}_1"] in loaded and any(row[f"{IDENTITY}_1"] in text for text in texts(ax))
    assert "One photograph under two animals? (6 of 12)" in words(ax)
    assert "none" in texts(sheets.suspects(table.head(0), loaded.append))
