"""The sentences of a review, and how many pairs of photographs move."""

import itertools

import numpy as np

from reid_lib.review import words


def test_what_becomes_of_groups():
    tell = words.describe_regrouping
    assert tell(np.array([0, 0, 2]), np.array([5, 5, 7])) == words.UNCHANGED
    assert tell(np.array([0, 0, 2, 3]), np.array([0, 0, 0, 3])) == "groups of 2 and 1 photograph become one of 3"
    assert tell(np.array([0] * 5), np.array([0, 0, 0, 1, 1])) == "a group of 5 photographs becomes 2, of 3 and 2"
    assert tell(np.array([0, 0, 1, 1]), np.array([0, 2, 2, 2])) == "groups of 2 and 2 photographs become 2, of 3 and 1"


def test_moved_pairs_are_counted():
    rng = np.random.default_rng(0)
    before, after = rng.integers(0, 4, (2, 12))
    pairs = itertools.combinations(range(12), 2)
    slowly = sum((before[i] == before[j]) != (after[i] == after[j]) for i, j in pairs)
    assert words.count_moved(before, after) == slowly


def test_why_a_pair_is_asked():
    tell = words.describe_join
    assert tell(("new 1", "known Ada"), (1, 4), inside=False, n_answers=0) == (
        "new 1 (1 photograph) and known Ada (4 photographs) may be one animal"
    )
    assert tell(("new 1", "new 1"), (2, 3), inside=True, n_answers=0) == (
        "new 1: 5 photographs that count as one animal may show two, 2 and 3"
    )
    assert "asked again" in tell(("a", "b"), (2, 3), inside=True, n_answers=1)
    assert "two parts of it" in tell(("a", "a"), (2, 3), inside=False, n_answers=1)
    assert "disagree" in words.describe_contradiction("disputed")
    assert "'same'" in words.describe_contradiction("same")
    again = [words.describe_second_look("same", outweighed=outweighed) for outweighed in (True, False)]
    assert all("a second look" in one and "'same'" in one for one in again) and "pictures" in again[1]


def test_what_is_left():
    assert words.describe_left(0, 0, 0.0, 0.0, True) == "nothing is left to ask"
    told = words.describe_left(1200, 2, 30.4, 0.9, False)
    assert "1,200 questions are left, 2 of them where" in told and "about 30" in told and "next 72 does is 90%" in told
    assert words.describe_left(1200, 0, 30.4, 1.0, False).endswith("would change something: go on")
    assert "you can stop here" in words.describe_left(30, 0, 0.2, 0.01, True)
