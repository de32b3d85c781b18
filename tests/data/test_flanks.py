"""Flanks as tables tell them."""

import pandas as pd

from reid_lib.data.flanks import find_flanked, find_flanks, may_be_mirrored

ROWS = pd.DataFrame({"image_id": list("abcd"), "orientation": ["left", " Right", None, "top"]})


def test_flanks_are_left_right_or_none():
    assert find_flanks(ROWS).tolist() == ["left", "right", "", ""]
    assert find_flanks(ROWS.drop(columns="orientation")).tolist() == [""] * 4


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
    assert find_flanked(rows) == ["a"] and find_flanked(rows.drop(columns="orientation")) == []
