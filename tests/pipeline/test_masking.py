"""The mask that val speaks for: where the animal stands before a rich background it is used, elsewhere it is not."""

import cv2
import numpy as np
import pandas as pd
import pytest
from local_cases import pattern
from PIL import Image

from reid_lib.core.errors import ModelError
from reid_lib.core.names import BBOX, DATASET, GALLERY, IDENTITY, IMAGE_ID, INDIVIDUAL, PATH, ROLE, TEST, VAL
from reid_lib.match.mask_store import find_masks, hash_photos, list_photos
from reid_lib.pipeline import masking
from reid_lib.pipeline.masking import AUTO, NONE, U2NETP, choose_mask, draw_sample

SIZE = (160, 128)


class Middle:
    """A masker to whom the middle of a photograph is the animal."""

    key = "middle"

    def find(self, photos):
        masks = [np.zeros(photo.shape[:2], bool) for photo in photos]
        for mask in masks:
            height, width = mask.shape
            mask[height // 4 : -height // 4, width // 4 : -width // 4] = True
        return masks


def draw(root, animal_in_the_middle: bool, n_animals: int = 14) -> pd.DataFrame:
    """Two photographs of each animal, whose coat is in the middle before a background of another animal's place; or
    which fills the photograph, with a middle that all share."""
    rows = []
    for animal in range(n_animals):
        own = pattern(animal, SIZE)
        for k, role in enumerate((GALLERY, VAL)):
            place = pattern(100 + (animal + k) % n_animals, SIZE) if animal_in_the_middle else own
            middle = own if animal_in_the_middle else pattern(500, SIZE)
            photo = place.copy()
            photo[32:96, 40:120] = cv2.resize(middle, SIZE)[32:96, 40:120]
            name = f"{animal}-{k}.png"
            Image.fromarray(photo).save(root / name)
            rows.append((name, name, f"a{animal}", role))
    frame = pd.DataFrame(rows, columns=[IMAGE_ID, PATH, IDENTITY, ROLE])
    return frame.assign(**{INDIVIDUAL: frame[IDENTITY], DATASET: "d"})


@pytest.fixture
def middle(monkeypatch):
    monkeypatch.setattr(masking, "make_masker", lambda mask: Middle() if mask == U2NETP else None)


def test_the_background_of_another_animal_speaks_for_the_mask(clean_dirs, middle, capsys):
    found = choose_mask(AUTO, draw(clean_dirs, True), clean_dirs)
    assert found.used == U2NETP and f"mask {found.why}" in capsys.readouterr().out
    named = [int(word) for word in found.why.split() if word.isdigit()]
    assert named[0] == 14 and named[1] > named[2]


def test_animals_told_apart_by_what_the_mask_drops_get_none(clean_dirs, middle):
    found = choose_mask(AUTO, draw(clean_dirs, False), clean_dirs)
    assert found.used == NONE and "named rightly" in found.why


def test_where_hardly_anything_lies_beside_the_animal_no_mask_is_tried(clean_dirs, monkeypatch):
    class Everything(Middle):
        key = "everything"

        def find(self, photos):
            return [np.ones(photo.shape[:2], bool) for photo in photos]

    monkeypatch.setattr(masking, "make_masker", lambda mask: Everything())
    monkeypatch.setattr(masking, "_count_right", lambda *_: pytest.fail("nothing is to be decided"))
    assert choose_mask(AUTO, draw(clean_dirs, True), clean_dirs).why == "none: 100% of the keypoints lie on the animal"


def test_labels_of_test_reach_nothing(clean_dirs, middle):
    rows = draw(clean_dirs, True)
    moved = rows.assign(**{ROLE: rows[ROLE].where(rows.index < 24, TEST)})
    scrambled = moved.copy()
    scrambled.loc[24:, [IDENTITY, INDIVIDUAL]] = "somebody"
    assert choose_mask(AUTO, moved, clean_dirs) == choose_mask(AUTO, scrambled, clean_dirs)


def test_too_few_queries_or_no_network_mean_none_and_what_was_asked_for_is_taken(clean_dirs, middle, monkeypatch):
    rows = draw(clean_dirs, True, 9)
    assert choose_mask(AUTO, rows, clean_dirs).why.startswith("none: 9 known queries")
    assert choose_mask(U2NETP, rows, clean_dirs).used == U2NETP and choose_mask(NONE, rows, clean_dirs).used == NONE

    def not_there(mask):
        raise ModelError("onnxruntime is not installed: pip install 'reid-lab[local]'")

    monkeypatch.setattr(masking, "make_masker", not_there)
    found = choose_mask(AUTO, draw(clean_dirs, True), clean_dirs)
    assert found.used == NONE and "reid-lab[local]" in found.why


def test_a_sample_is_bounded_holds_the_queries_animals_first_and_does_not_hang_on_the_order(monkeypatch):
    monkeypatch.setattr(masking, "QUERIES", 5)
    monkeypatch.setattr(masking, "IMAGES", 30)
    names = [f"{k:04d}" for k in range(400)]
    rows = pd.DataFrame({IMAGE_ID: names, IDENTITY: [f"a{k % 50}" for k in range(400)]})
    rows = rows.assign(**{INDIVIDUAL: rows[IDENTITY], ROLE: np.where(rows.index % 8 == 0, VAL, GALLERY)})
    queries, gallery = draw_sample(rows)
    assert len(queries) == 5 and len(gallery) == 30
    own = gallery[INDIVIDUAL].isin(queries[INDIVIDUAL])
    asked = rows[(rows[ROLE] == GALLERY) & rows[INDIVIDUAL].isin(queries[INDIVIDUAL])]
    assert own.sum() == min(30, len(asked)) and own.tolist() == sorted(own, reverse=True)
    again = draw_sample(rows.sample(frac=1, random_state=3))
    assert [frame[IMAGE_ID].tolist() for frame in again] == [f[IMAGE_ID].tolist() for f in (queries, gallery)]


def test_masks_of_rows_with_boxes(clean_dirs):
    rows = draw(clean_dirs, True, 2).assign(**{BBOX: ["0,0,40,40", None, None, None]})
    items = list_photos(rows, clean_dirs)
    masks = find_masks(Middle(), items, hash_photos(items))
    assert masks.at(0, (40, 40)).sum() == 400 and masks.at(1, (128, 160)).mean() == pytest.approx(0.25, abs=0.02)
