"""Copies of enrolled photographs among new ones, and of each other: found by pixels, others left alone."""

import numpy as np
from local_cases import pattern
from PIL import Image

from reid_lib.data.near_copies import shrink_to_grey
from reid_lib.discover.copies import find_copies, find_own_copies


def greys(*photos: np.ndarray) -> np.ndarray:
    return shrink_to_grey(np.stack([np.asarray(Image.fromarray(photo).resize((64, 64))) for photo in photos]))


def test_a_photograph_saved_again_is_found_and_another_is_not():
    enrolled = greys(*(pattern(seed) for seed in range(6)))
    brighter = np.clip(pattern(3).astype(int) + 12, 0, 255).astype(np.uint8)
    asked = greys(pattern(9), brighter, pattern(0)[2:-2, 2:-2])
    assert find_copies(asked, enrolled).tolist() == [-1, 3, 0]


def test_pictures_that_are_not_known_and_flat_ones_are_no_copies():
    unknown = np.zeros((3, 32, 32), dtype=np.uint8)
    assert find_copies(unknown[:1], unknown).tolist() == [-1]
    assert find_copies(greys(pattern(0)), unknown).tolist() == [-1]
    assert find_copies(greys(pattern(0)), unknown[:0]).tolist() == [-1]


def test_however_the_work_is_cut_the_same_is_found(monkeypatch):
    enrolled, asked = greys(*(pattern(seed) for seed in range(6))), greys(*(pattern(seed) for seed in (4, 8, 1, 1)))
    whole = find_copies(asked, enrolled)
    monkeypatch.setattr("reid_lib.discover.copies._AT_ONCE", 1)
    assert whole.tolist() == find_copies(asked, enrolled).tolist() == [4, -1, 1, 1]


def test_of_copies_among_new_photographs_the_first_is_none_and_is_named_by_the_others(monkeypatch):
    brighter = np.clip(pattern(3).astype(int) + 12, 0, 255).astype(np.uint8)
    asked = greys(pattern(9), brighter, pattern(0)[2:-2, 2:-2], pattern(3), pattern(0), np.zeros_like(pattern(0)))
    asked = np.concatenate([asked, asked[-1:]])  # flat ones tell nothing
    assert find_own_copies(asked).tolist() == [-1, -1, -1, 1, 2, -1, -1]
    monkeypatch.setattr("reid_lib.discover.copies._AT_ONCE", 1)
    assert find_own_copies(asked).tolist() == [-1, -1, -1, 1, 2, -1, -1]
    assert find_own_copies(asked[:0]).tolist() == []
