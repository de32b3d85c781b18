"""One photograph on both sides: a query that is a copy of a gallery image, or another crop of it.

Such a pair says nothing of recognition: it is reported, and left out on demand. Its sign: an affine map of the matches
lays one over the other, and there the pixels agree, also where the animal is not: marks of strong contrast alone make
two photographs of one animal correlate, the ground around it differs.
"""

from collections.abc import Callable, Iterator
from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits

from reid_lib.core.names import BBOX, IMAGE_ID, PATH
from reid_lib.core.parallel import map_in_threads
from reid_lib.core.paths import locate
from reid_lib.data.pixels import load_image
from reid_lib.match.keypoints import Keypoints, KeypointSet
from reid_lib.match.matches import Matcher, Matches
from reid_lib.match.pair_scores import BothSets
from reid_lib.match.pair_store import PairStore
from reid_lib.match.verify import fit_affine

FORMAT = 1  # raised whenever the same pair would have another correlation
ALIKE = 0.8  # correlation of the pixels, above which two are one photograph
EVERYWHERE = 0.6  # correlation that three quarters of the squares reach (benchmarks/same_photo.py, docs/log.md)
SQUARE_PX = 16
SIDE_PX = 256  # photographs are compared at this longer side
LEAST_SHARE = 0.05  # of the smaller photograph, that both show
LEAST_INLIERS = 8  # of the matches: with fewer, chance fits a map
LEAST_SPREAD = 2.0  # grey levels: where all is flat, no correlation means anything
STRETCH = 10.0  # a map that stretches or shrinks more does not lie between two photographs
CANDIDATES = 3  # of each query are looked at
KEPT = 256  # photographs in memory
MEASURED = ("correlation", "everywhere", "overlap")
UNKNOWN = (float("nan"), float("nan"), 0.0)


def find_same_photos(
    matcher: Matcher,
    queries: KeypointSet,
    gallery: KeypointSet,
    query: np.ndarray,
    image: np.ndarray,
    inliers: np.ndarray,
    roots: tuple[Path, Path],
    *,
    candidates: int = CANDIDATES,
    progress: bool = True,
) -> pd.DataFrame:
    """Which pairs are one photograph, looked for among the best few candidates of each query.

    No pair is compared twice: what was found is kept with the scores of pairs (`pair_store`).

    Args:
        matcher: who matched them.
        queries, gallery: keypoints with rows (`image_id`, `path`, `bbox` where there is one).
        query, image: (p,) positions of pairs.
        inliers: (p,) what each pair scored by geometry (`matches.INLIERS`); NaN: not matched.
        roots: folders of the photographs of queries and of the gallery.
        candidates: pairs of each query that are looked at, those with most inliers.
        progress: show a bar.

    Returns:
        One row for each pair found: `query`, `image` (positions), `query_id`, `gallery_id`, `correlation`,
        `everywhere`, `overlap` (see `correlate`); by query, then by falling correlation.

    Raises:
        UnreadablePhoto: a file cannot be decoded.
    """
    chosen = _best(query, inliers, candidates)
    sets = BothSets(queries, gallery)
    codes, which = np.unique(sets.codes(query[chosen], image[chosen]), return_inverse=True)
    store = PairStore(f"one photograph {FORMAT} {SIDE_PX} {SQUARE_PX} {LEAST_INLIERS} {matcher.key}", len(MEASURED))
    measured, there = store.read(sets.images, codes)
    batches = _compared(matcher, sets, codes[~there], roots, progress)
    measured[~there] = store.keep(sets.images, codes[~there], batches)
    table = pd.DataFrame({"query": query[chosen], "image": image[chosen]})
    table["query_id"] = queries.rows[IMAGE_ID].to_numpy()[table["query"]]
    table["gallery_id"] = gallery.rows[IMAGE_ID].to_numpy()[table["image"]]
    for name, values in zip(MEASURED, measured[which].T, strict=True):
        table[name] = values
    table = table[(table["correlation"] > ALIKE) & (table["everywhere"] > EVERYWHERE)]
    return table.sort_values(["query", "correlation"], ascending=[True, False], kind="stable", ignore_index=True)


def _compared(
    matcher: Matcher, sets: BothSets, codes: np.ndarray, roots: tuple[Path, Path], progress: bool
) -> Iterator[np.ndarray]:
    """(b, 3) what `MEASURED` says of the pairs, batch by batch, in order."""
    load = lru_cache(KEPT)(_loader(sets, roots))

    def compare(begin: int) -> np.ndarray:
        some = codes[begin : begin + matcher.at_once]
        pairs, places = sets.pairs(some), np.stack(sets.places(some), axis=1).tolist()
        return np.array(
            [
                _compare(*pair, matches, lambda places=both: tuple(load(place) for place in places))
                for pair, matches, both in zip(pairs, matcher.match(pairs), places, strict=True)
            ],
            dtype=np.float32,
        )

    begins = range(0, len(codes), matcher.at_once)
    with threadpool_limits(1, "blas"):  # see `pair_scores`
        workers = None if matcher.threads else 1
        yield from map_in_threads(
            compare, begins, title="same photographs", unit="part", workers=workers, progress=progress
        )


