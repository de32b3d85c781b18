"""A competition's format: answers, or clusters of test images."""

import numpy as np
import pandas as pd
import pytest

from reid_lib.core.names import NEW_INDIVIDUAL
from reid_lib.embed.embedding_set import EmbeddingSet
from reid_lib.match.cosine import Cosine
from reid_lib.pipeline.submission import make_submission


class FakeThreshold:
    values = {"lynx": 0.9, "newt": None}


def directions(degrees) -> np.ndarray:
    angles = np.radians(degrees)
    return np.stack([np.cos(angles), np.sin(angles)], axis=1)


@pytest.fixture
def answers():
    """Five lynxes: c and d are one new animal (10 degrees apart, cosine 0.98), e another; b is named."""
    rows = pd.DataFrame(
        {
            "image_id": ["e", "b", "a", "d", "c"],
            "dataset": ["lynx", "lynx", "newt", "lynx", "lynx"],
            "predicted": [NEW_INDIVIDUAL, "tom", "jim", NEW_INDIVIDUAL, NEW_INDIVIDUAL],
        }
    )
    embeddings = EmbeddingSet(directions([90, 0, 0, 10, 0]), rows)
    return rows, Cosine(embeddings, embeddings)


def test_answers_are_ordered_by_image(answers):
    table = make_submission(*answers, FakeThreshold, dataset="animalclef2025")
    assert table.to_dict("list") == {
        "image_id": ["a", "b", "c", "d", "e"],
        "identity": ["jim", "tom", NEW_INDIVIDUAL, NEW_INDIVIDUAL, NEW_INDIVIDUAL],
    }


def test_new_animals_that_resemble_each_other_are_one_cluster(answers):
    table = make_submission(*answers, FakeThreshold, dataset="animalclef2026").set_index("image_id")["cluster"]
    assert table["c"] == table["d"] != table["e"]
    assert table["b"] == "cluster_lynx_tom"
    assert table["a"] == "cluster_newt_jim"
    assert table.nunique() == 4


def test_clusters_do_not_depend_on_the_order_of_the_rows(answers):
    rows, among = answers
    again = make_submission(rows.iloc[::-1], among, FakeThreshold, dataset="animalclef2026")
    pd.testing.assert_frame_equal(again, make_submission(rows, among, FakeThreshold, dataset="animalclef2026"))
