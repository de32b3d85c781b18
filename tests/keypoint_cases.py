"""Keypoints made by hand or at random, for the tests of local matching."""

import numpy as np
import pandas as pd

from reid_lib.core.names import DATASET, IDENTITY, IMAGE_ID, INDIVIDUAL
from reid_lib.match.keypoints import Keypoints, KeypointSet


def keypoints_of(descriptors, size=(64, 48)) -> Keypoints:
    """Keypoints with these descriptors, (n, d), at places drawn from a seed."""
    descriptors = np.atleast_2d(np.asarray(descriptors))
    n, rng = len(descriptors), np.random.default_rng(len(descriptors))
    xy = (rng.random((n, 2)) * (np.array(size) - 1)).astype(np.float32)
    strength = np.sort(rng.random(n).astype(np.float32))[::-1]
    return Keypoints(xy, np.ones(n, np.float32), np.zeros(n, np.float32), strength, descriptors, size)


def rows_of(individuals, prefix="i", dataset="d") -> pd.DataFrame:
    """A row for each; `dataset` one name, or one for each."""
    n = len(individuals)
    datasets = [dataset] * n if isinstance(dataset, str) else list(dataset)
    return pd.DataFrame(
        {
            IMAGE_ID: [f"{prefix}{k}" for k in range(n)],
            DATASET: datasets,
            IDENTITY: list(individuals),
            INDIVIDUAL: [f"{where}/{who}" for where, who in zip(datasets, individuals, strict=True)],
        }
    )


def set_of(descriptors, individuals, prefix="i", dataset="d") -> KeypointSet:
    """A set of photographs with these descriptors each."""
    rows = rows_of(individuals, prefix, dataset)
    found = [keypoints_of(np.asarray(each, dtype=np.uint8).reshape(-1, 128)) for each in descriptors]
    return KeypointSet.of(found, rows, [f"{prefix}{k}" for k in range(len(rows))])
