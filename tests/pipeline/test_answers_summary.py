"""Answers in words: what is a copy of what, what could not be used, what probabilities promise."""

import pandas as pd
import pytest

from reid_lib.pipeline.answers_summary import _count_shown, _describe_promise, describe_copies, list_unusable


@pytest.mark.parametrize(
    "promised, right, queries, words",
    [(0.6, 0.9, 100, "too little"), (0.9, 0.6, 100, "too much"), (0.6, 0.9, 9, ""), (0.9, 0.93, 10_000, "")],
)
def test_what_probabilities_promise_in_a_larger_gallery_is_told_where_it_is_no_chance(promised, right, queries, words):
    told = _describe_promise(promised, right, queries)
    assert words in told and bool(told) == bool(words)


@pytest.mark.parametrize(
    "photographs, animals, words",
    [(0, 0, "none shows a new one"), (1, 1, "1 shows 1 new one"), (3, 2, "3 show 2 new ones")],
)
def test_what_is_shown_is_counted_in_words(photographs, animals, words):
    assert _count_shown(photographs, animals, "new one") == words


def test_copies_of_enrolled_photographs_and_of_new_ones_are_counted_apart():
    enrolled = ["the same file as a of x", "nearly the same picture as b of x", None, None]
    twice = [None, "the same file as q.jpg", "nearly the same picture as q.jpg", "nearly the same picture as r.jpg"]
    told = describe_copies(pd.DataFrame({"already_enrolled": enrolled, "asked_twice": twice}, dtype=object))
    assert told == [
        "1 photograph was enrolled already.",
        "1 photograph shows nearly the same picture as an enrolled one.",
        "1 photograph is the same file as another new one.",
        "2 photographs show nearly the same picture as another new one.",
    ]
    assert describe_copies(pd.DataFrame({"already_enrolled": [None], "asked_twice": [None]}, dtype=object)) == []


def test_the_first_twenty_that_could_not_be_used_are_listed_and_the_others_counted():
    answers = pd.DataFrame({"path": [f"{k}.txt" for k in range(23)], "problem": "not a photograph"}, dtype=object)
    answers["decision"] = ["Anna", *[None] * 22]
    told = list_unusable(answers)
    assert (
        len(told) == 21 and told[0] == "Not usable: 1.txt: not a photograph" and "and 2 more, see answers" in told[-1]
    )
    assert list_unusable(answers[:1]) == []
