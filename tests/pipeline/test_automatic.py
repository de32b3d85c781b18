"""Size and length of a training that are left to its photographs."""

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from reid_lib.core import files
from reid_lib.core.names import BBOX, CHOSEN, IDENTITY, IMAGE_ID, PARAMS_JSON, PATH
from reid_lib.params.fields import TrainParams
from reid_lib.pipeline import automatic, data, steps

pytestmark = pytest.mark.usefixtures("clean_dirs")


def write_folder(root, sides: tuple[int, int], *, n_animals: int = 6):
    for animal in range(n_animals):
        (root / f"a{animal}").mkdir(parents=True, exist_ok=True)
        for k in range(5):
            pixels = np.random.default_rng(9 * animal + k).integers(0, 256, (sides[1] // 8, sides[0] // 8, 3), np.uint8)
            Image.fromarray(pixels).resize(sides).save(root / f"a{animal}" / f"{k}.png")
    return root


def begin(root, **given):
    params = TrainParams(dataset="folder", data_root=str(root), **given)
    catalogue = data.read(params)
    return steps.start(params, catalogue, data.split(catalogue, params))


@pytest.mark.parametrize(
    ("side", "native_px", "fixed_size", "expected"),
    [
        (4000.0, 224, False, 256),  # large photographs: 256 px
        (349.0, 224, False, 256),
        (255.9, 224, False, 224),  # no more than they have
        (160.0, 224, False, 160),
        (20.0, 224, False, 32),  # a network halves it five times
        (4000.0, 384, False, 384),  # the backbone's own, where that is more
        (300.0, 384, False, 288),
        (100.0, 384, True, 384),  # takes no other
    ],
)
def test_the_size_follows_photographs_and_backbone(side, native_px, fixed_size, expected):
    assert automatic.choose_image_size(side, native_px, fixed_size) == expected


def test_the_length_grows_with_the_area_and_falls_with_the_number_of_photographs():
    sizes = {px: automatic.choose_num_epochs(px, 500) for px in (32, 160, 192, 224, 256, 512)}
    # By hand: 7 + 9 * (192² - 160²) / (256² - 160²) = 9.54 and 12.54.
    assert sizes == {32: 7, 160: 7, 192: 10, 224: 13, 256: 16, 512: 16}
    numbers = {n: automatic.choose_num_epochs(256, n) for n in (1, 3125, 5000, 7142, 10**6)}
    assert numbers == {1: 16, 3125: 16, 5000: 10, 7142: 7, 10**6: 7}


def test_a_side_is_that_of_what_is_seen(tmp_path):
    root = write_folder(tmp_path / "photos", (400, 100), n_animals=2)
    rows = pd.DataFrame({PATH: sorted(str(p.relative_to(root)) for p in root.rglob("*.png"))})
    rows[IMAGE_ID], rows[IDENTITY] = rows[PATH], rows[PATH].str[:2]
    rows[BBOX] = ["300,0,400,100"] * 6 + [None] * 4  # a box that ends outside: 100 by 100 px are left of it
    rows.to_csv(root / "table.csv", index=False)
    seen = data.read(TrainParams(dataset="csv", data_root=str(root / "table.csv")))
    assert automatic.measure_side(seen) == 100.0
    whole = data.read(TrainParams(dataset="folder", data_root=str(root)))
    assert automatic.measure_side(whole) == 200.0


def test_a_run_says_what_was_chosen_and_keeps_it_when_it_is_continued(tmp_path, caplog):
    root = write_folder(tmp_path / "photos", (192, 192))
    begun = begin(root)
    assert (begun.params.image_size, begun.params.num_epochs) == (192, 10)
    assert begun.run.params["image_size"] == 192 and begun.run.described()[CHOSEN] == ["image_size", "num_epochs"]
    assert begun.run.name == "folder-photos"  # of what was typed
    trained_on = (begun.split.rows["role"] == "gallery").sum()
    assert trained_on < 30
    assert f"image_size 192 px and num_epochs 10: chosen for {trained_on} training photographs" in caplog.text
    stored = begun.run.described()
    stored["params"] |= {"image_size": 160, "num_epochs": 7}  # as a version with other defaults left it
    files.write_json(begun.run.path(PARAMS_JSON), stored)
    params = begun.params.model_copy(update={"image_size": 0, "num_epochs": 0})
    settled = automatic.settle_training(params, begun.catalogue, 30, stored["catalogue_fingerprint"])
    assert (settled.image_size, settled.num_epochs) == (160, 7)
    settled = automatic.settle_training(params, begun.catalogue, 30, "other photographs")
    assert (settled.image_size, settled.num_epochs) == (192, 10)


def test_what_is_typed_stays_and_the_other_follows(tmp_path):
    root = write_folder(tmp_path / "photos", (400, 300))
    assert begin(root, num_epochs=3).params.image_size == 256
    begun = begin(root, image_size=64)
    assert (begun.params.num_epochs, begun.run.described()[CHOSEN]) == (7, ["num_epochs"])
    both = begin(root, image_size=64, num_epochs=2)
    assert both.run.described()[CHOSEN] == []
