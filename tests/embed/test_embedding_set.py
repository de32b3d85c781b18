"""Embeddings keep their rows: for any batch size, order and subset, in memory and on disk."""

import numpy as np
import pandas as pd
import pytest

from reid_lib.core.names import IMAGE_ID
from reid_lib.embed.embedding_set import EmbeddingSet


@pytest.mark.parametrize(
    "features, ids, message",
    [
        (np.zeros((2, 3)), ["a"], "2 features for 1 rows"),
        (np.zeros((2, 3)), ["a", "a"], "'a' stands twice"),
        (np.array([[0.0], [np.nan]]), ["a", "b"], "image 'b' is not finite"),
        (np.zeros(3), ["a", "b", "c"], r"\(n, d\)"),
    ],
)
def test_what_is_no_embedding_set_is_refused(features, ids, message):
    with pytest.raises(ValueError, match=message):
        EmbeddingSet(features, pd.DataFrame({IMAGE_ID: ids}))


def test_joining_refuses_an_image_on_both_sides():
    one = EmbeddingSet(np.eye(2), pd.DataFrame({IMAGE_ID: ["a", "b"]}))
    with pytest.raises(ValueError, match="'b' stands twice"):
        one.joined(EmbeddingSet(np.eye(2)[:1], pd.DataFrame({IMAGE_ID: ["b"]})))
