"""Exact, bounded, order-free similarity search."""

import os
import subprocess
import sys

import numpy as np
import pytest
import torch
from exact import exact_similarities, with_duplicates
from memory import added_mb

from reid_lib import search
from reid_lib.errors import ParameterError
from reid_lib.search import similarity_blocks, top_k, whole_numbers


def test_similarities_are_exact_to_the_last_bit():
    rng = np.random.default_rng(0)
    queries, gallery = rng.normal(size=(7, 33)), rng.normal(size=(11, 33))
    blocks = [block for _, _, block in similarity_blocks(whole_numbers(queries), whole_numbers(gallery))]
    exact = exact_similarities(queries, gallery)
    assert [[int(v * 2.0**52) for v in row] for row in np.concatenate(blocks)] == exact.tolist()


def test_similarity_is_the_cosine_whatever_the_lengths():
    rng = np.random.default_rng(1)
    queries, gallery = 100 * rng.normal(size=(5, 512)), 0.01 * rng.normal(size=(6, 512))
    unit = [x / np.linalg.norm(x, axis=1, keepdims=True) for x in (queries, gallery)]
    (_, _, block), *more = similarity_blocks(whole_numbers(queries), whole_numbers(gallery))
    assert not more
    np.testing.assert_allclose(block, unit[0] @ unit[1].T, atol=2e-8)


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


def test_no_similarity_exceeds_1():
    # The dimension whose equal parts are rounded up the most: the rounded row is longer than 1.
    d = max(range(1000, 4000), key=lambda n: np.rint(2**26 / np.sqrt(n)) - 2**26 / np.sqrt(n))
    row = np.ones((1, d))
    assert ((whole_numbers(row) / 2.0**26) ** 2).sum() > 1 + 1e-7
    assert top_k(row, row, 1)[0].max() == 1


def test_blocks_stay_within_their_memory():
    queries, gallery = whole_numbers(np.ones((200, 8))), whole_numbers(np.ones((1000, 8)))
    sizes = [block.nbytes for _, _, block in similarity_blocks(queries, gallery, max_bytes=100_000)]
    assert max(sizes) <= 100_000 / 3 and len(sizes) == 50


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


def test_evaluation_does_not_import_torch():
    code = (
        "import sys, reid_lib.search, reid_lib.openset, reid_lib.metrics, reid_lib.stats; print('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.strip() == "False"


@pytest.mark.parametrize("max_bytes", [2**16, 2**28])
def test_the_shortlist_changes_nothing(max_bytes):
    """Queries for which it suffices, and some with more near-equal images than it holds: as the full sort says."""
    rng = np.random.default_rng(0)
    gallery = rng.standard_normal((400, 32)).astype(np.float32)
    gallery[100:140] = gallery[0]  # forty equal ones
    gallery[200:240] = gallery[1] + 1e-7 * rng.standard_normal((40, 32))  # and forty that float32 cannot tell apart
    queries = np.concatenate([rng.standard_normal((30, 32)), gallery[:2]]).astype(np.float32)
    columns, sure = search._shortlist(queries, gallery, 5, "cpu", max_bytes)
    assert sure[:30].sum() > 20 and not sure[30:].any()
    scores, index = top_k(queries, gallery, 5, max_bytes=max_bytes)
    full_scores, full_index = search._exhaustive(queries, gallery, 5, "cpu", max_bytes)
    np.testing.assert_array_equal(index, full_index)
    np.testing.assert_array_equal(scores, full_scores)


@pytest.mark.parametrize("onednn", [True, False])
def test_products_are_the_same_with_and_without_onednn(monkeypatch, onednn):
    """Up to the bound that the shortlist reckons with, n u |x| |y|, and in the places they belong to."""
    rng = np.random.default_rng(1)
    rows = torch.from_numpy(search.unit_rows(rng.standard_normal((37, 70))))
    others = torch.from_numpy(search.unit_rows(rng.standard_normal((53, 70))))
    monkeypatch.setattr(torch.backends.mkldnn, "is_available", lambda: onednn)
    found = search._products(rows, others)
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
        assert not search._shortlist(np.eye(40), np.eye(40), 2, "cpu", 2**20)[1].any()
        assert top_k(np.eye(40), np.eye(40), 1)[1].ravel().tolist() == list(range(40))
    finally:
        restore()
    rows = np.random.default_rng(0).standard_normal((40, 8))
    assert search._shortlist(rows, rows, 2, "cpu", 2**20)[1].any()


PREPARE = """
import numpy as np
from reid_lib.search import top_k
rng = np.random.default_rng(0)
gallery = rng.standard_normal((200_000, 64), dtype=np.float32)
{change}
queries = rng.standard_normal((2_000, 64), dtype=np.float32)
top_k(queries[:10], gallery[:1000], 5)  # what torch itself needs
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="measured by what Linux says of a process")
@pytest.mark.parametrize("change", ["", "gallery[:] = gallery[:20].repeat(10_000, 0)"])
def test_memory_stays_far_below_the_gallery(change):
    """Candidates suffice, or (thousands of equal images) all of it has to be looked at. The gallery is 49 MB, all
    similarities would be 1.5 GB."""
    assert added_mb(PREPARE.format(change=change), "top_k(queries, gallery, 5, max_bytes=2**24)") < 32
