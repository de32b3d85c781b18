"""Clusters: images joined by similarities of at least the threshold, directly or through others."""

import numpy as np
import pandas as pd
import pytest

from reid_lib.discover import clusters
from reid_lib.embed.embedding_set import EmbeddingSet


def at(degrees) -> EmbeddingSet:
    angles = np.radians(degrees)
    rows = pd.DataFrame({"image_id": [f"i{k}" for k in range(len(angles))]})
    return EmbeddingSet(np.stack([np.cos(angles), np.sin(angles)], axis=1), rows)


def groups(labels, ids) -> set[frozenset]:
    return {frozenset(i for i, label in zip(ids, labels, strict=True) if label == one) for one in set(labels)}


@pytest.mark.parametrize("block", [1, 2, 1024])
def test_a_chain_is_one_cluster_whatever_the_blocks(monkeypatch, block):
    monkeypatch.setattr(clusters, "BLOCK_ROWS", block)
    queries, ids = at([0, 10, 20, 90, 95]), ["i4", "i0", "i2", "i1", "i3"]
    found = clusters.components(queries, ids, np.cos(np.radians(11)))
    assert groups(found, ids) == {frozenset({"i0", "i1", "i2"}), frozenset({"i3", "i4"})}


def test_without_a_threshold_each_image_stands_alone():
    assert len(set(clusters.components(at([0, 0, 0]), ["i0", "i1", "i2"], None))) == 3
