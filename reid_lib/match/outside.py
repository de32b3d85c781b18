"""Pairs outside the shortlist: a sample to calibrate their global score by, and the best of them for each query."""

from dataclasses import dataclass, replace

import numpy as np

from reid_lib.core.names import DATASET, IDENTITY, IMAGE_ID
from reid_lib.match.evidence import Evidence
from reid_lib.match.pairs import PairTable, encode_columns
from reid_lib.match.similarity import Similarity, check_block

PER_QUERY = 100  # negative pairs that stand for all negative ones of a query


@dataclass(frozen=True, eq=False)
class Outside:
    """Labelled pairs that are not in a table, by one global score.

    Attributes:
        sample: all positive pairs, and for each query up to `PER_QUERY` negative ones, evenly by score, with the number
            of those that each stands for as its weight.
        query, asked, enrolled, score: (t,) the two best individuals of each query outside the table: position of the
            query, codes of both individuals, score of the best pair.
    """

    sample: Evidence
    query: np.ndarray
    asked: np.ndarray
    enrolled: np.ndarray
    score: np.ndarray

    def without(self, individuals: np.ndarray) -> "Outside":
        """What is left without the queries of some individuals (codes); in the sample, as `Evidence.without`."""
        return self._where(~np.isin(self.asked, individuals), self.sample.without(individuals))

    def of_queries(self, queries: np.ndarray) -> "Outside":
        """The pairs of some queries (positions)."""
        return self._where(np.isin(self.query, queries), self.sample.where(np.isin(self.sample.query, queries)))

    def _where(self, mask: np.ndarray, sample: Evidence) -> "Outside":
        arrays = {name: getattr(self, name)[mask] for name in ("query", "asked", "enrolled", "score")}
        return replace(self, sample=sample, **arrays)


def sample_outside(similarity: Similarity, table: PairTable, *, max_bytes: int = 2**28) -> Outside:
    """Go once through all pairs within each data set that are not in the table, in bounded memory.

    Args:
        similarity: the global score, of the table's queries with its gallery.
        table: the pairs that are matched in detail.
        max_bytes: bound of the working memory, in bytes.
    """
    asked, enrolled = encode_columns(table.queries, table.gallery, DATASET, IDENTITY)
    dataset = encode_columns(table.queries, table.gallery, DATASET)
    by_name = np.argsort(table.gallery[IMAGE_ID].astype(str).to_numpy(dtype=str), kind="stable")
    labelled = table.queries[IDENTITY].notna().to_numpy(dtype=bool)
    sampled, best = [], []
    for start, stop, block in similarity.blocks(max_bytes=max_bytes // 3):
        block = check_block(block, start, similarity.unit)
        some = slice(*np.searchsorted(table.query, (start, stop)))
        block[table.query[some] - start, table.image[some]] = -np.inf
        for query in np.flatnonzero(labelled[start:stop]) + start:
            row = np.where(dataset[1] == dataset[0][query], block[query - start], -np.inf)[by_name]
            images, scores = by_name[row > -np.inf], row[row > -np.inf]
            same = enrolled[images] == asked[query]
            chosen, weight = _evenly(scores, same)
            sampled.append((np.full(len(chosen), query), images[chosen], scores[chosen], weight))
            best += [(query, asked[query], who, score) for who, score in _two_individuals(enrolled[images], scores)]
    query, image, score, weight = _columns(sampled, (np.int64, np.int64, np.float32, np.float64))
    order = np.lexsort((image, query))
    pairs = PairTable(table.queries, table.gallery, query[order], image[order], {similarity.unit: score[order]})
    top = [np.array(column, dtype=kind) for column, kind in zip(_turned(best), (int, int, int, float), strict=True)]
    return Outside(Evidence.of(pairs, weight=weight[order]), *top)


def _turned(rows: list[tuple]) -> list[tuple]:
    return list(zip(*rows, strict=True)) or [()] * 4


def _columns(rows: list[tuple], kinds: tuple) -> list[np.ndarray]:
    columns = zip(*rows, strict=True) if rows else [()] * len(kinds)
    return [np.concatenate([np.empty(0, kind), *column]) for column, kind in zip(columns, kinds, strict=True)]


def _evenly(scores: np.ndarray, same: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Positions of all positive pairs and of some negative ones, evenly by score, and how many each stands for."""
    others = np.flatnonzero(~same)
    others = others[np.argsort(scores[others], kind="stable")]
    n = min(PER_QUERY, len(others))
    middles = ((np.arange(n) + 0.5) * len(others) / max(n, 1)).astype(np.int64)
    weight = np.append(np.ones(same.sum()), np.full(n, len(others) / max(n, 1)))
    return np.append(np.flatnonzero(same), others[middles]), weight


def _two_individuals(individual: np.ndarray, scores: np.ndarray) -> list[tuple[int, float]]:
    """The two individuals of the highest scores, each with its score; fewer where there are no more."""
    found = []
    left = scores.copy()
    for _ in range(2):
        if not len(left) or left.max() == -np.inf:
            break
        first = int(left.argmax())
        found.append((int(individual[first]), float(scores[first])))
        left[individual == individual[first]] = -np.inf
    return found
