"""What became of each query: solved by hand, for every dtype of `known`."""

import numpy as np
import pandas as pd
import pytest
from drawn import HAND, predictions_of

from reid_lib.core.names import KNOWN, SCORE
from reid_lib.openset.answers import Answers
from reid_lib.openset.outcomes import (
    classify_outcomes,
    count_confusion,
    describe_answer,
    group_scores,
    judge_candidate,
    say_decision,
    say_truth,
)


def test_outcomes_by_hand():
    assert classify_outcomes(Answers.of(HAND)).tolist() == [
        "known right",
        "known right",
        "known wrong",
        "known refused",
        "known refused",
        "unknown wrong",
        "unknown right",
        "unknown right",
        "unlabelled",
    ]


def test_an_answer_in_words_says_what_was_decided_what_is_true_and_whether_the_candidate_is_right():
    row = pd.Series({"predicted": "Bo", "identity": "Ada", "score": 0.5, "identity_1": "Bo", "identity_2": "Ada"})
    assert describe_answer(row, "known wrong") == ("named Bo\n(0.50 for Bo)\nis Ada", "wrong")
    assert judge_candidate(row, 2, "known wrong") == "right"
    assert judge_candidate(row, 2, "unknown wrong") == "wrong", "another one of that name"
    assert judge_candidate(row, 2, "unlabelled") == "unlabelled"
    assert say_truth(row, "unknown wrong") == "is not in the gallery"
    assert say_truth(row, "unlabelled") == "true name not known"
    assert say_truth(row, "known wrong", str.upper) == "is ADA" and say_decision(row, str.upper) == "named BO"
    assert say_decision(row.replace("Bo", "new_individual")) == "called new"


# --- Confusion --------------------------------------------------------------------------------------------------------


def test_confusion_counts_equal_a_hand_count():
    counts = count_confusion(Answers.of(HAND))
    assert counts.loc["known"].to_dict() == {"right": 2, "wrong": 1, "new": 2}
    assert counts.loc["unknown"].to_dict() == {"right": 0, "wrong": 1, "new": 2}


def test_individual_of_the_same_name_in_no_gallery_is_never_named_rightly():
    """An unknown query whose name happens to be predicted (another data set's "01") is not a right answer."""
    frame = predictions_of([("q", "newts", "a", False, "a", 0.9, "a")])
    assert count_confusion(Answers.of(frame)).loc["unknown"].to_dict() == {"right": 0, "wrong": 1, "new": 0}


# --- Scores -----------------------------------------------------------------------------------------------------------


def test_queries_are_grouped_by_the_nearest_individual_before_any_threshold():
    groups = {group: scores.tolist() for group, scores in group_scores(Answers.of(HAND)).items()}
    assert groups == {
        "known_right": [0.3, 0.8, 0.9],
        "known_wrong": [0.2, 0.7],
        "unknown": [0.1, 0.15, 0.6],
        "unlabelled": [0.5],
    }


def test_query_without_a_score_is_left_out_of_the_scores():
    frame = HAND.copy()
    frame.loc[0, SCORE] = np.nan
    assert group_scores(Answers.of(frame))["known_right"].tolist() == [0.3, 0.8]


@pytest.mark.parametrize("dtype", ["bool", "object", "boolean"])
def test_known_of_any_dtype_gives_the_same_groups(dtype):
    labelled = HAND.dropna(subset=[KNOWN])
    again = labelled.assign(**{KNOWN: labelled[KNOWN].to_numpy(dtype="bool").astype("object")})
    again[KNOWN] = again[KNOWN].astype(dtype)
    for group, scores in group_scores(Answers.of(labelled)).items():
        assert group_scores(Answers.of(again))[group].tolist() == scores.tolist()
