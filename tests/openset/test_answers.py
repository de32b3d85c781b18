"""Labelled queries: sorted, known or not, named rightly or not; animals of two data sets are never one."""

import numpy as np
import pandas as pd

from reid_lib.openset.answers import individual_keys, labelled


def queries() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "image_id": ["c", "a", "b", "d"],
            "dataset": ["x", "x", "y", "y"],
            "identity": ["01", "02", "01", None],
            "known": pd.array([True, True, False, None], dtype="boolean"),
            "identity_1": ["01", "01", "01", "01"],
        }
    )


def test_unlabelled_queries_are_left_out_and_the_others_sorted_by_image():
    rows = labelled(queries())
    assert rows["image_id"].tolist() == ["a", "b", "c"]
    assert rows["known"].tolist() == [True, False, True] and rows["known"].dtype == bool


def test_an_unknown_query_is_never_named_rightly():
    assert labelled(queries())["named"].tolist() == [False, False, True]


def test_the_same_name_in_two_data_sets_is_two_animals():
    rows = labelled(queries())
    assert len(np.unique(individual_keys(rows))) == 3


def test_no_order_of_rows_matters():
    pd.testing.assert_frame_equal(labelled(queries()), labelled(queries().iloc[::-1]))
