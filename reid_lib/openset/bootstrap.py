"""The one bootstrap: how often each individual is drawn, in strata, a few repetitions at a time.

The intervals of a run (`summary`), their bounds where individuals are few (`bounds`) and the replicates that two runs
are compared by (`resample`) all take their draws from here. The draws of a stratum depend on the seed, the name of its
data set, its kind and the number of its members, and on nothing else: not on other strata, nor on the memory at hand.
"""

import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

Weigh = Callable[[np.random.Generator, int, int], np.ndarray]


@dataclass(frozen=True)
class Stratum:
    """Individuals that are drawn among each other.

    Attributes:
        dataset, kind: name the stream of random numbers.
        members: (k,) int, columns of the draws.
    """

    dataset: str
    kind: int
    members: np.ndarray


def count_draws(rng: np.random.Generator, repetitions: int, n: int) -> np.ndarray:
    """(repetitions, n) how often each of n individuals is drawn, with replacement."""
    return rng.multinomial(n, np.full(n, 1 / n), size=repetitions)


def draw_individuals(
    strata: list[Stratum], *, repetitions: int, seed: int, at_once: int, weigh: Weigh = count_draws
) -> Iterator[tuple[int, np.ndarray]]:
    """Draw the individuals of each stratum anew in each repetition.

    Args:
        strata: with members 0 ... n_individuals - 1, each in one of them.
        at_once: repetitions in memory at a time.
        weigh: weights (repetitions, n) of the n members of a stratum.

    Yields:
        (number of the first of these repetitions, (b, n_individuals) float64 weights), b at most `at_once`.
    """
    n_individuals = sum(len(stratum.members) for stratum in strata)
    streams = [np.random.default_rng([seed, zlib.crc32(s.dataset.encode()), s.kind]) for s in strata]
    for start in range(0, repetitions, max(at_once, 1)):
        drawn = np.zeros((min(max(at_once, 1), repetitions - start), n_individuals))
        for stratum, rng in zip(strata, streams, strict=True):
            if len(stratum.members):
                drawn[:, stratum.members] = weigh(rng, len(drawn), len(stratum.members))
        yield start, drawn
