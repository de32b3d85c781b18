"""Files of arrays: what was written comes back, and no flipped bit passes or raises an error of another kind."""

import numpy as np
import pytest

from reid_lib.core.arrays import DamagedArrays, open_arrays, read_arrays

HELD = {
    "names": np.array([b"a" * 32, b"b" * 32], dtype="S32"),
    "features": np.arange(12, dtype=np.float32).reshape(2, 6),
    "turned": np.asfortranarray(np.arange(6).reshape(2, 3)),
    "words": np.array(["Zoë", "A;1"]),
    "none": np.empty((0, 4), np.float16),
    "one": np.array(7),
    "yes": np.array([True, False]),
}


def same(a, b):
    return a.dtype == b.dtype and a.shape == b.shape and np.array_equal(a, b)


@pytest.fixture(params=[np.savez, np.savez_compressed])
def path(tmp_path, request):
    request.param(tmp_path / "some.npz", **HELD)
    return tmp_path / "some.npz"


def test_what_was_written_comes_back_and_may_be_changed(path):
    found = read_arrays(path, HELD)
    assert all(same(found[name], HELD[name]) for name in HELD)
    assert all(array.flags.writeable for array in found.values())
    with open_arrays(path) as file:
        assert file.names == list(HELD) and same(file.read("one"), HELD["one"])


def test_large_arrays_are_read_in_parts(tmp_path, monkeypatch):
    monkeypatch.setattr("reid_lib.core.arrays.READ_AT_ONCE", 1000)
    large = np.random.default_rng(0).random((57, 41))
    np.savez(tmp_path / "large.npz", large=large)
    assert same(read_arrays(tmp_path / "large.npz", ["large"])["large"], large)


def test_no_flipped_bit_passes_or_raises_another_error(path):
    """One byte in four, a bit that its place decides: the arrays as they were, or `DamagedArrays`."""
    content, noticed = path.read_bytes(), 0
    for place in range(0, len(content), 4):
        flipped = bytearray(content)
        flipped[place] ^= 1 << (place // 4 * 5 + place // 32) % 8
        path.write_bytes(flipped)
        try:
            found = read_arrays(path, HELD)
        except DamagedArrays as error:
            noticed += bool(str(error))
        else:
            assert all(same(found[name], HELD[name]) for name in HELD), place
    assert noticed > len(content) / 8


@pytest.mark.parametrize("left", [0, 1, 30, 200, -1])
def test_one_cut_short_is_told(path, left):
    path.write_bytes(path.read_bytes()[:left])
    with pytest.raises(DamagedArrays):
        read_arrays(path, HELD)


def test_one_that_is_not_there_and_a_folder_are_errors_of_the_system(tmp_path):
    with pytest.raises(FileNotFoundError):
        read_arrays(tmp_path / "no.npz", [])
    with pytest.raises(IsADirectoryError):
        read_arrays(tmp_path, [])


def test_an_array_that_is_not_there_and_a_pickle_are_refused(tmp_path):
    np.savez(tmp_path / "some.npz", objects=np.array([{}], dtype=object))
    with pytest.raises(DamagedArrays, match="it has no array 'features'"):
        read_arrays(tmp_path / "some.npz", ["features"])
    with pytest.raises(DamagedArrays):
        read_arrays(tmp_path / "some.npz", ["objects"])
