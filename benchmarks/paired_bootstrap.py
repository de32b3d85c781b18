"""How often are two runs told apart that do not differ, and how often two that do? Simulated pairs of runs.

    python benchmarks/paired_bootstrap.py [--pairs 500] [--draws 400] [--seed 1]

Animals and photographs are easy or hard for both runs alike; besides, each run finds some animals and some photographs
easier than the other does. No difference means that the two runs are made by the same process: over all animals there
could be, neither is better. A difference: one run sees the right animal 0.06 more similar. Known animals have val and
test queries; val-unknown and test-unknown animals are others. The threshold is fitted on val.

Methods, each a 95 % percentile interval of the difference of the geometric means:

    frozen    the threshold stays as fitted, individuals are drawn
    refitted  the threshold is refitted in each draw, and that is all
    paired    `difference.measure_difference`: refitted, and the bumps of the test curve not counted twice
    val       the same with role "val", which `runs promote --best` goes by

Then several training seeds: each seed adds a whole-run luck to either side, paired with nothing.
"""

import argparse

import numpy as np
import pandas as pd

from reid_lib.core.names import (
    AVERAGE_PRECISION,
    DATASET,
    IDENTITY,
    IMAGE_ID,
    KNOWN,
    RANK,
    ROLE,
    SCORE,
    TEST,
    VAL,
    ranked_column,
)
from reid_lib.openset import difference
from reid_lib.openset.answers import Answers
from reid_lib.openset.resample import Resampled, resample

SIZES = ((15, 5), (40, 15), (40, 36), (150, 150))  # known, unknown individuals in val, and in test
SHIFT = 0.06
SEEDS, SEED_LUCK = (2, 3, 5, 8), 0.02  # standard deviation of the similarity that a training seed adds


class Animals:
    """Queries of val and test with what is easy or hard about them for every run."""

    def __init__(self, rng: np.random.Generator, n_known: int, n_unknown: int):
        groups = [
            (role, known, np.repeat(np.arange(n), rng.geometric(0.35, n)))
            for role in (VAL, TEST)
            for known, n in ((True, n_known), (False, n_unknown))
        ]
        names = [np.char.add("k" if known else f"u-{role}-", who.astype(str)) for role, known, who in groups]
        self.role = np.concatenate([np.full(len(who), role) for role, _, who in groups])
        self.known = np.concatenate([np.full(len(who), known) for _, known, who in groups])
        self.name = np.concatenate(names)
        self.who = np.unique(self.name, return_inverse=True)[1].ravel()
        self.own = 0.55 + self.noise(rng, 0.10, 0.10)
        self.other = 0.50 + self.noise(rng, 0.05, 0.05)

    def noise(self, rng: np.random.Generator, of_animal: float, of_photograph: float) -> np.ndarray:
        animals = rng.normal(0, of_animal, self.who.max() + 1)
        return animals[self.who] + rng.normal(0, of_photograph, len(self.who))

    def answers(self, rng: np.random.Generator, shift: float = 0.0) -> Answers:
        """Of a run."""
        own = self.own + shift + self.noise(rng, 0.05, 0.06)
        other = self.other + self.noise(rng, 0.03, 0.03)
        named = self.known & (own > other)
        columns = {IMAGE_ID: np.char.zfill(np.arange(len(own)).astype(str), 6), DATASET: "d", IDENTITY: self.name}
        columns |= {KNOWN: pd.array(self.known, dtype="boolean"), ROLE: self.role}
        columns |= {ranked_column(IDENTITY, 1): np.where(named, self.name, "another")}
        columns |= {SCORE: np.where(self.known, np.maximum(own, other), other)}
        columns |= {RANK: np.where(self.known, np.where(named, 1.0, 2.0), np.nan), AVERAGE_PRECISION: np.nan}
        return Answers.of(pd.DataFrame(columns))


def excludes_zero(low: float, high: float) -> bool:
    return low > 0 or high < 0


def judge_pair(rng: np.random.Generator, size: tuple, shift: float, draws: int, seed: int) -> dict:
    animals = Animals(rng, *size)
    a, b = animals.answers(rng, shift), animals.answers(rng)
    drawn, of_val = ([resample(p, role=role, repetitions=draws, seed=seed) for p in (a, b)] for role in (TEST, VAL))
    found, val = difference.measure_difference([drawn]), difference.measure_difference([of_val])
    plain = {name: np.subtract(*(getattr(d, name) for d in drawn)) for name in ("frozen", "replicates")}
    return {
        "frozen": excludes_zero(*np.quantile(plain["frozen"], [0.025, 0.975])),
        "refitted": excludes_zero(*np.quantile(plain["replicates"], [0.025, 0.975])),
        "paired": excludes_zero(found.low, found.high),
        "val": excludes_zero(val.low, val.high),
        "difference": found.value,
    }


def judge_seeds(rng: np.random.Generator, size: tuple, n: int, draws: int, seed: int) -> dict:
    """No difference but the luck of the seeds: is one told of?"""
    animals = Animals(rng, *size)

    def drawn() -> Resampled:
        return resample(animals.answers(rng, rng.normal(0, SEED_LUCK)), repetitions=draws, seed=seed)

    pairs = [(drawn(), drawn()) for _ in range(n)]
    one, found = difference.measure_difference(pairs[:1]), difference.measure_difference(pairs)
    t = difference.measure_seed_difference([a.value - b.value for a, b in pairs])
    return {
        "one seed": excludes_zero(one.low, one.high),
        "t alone": excludes_zero(t.low, t.high),
        "variant": excludes_zero(found.low, found.high),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--pairs", type=int, default=500)
    parser.add_argument("--draws", type=int, default=400, help="bootstrap repetitions")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    print("| known / unknown | true difference | frozen | refitted | paired | val |\n|---|---|---|---|---|---|")
    for size in SIZES:
        for shift in (0.0, SHIFT):
            rng = np.random.default_rng([options.seed, *size])
            rows = pd.DataFrame([judge_pair(rng, size, shift, options.draws, i) for i in range(options.pairs)]).mean()
            rates = " | ".join(f"{rows[name]:.1%}" for name in ("frozen", "refitted", "paired", "val"))
            print(f"| {size[0]} / {size[1]} | {rows['difference'] if shift else 0:.3f} | {rates} |", flush=True)
    print("\n| seeds (40 / 36) | one seed | t alone | variant |\n|---|---|---|---|")
    for n in SEEDS:
        rng = np.random.default_rng([options.seed, n])
        rows = [judge_seeds(rng, (40, 36), n, options.draws // 2, i) for i in range(options.pairs // 2)]
        print(f"| {n} | " + " | ".join(f"{rate:.1%}" for rate in pd.DataFrame(rows).mean()) + " |", flush=True)


if __name__ == "__main__":
    main()
