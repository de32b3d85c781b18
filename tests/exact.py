"""Similarities without floating point, slowly, and rankings by plain loops; used by the tests of search and ranking."""

import numpy as np
import pandas as pd

from reid_lib.core.names import IMAGE_ID
from reid_lib.embed.embedding_set import EmbeddingSet
from reid_lib.match.cosine import Cosine, to_whole_numbers
from reid_lib.match.ranking import Part, rank_groups


def exact_similarities(queries, gallery):
    """Python's whole numbers, one product at a time: no floating point but in the rounding of the features."""
    a, b = (to_whole_numbers(np.asarray(x)).astype(object) for x in (queries, gallery))
    return np.array([[sum(p * q for p, q in zip(x, y, strict=True)) for y in b] for x in a], dtype=object)


def with_duplicates(rng, n, d):
    """Random rows of which every third repeats an earlier one: ties are certain."""
    rows = rng.normal(size=(n, d)).astype(np.float32)
    rows[::3] = rows[rng.integers(0, n, len(rows[::3]))]
    return rows


def embedded(features, prefix="i") -> EmbeddingSet:
    """Features (n, d) as embeddings with nothing but image ids."""
    features = np.asarray(features, dtype=np.float32)
    return EmbeddingSet(features, pd.DataFrame({IMAGE_ID: [f"{prefix}{k}" for k in range(len(features))]}))


def cosine(queries, gallery) -> Cosine:
    return Cosine(embedded(queries, "q"), embedded(gallery, "g"))


def ranked_groups(similarity, first, own, *, k: int, max_bytes: int = 2**28):
    """Every query ranked among groups of the gallery as it lies."""
    n, g = len(similarity.queries), len(similarity.gallery)
    part = Part(np.arange(n), np.arange(g), np.asarray(first), np.asarray(own))
    return rank_groups(similarity, [part], k=k, max_bytes=max_bytes)


def check_against_a_loop(similarity, scores, first, own, *, k: int, max_bytes: int, highest: float = np.inf) -> None:
    """The ranking is, to the last bit, what sorting the rows of `scores` (q, g), exact in float64, gives."""
    found = ranked_groups(similarity, first, own, k=k, max_bytes=max_bytes)
    parts = [range(a, b) for a, b in zip(first, [*first[1:], scores.shape[1]], strict=True)]
    for q, row in enumerate(scores.tolist()):
        best = [max(part, key=lambda g: (row[g], -g)) for part in parts]
        order = sorted(range(len(parts)), key=lambda m: (-row[best[m]], m))
        there = [m for m in order if row[best[m]] > -np.inf][:k]
        nothing = [-1] * (k - len(there))
        assert found.image[q].tolist() == [best[m] for m in there] + nothing
        expected = [min(row[best[m]], highest) for m in there] + [np.nan] * len(nothing)
        np.testing.assert_array_equal(found.score[q], expected)
        mine = [found.own_score[q], found.own_rank[q], found.average_precision[q]]
        if own[q] < 0:
            assert np.isnan(mine).all()
            continue
        right = sorted(row[g] for g in parts[own[q]])
        precision = [sum(s >= r for s in right) / sum(s >= r for s in row) for r in right]
        own_score = min(right[-1], highest) if right[-1] > -np.inf else np.nan
        np.testing.assert_array_equal(mine, [own_score, order.index(own[q]) + 1, np.mean(precision)])
