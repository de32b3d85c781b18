"""Clusters: images joined by similarities of at least the threshold, directly or through others."""

import numpy as np
import pandas as pd
import pytest

from reid_lib.discover import clusters
from reid_lib.embed.embedding_set import EmbeddingSet
from reid_lib.match.cosine import Cosine


def at(degrees) -> EmbeddingSet:
    angles = np.radians(degrees)
    rows = pd.DataFrame({"image_id": [f"i{k}" for k in range(len(angles))]})
    return EmbeddingSet(np.stack([np.cos(angles), np.sin(angles)], axis=1), rows)


def groups(labels, ids) -> set[frozenset]:
    return {frozenset(i for i, label in zip(ids, labels, strict=True) if label == one) for one in set(labels)}


class OnlyBlocks:
    """A similarity that has nothing but what every one has."""

    unit = "cosine"

    def __init__(self, similarity):
        self.queries, self.gallery, self.blocks = similarity.queries, similarity.gallery, similarity.blocks


@pytest.mark.parametrize("kind", [lambda similarity: similarity, OnlyBlocks])
@pytest.mark.parametrize("max_bytes", [1, 300, 2**28])
def test_a_chain_is_one_cluster_whatever_the_blocks(kind, max_bytes):
    embeddings, ids = at([0, 10, 0, 20, 90, 95]), ["i5", "i0", "i3", "i1", "i4"]
    similarity, level = kind(Cosine(embeddings, embeddings)), np.cos(np.radians(11))
    found = clusters.find_components(similarity, ids, level, max_bytes=max_bytes)
    assert groups(found, ids) == {frozenset({"i0", "i1", "i3"}), frozenset({"i4", "i5"})}
    assert found.tolist() == [0, 1, 1, 1, 0]  # numbered as they appear


def test_without_a_threshold_each_image_stands_alone():
    embeddings = at([0, 0, 0])
    found = clusters.find_components(Cosine(embeddings, embeddings), ["i0", "i1", "i2"], None)
    assert found.tolist() == [0, 1, 2]
