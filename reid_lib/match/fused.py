"""Probabilities of several scores together, as a `Similarity`."""

from collections.abc import Iterator

import numpy as np
import pandas as pd
from scipy.special import expit

from reid_lib.core.errors import ParameterError
from reid_lib.core.names import DATASET, IDENTITY, PROBABILITY
from reid_lib.match.cues import add_margins, margin_of
from reid_lib.match.fuse import DatasetFit, FittedFusion, Fusion, choose_fits
from reid_lib.match.pairs import PairTable, encode_columns
from reid_lib.match.similarity import Similarity, check_block


class Fused:
    """Fused scores as a `Similarity` in [0, 1]: the probability that the gallery image's individual is the query's.

    A block is the global score of all pairs, calibrated for pairs outside the shortlist, overwritten by what the
    scores of the shortlisted pairs say, then put through the second calibration (`answer`), which looks at the best
    other individual of the query. So the highest number of an individual's images is the probability of that answer;
    the others keep their order. What is -inf in the global score, or in another data set, is not compared.

    Args:
        table: pairs with the scores that the fits were made on, or more.
        fits: fits of `fuse`.
        fit_of: (n_queries,) int, which of them answers each query.
        everything: the global score of all pairs; None: pairs outside the table are not compared.

    Raises:
        ParameterError: a score is missing, or rows of `everything` are not those of the table.
    """

    unit = PROBABILITY
    limits = (0.0, 1.0)

    def __init__(
        self, table: PairTable, fits: list[DatasetFit], fit_of: np.ndarray, everything: Similarity | None = None
    ):
        if everything is not None:
            for what, ours, theirs in (
                ("queries", table.queries, everything.queries),
                ("gallery images", table.gallery, everything.gallery),
            ):
                if len(ours) != len(theirs):
                    raise ParameterError(f"the table has {len(ours)} {what}, the global score has {len(theirs)}")
        self.table, self.fits, self.everything = table, fits, everything
        self.fit_of = np.asarray(fit_of, dtype=np.int64)
        self.pair_log_odds = self._pairs()
        self._individuals = _Individuals(table)

    @classmethod
    def out_of_fold(cls, table: PairTable, fitted: FittedFusion, everything: Similarity | None = None) -> "Fused":
        """Queries of val, each by the fit that did not see its individual."""
        return cls(table, fitted.fits, fitted.fit_of, everything)

    @classmethod
    def frozen(cls, table: PairTable, fusion: Fusion, everything: Similarity | None = None) -> "Fused":
        """Queries of test, or new ones, by the frozen fit of their data set."""
        return cls(table, *choose_fits(table.queries[DATASET], fusion), everything)

    @property
    def queries(self) -> pd.DataFrame:
        return self.table.queries

    @property
    def gallery(self) -> pd.DataFrame:
        return self.table.gallery

    @property
    def pair_probability(self) -> np.ndarray:
        """(p,) float64: "same individual", of the pairs of the table, before the second calibration."""
        return expit(self.pair_log_odds)

    def blocks(self, *, max_bytes: int = 2**28) -> Iterator[tuple[int, int, np.ndarray]]:
        """(start, stop, block (stop - start, g) float64); see `Similarity.blocks`."""
        source = self._nothing if self.everything is None else self.everything.blocks
        for start, stop, block in source(max_bytes=max_bytes // 8):
            block = check_block(block, start, self.unit).astype(np.float64, copy=False)
            pairs = slice(*np.searchsorted(self.table.query, (start, stop)))
            fit_of = self.fit_of[start:stop]
            for k in np.unique(fit_of):
                self._put_outside(block, np.flatnonzero(fit_of == k), self.fits[k])
            block[self.table.query[pairs] - start, self.table.image[pairs]] = self.pair_log_odds[pairs]
            self._individuals.leave_out_other_datasets(block, start)
            rival = self._individuals.rivals(block)
            for k in np.unique(fit_of):
                rows = np.flatnonzero(fit_of == k)
                if self.fits[k].answer is not None:
                    block[rows] = self.fits[k].answer.log_odds(block[rows], rival[rows])
            compared = block > -np.inf
            yield start, stop, np.where(compared, expit(block), -np.inf)

    def _put_outside(self, block: np.ndarray, rows: np.ndarray, fit: DatasetFit) -> None:
        if fit.outside is None:
            block[rows] = -np.inf
            return
        values = block[rows]
        compared = values > -np.inf
        odds = fit.outside.log_odds(np.where(compared, values, fit.outside.lowest))
        block[rows] = np.where(compared, odds, -np.inf)

    def _nothing(self, *, max_bytes: int) -> Iterator[tuple[int, int, np.ndarray]]:
        rows = max(1, int(max_bytes // (8 * max(len(self.gallery), 1))))
        for start in range(0, len(self.queries), rows):
            stop = min(start + rows, len(self.queries))
            yield start, stop, np.full((stop - start, len(self.gallery)), -np.inf)

    def _pairs(self) -> np.ndarray:
        """(p,) log odds of the table's pairs."""
        needed = {name for fit in self.fits for name in fit.pairs.calibrations}
        table = self.table
        if needed - set(table.scores):
            table = add_margins(table, [name for name in table.scores if margin_of(name) in needed])
        scores = {name: values.astype(np.float64) for name, values in table.scores.items() if name in needed}
        odds, fit_of = np.full(len(table), -np.inf), self.fit_of[table.query]
        for k in np.unique(fit_of):
            rows = fit_of == k
            found = self.fits[k].pairs.log_odds({name: values[rows] for name, values in scores.items()})
            odds[rows] = np.where(np.isnan(found), -np.inf, found)
        return odds


class _Individuals:
    """Columns of a gallery by individual."""

    def __init__(self, table: PairTable):
        self.asked, self.enrolled = encode_columns(table.queries, table.gallery, DATASET)
        individual = encode_columns(table.gallery, table.gallery, DATASET, IDENTITY)[0]
        self.order = np.argsort(individual, kind="stable")
        ordered = individual[self.order]
        self.first = np.flatnonzero(np.append(True, ordered[1:] != ordered[:-1])[: len(ordered)])
        self.place = np.empty(len(individual), dtype=np.int64)  # of each column's individual among all
        self.place[self.order] = np.cumsum(np.append(False, ordered[1:] != ordered[:-1])[: len(ordered)])

    def leave_out_other_datasets(self, block: np.ndarray, start: int) -> None:
        asked = self.asked[start : start + len(block)]
        for code in np.unique(asked):
            block[np.ix_(asked == code, self.enrolled != code)] = -np.inf

    def rivals(self, block: np.ndarray) -> np.ndarray:
        """(r, g) the rival of each number: the highest one of its row; of that one, the best of another individual.

        All images but the best have one rival, so their order stays whatever weight the margin has. -inf: no rival.
        """
        if not block.shape[1]:
            return block.copy()
        best = np.maximum.reduceat(block[:, self.order], self.first, axis=1)
        rows, first = np.arange(len(best)), best.argmax(axis=1)
        highest = best[rows, first].copy()
        best[rows, first] = -np.inf
        second = best.max(axis=1)
        at_the_top = (self.place == first[:, None]) & (block == highest[:, None])
        return np.where(at_the_top, second[:, None], highest[:, None])
