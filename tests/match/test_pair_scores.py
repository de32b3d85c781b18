"""Scores of pairs: each once, whichever way round, never again; after a kill, without keypoints, beside other data."""

import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from reid_lib.core.errors import ParameterError
from reid_lib.core.names import IMAGE_ID
from reid_lib.match import pair_store
from reid_lib.match.keypoints import Keypoints, KeypointSet
from reid_lib.match.matches import NAMES, Matches
from reid_lib.match.pair_scores import match_as_scored, score_pairs
from reid_lib.match.ratio import RatioMatcher


class Counting:
    """Scores of a pair are numbers of its photographs; counts what it is asked for."""

    names = NAMES
    at_once = 3

    def __init__(self, key="counting", threads=False, fail_after=None):
        self.key, self.threads, self.asked, self.fail_after = key, threads, [], fail_after

    def match(self, pairs):
        found = []
        for a, b in pairs:
            if self.fail_after is not None and len(self.asked) >= self.fail_after:
                raise KeyboardInterrupt
            self.asked.append((a.xy[0, 0], b.xy[0, 0]))
            low, high = sorted((float(a.xy[0, 0]), float(b.xy[0, 0])))
            nothing = np.empty(0, np.int64)
            found.append(Matches(nothing, nothing, nothing, nothing, np.float32([low, high, len(a) + len(b)])))
        return found


def keypoints_numbered(numbers, empty=()):
    """Photograph k has k + 1 keypoints, all at (k, 0); its name is that number."""
    found = []
    for k in numbers:
        n = 0 if k in empty else k + 1
        none = np.zeros(n, np.float32)
        descriptors = np.random.default_rng(k).integers(0, 200, (n, 8), dtype=np.uint8)
        xy = np.stack([np.full(n, k, np.float32), none], axis=1)
        found.append(Keypoints(xy, none, none, none, descriptors, (32, 24)))
    rows = pd.DataFrame({IMAGE_ID: [f"i{k}" for k in numbers]})
    return KeypointSet.of(found, rows, [f"name{k:03}" for k in numbers])


def expected(query, image, queries, gallery):
    pairs = [sorted((queries[q], gallery[i])) for q, i in zip(query, image, strict=True)]
    return np.float32([[low, high, low + high + 2] for low, high in pairs])


QUERIES, GALLERY = [0, 5, 2, 9], [7, 2, 1, 5, 3]
QUERY, IMAGE = np.repeat(np.arange(4), 5), np.tile(np.arange(5), 4)


@pytest.fixture
def sets(clean_dirs):
    return keypoints_numbered(QUERIES), keypoints_numbered(GALLERY)


@pytest.mark.parametrize("threads", [False, True])
def test_each_pair_once_whichever_way_round(sets, threads):
    matcher = Counting(threads=threads)
    scores = score_pairs(matcher, *sets, QUERY, IMAGE, progress=False)
    assert scores.dtype == np.float32 and scores.shape == (20, 3)
    np.testing.assert_array_equal(scores, expected(QUERY, IMAGE, QUERIES, GALLERY))
    # 5-2 and 2-5 are one pair; 5 and 2 with themselves are pairs as any
    assert len(matcher.asked) == 19 and all(a <= b for a, b in matcher.asked)


def test_a_second_time_nothing_is_matched_in_any_order_or_part(sets, caplog):
    score_pairs(Counting(), *sets, QUERY, IMAGE, progress=False)
    matcher = Counting()
    order = np.random.default_rng(0).permutation(20)[:11]
    caplog.set_level("INFO", logger="reid_lib")
    scores = score_pairs(matcher, *sets, QUERY[order], IMAGE[order])
    np.testing.assert_array_equal(scores, expected(QUERY[order], IMAGE[order], QUERIES, GALLERY))
    swapped = score_pairs(matcher, *sets[::-1], IMAGE, QUERY, progress=False)
    np.testing.assert_array_equal(swapped, expected(QUERY, IMAGE, QUERIES, GALLERY))
    twice = score_pairs(matcher, *sets, np.array([1, 1]), np.array([2, 2]), progress=False)
    assert (twice[0] == twice[1]).all()
    assert matcher.asked == [] and "pairs were matched before" in caplog.text


def test_what_differs_is_matched_anew(sets):
    score_pairs(Counting(), *sets, QUERY, IMAGE, progress=False)
    other = Counting(key="other settings")
    score_pairs(other, *sets, QUERY, IMAGE, progress=False)
    assert len(other.asked) == 19
    matcher, changed = Counting(), keypoints_numbered(GALLERY)
    changed.images[0] = b"another mask"
    score_pairs(matcher, sets[0], changed, QUERY, IMAGE, progress=False)
    assert len(matcher.asked) == 4  # of that one alone, with each query


def test_where_a_photograph_has_no_keypoints_nothing_is_known(clean_dirs):
    queries, gallery = keypoints_numbered(QUERIES, empty=(5,)), keypoints_numbered(GALLERY, empty=(5, 7))
    matcher = Counting()
    for _ in range(2):
        scores = score_pairs(matcher, queries, gallery, QUERY, IMAGE, progress=False)
        unknown = np.isin(np.array(QUERIES)[QUERY], [5]) | np.isin(np.array(GALLERY)[IMAGE], [5, 7])
        assert (np.isnan(scores).all(axis=1) == unknown).all() and not np.isnan(scores[~unknown]).any()
    assert len(matcher.asked) == (~unknown).sum()
    empty = keypoints_numbered([1, 2], empty=(1, 2))
    assert np.isnan(score_pairs(matcher, empty, empty, np.array([0]), np.array([1]), progress=False)).all()


