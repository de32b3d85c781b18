"""Geometric verification of matches: how many of them one geometry explains (MAGSAC++ of OpenCV).

Barath et al., "MAGSAC++, a fast, reliable and accurate robust estimator", CVPR 2020. An animal's flank is nearly flat
and bends a little: an affine map with a generous tolerance fits it from few matches, where a homography or a
fundamental matrix, which bind less, find one in mere chance.
"""

import cv2
import numpy as np

FORMAT = 1  # raised whenever the same matches would have other inliers
SIDE = 1000.0  # the longer side of a photograph in units that OpenCV's own thresholds suit
TOLERANCE = 0.03  # of the longer side
LEAST = 3  # matches that fix an affine map; of so few all agree with it, and say nothing
MOST_TURNS = 2_000  # random samples that are tried
CONFIDENT = 0.999  # that the best was among them


def find_inliers(
    first: np.ndarray, second: np.ndarray, first_size: tuple[int, int], second_size: tuple[int, int]
) -> np.ndarray:
    """Which matches agree with the best affine map from one photograph to the other; the same at every call.

    Args:
        first, second: (m, 2) float, px: places of the matches in both photographs.
        first_size, second_size: width and height of the photographs in px.

    Returns:
        (m,) bool; none where there are too few matches to say, or no map is found.
    """
    return fit_affine(first, second, first_size, second_size)[1]


def fit_affine(
    first: np.ndarray, second: np.ndarray, first_size: tuple[int, int], second_size: tuple[int, int]
) -> tuple[np.ndarray | None, np.ndarray]:
    """The affine map that explains most matches, and which these are; see `find_inliers`.

    Returns:
        map: (2, 3) float64, from px of the first photograph to px of the second; None where none is found.
        inliers: (m,) bool.
    """
    nothing = None, np.zeros(len(first), dtype=bool)
    if len(first) <= LEAST:
        return nothing
    # Each by its own longer side, so that the tolerance means the same for photographs of any size.
    scales = SIDE / max(first_size), SIDE / max(second_size)
    ours, theirs = (np.asarray(xy, np.float64) * scale for xy, scale in zip((first, second), scales, strict=True))
    try:
        found, inliers = cv2.estimateAffine2D(ours, theirs, _settings())
    except cv2.error:  # all matches in one place, or on one line
        return nothing
    if found is None or not np.isfinite(found).all() or inliers.sum() <= LEAST:
        return nothing
    return _in_px(found, *scales), inliers.ravel().astype(bool)


def _settings() -> cv2.UsacParams:
    settings = cv2.UsacParams()
    settings.score, settings.sampler = cv2.SCORE_METHOD_MAGSAC, cv2.SAMPLING_UNIFORM
    settings.loMethod, settings.final_polisher = cv2.LOCAL_OPTIM_SIGMA, cv2.MAGSAC
    settings.threshold, settings.confidence, settings.maxIterations = TOLERANCE * SIDE, CONFIDENT, MOST_TURNS
    settings.isParallel, settings.randomGeneratorState = False, 0
    return settings


def _in_px(found: np.ndarray, first_scale: float, second_scale: float) -> np.ndarray:
    return np.hstack([found[:, :2] * first_scale, found[:, 2:]]) / second_scale


def key() -> str:
    """All that inliers depend on beside the matches."""
    return f"verified {FORMAT} {TOLERANCE:g} opencv {cv2.__version__}"
