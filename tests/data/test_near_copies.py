"""Copies of photographs: hashes, the search among them, and the comparison of pixels, with answers known beforehand."""

import io

import numpy as np
import pytest
from nearcopies_cases import scene
from PIL import Image, ImageEnhance, ImageFilter

from reid_lib.data.near_copies import (
    MOST_BITS,
    NO_HASH,
    compare_pairs,
    compare_shifted,
    count_differing_bits,
    find_similar,
    hash_images,
    shrink_to_grey,
)


def square(image: Image.Image, side=96) -> np.ndarray:
    return np.asarray(image.convert("RGB").resize((side, side), Image.Resampling.BICUBIC, reducing_gap=2.0))


def greys_of(*squares) -> np.ndarray:
    return shrink_to_grey(np.stack(squares))


def again(image: Image.Image, kind: str, **options) -> Image.Image:
    stream = io.BytesIO()
    image.save(stream, kind, **options)
    return Image.open(stream)


COPIES = {
    "half its size": lambda image: again(image.resize((160, 120)), "JPEG", quality=80),
    "a fifth of its size": lambda image: image.resize((64, 48), Image.Resampling.LANCZOS),
    "low quality": lambda image: again(image, "JPEG", quality=15),
    "PNG": lambda image: again(image, "PNG"),
    "WebP": lambda image: again(image, "WEBP", quality=40),
    "brighter": lambda image: ImageEnhance.Brightness(image).enhance(1.1),
    "more contrast": lambda image: ImageEnhance.Contrast(image).enhance(1.15),
    "grey": lambda image: image.convert("L"),
    "sharper": lambda image: image.filter(ImageFilter.SHARPEN),
}


@pytest.mark.parametrize("how", COPIES)
def test_a_copy_has_nearly_the_hash_and_the_pixels_of_its_original(how):
    for seed in range(5):
        pixels = greys_of(square(scene(seed)), square(COPIES[how](scene(seed))))
        first, second = hash_images(pixels)
        assert count_differing_bits(np.array([first]), np.array([second]))[0] <= 6
        correlation, difference, _ = compare_pairs(pixels, np.array([[0, 1]]))
        assert correlation[0] > 0.98 and difference[0] < 0.4


def test_other_pictures_have_other_hashes_and_pixels():
    pixels = greys_of(*(square(scene(seed)) for seed in range(60)))
    i, j = np.triu_indices(60, 1)
    hashed = hash_images(pixels)
    assert count_differing_bits(hashed[i], hashed[j]).min() > MOST_BITS
    assert compare_pairs(pixels, np.stack([i, j], axis=1))[0].max() < 0.9


def test_another_animal_in_the_same_place_is_another_picture():
    """All of the background agrees; a ninth of the picture does not."""
    pixels = np.stack([square(scene(0)), square(scene(0))])
    pixels[1, 32:64, 32:64] = square(scene(1), 32)
    correlation, difference, _ = compare_pairs(shrink_to_grey(pixels), np.array([[0, 1]]))
    assert correlation[0] > 0.8 and difference[0] > 0.8


def test_brightness_and_contrast_do_not_count():
    picture = square(scene(3)).astype(np.float32)
    pixels = shrink_to_grey(np.stack([picture, 40 + 0.5 * picture]).astype(np.uint8))
    correlation, difference, roughly = compare_pairs(pixels, np.array([[0, 1], [1, 0], [0, 0]]))
    assert correlation == pytest.approx(1, abs=2e-3) and roughly == pytest.approx(1, abs=2e-3)
    assert difference.max() < 0.05 and difference[2] == 0


@pytest.mark.parametrize("share", [0.03, 0.06, 0.1])
def test_a_cropped_copy_is_recognised_from_either_side(share):
    for seed in range(5):
        image = scene(seed)
        left, top = int(share * image.width), int(share * image.height / 2)
        cut = image.crop((left, top, image.width, image.height - top))
        greys = greys_of(square(image), square(cut), square(scene(seed + 50)))
        correlation, difference = compare_shifted(greys, np.array([[0, 1], [1, 0], [0, 2]]))
        assert correlation[:2].min() > 0.97 and difference[:2].max() < 0.5
        assert correlation[2] < 0.9


def test_flat_pictures_are_compared_with_nothing():
    pixels = np.full((4, 40, 40, 3), 7, dtype=np.uint8)
    pixels[3] = square(scene(0), 40)
    greys = shrink_to_grey(pixels)
    hashed = hash_images(greys)
    assert (hashed == NO_HASH).tolist() == [True, True, True, False]
    assert list(find_similar(hashed)) == []
    assert compare_shifted(greys, np.array([[0, 1], [3, 0]]))[0].tolist() == [-1, -1]
    assert len(compare_shifted(greys, np.empty((0, 2), dtype=int))[0]) == 0


@pytest.mark.parametrize("side", [8, 31, 32, 100])
def test_any_size_of_picture_has_a_hash(side):
    pixels = np.stack([square(scene(0), side), square(scene(1), side)])
    first, second = hash_images(shrink_to_grey(pixels))
    assert first != second and max(first, second) < NO_HASH
    assert len(hash_images(shrink_to_grey(pixels[:0]))) == 0


def found(hashed, **options):
    """{(lower place, higher place, bits)}, and how many pairs were told."""
    found = find_similar(hashed, **options)
    parts = [np.stack([np.minimum(i, j), np.maximum(i, j), bits], axis=1) for i, j, bits in found]
    every = np.concatenate([np.empty((0, 3), dtype=int), *parts])
    return {tuple(row) for row in every.tolist()}, len(every)


def planted(n=3000, seed=0):
    """Hashes, a third of which are another with 1 to 10 bits turned."""
    rng = np.random.default_rng(seed)
    hashed = rng.integers(0, 2**63, n, dtype=np.uint64)
    for place in range(0, n, 3):
        turned = rng.choice(63, rng.integers(0, MOST_BITS + 1), replace=False)
        hashed[place] = hashed[place + 1] ^ np.bitwise_or.reduce(
            np.uint64(1) << turned.astype(np.uint64), initial=np.uint64(0)
        )
    return hashed


def test_search_finds_each_near_pair_once_as_comparing_all_with_all_does():
    hashed = planted()
    i, j = np.triu_indices(len(hashed), 1)
    bits = count_differing_bits(hashed[i], hashed[j]).astype(int)
    near = {tuple(row) for row in np.stack([i, j, bits], axis=1)[bits <= MOST_BITS].tolist()}
    told, count = found(hashed)
    assert told <= near and {pair for pair in near if pair[2] <= 6} <= told
    assert len(told) > 0.97 * len(near) and len(near) >= 1000
    assert count == len(told)


def test_distance_counts_bits():
    a = np.array([0, 1, 2**63 - 1, 5], dtype=np.uint64)
    b = np.array([0, 2, 0, 4], dtype=np.uint64)
    assert count_differing_bits(a, b).tolist() == [0, 2, 63, 1]


def test_a_hundred_thousand_equal_hashes_end_soon():
    """A camera that took the same picture all night: the search ends when it has compared enough."""
    assert sum(len(i) for i, _, _ in find_similar(np.full(100_000, 5, dtype=np.uint64), most=7_000_000)) < 2_000_000
