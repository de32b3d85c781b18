"""Exact, bounded, order-free similarity search."""

import os

import numpy as np
import pytest
import torch
from exact import exact_similarities, with_duplicates

from reid_lib.core.errors import ParameterError
from reid_lib.match import neighbours
from reid_lib.match.neighbours import top_k


@pytest.mark.parametrize("max_bytes", [1, 3000, 20_000, 2**28])
def test_top_k_equals_a_full_sort_with_ties_to_the_lower_index(max_bytes):
    rng = np.random.default_rng(2)
    gallery = with_duplicates(rng, 40, 5)
    queries = np.concatenate([gallery[:6], rng.normal(size=(9, 5)).astype(np.float32)])
    exact = exact_similarities(queries, gallery)
    expected = [sorted(range(40), key=lambda g: (-row[g], g))[:7] for row in exact]
    scores, index = top_k(queries, gallery, 7, max_bytes=max_bytes)
    assert index.tolist() == expected
    assert scores.dtype == np.float32 and index.dtype == np.int64
    values = np.array([[float(row[g]) / 2**52 for g in best] for row, best in zip(exact, expected, strict=True)])
    np.testing.assert_array_equal(scores, np.clip(values, -1, 1).astype(np.float32))


def test_top_k_of_more_ties_than_places_takes_the_lowest_rows():
    gallery = np.tile([[1.0, 0.0]], (50, 1))
    gallery[10] = [0.0, 1.0]
    _, index = top_k([[1.0, 0.0]], gallery, 12)
    assert index[0].tolist() == [*range(10), 11, 12]


@pytest.mark.parametrize(
    ("queries", "gallery", "k", "says"),
    [
        (np.eye(3), np.eye(3), 4, "between 1 and the 3 gallery rows"),
        (np.eye(3), np.eye(3), 0, "between 1"),
        (np.eye(3), np.eye(4), 1, "3 dimensions, the gallery has 4"),
        (np.zeros((1, 3)), np.eye(3), 1, "row 0 is zero"),
        (np.eye(3), np.array([[1, 0, 0], [np.nan, 0, 1]]), 1, "row 1 is zero or not finite"),
        (np.ones(3), np.eye(3), 1, "must be \\(n, d\\)"),
    ],
)
def test_impossible_searches_say_why(queries, gallery, k, says):
    with pytest.raises(ParameterError, match=says):
        top_k(queries, gallery, k)


@pytest.mark.parametrize("max_bytes", [2**16, 2**28])
def test_the_shortlist_changes_nothing(max_bytes):
    """Queries for which it suffices, and some with more near-equal images than it holds: as the full sort says."""
    rng = np.random.default_rng(0)
    gallery = rng.standard_normal((400, 32)).astype(np.float32)
    gallery[100:140] = gallery[0]  # forty equal ones
    gallery[200:240] = gallery[1] + 1e-7 * rng.standard_normal((40, 32))  # and forty that float32 cannot tell apart
    queries = np.concatenate([rng.standard_normal((30, 32)), gallery[:2]]).astype(np.float32)
    columns, sure = neighbours._shortlist(queries, gallery, 5, "cpu", max_bytes)
    assert sure[:30].sum() > 20 and not sure[30:].any()
    scores, index = top_k(queries, gallery, 5, max_bytes=max_bytes)
    full_scores, full_index = neighbours._exhaustive(queries, gallery, 5, "cpu", max_bytes)
    np.testing.assert_array_equal(index, full_index)
    np.testing.assert_array_equal(scores, full_scores)


@pytest.mark.parametrize("onednn", [True, False])
def test_products_are_the_same_with_and_without_onednn(monkeypatch, onednn):
    """Up to the bound that the shortlist reckons with, n u |x| |y|, and in the places they belong to."""
    rng = np.random.default_rng(1)
    rows = torch.from_numpy(neighbours.unit_rows(rng.standard_normal((37, 70))))
    others = torch.from_numpy(neighbours.unit_rows(rng.standard_normal((53, 70))))
    monkeypatch.setattr(torch.backends.mkldnn, "is_available", lambda: onednn)
    found = neighbours._products(rows, others)
    exact = rows.double() @ others.double().T
    assert found.shape == exact.shape and (found - exact).abs().max() < 70 * 2.0**-24


def coarse_matrices():
    torch.set_float32_matmul_precision("medium")
    return lambda: torch.set_float32_matmul_precision("highest")


def coarse_convolutions():
    torch.backends.mkldnn.conv.fp32_precision = "bf16"
    return lambda: setattr(torch.backends.mkldnn.conv, "fp32_precision", "none")


def coarse_everywhere():
    torch.backends.fp32_precision = "bf16"
    return lambda: setattr(torch.backends, "fp32_precision", "none")


def coarse_onednn():
    os.environ["ONEDNN_DEFAULT_FPMATH_MODE"] = "BF16"
    return lambda: os.environ.pop("ONEDNN_DEFAULT_FPMATH_MODE")


@pytest.mark.parametrize("coarsen", [coarse_matrices, coarse_convolutions, coarse_everywhere, coarse_onednn])
def test_coarser_products_make_no_shortlist(coarsen):
    """Where the user lets float32 be multiplied in bfloat16 or TF32, the bound on rounding would not hold."""
    new = coarsen in (coarse_convolutions, coarse_everywhere)
    if new and not hasattr(getattr(torch.backends.mkldnn, "conv", None), "fp32_precision"):
        pytest.skip("this torch has no such setting")
    restore = coarsen()
    try:
        assert not neighbours._shortlist(np.eye(40), np.eye(40), 2, "cpu", 2**20)[1].any()
        assert top_k(np.eye(40), np.eye(40), 1)[1].ravel().tolist() == list(range(40))
    finally:
        restore()
    rows = np.random.default_rng(0).standard_normal((40, 8))
    assert neighbours._shortlist(rows, rows, 2, "cpu", 2**20)[1].any()
