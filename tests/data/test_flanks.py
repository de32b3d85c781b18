"""Flanks as tables tell them."""

import pandas as pd

from reid_lib.data.flanks import find_flanked_datasets, find_flanks, group_comparable, may_be_mirrored

ROWS = pd.DataFrame({"image_id": list("abcd"), "orientation": ["left", " Right", None, "top"]})


def test_flanks_are_left_right_or_none():
    assert find_flanks(ROWS).tolist() == ["left", "right", "", ""]
    assert find_flanks(ROWS.drop(columns="orientation")).tolist() == [""] * 4


def test_a_query_is_compared_with_all_but_the_other_flank():
    gallery = pd.DataFrame({"orientation": ["right", None, "left", "top", "right"]})
    parts = {tuple(asked.tolist()): enrolled.tolist() for asked, enrolled in group_comparable(ROWS, gallery)}
    assert parts == {(0,): [1, 2, 3], (1,): [0, 1, 3, 4], (2, 3): [0, 1, 2, 3, 4]}
    untold = ROWS.drop(columns="orientation")
    ((asked, enrolled),) = group_comparable(untold, gallery)
    assert asked.tolist() == [0, 1, 2, 3] and enrolled.tolist() == [0, 1, 2, 3, 4]
    assert all(len(enrolled) == 4 for _, enrolled in group_comparable(ROWS, untold))


def test_what_shows_a_side_is_not_mirrored_and_what_nobody_knows_only_where_no_flanks_are_told():
    told = [" Left", "topright", "front-left", "R", "top", "upright", "front", None, ""]
    rows = pd.DataFrame({"orientation": told, "dataset": "a"})
    assert may_be_mirrored(rows).tolist() == [False] * 4 + [True] * 5
    assert may_be_mirrored(rows, ["a"]).tolist() == [False] * 4 + [True] * 3 + [False] * 2
    assert may_be_mirrored(rows, ["b"]).tolist() == may_be_mirrored(rows).tolist()
    assert may_be_mirrored(rows.drop(columns="orientation"), ["b"]).all()
    assert not may_be_mirrored(rows.drop(columns="orientation"), ["a"]).any()
    assert may_be_mirrored(rows.assign(orientation=float("nan"))).all()


def test_a_data_set_tells_flanks_where_one_photograph_shows_one():
    rows = pd.DataFrame({"orientation": ["left", None, "top", None], "dataset": list("aabc")})
    assert find_flanked_datasets(rows) == ["a"] and find_flanked_datasets(rows.drop(columns="orientation")) == []
