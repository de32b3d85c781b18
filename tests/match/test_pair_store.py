"""Pair scores in the cache: whichever way round, from other sets, after damage, on a full disk."""

import errno

import numpy as np
import pytest

from reid_lib.core import files
from reid_lib.core.paths import cache_root
from reid_lib.match.pair_store import FOLDER, PairStore, code_of


@pytest.fixture
def store(clean_dirs):
    return PairStore("some matcher", 2)


def images(*names):
    return np.array(sorted(names), dtype="S32")


def test_a_pair_has_one_code_whichever_way_round():
    one, other = np.array([0, 3, 2]), np.array([3, 0, 2])
    codes = code_of(one, other, 5)
    assert codes.tolist() == [3, 3, 12] and (codes == code_of(other, one, 5)).all()
    assert (codes // 5).tolist() == [0, 0, 2] and (codes % 5).tolist() == [3, 3, 2]


def test_what_was_written_is_read_among_other_images(store):
    before = images("b", "d", "f")  # b-d, b-f, f-f
    store.write(before, np.array([1, 2, 8]), np.float32([[1, 2], [3, 4], [5, 6]]))
    now = images("a", "b", "c", "d", "f", "g")
    asked = {"ab": (0, 1), "bd": (1, 3), "bf": (1, 4), "df": (3, 4), "ff": (4, 4)}
    codes = np.array([code_of(*np.array(pair), 6) for pair in asked.values()])
    scores, there = store.read(now, codes)
    assert there.tolist() == [False, True, True, False, True]
    np.testing.assert_array_equal(scores[there], np.float32([[1, 2], [3, 4], [5, 6]]))
    assert np.isnan(scores[~there]).all()


def test_many_at_random_come_back_as_they_were(store):
    rng = np.random.default_rng(0)
    names = np.unique(rng.integers(0, 10**9, 60).astype("S32"))
    n = len(names)
    codes = np.unique(code_of(*rng.integers(0, n, (2, 400)), n))
    scores = rng.random((len(codes), 2)).astype(np.float32)
    for part in np.array_split(rng.permutation(len(codes)), 7):
        store.write(names, codes[part], scores[part])
    some = np.sort(rng.permutation(n)[:40])  # another call knows other images, and more
    wider = np.unique(np.concatenate([names[some], np.array([b"x1", b"x2"], dtype="S32")]))
    asked = np.unique(code_of(*rng.integers(0, len(wider), (2, 500)), len(wider)))
    found, there = store.read(wider, asked)
    truth = {(names[c // n], names[c % n]): s for c, s in zip(codes, scores, strict=True)}
    for code, values, is_there in zip(asked, found, there, strict=True):
        expected = truth.get(tuple(sorted((wider[code // len(wider)], wider[code % len(wider)]))))
        assert is_there == (expected is not None)
        assert expected is None or (values == expected).all()


def test_another_matcher_knows_nothing_of_it(store):
    store.write(images("a", "b"), np.array([1]), np.float32([[1, 2]]))
    assert not PairStore("another matcher", 2).read(images("a", "b"), np.array([1]))[1].any()
    assert not PairStore("some matcher", 3).read(images("a", "b"), np.array([1]))[1].any()


def test_nothing_asked_nothing_written(store):
    store.write(images("a"), np.empty(0, np.int64), np.empty((0, 2), np.float32))
    assert not (cache_root() / FOLDER).exists()
    scores, there = store.read(images("a"), np.empty(0, np.int64))
    assert scores.shape == (0, 2) and there.shape == (0,)
    store.write(images("a", "b"), np.array([1]), np.float32([[1, 2]]))
    assert store.read(images(), np.empty(0, np.int64))[0].shape == (0, 2)


@pytest.mark.parametrize("damage", ["cut", "flipped", "empty", "another", "places"])
def test_a_damaged_file_is_told_of_and_left_out(store, damage, caplog):
    store.write(images("a", "b"), np.array([1]), np.float32([[1, 2]]))
    store.write(images("a", "c"), np.array([1]), np.float32([[3, 4]]))
    (path,) = [p for p in (cache_root() / FOLDER).iterdir() if b"b" in np.load(p)["images"]]
    content = bytearray(path.read_bytes())
    if damage in ("another", "places"):
        held = dict(np.load(path))
        held["first"] = held["first"].astype(float) if damage == "another" else held["first"] + 9
        np.savez(path, **held)
    else:
        content[len(content) // 2] ^= 255
        path.write_bytes({"cut": content[:-40], "flipped": content, "empty": b""}[damage])
    scores, there = store.read(images("a", "b", "c"), np.array([1, 2]))
    assert there.tolist() == [False, True] and scores[1].tolist() == [3, 4]
    assert "is damaged" in caplog.text and "matched again" in caplog.text
    assert not path.exists()


def test_a_full_disk_is_told_once_and_is_no_error(store, monkeypatch, caplog):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(files.os, "replace", full)
    for name in "bcd":
        store.write(images("a", name), np.array([1]), np.float32([[1, 2]]))
    assert caplog.text.count("pair scores are not kept for another time") == 1
    assert list((cache_root() / FOLDER).iterdir()) == []
