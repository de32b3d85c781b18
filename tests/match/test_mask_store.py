"""Masks are found once, whoever asks; what they depend on makes them others; small and large photographs share them."""

import os

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from reid_lib.core.paths import cache_root
from reid_lib.data.photo import UnreadablePhoto
from reid_lib.match.mask_store import FOLDER, SIDE_PX, find_masks, list_photos


class Bright:
    """The animal is what is bright; counts what it is asked."""

    def __init__(self, key="bright"):
        self.key, self.sizes = key, []

    def find(self, photos):
        self.sizes += [photo.shape[:2] for photo in photos]
        return [photo[..., 0] > 128 for photo in photos]


@pytest.fixture
def items(clean_dirs):
    """Three photographs, each with a bright right half; the last is larger than what a masker is handed."""
    found = []
    for k, (width, height) in enumerate([(60, 40), (61, 37), (1000, 700)]):
        pixels = np.zeros((height, width, 3), np.uint8)
        pixels[:, width // 2 :] = 255
        file = clean_dirs / f"{k}.png"
        Image.fromarray(pixels).save(file)
        found.append((file, None))
    return found


CONTENTS = ["a", "b", "c"]


def test_a_mask_is_found_once_and_fits_any_size(items):
    bright = Bright()
    for _ in range(2):
        masks = find_masks(bright, items, CONTENTS)
    assert sorted(bright.sizes) == [(37, 61), (40, 60), (269, SIDE_PX)] and len(masks) == 3
    for size in ((700, 1000), (350, 500), (30, 30)):
        mask = masks.at(2, size)
        assert mask.shape == size and mask.dtype == bool
        expected = np.zeros(size, bool)
        expected[:, size[1] // 2 :] = True
        assert (mask != expected).mean() < 0.02  # every second pixel is kept: the border is that exact
    assert [masks.share(i) for i in range(3)] == pytest.approx([0.5, 0.5, 0.5], abs=0.03)
    assert masks.at(0, (40, 60))[:, 32:].all() and not masks.at(0, (40, 60))[:, :28].any()


def test_another_photograph_box_or_masker_gets_its_own(items):
    find_masks(Bright(), items, CONTENTS)
    for masker, what, contents, expected in (
        (Bright("brighter"), items, CONTENTS, 3),
        (Bright(), items, ["a", "other", "c"], 1),
        (Bright(), [(items[0][0], "0,0,20,20"), *items[1:]], CONTENTS, 1),
    ):
        found = find_masks(masker, what, contents)
        assert len(masker.sizes) == expected
    assert not found.at(0, (20, 20)).any()  # the box holds the dark half


def test_a_broken_photograph_leaves_what_was_found_and_a_broken_cache_is_made_again(items, capsys):
    items[1][0].write_bytes(b"no photograph")
    with pytest.raises(UnreadablePhoto):
        find_masks(Bright(), items, CONTENTS)
    bright = Bright()
    find_masks(bright, items[:1], CONTENTS[:1])
    assert not bright.sizes
    (kept,) = (cache_root() / FOLDER).iterdir()
    kept.write_bytes(kept.read_bytes()[:100])
    find_masks(bright, items[:1], CONTENTS[:1])
    assert len(bright.sizes) == 1 and "damaged" in capsys.readouterr().out


def test_photographs_are_found_whatever_the_encoding_of_their_names(tmp_path):
    try:
        with open(os.path.join(os.fsencode(tmp_path), b"caf\xe9.jpg"), "wb") as stream:
            stream.write(b"x")
    except OSError:
        pytest.skip("this file system takes names in UTF-8 only")
    ((file, box),) = list_photos(pd.DataFrame({"path": ["caf%E9.jpg"]}), tmp_path)
    assert file.read_bytes() == b"x" and box is None