def correlate(first: np.ndarray, second: np.ndarray, fitted: np.ndarray) -> tuple[float, float, float]:
    """How alike two photographs are where an affine map lays one over the other.

    Args:
        first, second: (h, w) uint8 grey, each of its own size.
        fitted: (2, 3), from px of the first to px of the second.

    Returns:
        correlation: Pearson's, of the pixels that both show, -1 ... 1; NaN where these are too few, one of them is flat
            there, or the map stretches too much to lie between two photographs (`STRETCH`).
        everywhere: correlation within a square of `SQUARE_PX` that three quarters of the squares reach which both show
            and where neither is flat; NaN where there are none.
        overlap: share of the smaller photograph that both show, 0 ... 1.
    """
    stretches = np.linalg.svd(fitted[:, :2], compute_uv=False)
    if stretches[0] > STRETCH or stretches[1] < 1 / STRETCH:
        return UNKNOWN
    by = float(np.sqrt(stretches.prod()))  # px of the second for one of the first
    if by < 1:
        first, second, fitted, by = second, first, cv2.invertAffineTransform(fitted), 1 / by
    share = first.size * by**2 / second.size  # of the second's area, the whole first
    laid, covered = _laid_over(second, fitted, by, first.shape)
    overlap = float(min(covered.mean() * max(share, 1.0), 1.0))
    ours, theirs = first[covered].astype(np.float64), laid[covered].astype(np.float64)
    if overlap < LEAST_SHARE or min(ours.std(), theirs.std()) < LEAST_SPREAD:
        return *UNKNOWN[:2], overlap
    return float(np.corrcoef(ours, theirs)[0, 1]), _everywhere(first, laid, covered), overlap


def _everywhere(ours: np.ndarray, theirs: np.ndarray, covered: np.ndarray) -> float:
    """Lower quartile of the correlations within squares (see `correlate`) of two photographs (h, w) in one frame."""
    within = (_squares(covered) > 0).all(axis=1)
    one, other = (_squares(photo)[within].astype(np.float64) for photo in (ours, theirs))
    one, other = (squares - squares.mean(axis=1, keepdims=True) for squares in (one, other))
    spread = np.sqrt((one**2).mean(axis=1)), np.sqrt((other**2).mean(axis=1))
    told = np.minimum(*spread) >= LEAST_SPREAD
    if not told.any():
        return float("nan")
    return float(np.quantile((one * other).mean(axis=1)[told] / (spread[0] * spread[1])[told], 0.25))


def _squares(pixels: np.ndarray) -> np.ndarray:
    """(n, SQUARE_PX²) of (h, w), cut into squares; what is left at the edges is dropped."""
    rows, columns = pixels.shape[0] // SQUARE_PX, pixels.shape[1] // SQUARE_PX
    whole = pixels[: rows * SQUARE_PX, : columns * SQUARE_PX].reshape(rows, SQUARE_PX, columns, SQUARE_PX)
    return whole.swapaxes(1, 2).reshape(rows * columns, SQUARE_PX**2)


def _laid_over(
    photo: np.ndarray, fitted: np.ndarray, by: float, shape: tuple[int, int]
) -> tuple[np.ndarray, np.ndarray]:
    """The finer photograph in the frame (h, w) of the coarser, and which pixels (h, w) bool it covers.

    It is shrunk to the coarser's px first: what only one of them resolves would count against them.
    """
    size = max(round(photo.shape[1] / by), 1), max(round(photo.shape[0] / by), 1)
    small = cv2.resize(photo, size, interpolation=cv2.INTER_AREA)
    scale = np.array([[size[0] / photo.shape[1]], [size[1] / photo.shape[0]]])
    middle = np.array([[0.0, 0.0, 0.5], [0.0, 0.0, 0.5]])  # the first pixel's middle is 0, 0 before and after
    to_small = (fitted + middle) * scale - middle
    how = {"dsize": shape[::-1], "flags": cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP}
    covered = cv2.warpAffine(np.full_like(small, 255), to_small, **how) == 255
    return cv2.warpAffine(small, to_small, **how), covered


def _compare(
    ours: Keypoints, theirs: Keypoints, matches: Matches, load: Callable[[], tuple[np.ndarray, ...]]
) -> tuple[float, float, float]:
    """`MEASURED` of two photographs, which are loaded only where their matches fit a map."""
    fitted, agree = fit_affine(ours.xy[matches.first], theirs.xy[matches.second], ours.size, theirs.size)
    if fitted is None or agree.sum() < LEAST_INLIERS:
        return UNKNOWN
    photos = load()
    # From the map between the photographs that keypoints are of to that between them as loaded.
    scales = [max(p.shape) / max(k.size) for p, k in zip(photos, (ours, theirs), strict=True)]
    fitted = np.hstack([fitted[:, :2] * (scales[1] / scales[0]), fitted[:, 2:] * scales[1]])
    return correlate(*photos, fitted)


def _best(query: np.ndarray, inliers: np.ndarray, candidates: int) -> np.ndarray:
    """(c,) positions of the pairs with most inliers of each query, with enough of them, ascending."""
    enough = np.flatnonzero(np.nan_to_num(np.asarray(inliers, np.float64), nan=0) >= LEAST_INLIERS)
    order = enough[np.lexsort((-inliers[enough], query[enough]))]
    _, begins, counts = np.unique(query[order], return_index=True, return_counts=True)
    rank = np.arange(len(order)) - np.repeat(begins, counts)
    return np.sort(order[rank < candidates])


def _loader(sets: BothSets, roots: tuple[Path, Path]) -> Callable[[int], np.ndarray]:
    """Place -> grey photograph, its longer side `SIDE_PX`, cut to its bbox as the extractor saw it."""
    paths = [side.rows[PATH].tolist() for side in sets.sets]
    boxes = [side.rows[BBOX].tolist() if BBOX in side.rows else [None] * len(side) for side in sets.sets]

    def load(place: int) -> np.ndarray:
        side, at = sets.find(place)
        box = boxes[side][at] if isinstance(boxes[side][at], str) else None
        photo = load_image(locate(roots[side], paths[side][at]), bbox=box, max_side_px=SIDE_PX)
        return cv2.cvtColor(photo, cv2.COLOR_RGB2GRAY)

    return load
