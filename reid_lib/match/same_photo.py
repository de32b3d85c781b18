"""One photograph on both sides: a query that is a copy of a gallery image, or another crop of it.

Such a pair says nothing of recognition: it is reported, and left out on demand. Its sign: an affine map of the matches
lays one over the other, and there the pixels agree.
"""

from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np
import pandas as pd

from reid_lib.core.names import BBOX, IMAGE_ID, PATH
from reid_lib.core.parallel import map_in_threads
from reid_lib.data.pixels import load_image
from reid_lib.match.keypoints import Keypoints, KeypointSet
from reid_lib.match.matches import Matcher
from reid_lib.match.verify import fit_affine

ALIKE = 0.8  # correlation of the pixels, above which two are one photograph
SIDE_PX = 256  # photographs are compared at this longer side
LEAST_SHARE = 0.05  # of the smaller photograph, that both show
LEAST_INLIERS = 8  # of the matches: with fewer, chance fits a map
LEAST_SPREAD = 2.0  # grey levels: where all is flat, no correlation means anything
STRETCH = 10.0  # a map that stretches more, or folds over, is none of photographs
CANDIDATES = 3  # of each query are looked at
KEPT = 256  # photographs in memory


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

    Args:
        matcher: who matched them.
        queries, gallery: keypoints with rows (`image_id`, `path`, `bbox` where there is one).
        query, image: (p,) positions of pairs.
        inliers: (p,) what each pair scored by geometry (`matches.INLIERS`); NaN: not matched.
        roots: folders of the photographs of queries and of the gallery.
        candidates: pairs of each query that are looked at, those with most inliers.
        progress: show a bar.

    Returns:
        One row for each pair found: `query`, `image` (positions), `query_id`, `gallery_id`, `correlation`, `overlap`
        (share of the smaller photograph that both show); by query, then by falling correlation.

    Raises:
        UnreadablePhoto: a file cannot be decoded.
    """
    chosen = _best(query, inliers, candidates)
    load = [lru_cache(KEPT)(_loader(some, root)) for some, root in zip((queries, gallery), roots, strict=True)]

    def compare(k: int) -> tuple[float, float]:
        q, i = int(query[k]), int(image[k])
        return _compare(matcher, queries[q], gallery[i], lambda: (load[0](q), load[1](i)))

    workers = None if matcher.threads else 1
    found = map_in_threads(compare, chosen.tolist(), title="same photographs", workers=workers, progress=progress)
    measured = np.array(list(found), dtype=np.float64).reshape(-1, 2)
    table = pd.DataFrame({"query": query[chosen], "image": image[chosen]})
    table["query_id"] = queries.rows[IMAGE_ID].to_numpy()[table["query"]]
    table["gallery_id"] = gallery.rows[IMAGE_ID].to_numpy()[table["image"]]
    table["correlation"], table["overlap"] = measured.T
    table = table[table["correlation"] > ALIKE]
    return table.sort_values(["query", "correlation"], ascending=[True, False], kind="stable", ignore_index=True)


def correlate(first: np.ndarray, second: np.ndarray, fitted: np.ndarray) -> tuple[float, float]:
    """How alike two photographs are where an affine map lays one over the other.

    Args:
        first, second: (h, w) uint8 grey, each of its own size.
        fitted: (2, 3), from px of the first to px of the second.

    Returns:
        correlation: Pearson's, of the pixels that both show, -1 ... 1; NaN where these are too few, one of them is flat
            there, or the map is none that lies between photographs.
        overlap: share of the smaller photograph that both show, 0 ... 1.
    """
    stretches = np.linalg.svd(fitted[:, :2], compute_uv=False)
    if stretches[0] > STRETCH or stretches[1] < 1 / STRETCH:
        return float("nan"), 0.0
    by = float(np.sqrt(stretches.prod()))  # px of the second for one of the first
    if by < 1:
        first, second, fitted, by = second, first, cv2.invertAffineTransform(fitted), 1 / by
    share = first.size * by**2 / second.size  # of the second's area, the whole first
    laid, covered = _laid_over(second, fitted, by, first.shape)
    overlap = float(min(covered.mean() * max(share, 1.0), 1.0))
    ours, theirs = first[covered].astype(np.float64), laid[covered].astype(np.float64)
    if overlap < LEAST_SHARE or min(ours.std(), theirs.std()) < LEAST_SPREAD:
        return float("nan"), overlap
    return float(np.corrcoef(ours, theirs)[0, 1]), overlap


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
    matcher: Matcher, ours: Keypoints, theirs: Keypoints, load: Callable[[], tuple[np.ndarray, np.ndarray]]
) -> tuple[float, float]:
    """Correlation and overlap of two photographs, which are loaded only where their matches fit a map."""
    matches = matcher.match([(ours, theirs)])[0]
    fitted, agree = fit_affine(ours.xy[matches.first], theirs.xy[matches.second], ours.size, theirs.size)
    if fitted is None or agree.sum() < LEAST_INLIERS:
        return float("nan"), 0.0
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


def _loader(keypoints: KeypointSet, root: Path) -> Callable[[int], np.ndarray]:
    """Position -> grey photograph, its longer side `SIDE_PX`, cut to its bbox as the extractor saw it."""
    paths = keypoints.rows[PATH].tolist()
    boxes = keypoints.rows[BBOX].tolist() if BBOX in keypoints.rows else [None] * len(paths)

    def load(k: int) -> np.ndarray:
        box = boxes[k] if isinstance(boxes[k], str) else None
        return cv2.cvtColor(load_image(root / paths[k], bbox=box, max_side_px=SIDE_PX), cv2.COLOR_RGB2GRAY)

    return load
