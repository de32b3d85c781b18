"""Photographs with all that is compared of them: rows, embeddings, keypoints and grey pictures stay together."""

import numpy as np
import pytest
from gallery_cases import photographs, same

from reid_lib.core.names import IDENTITY, IMAGE_ID, INDIVIDUAL
from reid_lib.gallery.photographs import Photographs, join_photographs, select_columns


def test_a_part_and_the_rest_joined_are_the_whole():
    whole = photographs({"Anna": 3, "Berta": 2})
    mask = np.array([True, True, True, False, False])
    assert same(join_photographs([whole.where(mask), whole.where(~mask)]), whole)


def test_what_is_left_out_takes_its_keypoints_along():
    whole = photographs({"Anna": 3, "Berta": 2})
    part = whole.where([False, True, False, True, False])
    for k, place in enumerate((1, 3)):
        assert (part.keypoints["sift"][k].xy == whole.keypoints["sift"][place].xy).all()
        assert (part.greys[k] == whole.greys[place]).all()


def test_keypoints_of_other_photographs_are_refused():
    one, other = photographs({"Anna": 2}), photographs({"Anna": 2}, prefix="q")
    with pytest.raises(ValueError, match="other photographs"):
        Photographs(one.embeddings, other.keypoints, one.greys)
    with pytest.raises(ValueError, match="greys of 2"):
        Photographs(one.embeddings, one.keypoints, one.greys[:1])


def test_rows_get_the_key_of_their_animal_and_missing_columns():
    rows = select_columns(photographs({"Anna": 1}).rows.drop(columns=INDIVIDUAL).assign(**{IDENTITY: [None]}))
    assert rows[INDIVIDUAL].tolist() == [None] and rows[IMAGE_ID].tolist() == ["p0.jpg"]
