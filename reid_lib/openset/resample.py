"""A metric of one run under many draws of its individuals, the threshold refitted on val inside each draw.

Two runs that were asked the same queries get the same draws, so the difference of their replicates is paired, and the
replicates of 50 runs serve all their 1225 pairs.

A draw takes individuals with replacement within each data set and stratum: those known (in val, in test or in both;
drawn once for both), those unknown in val only, those unknown in test only, and, where the two galleries differ
(`split_policy: official`), those that are unknown in one and known in the other. All queries of an individual come with
it, as often as it was drawn; copies of an individual count as different individuals.
"""

import hashlib
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from reid_lib.core.errors import ParameterError
from reid_lib.core.names import DATASET, IDENTITY, IMAGE_ID, KNOWN, ROLE, SCORE, TEST, VAL
from reid_lib.openset import answers, measures
from reid_lib.openset.answers import individual_keys, labelled
from reid_lib.openset.fitting import WeightedQueries

FITTED = ("geometric_mean", "baks", "baus")  # metrics of decisions: they need the threshold
REPLICATES = ("replicates", "frozen", "moved")
_CHUNK_BYTES = 2**22  # of weights at a time: what a core's cache holds is quicker than what memory holds


@dataclass(frozen=True)
class Resampled:
    """A metric of one run.

    Attributes:
        value: on the queries as they are, NaN where undefined.
        replicates: (repetitions,) float64, the metric of each draw, its threshold refitted on it.
        frozen: (repetitions,) of each draw, at the threshold of the queries as they are.
        moved: (repetitions,) of the queries as they are, at the threshold of each draw. For a metric without a
            threshold `frozen` is `replicates` and `moved` is `value` throughout.
        spread: are there at least two individuals to draw from, of each kind, in some data set?
        n_known, n_unknown: individuals of the judged role that the metric averages over; None for a kind it ignores.
        queries: hash of the labelled queries and their labels: runs are comparable when it is the same.
    """

    metric: str
    role: str
    value: float
    replicates: np.ndarray
    frozen: np.ndarray
    moved: np.ndarray
    spread: bool
    n_known: int | None
    n_unknown: int | None
    queries: str


def resample(
    predictions: pd.DataFrame,
    *,
    metric: str = "geometric_mean",
    role: str = TEST,
    repetitions: int = 1000,
    seed: int = 0,
    min_individuals: int = 10,
) -> Resampled:
    """Value and bootstrap replicates of a metric, averaged over data sets as `summary.summarise` does.

    BAKS, BAUS and their geometric mean are taken at the threshold that `threshold.fit_threshold` would fit on the drawn
    val queries. Which data sets have a threshold of their own is decided once, on the queries as they are.

    Args:
        predictions: of one run, val and test, as in predictions.csv. With role "val" the test rows are not looked at;
            with role "test" the val rows only where a threshold has to be fitted.
        metric: a key of `measures.METRICS`.
        role: "test", or "val" for choosing between runs: val at the threshold fitted on it.
        seed: of the draws, which depend on it, on the data set's name and on its individuals, and on nothing else.
        min_individuals: as in `threshold.fit_threshold`; the run's parameter `threshold_individuals`.

    Raises:
        ParameterError: an unknown metric or role, or rows or columns that it needs are not there.
    """
    if metric not in measures.METRICS:
        raise ParameterError(f"unknown metric {metric!r}: expected one of {', '.join(measures.METRICS)}")
    if role not in (VAL, TEST):
        raise ParameterError(f"role {role!r}: expected {VAL!r} or {TEST!r}")
    sample = _Sample(_used_rows(predictions, metric, role), role, metric, min_individuals)
    once = sample.values(np.ones((1, sample.n_individuals)))
    replicates = {name: np.full((3, repetitions), np.nan) for name in sample.names}
    for start, drawn in sample.draws(repetitions, seed):
        for name, values in sample.values(drawn).items():
            replicates[name][:, start : start + len(drawn)] = values
    averages = [
        measures.average_datasets(
            [measures.Estimate(float(once[n][0, 0]), replicates[n][i], sample.spread(n), 0) for n in sample.names],
            metric,
        )
        for i in range(3)
    ]
    return Resampled(
        metric=metric,
        role=role,
        value=averages[0].value,
        **{what: average.replicates for what, average in zip(REPLICATES, averages, strict=True)},
        spread=averages[0].spread,
        n_known=sample.count(True),
        n_unknown=sample.count(False),
        queries=sample.fingerprint,
    )


def _used_rows(predictions: pd.DataFrame, metric: str, role: str) -> pd.DataFrame:
    roles = {role, VAL} if metric in FITTED else {role}
    rows = labelled(predictions[predictions[ROLE].isin(roles)])
    for needed in sorted(roles):
        if not (rows[ROLE] == needed).any():
            raise ParameterError(
                f"{metric!r} of {role} needs labelled queries of role {needed!r}: pass predictions.csv as it is"
            )
    if rows[IMAGE_ID].duplicated().any():
        raise ParameterError(f"query {rows[IMAGE_ID][rows[IMAGE_ID].duplicated()].iloc[0]!r} is there twice")
    return rows.sort_values(SCORE, ascending=False, kind="stable", ignore_index=True)


