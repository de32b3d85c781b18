"""Near copies: one photograph saved twice, scaled, in another format or quality, a little brighter, a little cropped.

They are found by a perceptual hash (pHash: which of the lowest frequencies are above their median, 63 bits) and
confirmed pixel by pixel, since two photographs of one scene may agree as a whole but differ somewhere.
"""

from collections.abc import Iterator

import numpy as np
from PIL import Image

from reid_lib.core.parallel import map_in_threads

SIDE = 32  # px of the small grey pictures that are compared
MOST_BITS = 10  # of the hash may differ in a candidate; a photograph that is only saved again differs in 0 to 6
N_BANDS = 7  # 9 bits each: up to 6 bits of difference leave one band equal for certain
MIN_CONTRAST = 3.0  # grey levels of standard deviation; a flat picture looks like every other
MOST_COMPARISONS = 300_000_000  # of hashes, about 15 s; 100,000 photographs need a part of them
NO_HASH = np.uint64(2**63)  # the bit that no hash has

_AT_ONCE = 512
_FREQUENCY, _PLACE = np.mgrid[0:8, 0:SIDE]  # of the orthonormal DCT-II; scipy.fft takes long to import
_LOWEST = np.cos(np.pi * _FREQUENCY * (2 * _PLACE + 1) / (2 * SIDE)) * np.sqrt(np.where(_FREQUENCY, 2, 1) / SIDE)
_LOWEST = _LOWEST.astype(np.float32)
_ONES = np.array([bin(i).count("1") for i in range(2**16)], dtype=np.uint8)
_BLUR = 0.7  # px
_HOPELESS = 0.9  # correlation at half the size below which a pair is given up: a copy has 0.97 and more
MOST_STRETCH, MOST_SHIFT, LEAST_SEEN = 1.25, 0.25, 0.6  # of a crop that is still recognised as one


def shrink_to_grey(pixels: np.ndarray, *, progress: bool = False) -> np.ndarray:
    """Small grey pictures of images, one kilobyte each.

    Args:
        pixels: (n, s, s, 3) uint8, may be mapped from disk.
        progress: show a bar.

    Returns:
        uint8 (n, 32, 32).
    """
    greys = np.empty((len(pixels), SIDE, SIDE), dtype=np.uint8)
    kind = Image.Resampling.BOX if pixels.shape[1] >= SIDE else Image.Resampling.BICUBIC

    def part(begin: int) -> None:
        for place in range(begin, min(begin + _AT_ONCE, len(pixels))):
            greys[place] = Image.fromarray(pixels[place]).convert("L").resize((SIDE, SIDE), kind)

    begins = range(0, len(pixels), _AT_ONCE)
    for _ in map_in_threads(part, begins, title="looking for copies", unit="part", progress=progress):
        pass
    return greys


def hash_images(greys: np.ndarray) -> np.ndarray:
    """Perceptual hashes of small grey pictures: (n,) uint64, 63 bits each; `NO_HASH` for a flat picture.

    Args:
        greys: (n, 32, 32) uint8, from `shrink_to_grey`.
    """
    hashed = np.empty(len(greys), dtype=np.uint64)
    for begin in range(0, len(greys), _AT_ONCE):
        some = greys[begin : begin + _AT_ONCE].astype(np.float32)
        lowest = (_LOWEST @ some @ _LOWEST.T).reshape(len(some), 64)[:, 1:]
        bits = lowest > np.median(lowest, axis=1, keepdims=True)
        packed = np.packbits(np.pad(bits, ((0, 0), (1, 0))), axis=1).view(">u8")[:, 0].astype(np.uint64)
        hashed[begin : begin + _AT_ONCE] = np.where(some.std(axis=(1, 2)) < MIN_CONTRAST, NO_HASH, packed)
    return hashed


