"""Summaries with intervals: averages per data set, a bootstrap over individuals, paired differences."""

import pandas as pd
import pytest
from on_tables import summarise
from stats_cases import answers, value

from reid_lib.core.names import MATCH_ORIENTATION, ORIENTATION, SAME_ORIENTATION
from reid_lib.openset.measures import METRICS

# ---- slices by flank ----------------------------------------------------------------------------------------------


def test_flanks_apart_solved_by_hand():
    rows = pd.DataFrame(
        [  # own flank enrolled?, flank of the query, of its best match, right?
            (True, "left", "left", True),
            (True, "left", "right", True),
            (True, "right", "left", False),
            (False, "right", "left", True),
            (False, "right", "left", False),
            (None, None, "left", True),
        ],
        columns=[SAME_ORIENTATION, ORIENTATION, MATCH_ORIENTATION, "right"],
    )
    predictions = answers(*[("d", f"k{i}", True, f"k{i}" if r else "x", 0.9, "x") for i, r in enumerate(rows["right"])])
    predictions = predictions.join(rows.drop(columns="right").astype({SAME_ORIENTATION: "boolean"}))
    found = summarise(predictions, repetitions=40)
    assert value(found, "top1_same_orientation") == pytest.approx(2 / 3)
    assert value(found, "top1_other_orientation") == pytest.approx(1 / 2)
    assert value(found, "right_from_other_orientation") == pytest.approx(2 / 3)
    assert [found["overall"][m]["n"] for m in METRICS if "orientation" in m] == [3, 2, 3]
