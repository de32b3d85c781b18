"""Exact, bounded, order-free similarity search."""

import subprocess
import sys

import numpy as np
import pytest
from exact import exact_similarities
from memory import added_mb

from reid_lib.match.cosine import similarity_blocks, whole_numbers
from reid_lib.match.neighbours import top_k


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


def test_evaluation_does_not_import_torch():
    modules = ("match.cosine", "openset.predictions", "openset.metrics", "openset.summary")
    code = f"import sys, {', '.join(f'reid_lib.{name}' for name in modules)}; print('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.strip() == "False"


PREPARE = """
import numpy as np
from reid_lib.match.neighbours import top_k
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
