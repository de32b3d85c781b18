"""Bootstrap replicates of a metric of one run; the threshold is refitted on val inside each replicate.

Two runs that were asked the same queries get the same draws, so the difference of their replicates is paired, and the
replicates of 50 runs serve all their 1225 pairs.

A draw takes individuals with replacement within each data set and stratum: those known (in val, in test or in both;
drawn once for both), those unknown in val only, those unknown in test only, and, where the two galleries differ
(`split_policy: official`), those that are unknown in one and known in the other. All queries of an individual come with
it, as often as it was drawn; copies of an individual count as different individuals.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from reid_lib.core.errors import ParameterError
from reid_lib.core.names import TEST, VAL
from reid_lib.openset import measures
from reid_lib.openset.answers import Answers
from reid_lib.openset.bootstrap import Stratum, draw_individuals
from reid_lib.openset.fitting import WeightedQueries

FITTED = ("geometric_mean", "baks", "baus")  # metrics of decisions: they need the threshold
REPLICATES = ("replicates", "frozen", "moved")
# Attributes of the answers that some metrics need, in words.
NEEDED = {
    "rank": "the rank of each query's own individual",
    "average_precision": "the average precision of each query",
    "same_flank": "orientations of queries and gallery",
    "crossed": "orientations of queries and gallery",
}
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
    answers: Answers,
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
        answers: of one run, val and test. With role "val" those of test are not looked at; with role "test" those of
            val only where a threshold has to be fitted.
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
    sample = Sample(_used_queries(answers, metric, role), role, metric, min_individuals)
    once = sample.values(np.ones((1, sample.n_individuals)))
    replicates = {name: np.full((3, repetitions), np.nan) for name in sample.judged}
    for start, drawn in sample.draws(repetitions, seed):
        for name, values in sample.values(drawn).items():
            replicates[name][:, start : start + len(drawn)] = values
    return _averaged(sample, {name: float(values[0, 0]) for name, values in once.items()}, replicates)


def _averaged(sample: "Sample", once: dict[str, float], replicates: dict[str, np.ndarray]) -> Resampled:
    """Averages over data sets, of the values and of each of `REPLICATES`."""
    averages = [
        measures.average_datasets(
            [measures.Estimate(once[n], own[i], sample.spread(n), 0) for n, own in replicates.items()],
            measures.METRICS[sample.metric].average,
        )
        for i in range(len(REPLICATES))
    ]
    return Resampled(
        metric=sample.metric,
        role=sample.role,
        value=averages[0].value,
        **{what: average.replicates for what, average in zip(REPLICATES, averages, strict=True)},
        spread=averages[0].spread,
        n_known=sample.count(True),
        n_unknown=sample.count(False),
        queries=sample.fingerprint,
    )


def _used_queries(answers: Answers, metric: str, role: str) -> Answers:
    roles = sorted({role, VAL} if metric in FITTED else {role})
    queries = answers.where(answers.labelled & np.isin(answers.role, roles))
    for needed in roles:
        if not (queries.role == needed).any():
            raise ParameterError(
                f"{metric!r} of {role} needs labelled queries of role {needed!r}: pass predictions.csv as it is"
            )
    names, count = np.unique(queries.image_id, return_counts=True)
    if (count > 1).any():
        raise ParameterError(f"query {names[count > 1][0]!r} is there twice")
    return queries


class Sample:
    """The labelled queries of a run that a metric needs, and the individuals that are drawn.

    Attributes:
        answers: these queries; `individual` is 0 ... n_individuals - 1, the columns of the draws.
        judged: data set -> its queries of the judged role.
    """

    def __init__(self, answers: Answers, role: str, metric: str, min_individuals: int):
        self.role, self.metric, self.min_individuals = role, metric, min_individuals
        names, code = np.unique(answers.individual, return_inverse=True)
        self.answers = replace(answers, individual=code.ravel())  # 0 ... n_individuals - 1: columns of the draws
        self.n_individuals = len(names)
        self.of_role = {name: answers.role == name for name in (VAL, TEST)}
        self.judged = self.answers.of_role(role).by_dataset
        need = measures.METRICS[metric].needs
        if need and need != "correct" and getattr(answers, need) is None:
            raise ParameterError(f"{metric!r} needs predictions with {NEEDED[need]}")
        if metric in FITTED:
            self.queries = {name: WeightedQueries.of(own) for name, own in self.judged.items()}
            self.fits = self._fits()

    def _fits(self) -> dict[str, WeightedQueries]:
        """Data set -> the val queries that its threshold is fitted on: its own where they are enough, else all."""
        val, fits = self.answers.of_role(VAL), {}
        overall = WeightedQueries.of(val)
        for name in self.judged:
            own = val.of_dataset(name)
            kinds = [own.count_individuals(kind) for kind in (own.known, ~own.known)]
            fits[name] = WeightedQueries.of(own) if min(kinds) >= max(self.min_individuals, 1) else overall
        return fits

    @cached_property
    def strata(self) -> list[Stratum]:
        """Individuals that are drawn among each other; kind 0 is known throughout, for the others see the module."""
        q, state = self.answers, {name: np.zeros(self.n_individuals, dtype=int) for name in (VAL, TEST)}
        for name, mask in self.of_role.items():  # absent 0, known 1, unknown 2
            state[name][q.individual[mask]] = np.where(q.known[mask], 1, 2)
        ever_unknown = (state[VAL] == 2) | (state[TEST] == 2)
        kind = np.where(ever_unknown, state[VAL] + 3 * state[TEST], 0)
        home = np.empty(self.n_individuals, dtype=object)
        home[q.individual] = q.dataset
        keys = sorted(set(zip(home, kind, strict=True)))
        return [Stratum(name, int(k), np.flatnonzero((home == name) & (kind == k))) for name, k in keys]

    def draws(self, repetitions: int, seed: int) -> Iterator[tuple[int, np.ndarray]]:
        """(first, (b, n_individuals) float64): how often each individual was drawn, some repetitions at a time."""
        at_once = _CHUNK_BYTES // (8 * len(self.answers))
        return draw_individuals(self.strata, repetitions=repetitions, seed=seed, at_once=at_once)

    def values(self, drawn: np.ndarray) -> dict[str, np.ndarray]:
        """Data set -> (3, b) `REPLICATES` of the metric for individuals drawn (b, n_individuals) times."""
        if self.metric not in FITTED:
            compute, found = measures.METRICS[self.metric].compute, {}
            for name, q in self.judged.items():
                values = compute(measures.WeightedAnswers(q, drawn[:, q.individual]))
                found[name] = np.stack(
                    [values, values, np.full(len(drawn), compute(measures.WeightedAnswers(q, None)))]
                )
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
        judged = self.of_role[self.role] & (self.answers.known == known)
        return self.answers.count_individuals(judged) if measures.METRICS[self.metric].counts(known=known) else None

    def spread(self, name: str) -> bool:
        """As in `summary`: with a single individual of a kind to draw from there is no interval."""
        q = self.judged[name]
        among = measures.METRICS[self.metric].among(q)
        return 1 not in [q.count_individuals(among & kind) for kind in (q.known, ~q.known)]

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 of the queries and their labels; see `Resampled.queries`."""
        q = self.answers
        columns = (q.image_id, q.dataset, q.identity, q.known, q.role)
        rows = ("\0".join(str(column[i]) for column in columns) for i in np.argsort(q.image_id, kind="stable"))
        return hashlib.sha256("\n".join(rows).encode()).hexdigest()