def test_no_pairs_at_all(sets):
    none = np.empty(0, np.int64)
    assert score_pairs(Counting(), *sets, none, none).shape == (0, 3)


def test_interrupted_it_goes_on_where_it_was(sets):
    interrupted = Counting(fail_after=9)
    with pytest.raises(KeyboardInterrupt):
        score_pairs(interrupted, *sets, QUERY, IMAGE, progress=False)
    matcher = Counting()
    scores = score_pairs(matcher, *sets, QUERY, IMAGE, progress=False)
    np.testing.assert_array_equal(scores, expected(QUERY, IMAGE, QUERIES, GALLERY))
    assert len(matcher.asked) == 10


def test_killed_it_loses_at_most_one_piece(sets, monkeypatch):
    code = """
        import os, signal, sys
        sys.path.insert(0, os.environ["FOLDER"])
        from test_pair_scores import *
        pair_store.PIECE_S = -1.0
        class Killed(Counting):
            def match(self, pairs):
                if len(self.asked) >= 9:
                    os.kill(os.getpid(), signal.SIGKILL)
                return super().match(pairs)
        score_pairs(Killed(), keypoints_numbered(QUERIES), keypoints_numbered(GALLERY), QUERY, IMAGE, progress=False)
    """
    environment = os.environ | {"FOLDER": str(Path(__file__).parent)}
    command = [sys.executable, "-c", textwrap.dedent(code)]
    done = subprocess.run(command, env=environment, capture_output=True, timeout=120)
    assert done.returncode == -signal.SIGKILL, done.stderr
    matcher = Counting()
    score_pairs(matcher, *sets, QUERY, IMAGE, progress=False)
    assert len(matcher.asked) == 10


def test_a_full_disk_costs_the_cache_not_the_scores(sets, monkeypatch, caplog):
    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("reid_lib.core.pieces.make_room", full)
    monkeypatch.setattr(pair_store, "PIECE_S", -1.0)
    scores = score_pairs(Counting(), *sets, QUERY, IMAGE, progress=False)
    np.testing.assert_array_equal(scores, expected(QUERY, IMAGE, QUERIES, GALLERY))
    assert caplog.text.count("not kept for another time") == 1


def test_positions_and_sets_that_do_not_fit_are_refused(sets):
    one = np.array([0])
    with pytest.raises(ParameterError, match="positions of image go from 0 to 4, not to 5"):
        score_pairs(Counting(), *sets, one, np.array([5]))
    with pytest.raises(ParameterError, match="positions of query go from 0 to 3"):
        score_pairs(Counting(), *sets, np.array([-1]), one)
    with pytest.raises(ParameterError, match="a pair has one query and one image"):
        score_pairs(Counting(), *sets, one, np.array([0, 1]))
    floats = KeypointSet.of([Keypoints.none((9, 9), 8, np.float16)], pd.DataFrame({IMAGE_ID: ["x"]}), ["x"])
    with pytest.raises(ParameterError, match="keypoints of one extractor are needed"):
        score_pairs(Counting(), sets[0], floats, one, one)


@pytest.mark.parametrize("at_once", [1, 4, 64])
def test_a_real_matcher_scores_the_same_in_any_batch(clean_dirs, monkeypatch, at_once):
    monkeypatch.setattr(RatioMatcher, "at_once", at_once)
    sets = keypoints_numbered([10, 20, 30]), keypoints_numbered([20, 25])
    query, image = np.repeat(np.arange(3), 2), np.tile(np.arange(2), 3)
    scores = score_pairs(RatioMatcher(), *sets, query, image, progress=False)
    for q, i, found in zip(query, image, scores, strict=True):
        assert (RatioMatcher().match([(sets[0][q], sets[1][i])])[0].scores == found).all()
    assert scores[2, 0] == 21  # a photograph with itself: each keypoint matches itself


@pytest.mark.parametrize("threads", [False, True])
def test_shown_matches_are_those_that_were_scored(clean_dirs, threads):
    """One way round a pair may have other matches than the other way round: both are shown as they were counted."""

    class OneWay(Counting):
        def match(self, pairs):
            found = super().match(pairs)
            return [
                Matches(np.arange(len(a)), np.zeros(len(a), np.int64), m.first, m.second, m.scores)
                for (a, _), m in zip(pairs, found, strict=True)
            ]

    some, matcher = keypoints_numbered([1, 2, 3]), OneWay(threads=threads)
    pairs = [(0, 2), (2, 0), (1, 2), (2, 1), (0, 1)]
    names = [tuple(some.images[k] for k in pair) for pair in pairs]
    found = match_as_scored(matcher, [tuple(some[k] for k in pair) for pair in pairs], names, progress=False)
    assert all(a < b for a, b in matcher.asked)
    assert [(len(m.first), int(m.first.max(initial=0)), int(m.second.max(initial=0))) for m in found] == [
        (2, 1, 0), (2, 0, 1), (3, 2, 0), (3, 0, 2), (2, 1, 0)
    ]  # fmt: skip
