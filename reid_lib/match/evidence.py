"""The labelled pairs that calibration and fusion learn from, and how they are divided by individuals."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from reid_lib.core.names import DATASET, IDENTITY, IMAGE_ID
from reid_lib.match.pairs import PairTable, encode_columns


@dataclass(frozen=True, eq=False)
class Evidence:
    """Labelled pairs as arrays, ordered by the names of their images, so that the order of rows decides nothing.

    Attributes:
        names: of the scores.
        scores: (p, len(names)) float64, NaN where a pair was not scored.
        same: (p,) bool, do both show one individual?
        weight: (p,) float64, how many pairs each stands for; 0: nothing is learnt from it.
        query: (p,) int, position of the query among the rows.
        asked, enrolled: (p,) int, a code for the individual of the query, and for that of the gallery image.
        left_out: the individuals (codes) that `without` left out so far.
    """

    names: tuple[str, ...]
    scores: np.ndarray
    same: np.ndarray
    weight: np.ndarray
    query: np.ndarray
    asked: np.ndarray
    enrolled: np.ndarray
    left_out: frozenset[int] = frozenset()

    @classmethod
    def of(cls, table: PairTable, *, weight: np.ndarray | None = None) -> "Evidence":
        """The pairs of a table that may be learnt from: labelled, and neither one image nor one encounter twice."""
        usable = table.labelled & table.apart
        weight = np.ones(len(table)) if weight is None else weight
        asked, enrolled = encode_columns(table.queries, table.gallery, DATASET, IDENTITY)
        some = table.where(usable)
        images = [rows[IMAGE_ID].astype(str).to_numpy(dtype=str) for rows in (table.queries, table.gallery)]
        order = np.lexsort((images[1][some.image], images[0][some.query]))
        scores = [values[order].astype(np.float64) for values in some.scores.values()]
        return cls(
            names=tuple(some.scores),
            scores=np.stack(scores, axis=1) if scores else np.empty((len(some), 0)),
            same=some.same[order],
            weight=np.asarray(weight, dtype=np.float64)[usable][order],
            query=some.query[order],
            asked=asked[some.query][order],
            enrolled=enrolled[some.image][order],
        )

    def __len__(self) -> int:
        return len(self.same)

    def where(self, mask: np.ndarray) -> "Evidence":
        """The pairs of a mask (p,)."""
        arrays = ("scores", "same", "weight", "query", "asked", "enrolled")
        return replace(self, **{name: getattr(self, name)[mask] for name in arrays})

    def without(self, individuals: np.ndarray) -> "Evidence":
        """The evidence without some individuals (codes): their queries are left out, pairs with their images weigh 0.

        What is fitted then sees these individuals on neither side. Leaving images out takes negative pairs from the
        queries that stay, but none of their positive ones: positive pairs would seem more frequent than they are. So
        the negative pairs that are left are weighed up to stand for those that are gone.
        """
        part = self.where(~np.isin(self.asked, individuals))
        stay = ~np.isin(part.enrolled, individuals)
        size, others = int(part.query.max(initial=-1)) + 1, ~part.same
        before, after = (
            np.bincount(part.query[rows], weights=part.weight[rows], minlength=size) for rows in (others, others & stay)
        )
        factor = np.divide(before, after, out=np.ones(size), where=after > 0)[part.query]
        weight = np.where(part.same, part.weight, part.weight * factor * stay)
        return replace(part, weight=weight, left_out=self.left_out | set(np.asarray(individuals).tolist()))


@dataclass(frozen=True, eq=False)
class Folds:
    """Individuals that are asked about, dealt out to folds.

    Attributes:
        members: the individuals (codes) of each fold.
    """

    members: tuple[np.ndarray, ...]

    @classmethod
    def deal(cls, individuals: np.ndarray, known: np.ndarray, names: Sequence[str], n_folds: int) -> "Folds":
        """Deal individuals to folds, the known and the unknown ones evenly, by a hash of their names.

        Args:
            individuals: (n,) int, codes, each once.
            known: (n,) bool, is it in the gallery?
            names: (n,) of the individuals, the same on every machine and in every order of rows.
            n_folds: at least 2; no more than there are individuals.
        """
        drawn = [hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest() for name in names]
        order = sorted(range(len(names)), key=lambda k: (not known[k], drawn[k], names[k]))
        n_folds = max(2, min(n_folds, len(names)))
        return cls(tuple(np.asarray(individuals)[np.array(order[f::n_folds], dtype=int)] for f in range(n_folds)))

    def of(self, individuals: np.ndarray) -> np.ndarray:
        """(n,) fold of each of some individuals (codes); -1 for those that are in none."""
        found = np.full(len(individuals), -1)
        for fold, members in enumerate(self.members):
            found[np.isin(individuals, members)] = fold
        return found

    def without(self, fold: int) -> "Folds":
        """The other folds."""
        return Folds(self.members[:fold] + self.members[fold + 1 :])


def find_best_two(
    query: np.ndarray, individual: np.ndarray, value: np.ndarray, n_queries: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The best individual of each query and the best value of another one.

    Args:
        query, individual, value: (p,) of pairs, in any order.
        n_queries: queries are 0 ... n_queries - 1.

    Returns:
        best (n_queries,) value, who (n_queries,) individual, -1 where a query has no pair, and other (n_queries,)
        value; -inf where there is none.
    """
    best, other = np.full(n_queries, -np.inf), np.full(n_queries, -np.inf)
    who = np.full(n_queries, -1)
    order = np.lexsort((individual, -value, query))
    query, individual, value = query[order], individual[order], value[order]
    asked, first = np.unique(query, return_index=True)
    best[asked], who[asked] = value[first], individual[first]
    np.maximum.at(other, query[individual != who[query]], value[individual != who[query]])
    return best, who, other
