"""What a result is worth without queries whose own photograph is in the gallery, and what is said of it."""

import numpy as np
import pytest
from paired_cases import pair_of_runs

from reid_lib.core.names import IMAGE_ID, KNOWN, PREDICTED, ROLE, TEST, VAL, ranked_column
from reid_lib.openset.answers import Answers
from reid_lib.openset.same_photo import describe_same_photos, measure_without
from reid_lib.openset.summary import summarise


@pytest.fixture
def predictions():
    rows = pair_of_runs(0)[0]
    return rows.assign(**{PREDICTED: rows[ranked_column("identity", 1)].where(rows["score"] > 0.6, "new_individual")})


def measure(rows, val=(), test=()):
    measured = {role: summarise(Answers.of(rows[rows[ROLE] == role]), repetitions=0) for role in (VAL, TEST)}
    return measured | {"same_photo": measure_without(Answers.of(rows), {VAL: set(val), TEST: set(test)})}


def test_without_them_is_the_summary_of_the_others(predictions):
    """Known queries of test that were answered rightly are taken away: the others' top-1 by hand."""
    test = predictions[predictions[ROLE] == TEST]
    known = test[test[KNOWN].to_numpy(bool)]
    own = set(known.loc[known[ranked_column("identity", 1)] == known["identity"], IMAGE_ID].head(5))
    entry = measure(predictions, test=own)["same_photo"][TEST]
    assert (entry["queries"], entry["of"]) == (5, len(test))
    rest = known[~known[IMAGE_ID].isin(own)]
    right = rest[ranked_column("identity", 1)] == rest["identity"]
    assert entry["overall"]["top1"]["value"] == pytest.approx(right.mean())
    by_hand = (right & (rest["score"] > 0.6)).groupby(rest["identity"]).mean().mean()
    assert entry["overall"]["baks"]["value"] == pytest.approx(by_hand)
    assert np.isfinite(entry["overall"]["geometric_mean"]["low"])


def test_the_line_counts_them_and_says_what_is_left(predictions):
    line = describe_same_photos(measure(predictions, val=["i0000"], test=predictions[IMAGE_ID].iloc[[-1, -2]]))
    assert line.startswith("1 of 140 val queries and 2 of 140 test queries have their own photograph")
    assert "test without them, by the same threshold: geometric mean 0." in line and "leave_out" in line
    assert "without them, by" not in describe_same_photos(measure(predictions, val=["i0000"]))


def test_nothing_is_said_where_nobody_looked_and_of_none_that_there_is_none(predictions):
    assert describe_same_photos(measure(predictions)).startswith("no query has its own photograph")
    assert describe_same_photos({}) == ""
    entries = {role: {"queries": 3, "of": 9, "left_out": True} for role in (VAL, TEST)}
    assert describe_same_photos({"same_photo": entries}) == ""
