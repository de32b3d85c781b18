"""What of a finished run can be asked of a person."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from reid_lib.core.names import IDENTITY, IMAGE_ID, INDIVIDUAL, ROLE, TEST
from reid_lib.pipeline.recipes import FinishedRun
from reid_lib.pipeline.review_pairs import (
    FIRST,
    SECOND,
    choose_pairs,
    list_askable,
    reopen,
)
from reid_lib.review.questions import ANSWER, CLUSTERS, LABEL, check_pairs, code_flanks


@pytest.fixture(scope="module")
def finished(evaluated, cache):
    experiment, _, _ = evaluated
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("REID_RUNS", str(experiment.run.folder.parent))
        patch.setenv("REID_CACHE", str(cache))
        yield FinishedRun.load(experiment.run.name)


@pytest.fixture(scope="module")
def askable(finished):
    return list_askable(finished, reopen(finished))


def test_pairs_are_of_three_kinds_each_of_its_roles(finished, askable):
    rows = finished.split.rows.set_index(IMAGE_ID)
    pairs = askable.pairs
    assert (pairs[FIRST] < pairs[SECOND]).all() and not pairs.duplicated([FIRST, SECOND]).any()
    assert pairs["probability"].between(0, 1).all() and askable.left_out == 0
    roles = [rows[ROLE].reindex(pairs[end]).to_numpy() for end in (FIRST, SECOND)]
    n_test = sum((role == TEST).astype(int) for role in roles)
    of = pairs["doubt"].map({CLUSTERS: 2, ANSWER: 1, LABEL: 0}).to_numpy()
    assert (n_test == of).all() and set(of) == {0, 1, 2}
    datasets = [rows["dataset"].reindex(pairs[end]).to_numpy() for end in (FIRST, SECOND)]
    assert (datasets[0] == datasets[1]).all() and (pairs["dataset"] == datasets[0]).all()


def test_what_takes_long_is_told_before_it_begins_where_pairs_are_matched(fused, cache, monkeypatch, caplog):
    experiment, _, _ = fused
    monkeypatch.setenv("REID_RUNS", str(experiment.run.folder.parent))
    monkeypatch.setenv("REID_CACHE", str(cache))
    fused_run = FinishedRun.load(experiment.run.name)
    found = list_askable(fused_run, reopen(fused_run))
    assert caplog.text.count("is worked out, once") == 1 and set(found.pairs["doubt"]) == {CLUSTERS, ANSWER, LABEL}


def test_labels_are_asked_within_a_name_and_between_names(finished, askable):
    pairs = askable.pairs[askable.pairs["doubt"] == LABEL]
    who = finished.split.rows.set_index(IMAGE_ID)[INDIVIDUAL]
    own = who.reindex(pairs[FIRST]).to_numpy() == who.reindex(pairs[SECOND]).to_numpy()
    assert own.any() and not own.all()
    named = finished.split.rows[(finished.split.rows[ROLE] != TEST) & finished.split.rows[IDENTITY].notna()]
    several = named[INDIVIDUAL].map(named[INDIVIDUAL].value_counts()) > 1
    asked = set(pairs.loc[own, FIRST]) | set(pairs.loc[own, SECOND])
    assert set(named.loc[several, IMAGE_ID]) <= asked  # each can be found to be under a wrong name


def test_answers_are_asked_of_the_candidates_that_the_run_names_with_their_probabilities(finished, askable):
    predictions = finished.run.read_csv("predictions.csv")
    test = predictions[predictions[ROLE] == TEST].set_index(IMAGE_ID)
    pairs = askable.pairs[askable.pairs["doubt"] == ANSWER]
    asked = {frozenset(pair) for pair in pairs[[FIRST, SECOND]].to_numpy()}
    every = {frozenset((name, image)) for k in range(1, 6) for name, image in test[f"image_{k}"].dropna().items()}
    rows = finished.split.rows
    flank = dict(zip(rows[IMAGE_ID], code_flanks(rows), strict=True))
    wanted = {pair for pair in every if {flank[end] for end in pair} != {1, 2}}  # left and right cannot be compared
    assert asked == wanted and wanted < every
    told = dict(zip((frozenset(pair) for pair in pairs[[FIRST, SECOND]].to_numpy()), pairs["probability"], strict=True))
    for name, row in test.iterrows():  # the best candidate is the most probable one
        candidates = [frozenset((name, row[f"image_{k}"])) for k in range(1, 6) if pd.notna(row[f"image_{k}"])]
        found = [told[pair] for pair in candidates if pair in told]
        assert found == sorted(found, reverse=True)


def test_left_and_right_flanks_take_no_place_among_the_pairs_that_are_kept_and_are_told(finished, askable, caplog):
    list_askable(finished, reopen(finished))
    assert "show a left and a right flank, and will not be asked about" in caplog.text
    caplog.clear()
    assert len(check_pairs(askable.photographs, askable.pairs)) == len(askable.pairs) and not caplog.text


def test_labels_of_test_are_not_there_and_change_nothing(finished, askable):
    test = finished.split.rows[ROLE] == TEST
    assert askable.photographs.loc[askable.photographs[ROLE] == TEST, IDENTITY].isna().all()
    assert askable.photographs["cluster"].notna().all()
    named = askable.photographs[askable.photographs[IDENTITY].notna()]
    assert (named["cluster"] == "known " + named[IDENTITY]).all()
    rows = finished.split.rows.copy()
    rows.loc[test, [IDENTITY, INDIVIDUAL]] = None
    nameless = replace(finished, split=replace(finished.split, rows=rows))
    again = list_askable(nameless, reopen(nameless))
    pd.testing.assert_frame_equal(again.pairs, askable.pairs)
    pd.testing.assert_frame_equal(again.photographs, askable.photographs)


def test_of_too_many_pairs_the_most_doubtful_are_kept():
    photographs = pd.DataFrame({IMAGE_ID: list("abcd"), "cluster": ["known x", "known x", "new 0", "new 1"]})
    pairs = pd.DataFrame(
        [("a", "b", 0.9), ("a", "c", 0.8), ("b", "c", 0.3), ("c", "d", 0.2), ("a", "c", 0.8)],
        columns=[FIRST, SECOND, "probability"],
    )
    chosen, left_out = choose_pairs(pairs, photographs, most=3)
    assert chosen[[FIRST, SECOND]].to_numpy().tolist() == [["a", "c"], ["b", "c"], ["c", "d"]] and left_out == 1
    everything, none = choose_pairs(pairs, photographs)
    assert len(everything) == 4 and none == 0 and np.all(np.diff(everything.index) == 1)
