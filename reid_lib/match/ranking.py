"""The one engine of search: groups of gallery rows, the individuals, ranked by similarity to each query.

Whatever similarity comes, a few queries at a time are compared with the whole gallery. Where the similarity can be
estimated (see `similarity.Estimable`), estimates tell which pairs can decide anything, these few are computed exactly,
and the answer is the one that all exact similarities give, to the last bit. Where estimates leave too many pairs open
(hundreds of equal images), the exact similarities of that query are taken.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from reid_lib.match.groups import Groups
from reid_lib.match.similarity import Arrays, Estimable, Estimates, Similarity, check_block

MOST_EXACT = 32  # a query for which more than the 32nd part of the gallery is open is compared with all of it
MOST_AT_ONCE = 2**22  # values looked through at a time


@dataclass(frozen=True)
class Part:
    """Queries that are compared with some rows of the gallery and no others.

    Attributes:
        queries: (q,) int, ascending row numbers of the similarity's queries.
        gallery: (g,) int, g > 0, row numbers of its gallery, those of a group lying together; ties go to the earlier.
        first: (m,) int, ascending from 0: where in `gallery` each group begins.
        own: (q,) int: the group that is right for the query, -1 for none.
    """

    queries: np.ndarray
    gallery: np.ndarray
    first: np.ndarray
    own: np.ndarray


@dataclass(frozen=True)
class Ranking:
    """Groups of gallery rows (the individuals) by similarity to each of q queries; k ranks, -1 and NaN beyond the last.

    Attributes:
        image: (q, k) int64, the most similar gallery row of each group, descending by score. Ties go to the earlier
            group, within a group to the earlier row.
        score: (q, k) float64, similarity to that row.
        own_score, own_rank, average_precision: (q,) float64, of the query's own group; NaN where it has none.
    """

    image: np.ndarray
    score: np.ndarray
    own_score: np.ndarray
    own_rank: np.ndarray
    average_precision: np.ndarray

    @classmethod
    def empty(cls, n_queries: int, k: int) -> "Ranking":
        """Nothing found yet, to be filled."""
        images = np.full((n_queries, k), -1, dtype=np.int64)
        return cls(images, np.full((n_queries, k), np.nan), *(np.full(n_queries, np.nan) for _ in range(3)))


def rank_groups(similarity: Similarity, parts: list[Part], *, k: int, max_bytes: int = 2**28) -> Ranking:
    """Rank groups of gallery rows by their most similar row.

    Args:
        similarity: of any kind; its queries in no part stay unranked.
        parts: no two with a query in common.
        k: ranks to give.
        max_bytes: bound of the working memory, in bytes, beside one copy of what the similarity compares.

    Raises:
        ParameterError: the similarity gives NaN.
    """
    found = Ranking.empty(len(similarity.queries), k)
    if isinstance(similarity, Estimable):
        for part in parts:
            _rank_estimated(similarity, part, found, k, max_bytes)
    else:
        _rank_exact(similarity, parts, found, k, max_bytes)
    low, high = getattr(similarity, "limits", (-np.inf, np.inf))
    for scores in (found.score, found.own_score):
        np.clip(scores, low, high, out=scores)
    return found


def _rank_exact(similarity: Similarity, parts: list[Part], found: Ranking, k: int, max_bytes: int) -> None:
    layouts = [Groups(part.first, len(part.gallery)) for part in parts]
    for start, stop, block in similarity.blocks(max_bytes=max_bytes // 4):
        block = check_block(block, start, similarity.unit)
        for part, groups in zip(parts, layouts, strict=True):
            rows = slice(*np.searchsorted(part.queries, (start, stop)))
            values = block[part.queries[rows] - start][:, part.gallery[groups.row]]
            exact = Estimates(rows.start, rows.stop, values, 0.0, Arrays())
            _Block(exact, part, groups, None, rows, max_bytes // 2).rank(found, k)


def _rank_estimated(similarity: Estimable, part: Part, found: Ranking, k: int, max_bytes: int) -> None:
    groups, left = Groups(part.first, len(part.gallery)), []
    mine = similarity.part(part.queries, part.gallery[groups.row])
    room = len(part.gallery) + 3 * len(groups)
    for some in mine.estimates(numbers_per_query=room, max_bytes=max_bytes // 2):
        open_ = _Block(some, part, groups, mine, slice(some.start, some.stop), max_bytes // 2).rank(found, k)
        left.append(some.start + np.flatnonzero(open_))
    rows = np.concatenate([*left, np.empty(0, dtype=np.int64)])
    if len(rows):  # what estimates leave open, by all exact similarities
        some_queries = Part(part.queries[rows], part.gallery, part.first, part.own[rows])
        for start, stop, block in mine.part(rows, slice(None)).blocks(max_bytes=max_bytes // 2):
            exact = Estimates(start, stop, block, 0.0, Arrays())
            _Block(exact, some_queries, groups, None, slice(start, stop), max_bytes // 4).rank(found, k)


def rank_images(similarity: Similarity, k: int) -> np.ndarray:
    """(q, k) int64: the most similar gallery rows of each query, ties to the earlier row; -1 beyond the last."""
    everything = np.arange(len(similarity.gallery))
    nobody = np.full(len(similarity.queries), -1)
    part = Part(np.arange(len(similarity.queries)), everything, everything, nobody)
    return rank_groups(similarity, [part], k=k).image


class _Block:
    """The rankings of a few queries of a part.

    Args:
        estimates: of these queries and the gallery of the part, in the columns of `groups`.
        exact: the similarity of the part in these columns; None where the estimates are exact.
        rows: these queries among those of the part.
        max_bytes: bound of the working memory, in bytes, beside the estimates.
    """

    def __init__(
        self,
        estimates: Estimates,
        part: Part,
        groups: Groups,
        exact: Estimable | None,
        rows: slice,
        max_bytes: int,
    ):
        self.values, self.error, self.arrays = estimates.values, estimates.error, estimates.arrays
        self.part, self.groups, self.exact, self.rows = part, groups, exact, rows
        self.own = part.own[rows]
        self.at_once = max(1, min(MOST_AT_ONCE, max_bytes // 64))
        self.most = len(part.gallery) // MOST_EXACT + 64
        # Queries for which too much of the gallery has to be computed exactly, such as a large group of their own.
        self.open = (self.error > 0) & (self.own >= 0) & (groups.sizes[self.own] > self.most)

    def rank(self, found: Ranking, k: int) -> np.ndarray:
        """Put the answers of these queries into `found`; (n,) bool: which ones estimates leave open."""
        if not len(self.own):
            return self.open
        maxima = self.groups.maxima(self.values, self.arrays)
        self._rank_best(found, maxima, k)
        self._rank_own(found, maxima)
        return self.open

    # ---- the best groups --------------------------------------------------------------------------------------------

    def _rank_best(self, found: Ranking, maxima, k: int) -> None:
        query, group = self._contenders(maxima, k)
        score, row = self._best_rows(query, group, maxima)
        order = np.lexsort((group, -score, query))
        query, score, row = query[order], score[order], row[order]
        rank = np.arange(len(query)) - np.searchsorted(query, query)
        kept = rank < k
        at = self.part.queries[self.rows][query[kept]], rank[kept]
        found.image[at], found.score[at] = self.part.gallery[row[kept]], score[kept]

    def _contenders(self, maxima, k: int) -> tuple[np.ndarray, np.ndarray]:
        """(query, group) pairs, by query, among which are the k best groups of each query."""
        n, arrays, error = len(self.own), self.arrays, self.error
        rest, rows, best, levels = arrays.copy(maxima), arrays.index(np.arange(n)), [], []
        for _ in range(min(k, len(self.groups))):
            column = rest.argmax(1)  # the first of equals
            best.append(arrays.host(column))
            levels.append(arrays.host(rest[rows, column]).astype(float))
            rest[rows, column] = -np.inf
        if not error:
            there = np.stack(levels, axis=1) > -np.inf
            return np.nonzero(there)[0], np.stack(best, axis=1)[there]
        mask = maxima >= arrays.like(maxima, levels[-1] - 2 * error)[:, None]
        return self._kept(mask)

    def _kept(self, mask) -> tuple[np.ndarray, np.ndarray]:
        """Where `mask` is true, without the queries for which that is too often."""
        counts = self.arrays.host(mask.sum(1))
        self.open |= counts > self.most
        if self.open.any():
            mask[self.arrays.index(np.flatnonzero(self.open))] = False
        return self.arrays.where(mask)

    def _best_rows(self, query, group, maxima) -> tuple[np.ndarray, np.ndarray]:
        """Exact score, and row of the part, of the most similar row of some groups (p,), each for a query (p,)."""
        level = self.arrays.host(maxima[self.arrays.index(query), self.arrays.index(group)]).astype(float)
        score, best = np.empty(len(query)), np.empty(len(query), dtype=np.int64)
        for begin, end in self._few_members(group):
            which, row = self.groups.members(group[begin:end])
            near = self._values(query[begin:end][which], row) >= level[begin:end][which] - 2 * self.error
            which, row = which[near], row[near]
            exact = self._exact(query[begin:end][which], row)
            order = np.lexsort((row, -exact, which))
            chosen = order[np.searchsorted(which[order], np.arange(end - begin))]
            score[begin:end], best[begin:end] = exact[chosen], row[chosen]
        return score, best

    def _few_members(self, groups: np.ndarray) -> Iterator[tuple[int, int]]:
        """Runs of groups with not too many rows together: (begin, end)."""
        reached, begin = np.cumsum(self.groups.sizes[groups]), 0
        while begin < len(groups):
            before = reached[begin - 1] if begin else 0
            end = max(begin + 1, int(np.searchsorted(reached, before + self.at_once, side="right")))
            yield begin, end
            begin = end

    def _values(self, query: np.ndarray, row: np.ndarray) -> np.ndarray:
        column = self.groups.column[row]
        return self.arrays.host(self.values[self.arrays.index(query), self.arrays.index(column)]).astype(float)

    def _exact(self, query: np.ndarray, row: np.ndarray) -> np.ndarray:
        if not self.error:
            return self._values(query, row)
        return self.exact.exact(query + self.rows.start, self.groups.column[row])

    # ---- the query's own group --------------------------------------------------------------------------------------

    def _rank_own(self, found: Ranking, maxima) -> None:
        """Score, rank and average precision of the own group, for the queries that have one."""
        known = np.flatnonzero((self.own >= 0) & ~self.open)
        for begin, end in self._few_members(self.own[known]):
            self._rank_own_of(found, maxima, known[begin:end])

    def _rank_own_of(self, found: Ranking, maxima, known: np.ndarray) -> None:
        which, row = self.groups.members(self.own[known])
        query = known[which]
        right = self._exact(query, row)
        order = np.lexsort((right, which))
        right, ends = right[order], np.cumsum(self.groups.sizes[self.own[known]])
        best = right[ends - 1]
        rank = self._own_rank(maxima, known, best)
        # NaN is not reached by any score: what is left are the rows of others; of its own the exact scores are known.
        self.values[self.arrays.index(query), self.arrays.index(self.groups.column[row])] = np.nan
        precision = self._average_precision(known, np.split(right, ends[:-1]))
        answered = ~self.open[known]
        at = self.part.queries[self.rows][known[answered]]
        found.own_score[at] = np.where(best > -np.inf, best, np.nan)[answered]
        found.own_rank[at], found.average_precision[at] = rank[answered], precision[answered]

    def _own_rank(self, maxima, known: np.ndarray, best: np.ndarray) -> np.ndarray:
        arrays, error = self.arrays, self.error
        others = maxima[arrays.index(known)]
        others[arrays.index(np.arange(len(known))), arrays.index(self.own[known])] = -np.inf
        low, high = (arrays.like(others, best + sign * error)[:, None] for sign in (-1, 1))
        rank = 1 + arrays.host((others > high).sum(1)).astype(float)
        mask = (others >= low) & (others <= high)
        counts = arrays.host(mask.sum(1))
        if error:
            self.open[known[counts > self.most]] = True
            mask[arrays.index(np.flatnonzero(counts > self.most))] = False
        at, group = arrays.where(mask)
        score = self._best_rows(known[at], group, maxima)[0] if error else best[at]
        ahead = (score > best[at]) | ((score == best[at]) & (group < self.own[known][at]))
        return rank + np.bincount(at[ahead], minlength=len(known))

    def _average_precision(self, known: np.ndarray, right: list[np.ndarray]) -> np.ndarray:
        """Precision where each right row is reached, ties reached together (as scikit-learn's average precision)."""
        arrays, n_columns, found = self.arrays, len(self.part.gallery), np.full(len(known), np.nan)
        low = np.array([scores[0] for scores in right]) - self.error
        step = max(1, self.at_once // n_columns)
        for start in range(0, len(known), step):
            some = known[start : start + step]
            together = some[-1] - some[0] + 1 == len(some)
            values = self.values[some[0] : some[-1] + 1] if together else self.values[arrays.index(some)]
            row, column = arrays.where(values >= arrays.like(values, low[start : start + step])[:, None])
            reached = arrays.host(values[arrays.index(row), arrays.index(column)]).astype(float)
            ends = np.searchsorted(row, np.arange(len(some) + 1))
            if self.error:
                self._settle(some, right[start : start + step], reached, column, ends)
            for i, scores in enumerate(right[start : start + step]):
                all_ = np.sort(np.concatenate([scores, reached[ends[i] : ends[i + 1]]]))
                n_right = len(scores) - np.searchsorted(scores, scores)
                found[start + i] = np.mean(n_right / (len(all_) - np.searchsorted(all_, scores)))
        return found

    def _settle(self, known: np.ndarray, right: list[np.ndarray], reached, column, ends: np.ndarray) -> None:
        """Put exact similarities for those of `reached` that are too near to a right row's to be told from it."""
        unsettled = []
        for i, scores in enumerate(right):
            mine = reached[ends[i] : ends[i + 1]]
            above = np.searchsorted(scores, mine)
            next_ones = scores[np.maximum(above - 1, 0)], scores[np.minimum(above, len(scores) - 1)]
            places = np.flatnonzero(np.minimum(*(np.abs(mine - score) for score in next_ones)) <= self.error)
            if len(places) > self.most:
                self.open[known[i]] = True
            else:
                unsettled.append(ends[i] + places)
        at = np.concatenate(unsettled) if unsettled else np.empty(0, dtype=np.int64)
        if len(at):
            query = known[np.searchsorted(ends, at, side="right") - 1]
            reached[at] = self._exact(query, self.groups.row[column[at]])
