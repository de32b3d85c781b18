"""Embeddings at given angles, or at random with ties, for the tests of predictions and thresholds."""

import numpy as np
import pandas as pd

from reid_lib.core.names import DATASET, IDENTITY, IMAGE_ID, INDIVIDUAL, ORIENTATION, ROLE, VAL
from reid_lib.embed.embedding_set import EmbeddingSet


def at_angles(*rows, role=VAL):
    """An embedding set from (image_id, dataset, identity, angle in degrees): the cosine is that of the difference."""
    frame = pd.DataFrame(rows, columns=[IMAGE_ID, DATASET, IDENTITY, "angle"])
    frame[INDIVIDUAL] = [None if i is None else f"{d}/{i}" for _, d, i, _ in rows]
    frame[ROLE] = role
    angles = np.deg2rad(frame.pop("angle").to_numpy(dtype=float))
    return EmbeddingSet(np.stack([np.cos(angles), np.sin(angles)], axis=1), frame)


def random_sets(seed):
    """Queries and gallery of two data sets that share identity names, with exact duplicates."""
    rng = np.random.default_rng(seed)
    sets = {}
    for what, n in (("q", 40), ("g", 50)):
        features = rng.normal(size=(n, 6)).round(0).astype(np.float32) + 0.5  # coarse, so that cosines tie
        rows = pd.DataFrame(
            {
                IMAGE_ID: [f"{what}{i:02d}" for i in rng.permutation(n)],
                DATASET: rng.choice(["a", "b"], n),
                IDENTITY: [f"animal {i}" for i in rng.integers(0, 9 if what == "g" else 14, n)],
                ORIENTATION: rng.choice(["left", "right"], n),
            }
        )
        if what == "q":
            rows.loc[::7, IDENTITY] = None
        sets[what] = EmbeddingSet(features / np.linalg.norm(features, axis=1, keepdims=True), rows)
    return sets["q"], sets["g"]
