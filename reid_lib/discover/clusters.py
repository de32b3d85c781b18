"""Clusters of photographs whose animals nobody has named: connected components above a threshold."""

import numpy as np
import pandas as pd

from reid_lib.core.names import IMAGE_ID
from reid_lib.embed.embedding_set import EmbeddingSet

BLOCK_ROWS = 1024  # new queries compared with all others at a time


def components(queries: EmbeddingSet, image_ids: list[str], threshold: float | None) -> np.ndarray:
    """Number of the group of each image: groups are joined by similarities of at least the threshold."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    place = pd.Series(np.arange(len(queries)), index=queries.rows[IMAGE_ID])
    features = queries.features[place[image_ids].to_numpy()]
    pairs = []
    for start in range(0, len(features), BLOCK_ROWS):
        block = features[start : start + BLOCK_ROWS] @ features.T
        alike = block >= (np.inf if threshold is None else threshold)
        first, second = np.nonzero(alike)
        pairs.append(np.stack([first + start, second]))
    first, second = np.concatenate(pairs, axis=1)
    graph = coo_array((np.ones(len(first), dtype=bool), (first, second)), shape=(len(features), len(features)))
    return connected_components(graph, directed=False)[1]
