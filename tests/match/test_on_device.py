"""Estimates by torch, as on a GPU: whatever is done with the values there, as numpy does it."""

import numpy as np
import pytest
import torch

from reid_lib.match import on_device
from reid_lib.match.on_device import DeviceArrays, estimate_cosines
from reid_lib.match.similarity import Arrays


def test_arrays_of_torch_do_what_those_of_numpy_do():
    rng = np.random.default_rng(0)
    values, others, numbers = rng.normal(size=(5, 7)), rng.normal(size=(5, 7)), rng.normal(size=5)
    ours, theirs = Arrays(), DeviceArrays("cpu")
    mine, device = values.copy(), torch.from_numpy(values.copy())
    for arrays, block, more in ((ours, mine, others), (theirs, device, torch.from_numpy(others))):
        kept = arrays.copy(block)
        arrays.raise_to(block, more)
        assert not np.array_equal(arrays.host(kept), arrays.host(block))
    np.testing.assert_array_equal(mine, theirs.host(device))
    np.testing.assert_array_equal(theirs.host(theirs.like(device, numbers)), numbers)
    np.testing.assert_array_equal(theirs.host(device[theirs.index(np.array([3, 1]))]), mine[[3, 1]])
    for a, b in zip(ours.where(mine > 0.3), theirs.where(device > 0.3), strict=True):
        np.testing.assert_array_equal(a, b)


def test_the_first_of_equals_is_taken_as_by_numpy():
    values = np.tile([0.0, 1.0, 1.0, 0.5], (3, 50))
    assert torch.from_numpy(values).argmax(1).tolist() == values.argmax(1).tolist() == [1, 1, 1]


@pytest.mark.parametrize("max_bytes", [1, 2_000, 2**28])
def test_tiles_and_blocks_change_nothing_beyond_the_error(max_bytes):
    rng = np.random.default_rng(1)
    queries, gallery = (rng.normal(size=(n, 20)).astype(np.float32) for n in (9, 31))
    found = list(estimate_cosines(queries, gallery, "cpu", numbers_per_query=31, max_bytes=max_bytes))
    unit = [x / np.linalg.norm(x.astype(float), axis=1, keepdims=True) for x in (queries, gallery)]
    values = torch.cat([some.values for some in found]).numpy()
    np.testing.assert_allclose(values, unit[0] @ unit[1].T, atol=found[0].error)
    assert [some.start for some in found] == [0, *(some.stop for some in found[:-1])] and found[-1].stop == 9


def test_a_gpu_lends_a_fourth_of_what_is_free(monkeypatch):
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (8 * 31 * 3 * on_device.SHARE, 0))
    monkeypatch.setattr(on_device, "_unit", lambda features, device: torch.from_numpy(features).double())
    monkeypatch.setattr(torch, "empty", lambda size, dtype, device: torch.zeros(size, dtype=dtype))
    rows = np.ones((9, 4), dtype=np.float32)
    gallery = np.ones((31, 4), dtype=np.float32)
    found = list(estimate_cosines(rows, gallery, "cuda", numbers_per_query=31, max_bytes=1))
    assert [some.stop for some in found] == [3, 6, 9]
