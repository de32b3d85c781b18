"""Matches of a run as a file: what comes back, and what a damaged one says."""

import numpy as np
import pytest

from reid_lib.core.errors import RunError
from reid_lib.figures.match_lines import MatchedPair
from reid_lib.figures.stored_matches import load_matches, save_matches


def pair(query, n, seed=0):
    rng = np.random.default_rng(seed)
    places = rng.random((2, n, 2)).astype(np.float32)
    return MatchedPair(query, "Bär", "named Bär\n(0.3)", "right", *places, rng.random(n), rng.random(n) < 0.5)


def test_pairs_come_back_as_they_were(tmp_path):
    pairs = [pair("a", 5), pair("ü/b", 0), pair("c", 3, seed=1)]
    save_matches(tmp_path / "m.npz", pairs)
    found = load_matches(tmp_path / "m.npz")
    assert list(found) == ["a", "ü/b", "c"]
    for one in pairs:
        back = found[one.query]
        assert (back.candidate, back.words, back.verdict) == (one.candidate, one.words, one.verdict)
        for name in ("ours", "theirs", "confidence", "inlier"):
            np.testing.assert_allclose(getattr(back, name), getattr(one, name), rtol=1e-6)
        assert back.inlier.dtype == bool and back.cell == (0, 0)


def test_none_no_file_and_a_damaged_file(tmp_path):
    save_matches(tmp_path / "none.npz", [])
    assert load_matches(tmp_path / "none.npz") == load_matches(tmp_path / "absent.npz") == {}
    (tmp_path / "bad.npz").write_bytes((tmp_path / "none.npz").read_bytes()[:100])
    with pytest.raises(RunError, match="bad.npz cannot be read"):
        load_matches(tmp_path / "bad.npz")