class _Sample:
    """The labelled queries of a run, by falling score, and the individuals that are drawn."""

    def __init__(self, rows: pd.DataFrame, role: str, metric: str, min_individuals: int):
        self.rows, self.role, self.metric, self.min_individuals = rows, role, metric, min_individuals
        self.individual = individual_keys(rows)  # (n,) 0 ... n_individuals - 1
        self.n_individuals = int(self.individual.max()) + 1
        self.known = rows[KNOWN].to_numpy(dtype=bool)
        self.of_role = {name: (rows[ROLE] == name).to_numpy(dtype=bool) for name in (VAL, TEST)}
        self.dataset = rows[DATASET].astype(str).to_numpy(dtype=object)
        self.names = sorted(set(self.dataset[self.of_role[role]]))  # data sets that are judged
        self.judged = {name: self.of_role[role] & (self.dataset == name) for name in self.names}
        self.arrays = {name: answers.arrays(rows[mask]) for name, mask in self.judged.items()}
        need = measures.METRICS[metric].needs
        if need and need != "correct" and any(getattr(q, need) is None for q in self.arrays.values()):
            raise ParameterError(f"{metric!r} needs predictions with orientations of queries and gallery")
        if metric in FITTED:
            self.queries = {name: self._queries(mask) for name, mask in self.judged.items()}
            self.fits = self._fits()

    def _queries(self, mask: np.ndarray) -> WeightedQueries:
        scores, named = (self.rows[column].to_numpy()[mask] for column in (SCORE, "named"))
        return WeightedQueries.of(scores, named, self.known[mask], self.individual[mask])

    def _fits(self) -> dict[str, WeightedQueries]:
        """Data set -> the val queries that its threshold is fitted on: its own where they are enough, else all."""
        val, fits = self.of_role[VAL], {}
        overall = self._queries(val)
        for name in self.names:
            own = val & (self.dataset == name)
            kinds = [len(np.unique(self.individual[own & (self.known == kind)])) for kind in (True, False)]
            fits[name] = self._queries(own) if min(kinds) >= max(self.min_individuals, 1) else overall
        return fits

    @cached_property
    def strata(self) -> list[tuple[str, int, np.ndarray]]:
        """(data set, kind, individuals) of each stratum; kind 0 is known throughout, the others see the module."""
        state = {name: np.zeros(self.n_individuals, dtype=int) for name in (VAL, TEST)}  # absent 0, known 1, unknown 2
        for name, mask in self.of_role.items():
            state[name][self.individual[mask]] = np.where(self.known[mask], 1, 2)
        ever_unknown = (state[VAL] == 2) | (state[TEST] == 2)
        kind = np.where(ever_unknown, state[VAL] + 3 * state[TEST], 0)
        home = np.empty(self.n_individuals, dtype=object)
        home[self.individual] = self.dataset
        keys = sorted(set(zip(home, kind, strict=True)))
        return [(name, int(k), np.flatnonzero((home == name) & (kind == k))) for name, k in keys]

    def draws(self, repetitions: int, seed: int) -> Iterator[tuple[int, np.ndarray]]:
        """(first, (b, n_individuals) float64): how often each individual was drawn, some repetitions at a time."""
        at_once = max(1, _CHUNK_BYTES // (8 * len(self.rows)))
        streams = [
            (members, np.random.default_rng([seed, zlib.crc32(name.encode()), kind]))
            for name, kind, members in self.strata
        ]
        for start in range(0, repetitions, at_once):
            drawn = np.zeros((min(at_once, repetitions - start), self.n_individuals))
            for members, rng in streams:
                n = len(members)
                drawn[:, members] = rng.multinomial(n, np.full(n, 1 / n), size=len(drawn))
            yield start, drawn

    def values(self, drawn: np.ndarray) -> dict[str, np.ndarray]:
        """Data set -> (3, b) `REPLICATES` of the metric for individuals drawn (b, n_individuals) times."""
        if self.metric not in FITTED:
            compute, found = measures.METRICS[self.metric].compute, {}
            for name, q in self.arrays.items():
                values = compute(measures.Drawn(q, drawn[:, self.individual[self.judged[name]]]))
                found[name] = np.stack([values, values, np.full(len(drawn), compute(measures.Drawn(q, None)))])
            return found
        fits = {id(fit): fit for fit in self.fits.values()}  # the overall one serves several data sets
        refitted = {key: fit.best_threshold(drawn) for key, fit in fits.items()}
        once, found = np.ones((1, self.n_individuals)), {}
        for name, queries in self.queries.items():
            threshold, as_is = refitted[id(self.fits[name])], self.fits[name].as_is
            both = queries.rates(drawn, np.stack([threshold, np.full(len(drawn), as_is)]))
            moved = queries.rates(once, threshold[:, None])
            baks, baus = (np.vstack([a, b.T]) for a, b in zip(both, moved, strict=True))
            found[name] = {"geometric_mean": np.sqrt(baks * baus), "baks": baks, "baus": baus}[self.metric]
        return found

    def count(self, known: bool) -> int | None:
        """Individuals of a kind in the judged role; None where the metric looks at the other kind alone."""
        among = measures.METRICS[self.metric].among
        used = among is not measures._unknown if known else among in (measures._all, measures._unknown)
        judged = self.of_role[self.role] & (self.known == known)
        return len(np.unique(self.individual[judged])) if used else None

    def spread(self, name: str) -> bool:
        """As in `stats`: with a single individual of a kind to draw from there is no interval."""
        q = self.arrays[name]
        among = measures.METRICS[self.metric].among(q)
        return 1 not in [q.n_individuals(among & kind) for kind in (q.known, ~q.known)]

    @cached_property
    def fingerprint(self) -> str:
        keys = self.rows.sort_values(IMAGE_ID)[[IMAGE_ID, DATASET, IDENTITY, KNOWN, ROLE]].astype(str)
        return hashlib.sha256("\n".join("\0".join(row) for row in keys.to_numpy(dtype=object)).encode()).hexdigest()
