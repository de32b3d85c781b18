"""Groups of gallery rows, the individuals, ranked by similarity to each query."""

from dataclasses import dataclass

import numpy as np

from reid_lib.match.cosine import similarity_blocks, whole_numbers


@dataclass(frozen=True)
class Ranking:
    """Groups of gallery rows (the individuals) by similarity to each of q queries; k ranks, -1 and NaN beyond the last.

    Attributes:
        group: (q, k) int64, descending by score, ties by the lower group.
        image: (q, k) int64, the group's most similar gallery row, ties by the lower row.
        score: (q, k) float64, cosine similarity to that row.
        own_score, own_rank, average_precision: (q,) float64, of the query's own group; NaN where it has none.
    """

    group: np.ndarray
    image: np.ndarray
    score: np.ndarray
    own_score: np.ndarray
    own_rank: np.ndarray
    average_precision: np.ndarray

    @classmethod
    def empty(cls, n_queries: int, k: int) -> "Ranking":
        rows = (np.full((n_queries, k), -1, dtype=np.int64) for _ in range(2))
        return cls(*rows, np.full((n_queries, k), np.nan), *(np.full(n_queries, np.nan) for _ in range(3)))


def rank_groups(
    queries: np.ndarray, gallery: np.ndarray, first: np.ndarray, own: np.ndarray, *, k: int, max_bytes: int = 2**28
) -> Ranking:
    """Rank groups of gallery rows by their most similar row.

    Args:
        queries: (q, d) float.
        gallery: (g, d) float, g > 0, the rows of a group lying together.
        first: (m,) int, ascending: the first row of each group, so first[0] is 0.
        own: (q,) int: the group that is right for the query, -1 for none.
        k: ranks to give.
        max_bytes: bound of the working memory, in bytes, beside int32 copies of the features.
    """
    found = Ranking.empty(len(queries), k)
    ends = np.append(first, len(gallery))
    for start, stop, block in similarity_blocks(whole_numbers(queries), whole_numbers(gallery), max_bytes=max_bytes):
        scores, rows = np.maximum.reduceat(block, first, axis=1), np.arange(stop - start)
        _rank_own(block, scores, own[start:stop], ends, start, found)
        for rank in range(min(k, len(first))):
            best = scores.argmax(axis=1)  # the first of equals
            found.group[start:stop, rank] = best
            found.score[start:stop, rank] = np.clip(scores[rows, best], -1, 1)
            found.image[start:stop, rank] = [
                ends[b] + block[i, ends[b] : ends[b + 1]].argmax() for i, b in enumerate(best)
            ]
            scores[rows, best] = -np.inf
    return found


def _rank_own(block, scores, own, ends, start: int, found: Ranking) -> None:
    """Score, rank and average precision of the own group, for the queries of a block that have one."""
    known = np.flatnonzero(own >= 0)
    own_score = scores[known, own[known]][:, None]
    before = np.arange(scores.shape[1]) < own[known][:, None]
    others = scores[known]
    found.own_rank[start + known] = 1 + (others > own_score).sum(axis=1) + ((others == own_score) & before).sum(axis=1)
    found.own_score[start + known] = np.clip(own_score[:, 0], -1, 1)
    for i in known:
        # Precision where each right row is reached, ties reached together (as scikit-learn's average precision).
        right = np.sort(block[i, ends[own[i]] : ends[own[i] + 1]])
        reached = np.sort(block[i][block[i] >= right[0]])
        n_right = len(right) - np.searchsorted(right, right)
        n_reached = len(reached) - np.searchsorted(reached, right)
        found.average_precision[start + i] = np.mean(n_right / n_reached)
