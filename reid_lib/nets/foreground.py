"""Which pixels belong to the animal: U²-Net-p by onnxruntime (Qin et al., "U²-Net", Pattern Recognition 2020).

Its weights are a file of a package, which is found by path: the package's import name is also that of another one.
"""

import numpy as np
from PIL import Image

from reid_lib.core.parallel import map_in_threads
from reid_lib.nets.packaged import WEIGHTS, find_weights, import_local

SIDE_PX = 320  # of what the network takes
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
FORMAT = 1  # raised whenever the same photograph would get another mask
LEAST_RANGE = 1e-3  # of the network's answer, highest minus lowest; below this, nothing stands out


class U2NetP:
    """Finds what stands out in a photograph: the animal, where it is the subject. A `Masker` of `match.keypoints`.

    Where nothing stands out, or so little that hardly a keypoint would be left, the mask is the whole photograph: a
    mask that failed takes nothing away.

    Args:
        threshold: of `rate`, 0 ... 1, above which a pixel belongs to the animal.
        least_share: of the pixels; a mask with fewer is taken for a failure.

    Raises:
        ModelError: onnxruntime or the weights are missing, or the weights are other ones.
    """

    def __init__(self, *, threshold: float = 0.5, least_share: float = 0.01):
        runtime = import_local("onnxruntime")
        options = runtime.SessionOptions()
        options.intra_op_num_threads = 1  # photographs are masked in parallel
        options.log_severity_level = 3  # errors only: it warns of GPUs that it is not to use
        self._session = runtime.InferenceSession(
            str(find_weights("u2netp")), sess_options=options, providers=["CPUExecutionProvider"]
        )
        self._input = self._session.get_inputs()[0].name
        self.threshold, self.least_share = threshold, least_share
        self.key = f"u2netp {FORMAT} {WEIGHTS['u2netp'].sha256[:16]} {threshold:g} {least_share:g}"

    def find(self, photos: list[np.ndarray]) -> list[np.ndarray]:
        """(h, w) bool of each photograph (h, w, 3) RGB uint8: true where the animal is."""
        return list(map_in_threads(self._find, photos, title="finding the animal", progress=False))

    def rate(self, photo: np.ndarray) -> np.ndarray:
        """How much each pixel of a photograph (h, w, 3) stands out: (h, w) float32, 0 ... 1; all 0 where none does."""
        small = Image.fromarray(photo).resize((SIDE_PX, SIDE_PX), Image.Resampling.LANCZOS)
        pixels = np.asarray(small, dtype=np.float32)
        pixels = pixels / max(float(pixels.max()), 1.0)  # as the network was trained: the lightest pixel is 1
        pixels = (pixels - np.float32(MEAN)) / np.float32(STD)
        answer = self._session.run(None, {self._input: pixels.transpose(2, 0, 1)[None]})[0][0, 0]
        low, high = float(answer.min()), float(answer.max())
        if high - low < LEAST_RANGE:
            return np.zeros(photo.shape[:2], np.float32)
        stretched = Image.fromarray(((answer - low) / (high - low)).astype(np.float32))
        size = photo.shape[1], photo.shape[0]
        return np.asarray(stretched.resize(size, Image.Resampling.BILINEAR), dtype=np.float32)

    def _find(self, photo: np.ndarray) -> np.ndarray:
        mask = self.rate(photo) > self.threshold
        return mask if mask.mean() >= self.least_share else np.ones_like(mask)
