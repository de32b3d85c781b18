"""Flanks as tables tell them."""

import pandas as pd

from reid_lib.data.flanks import find_flanks

ROWS = pd.DataFrame({"image_id": list("abcd"), "orientation": ["left", " Right", None, "top"]})


def test_flanks_are_left_right_or_none():
    assert find_flanks(ROWS).tolist() == ["left", "right", "", ""]
    assert find_flanks(ROWS.drop(columns="orientation")).tolist() == [""] * 4