def count_differing_bits(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """In how many bits two hashes differ: (k,) of a and b (k,) uint64."""
    return _ONES[np.ascontiguousarray(a ^ b).view(np.uint16)].reshape(-1, 4).sum(axis=1)


def find_similar(
    hashed: np.ndarray, *, most: int = MOST_COMPARISONS
) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Pairs whose hashes are alike: all that differ in at most 6 bits, most of those that differ in 7 to 10.

    Only hashes that agree in one of seven bands of bits are compared; a pair comes up in the first band in which it
    agrees. Memory grows with the number of images, not of pairs.

    Args:
        hashed: (n,) uint64, as `hash_images` gives them.
        most: comparisons after which the search ends with what it has found; neighbours in the sorted order are
            compared first.

    Yields:
        (i, j, bits) of one length: positions in `hashed`, and how many bits differ.
    """
    rows = np.flatnonzero(hashed != NO_HASH)
    width = 63 // N_BANDS
    masks = [np.uint64((2**width - 1) << (width * band)) for band in range(N_BANDS)]
    for band, mask in enumerate(masks):
        left = most // N_BANDS
        order = np.lexsort((hashed[rows], hashed[rows] & mask))
        places, values = rows[order], hashed[rows[order]]
        here, lag = np.arange(len(values)), 0
        while len(here) and left > 0:
            lag += 1
            here = here[here + lag < len(values)]
            here = here[(values[here] & mask) == (values[here + lag] & mask)]
            left -= len(here)
            a, b = values[here], values[here + lag]
            bits = count_differing_bits(a, b)
            new = bits <= MOST_BITS
            for earlier in masks[:band]:
                new &= (a & earlier) != (b & earlier)
            if new.any():
                yield places[here[new]], places[here[new] + lag], bits[new]


def compare_pairs(greys: np.ndarray, pairs: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """How alike the two images of each pair are, whatever their brightness and contrast.

    Args:
        greys: (n, 32, 32), as `shrink_to_grey` gives them.
        pairs: (k, 2) row numbers.

    Returns:
        correlation: (k,) of the pixels, -1 to 1.
        difference: (k,) root mean square difference in the part, of 8 x 8 parts, where the two differ most; in
            standard deviations of the whole image.
        roughly: (k,) correlation of the means of these parts.
    """
    told = [np.empty((0, 3))]
    for begin in range(0, len(pairs), _AT_ONCE):
        a, b = (_standard(greys[pairs[begin : begin + _AT_ONCE, side]].astype(np.float64)) for side in (0, 1))
        worst = np.sqrt(_means((a - b) ** 2).max(axis=(1, 2)))
        rough = _standard(_means(a)) * _standard(_means(b))
        told.append(np.stack([(a * b).mean(axis=(1, 2)), worst, rough.mean(axis=(1, 2))], axis=1))
    correlation, difference, roughly = np.concatenate(told).T
    return np.minimum(correlation, 1), difference, roughly


def compare_shifted(greys: np.ndarray, pairs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """As `compare_pairs`, for pairs in which one image may be a crop of the other.

    The shift and the stretch along each axis that make a pair most alike are found by Gauss-Newton steps (Lucas &
    Kanade 1981), first at half the size; then the part that both show is compared.

    Args:
        greys, pairs: see `compare_pairs`.

    Returns:
        correlation (k,), difference (k,); -1 and infinity for pairs that no shift and stretch makes alike.
    """
    told = [np.empty((0, 2))]
    for begin in range(0, len(pairs), _AT_ONCE // 4):
        some = pairs[begin : begin + _AT_ONCE // 4]
        told.append(np.stack(_shifted(*(greys[some[:, side]].astype(np.float64) for side in (0, 1))), axis=1))
    correlation, difference = np.concatenate(told).T
    return correlation, difference


def _shifted(a: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    from scipy.ndimage import gaussian_filter  # few photographs come this far

    correlation, difference = np.full(len(a), -1.0), np.full(len(a), np.inf)
    warp = np.tile([1.0, 1.0, 0.0, 0.0], (len(a), 1))  # stretch along x and y, shift along x and y
    warp, *halves = _brought_together(*(_halved(gaussian_filter(each, (0, 1, 1))) for each in (a, b)), warp, steps=6)
    left = np.flatnonzero(_alike(*halves)[0] >= _HOPELESS)
    pair = (gaussian_filter(each[left], (0, _BLUR, _BLUR)) for each in (a, b))
    warp, *whole = _brought_together(*pair, warp[left], steps=6)
    stretch = np.abs(np.log(np.maximum(warp[:, :2], 1e-3))).max(axis=1)
    possible = (stretch <= np.log(MOST_STRETCH)) & (np.abs(warp[:, 2:]).max(axis=1) <= MOST_SHIFT)
    correlation[left[possible]], difference[left[possible]] = (told[possible] for told in _alike(*whole))
    return correlation, difference


def _brought_together(a: np.ndarray, b: np.ndarray, warp: np.ndarray, *, steps: int):
    """Warps (k, 4) after some steps; then `a` at the warped places, `b`, and which places `a` shows: (k, n * n)."""
    side = a.shape[1]
    y, x = ((2 * np.mgrid[0:side, 0:side] + 1) / side - 1).reshape(2, -1)  # -1 ... 1 from edge to edge
    slopes = [slope * side / 2 for slope in np.gradient(a, axis=(2, 1))]
    target = b.reshape(len(b), side * side)
    for step in range(steps + 1):
        at = [warp[:, [0]] * x + warp[:, [2]], warp[:, [1]] * y + warp[:, [3]]]
        seen = (np.abs(at[0]) <= 1 - 1 / side) & (np.abs(at[1]) <= 1 - 1 / side)  # between the middles of pixels
        moved, *along = _sampled([a, *slopes], at)
        if step == steps:
            return warp, moved, target, seen
        ones = np.ones_like(moved)
        gain = _gain(moved, target, seen)
        along = [gain * each for each in along]
        change = np.stack([along[0] * x, along[1] * y, *along, moved, ones], axis=1) * seen[:, None]
        rest = ((target - gain * moved) * seen)[:, :, None]
        square = change @ change.swapaxes(1, 2)
        square += 1e-6 * np.trace(square, axis1=1, axis2=2)[:, None, None] * np.eye(6) + 1e-6 * np.eye(6)
        warp = warp + np.clip(np.linalg.solve(square, change @ rest)[:, :4, 0], -0.1, 0.1)


def _sampled(pictures: list[np.ndarray], at: list[np.ndarray]) -> list[np.ndarray]:
    """(k, n * n) of each (k, n, n), bilinear, at places from -1 to 1 along x and y."""
    side = pictures[0].shape[1]
    x, y = (np.clip((place + 1) * (side / 2) - 0.5, 0, side - 1.001) for place in at)
    left, top = x.astype(int), y.astype(int)
    x, y, corner = x - left, y - top, top * side + left
    shares = ((0, (1 - y) * (1 - x)), (1, (1 - y) * x), (side, y * (1 - x)), (side + 1, y * x))
    flat = [picture.reshape(len(picture), side * side) for picture in pictures]
    return [sum(share * np.take_along_axis(each, corner + step, axis=1) for step, share in shares) for each in flat]


def _gain(moved: np.ndarray, target: np.ndarray, seen: np.ndarray) -> np.ndarray:
    """(k, 1) the factor by which the contrast of `target` is that of `moved`."""
    counted = np.maximum(seen.sum(axis=1, keepdims=True), 1)
    moved = np.where(seen, moved - (moved * seen).sum(axis=1, keepdims=True) / counted, 0)
    return (moved * target).sum(axis=1, keepdims=True) / np.maximum((moved**2).sum(axis=1, keepdims=True), 1e-6)


def _alike(moved: np.ndarray, target: np.ndarray, seen: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Correlation and difference (k,) of what both show; -1 and infinity where that is too little, or flat."""
    counted = np.maximum(seen.sum(axis=1, keepdims=True), 1)
    moved, target = (
        np.where(seen, each - (each * seen).sum(axis=1, keepdims=True) / counted, 0) for each in (moved, target)
    )
    spreads = [np.sqrt((each**2).sum(axis=1, keepdims=True) / counted) for each in (moved, target)]
    moved, target = (each / np.maximum(spread, 1e-6) for each, spread in zip((moved, target), spreads, strict=True))
    side = int(np.sqrt(seen.shape[1]))
    shares = _means(seen.reshape(len(seen), side, side).astype(float))
    parts = _means(((moved - target) ** 2).reshape(len(seen), side, side)) / np.maximum(shares, 1e-6)
    worst = np.sqrt(np.where(shares >= 0.5, parts, 0).max(axis=(1, 2), initial=0))
    fit = (seen.mean(axis=1) >= LEAST_SEEN) & (np.minimum(*spreads)[:, 0] >= MIN_CONTRAST)
    return np.where(fit, (moved * target).sum(axis=1) / counted[:, 0], -1), np.where(fit, worst, np.inf)


def _standard(greys: np.ndarray) -> np.ndarray:
    middle, spread = greys.mean(axis=(1, 2), keepdims=True), greys.std(axis=(1, 2), keepdims=True)
    return (greys - middle) / np.maximum(spread, 1e-6)


def _means(greys: np.ndarray) -> np.ndarray:
    """(k, 8, 8) of (k, n, n)."""
    part = greys.shape[1] // 8
    return greys.reshape(len(greys), 8, part, 8, part).mean(axis=(2, 4))


def _halved(greys: np.ndarray) -> np.ndarray:
    """(k, n / 2, n / 2) of (k, n, n)."""
    half = greys.shape[1] // 2
    return greys.reshape(len(greys), half, 2, half, 2).mean(axis=(2, 4))
