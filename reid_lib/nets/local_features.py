"""Keypoints and descriptors by networks: ALIKED, DISK and XFeat of kornia, with packaged weights.

Zhao et al., "ALIKED", 2023; Tyszkiewicz et al., "DISK", 2020; Potje et al., "XFeat", 2024. `match.networks` makes an
`Extractor` of them.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from reid_lib.core.errors import ParameterError
from reid_lib.nets.packaged import WEIGHTS, import_local, load_weights
from reid_lib.nets.side_by_side import side_by_side

ALIKED, DISK, XFEAT = "aliked", "disk", "xfeat"
LEAST_PX = 32  # of the shorter side: DISK halves it four times and needs more than one cell then
LEAST_RANGE = (
    8  # grey levels between darkest and lightest; in a photograph with fewer, networks find keypoints in noise
)
AT_ONCE = {"cpu": 1, "cuda": 8}  # photographs of one size; on a CPU more of them only take memory


class Found(NamedTuple):
    """The keypoints of one photograph, the strongest first.

    Attributes:
        xy: (n, 2) float32 px; the middle of the first pixel is 0, 0.
        strength: (n,) float32, in the network's own unit.
        descriptors: (n, d) float32 of length 1.
    """

    xy: np.ndarray
    strength: np.ndarray
    descriptors: np.ndarray


@dataclass(frozen=True)
class _Kind:
    """One network, and how it is used.

    Attributes:
        weights: name in `packaged.WEIGHTS`.
        dim: length of a descriptor.
        build: (number of keypoints) -> network.
        run: (network, images (b, 3, h, w) in 0 ... 1, number of keypoints) -> for each image keypoints, strengths and
            descriptors, in any order and perhaps more than asked for.
    """

    weights: str
    dim: int
    build: Callable[[int], nn.Module]
    run: Callable[[nn.Module, Tensor, int], list[tuple[Tensor, Tensor, Tensor]]]


class LocalFeatures:
    """A network that finds keypoints, on a device.

    Args:
        features: "aliked", "disk" or "xfeat".
        device: "cpu" or "cuda".

    Raises:
        ParameterError: unknown features.
        ModelError: kornia or the weights are missing, or the weights are other ones.
    """

    def __init__(self, features: str, *, device: str = "cpu"):
        if features not in KINDS:
            raise ParameterError(f"features {features!r} are not known: expected one of {', '.join(KINDS)}")
        self.kind, self.device = KINDS[features], device
        self.dim = self.kind.dim
        self.key = f"{self.kind.weights} {WEIGHTS[self.kind.weights].sha256[:16]}"
        self._networks: dict[int, nn.Module] = {}
        self._network(1)  # so that what is missing is reported now, not at the first photograph

    def find(self, photos: list[np.ndarray], most: int) -> list[Found]:
        """The keypoints of each photograph.

        Args:
            photos: RGB uint8 (h, w, 3), each of its own size. One without contrast (all black), or with a side below
                32 px, has none.
            most: keypoints of a photograph, the strongest.
        """
        found = [Found(np.empty((0, 2), np.float32), np.empty(0, np.float32), np.empty((0, self.dim), np.float32))]
        found *= len(photos)
        groups: dict[tuple[int, ...], list[int]] = {}
        for k, photo in enumerate(photos):
            if min(photo.shape[:2]) >= LEAST_PX and int(photo.max()) - int(photo.min()) >= LEAST_RANGE:
                groups.setdefault(photo.shape, []).append(k)
        step, network = AT_ONCE.get(self.device, 1), self._network(most)
        parts = [alike[begin : begin + step] for alike in groups.values() for begin in range(0, len(alike), step)]
        with side_by_side(self.device, len(parts)) as map_all:
            answers = map_all(lambda part: self._run(network, [photos[k] for k in part], most), parts)
        for part, some in zip(parts, answers, strict=True):
            for k, answer in zip(part, some, strict=True):
                found[k] = answer
        return found

    @torch.inference_mode()
    def _run(self, network: nn.Module, photos: list[np.ndarray], most: int) -> list[Found]:
        """The keypoints of photographs of one size."""
        images = torch.from_numpy(np.stack(photos)).to(self.device).permute(0, 3, 1, 2).float() / 255
        return [_strongest_first(*answer, most) for answer in self.kind.run(network, images, most)]

    def _network(self, most: int) -> nn.Module:
        if most not in self._networks:
            self._networks[most] = self.kind.build(most).to(self.device).eval().requires_grad_(False)
        return self._networks[most]


def _strongest_first(xy: Tensor, strength: Tensor, descriptors: Tensor, most: int) -> Found:
    order = torch.argsort(strength, descending=True, stable=True)[:most]
    return Found(*(t[order].float().cpu().numpy() for t in (xy, strength, descriptors)))


def _build_aliked(most: int) -> nn.Module:
    # Without a threshold it returns as many keypoints as asked for, however weak, which is what matchers want.
    network = import_local("kornia.feature").ALIKED("aliked-n16", max_num_keypoints=most, detection_threshold=0.0)
    derived = {"dkd.hw_grid": network.dkd.hw_grid}  # a buffer that follows from the radius, and is not in the file
    network.load_state_dict(load_weights("aliked-n16") | derived)
    return network


def _run_aliked(network: nn.Module, images: Tensor, most: int) -> list[tuple[Tensor, Tensor, Tensor]]:
    return [(f.keypoints, f.keypoint_scores, f.descriptors) for f in network(images)]


def _build_disk(most: int) -> nn.Module:
    network = import_local("kornia.feature").DISK()
    network.load_state_dict(load_weights("disk")["extractor"])
    return network


def _run_disk(network: nn.Module, images: Tensor, most: int) -> list[tuple[Tensor, Tensor, Tensor]]:
    found = network(images, n=most, pad_if_not_divisible=True)
    return [(f.keypoints, f.detection_scores, f.descriptors) for f in found]


def _build_xfeat(most: int) -> nn.Module:
    network = import_local("kornia.feature").XFeat(top_k=most)
    network.net.load_state_dict(load_weights("xfeat"))
    return network


def _run_xfeat(network: nn.Module, images: Tensor, most: int) -> list[tuple[Tensor, Tensor, Tensor]]:
    found = network.detectAndCompute(images, top_k=most)
    return [(f["keypoints"], f["scores"], f["descriptors"]) for f in found]


KINDS = {
    ALIKED: _Kind("aliked-n16", 128, _build_aliked, _run_aliked),
    DISK: _Kind("disk", 128, _build_disk, _run_disk),
    XFEAT: _Kind("xfeat", 64, _build_xfeat, _run_xfeat),
}
