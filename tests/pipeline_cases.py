"""Photographs of noise, and their evaluation by a random backbone, for the tests of the pipeline."""

import os
from pathlib import Path

import numpy as np
from PIL import Image

from reid_lib.params.fields import EvaluateParams
from reid_lib.pipeline import data, steps, takeover


def write_photos(root: Path, counts: dict[str, int]) -> Path:
    rng = np.random.default_rng(0)
    for name, n in counts.items():
        (root / name).mkdir(parents=True)
        for k in range(n):
            pixels = rng.integers(0, 256, (40, 40, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(root / name / f"{k}.jpg")
    return root


def evaluate_frozen(tmp_path_factory, cache: Path, photographs: Path, **given):
    """(experiment, results) of a random backbone on a folder of photographs, fused with local scores, not finished."""
    old = {name: os.environ.get(name) for name in ("REID_RUNS", "REID_CACHE")}
    os.environ |= {"REID_RUNS": str(tmp_path_factory.mktemp("runs")), "REID_CACHE": str(cache)}
    try:
        small = {"backbone": "resnet10t", "pretrained": False, "image_size": 32, "dataset": "folder"}
        params = takeover.settle_params(EvaluateParams(**small | {"data_root": str(photographs)} | given))
        catalogue = data.read(params)
        experiment = steps.start(params, catalogue, data.split(catalogue, params))
        return experiment, steps.evaluate(experiment)
    finally:
        for name, value in old.items():
            os.environ.pop(name) if value is None else os.environ.__setitem__(name, value)
