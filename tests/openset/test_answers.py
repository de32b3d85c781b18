"""Queries as arrays: sorted, known or not, named rightly or not; animals of two data sets are never one."""

import dataclasses

import numpy as np
import pandas as pd
import pytest
from drawn import HAND
from stats_cases import random_answers

from reid_lib.core.names import NEW_INDIVIDUAL
from reid_lib.openset.answers import Answers, mask_known


def queries() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "image_id": ["c", "a", "b", "d"],
            "dataset": ["x", "x", "y", "y"],
            "identity": ["01", "02", "01", None],
            "known": pd.array([True, True, False, None], dtype="boolean"),
            "score": [0.5, 0.5, 0.9, np.nan],
            "identity_1": ["01", "01", "01", "01"],
        }
    )


def test_queries_stand_by_falling_score_equal_ones_by_image_those_without_one_last():
    found = Answers.of(queries())
    assert found.image_id.tolist() == ["b", "a", "c", "d"] and found.row.tolist() == [2, 1, 0, 3]
    assert found.known.tolist() == [False, True, True, False] and found.known.dtype == bool
    assert found.labelled.tolist() == [True, True, True, False]


def test_unlabelled_queries_are_left_out_of_those_with_a_label():
    assert Answers.of(queries()).labelled_only.image_id.tolist() == ["b", "a", "c"]


def test_an_unknown_query_is_never_named_rightly():
    assert Answers.of(queries()).named.tolist() == [False, False, True, False]


def test_the_same_name_in_two_data_sets_is_two_animals():
    assert len(set(Answers.of(queries()).labelled_only.individual)) == 3
    assert {name: len(part) for name, part in Answers.of(queries()).by_dataset.items()} == {"x": 2, "y": 1}


def test_no_order_of_rows_matters():
    frame = random_answers(0)
    one, other = Answers.of(frame), Answers.of(frame.sample(frac=1, random_state=0))
    for field in dataclasses.fields(Answers):
        if field.name != "row":
            np.testing.assert_array_equal(getattr(one, field.name), getattr(other, field.name))


def test_values_go_back_to_their_rows():
    frame = HAND.sample(frac=1, random_state=1)
    found = Answers.of(frame)
    assert found.in_rows(found.image_id).tolist() == frame["image_id"].tolist()


def test_decisions_are_right_by_name_or_by_refusing():
    found = Answers.of(HAND)
    by_image = dict(zip(found.image_id, zip(found.correct, found.refused, strict=True), strict=True))
    assert by_image["q0"] == (True, False) and by_image["q2"] == (False, False) and by_image["q3"] == (False, True)
    assert by_image["q5"] == (False, False) and by_image["q6"] == (True, True)
    assert (HAND["predicted"] == NEW_INDIVIDUAL).sum() == found.refused.sum()


def test_what_the_table_does_not_say_is_none():
    found = Answers.of(queries())
    assert found.correct is found.refused is found.rank is found.same_flank is None
    assert found.where(found.known).correct is None and found.role.tolist() == [""] * 4


def test_answers_cannot_be_changed():
    with pytest.raises(dataclasses.FrozenInstanceError):
        Answers.of(queries()).known = None


def test_without_queries_there_are_no_answers():
    found = Answers.of(queries().iloc[:0])
    assert len(found) == 0 and found.by_dataset == {}


@pytest.mark.parametrize("kind", ["boolean", "object"])
def test_known_of_any_kind_of_column_is_read_alike(kind):
    known, unknown = mask_known(pd.Series([True, False, None], dtype="boolean").astype(kind))
    assert known.tolist() == [True, False, False] and unknown.tolist() == [False, True, False]
