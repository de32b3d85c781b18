"""Keypoints and matches by networks: ALIKED, DISK and XFeat with LightGlue and LighterGlue. Needs the extra `local`."""

import numpy as np

from reid_lib.core.errors import ParameterError
from reid_lib.match import verify
from reid_lib.match.keypoints import Keypoints
from reid_lib.match.matches import NAMES, Matches, Pair, score_matches

FORMAT = 1  # raised whenever the same settings would give other keypoints or matches
SPARE = 4  # times as many keypoints are found under a mask, so that as many are left on the animal
SURE = 0.5  # confidence of a match that is counted
PAIRS_AT_ONCE = {"cpu": 16, "cuda": 128}  # 256 keypoints each


class NetworkFeatures:
    """Keypoints of a network, as an `Extractor` of `keypoints`.

    Args:
        features: "aliked", "disk" or "xfeat".
        device: "cpu" or "cuda".
        max_keypoints: the strongest are taken.
        max_side_px: of a photograph; larger ones are shrunk to it.

    Raises:
        ParameterError: unknown features, or a number below its range.
        ModelError: the extra `local` is not installed, or the weights are other ones.
    """

    threads = False

    def __init__(self, features: str, *, device: str = "cpu", max_keypoints: int = 256, max_side_px: int = 512):
        from reid_lib.nets.local_features import LEAST_PX, LocalFeatures

        for name, value, least in (("max_keypoints", max_keypoints, 1), ("max_side_px", max_side_px, LEAST_PX)):
            if value < least:
                raise ParameterError(f"{name} must be at least {least}, got {value}")
        self._network = LocalFeatures(features, device=device)
        self.max_keypoints, self.max_side_px = max_keypoints, max_side_px
        self.at_once = 8 if device == "cpu" else 32
        self.key = f"{self._network.key} {FORMAT} {max_keypoints} {device}"

    def extract(self, photos: list[np.ndarray], masks: list[np.ndarray | None]) -> list[Keypoints]:
        """See `keypoints.Extractor.extract`."""
        masked = any(mask is not None for mask in masks)
        found = self._network.find(photos, self.max_keypoints * (SPARE if masked else 1))
        keypoints = []
        for photo, mask, (xy, strength, descriptors) in zip(photos, masks, found, strict=True):
            none = np.zeros(len(xy), np.float32)
            size = photo.shape[1], photo.shape[0]
            all_of_it = Keypoints(xy, none, none, strength, descriptors.astype(np.float16), size)
            on_animal = all_of_it if mask is None else all_of_it.on(mask)
            keypoints.append(on_animal.take(np.arange(min(len(on_animal), self.max_keypoints))))
        return keypoints


class GlueMatcher:
    """LightGlue (ALIKED, DISK) or LighterGlue (XFeat), as a `Matcher` of `matches`.

    Args:
        features: "aliked", "disk" or "xfeat": whose keypoints are matched.
        device: "cpu" or "cuda".
        how: `depth_confidence`, `width_confidence` and `threshold` of `nets.lightglue.LightGlue`.

    Raises:
        ParameterError: unknown features.
        ModelError: the extra `local` is not installed, or the weights are other ones.
    """

    names = NAMES
    threads = False

    def __init__(self, features: str, *, device: str = "cpu", **how: float):
        from reid_lib.nets.lightglue import LightGlue

        self._glue = LightGlue(features, device=device, **how)
        self.at_once = PAIRS_AT_ONCE.get(device, 32)
        self.key = f"{self._glue.key} {FORMAT} {SURE:g} {device} {verify.key()}"

    def match(self, pairs: list[Pair]) -> list[Matches]:
        """See `matches.Matcher.match`.

        Raises:
            ParameterError: descriptors of another length than the network takes.
        """
        from reid_lib.nets.lightglue import Spots

        spots: dict[int, Spots] = {}
        for keypoints in (keypoints for pair in pairs for keypoints in pair):
            if keypoints.descriptors.shape[1] != self._glue.input_dim:
                raise ParameterError(
                    f"{self._glue.features} has descriptors of {self._glue.input_dim} numbers, these keypoints have "
                    f"{keypoints.descriptors.shape[1]}: match keypoints by the network that is made for them"
                )
            spots.setdefault(id(keypoints), Spots(keypoints.xy, keypoints.descriptors, keypoints.size))
        found = self._glue.match([(spots[id(a)], spots[id(b)]) for a, b in pairs])
        return [score_matches(pair, *matched, sure=SURE) for pair, matched in zip(pairs, found, strict=True)]
