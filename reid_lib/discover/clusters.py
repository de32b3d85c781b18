"""Clusters of photographs whose animals nobody has named: connected components above a threshold."""

import numpy as np
import pandas as pd

from reid_lib.core.names import IMAGE_ID
from reid_lib.match.similarity import Estimable, Similarity


def find_components(
    similarity: Similarity, image_ids: list[str], threshold: float | None, *, max_bytes: int = 2**28
) -> np.ndarray:
    """Groups of images joined by similarities of at least the threshold, directly or through others.

    Args:
        similarity: of images with themselves: its queries and its gallery are the same rows.
        image_ids: n of these images.
        threshold: in the unit of the similarity; None joins nothing.
        max_bytes: bound of the working memory, in bytes.

    Returns:
        (n,) int: number of each image's group, from 0, in the order in which groups appear in `image_ids`.
    """
    labels = np.arange(len(image_ids))
    if threshold is None or len(image_ids) < 2:
        return labels
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    place = pd.Series(np.arange(len(similarity.queries)), index=similarity.queries[IMAGE_ID].to_numpy())
    chosen = place[image_ids].to_numpy()
    if isinstance(similarity, Estimable):
        similarity, chosen = similarity.part(chosen, chosen), labels.copy()
    for start, stop, block in similarity.blocks(max_bytes=max_bytes):
        here = np.flatnonzero((chosen >= start) & (chosen < stop))
        first, second = np.nonzero(block[chosen[here] - start][:, chosen] >= threshold)
        edges = np.ones(len(first), dtype=bool), (labels[here[first]], labels[second])
        labels = connected_components(coo_array(edges, shape=(len(labels), len(labels))), directed=False)[1][labels]
    return pd.factorize(labels)[0]
