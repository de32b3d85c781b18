"""Tables of what can be asked."""

import numpy as np
import pandas as pd
import pytest

from reid_lib.core.errors import ReviewError
from reid_lib.review.questions import check_pairs, code_clusters, code_flanks

PHOTOGRAPHS = pd.DataFrame({"image_id": list("abcdf"), "dataset": ["d"] * 4 + ["e"]})


@pytest.mark.parametrize(
    "change, message",
    [
        ({"image_id_1": "z"}, "not in this review"),
        ({"image_id_1": "a"}, "of one photograph"),
        ({"image_id_1": "f"}, "two data sets"),
        ({"image_id_1": "c", "image_id_2": "b"}, "twice"),
        ({"probability": np.nan}, "no probability"),
        ({"doubt": "other"}, "none of cluster, answer, label"),
    ],
)
def test_pairs_that_cannot_be_asked_are_told(change, message):
    pairs = pd.DataFrame(
        {"image_id_1": ["b", "c"], "image_id_2": ["a", "b"], "probability": [0.5, 1.0], "doubt": ["cluster", "label"]}
    )
    assert check_pairs(PHOTOGRAPHS, pairs)["dataset"].tolist() == ["d", "d"]
    for name, value in change.items():
        pairs.loc[0, name] = value
    with pytest.raises(ReviewError, match=message):
        check_pairs(PHOTOGRAPHS, pairs)


def test_clusters_are_of_a_data_set_and_photographs_without_one_are_alone():
    photographs = PHOTOGRAPHS.assign(cluster=["x", "x", None, None, "x"])
    code = code_clusters(photographs)
    assert code[0] == code[1] and len(set(code[1:])) == 4


def test_a_photograph_stands_there_once():
    with pytest.raises(ReviewError, match="'a' stands there twice"):
        check_pairs(pd.concat([PHOTOGRAPHS, PHOTOGRAPHS[:1]]), pd.DataFrame(columns=["image_id_1", "image_id_2"]))


def test_a_left_and_a_right_flank_are_no_pair_and_that_is_said(caplog):
    photographs = PHOTOGRAPHS.assign(orientation=["Left", "right ", None, "left", "left"])
    pairs = pd.DataFrame({"image_id_1": ["a", "a", "a"], "image_id_2": ["b", "c", "d"], "probability": 0.5})
    found = check_pairs(photographs, pairs.assign(doubt="cluster"))
    assert "1 pair shows a left and a right flank, and will not be asked about: they cannot be compared" in caplog.text
    caplog.clear()
    assert len(check_pairs(PHOTOGRAPHS, pairs.assign(doubt="cluster"))) == 3 and not caplog.text
    assert found["image_id_2"].tolist() == ["c", "d"] and code_flanks(photographs).tolist() == [1, 2, 0, 1, 1]
