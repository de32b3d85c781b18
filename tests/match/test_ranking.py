"""Individuals ranked by similarity: a loop over exact numbers and scikit-learn say the same."""

import numpy as np
import pytest
from exact import exact_similarities, with_duplicates
from sklearn.metrics import average_precision_score

from reid_lib.match.ranking import rank_groups


def test_ranking_of_groups_equals_a_loop_for_any_memory():
    rng = np.random.default_rng(3)
    gallery, first = with_duplicates(rng, 60, 4), np.array([0, 5, 6, 20, 33, 59])
    queries, own = with_duplicates(rng, 30, 4), rng.integers(-1, 6, 30)
    exact = exact_similarities(queries, gallery)
    parts = [range(a, b) for a, b in zip(first, [*first[1:], 60], strict=True)]
    for max_bytes in (1, 4000, 2**28):
        found = rank_groups(queries, gallery, first, own, k=8, max_bytes=max_bytes)
        for q, row in enumerate(exact):
            best = [max(part, key=lambda g: (row[g], -g)) for part in parts]
            order = sorted(range(6), key=lambda m: (-row[best[m]], m))
            assert found.group[q].tolist() == [*order, -1, -1]
            assert found.image[q].tolist() == [*(best[m] for m in order), -1, -1]
            if own[q] < 0:
                assert np.isnan([found.own_rank[q], found.own_score[q], found.average_precision[q]]).all()
                continue
            right = np.isin(np.arange(60), parts[own[q]])
            assert found.own_rank[q] == order.index(own[q]) + 1
            assert found.own_score[q] == min(row[best[own[q]]] / 2**52, 1)
            expected = average_precision_score(right, [float(v) for v in row])
            assert found.average_precision[q] == pytest.approx(expected, abs=1e-12)


def test_average_precision_solved_by_hand():
    # Similarity falls with the angle: right, wrong, right, wrong. Precision is 1/1 at the first, 2/3 at the second.
    angles = np.array([0.1, 0.3, 0.2, 0.4])  # rows 0 and 1 are the right group
    gallery = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    found = rank_groups([[1.0, 0.0]], gallery, np.array([0, 2]), np.array([0]), k=1)
    assert found.average_precision[0] == pytest.approx((1 + 2 / 3) / 2)


def test_no_score_exceeds_1():
    # The dimension whose equal parts are rounded up the most: the rounded row is longer than 1.
    d = max(range(1000, 4000), key=lambda n: np.rint(2**26 / np.sqrt(n)) - 2**26 / np.sqrt(n))
    row = np.ones((1, d))
    assert rank_groups(row, row, np.array([0]), np.array([0]), k=1).score.max() == 1
