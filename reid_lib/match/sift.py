"""RootSIFT: keypoints without a network, by OpenCV (Lowe, IJCV 2004; Arandjelović & Zisserman, CVPR 2012)."""

from dataclasses import dataclass

import cv2
import numpy as np

from reid_lib.core.errors import ParameterError
from reid_lib.match.keypoints import Keypoints

FORMAT = 1  # raised whenever the same settings would find other keypoints
DIM = 128
# A descriptor has length 1; in steps of 1 / 512 its numbers fit into a byte, but for the few above one half.
STEPS = 512


@dataclass(frozen=True)
class RootSift:
    """SIFT's keypoints, with the square root of each descriptor's shares (RootSIFT). Needs no weights; on the CPU.

    Args:
        max_keypoints: the strongest are taken.
        max_side_px: of a photograph; larger ones are shrunk to it.
        contrast_threshold: OpenCV's; lower ones find keypoints in flat parts, too.
        edge_threshold: OpenCV's; higher ones find more along edges.
        upright: describe all keypoints without turning them: every angle is 0.

    Raises:
        ParameterError: a setting below its range.

    Example:
        >>> found = RootSift().extract([np.zeros((64, 64, 3), np.uint8)], [None])
        >>> len(found[0])  # nothing is to be seen in the dark
        0
    """

    max_keypoints: int = 600
    max_side_px: int = 512
    contrast_threshold: float = 0.04
    edge_threshold: float = 10.0
    upright: bool = False

    at_once = 4
    threads = True

    def __post_init__(self):
        for name, least in (
            ("max_keypoints", 1),
            ("max_side_px", 16),
            ("contrast_threshold", 0),
            ("edge_threshold", 1),
        ):
            if not getattr(self, name) >= least:
                raise ParameterError(f"{name} must be at least {least}, got {getattr(self, name)}")

    @property
    def size(self) -> dict[str, int]:
        """What fits were made with and must be asked with: `max_keypoints` and `max_side_px`."""
        return {"max_keypoints": self.max_keypoints, "max_side_px": self.max_side_px}

    @property
    def key(self) -> str:
        """Method, settings and the version of OpenCV, which decides on the keypoints."""
        settings = (self.max_keypoints, self.contrast_threshold, self.edge_threshold, self.upright)
        return f"rootsift {FORMAT} {settings} opencv {cv2.__version__}"

    def extract(self, photos: list[np.ndarray], masks: list[np.ndarray | None]) -> list[Keypoints]:
        """See `keypoints.Extractor.extract`."""
        return [self._extract(photo, mask) for photo, mask in zip(photos, masks, strict=True)]

    def _extract(self, photo: np.ndarray, mask: np.ndarray | None) -> Keypoints:
        height, width = photo.shape[:2]
        grey = cv2.cvtColor(np.ascontiguousarray(photo), cv2.COLOR_RGB2GRAY)
        found, descriptors = self._detect(grey, None if mask is None else mask.astype(np.uint8))
        if not len(found):
            return Keypoints.none((width, height), DIM)
        table = np.array([(*k.pt, k.size, k.angle, k.response) for k in found], np.float32)
        order = np.lexsort((table[:, 3], table[:, 2], table[:, 1], table[:, 0], -table[:, 4]))[: self.max_keypoints]
        x, y, scale, angle, strength = np.ascontiguousarray(table[order].T)
        place = np.stack([x, y], axis=1), scale, np.deg2rad(angle), strength
        return Keypoints(*place, root_descriptors(descriptors[order]), (width, height))

    def _detect(self, grey: np.ndarray, mask: np.ndarray | None) -> tuple[list[cv2.KeyPoint], np.ndarray | None]:
        # OpenCV takes the strongest first and then those on the mask: all of them, where there is one.
        most = 0 if self.upright or mask is not None else self.max_keypoints
        sift = cv2.SIFT_create(most, 3, self.contrast_threshold, self.edge_threshold)
        if not self.upright:
            return sift.detectAndCompute(grey, mask)
        places = {(keypoint.pt, keypoint.size): keypoint for keypoint in sift.detect(grey, mask)}
        for keypoint in places.values():  # one for each place, however many angles were found there
            keypoint.angle = 0.0
        return sift.compute(grey, list(places.values())) if places else ((), None)


def root_descriptors(descriptors: np.ndarray) -> np.ndarray:
    """RootSIFT of SIFT: the square root of each number's share, so that Euclidean distance is Hellinger's.

    Args:
        descriptors: (n, 128) float, not negative.

    Returns:
        (n, 128) uint8 in steps of 1 / 512; one of zeros stays one.
    """
    total = descriptors.sum(axis=1, keepdims=True, dtype=np.float64)
    shares = descriptors / np.where(total > 0, total, 1)
    return np.minimum(np.rint(np.sqrt(shares) * STEPS), 255).astype(np.uint8)
