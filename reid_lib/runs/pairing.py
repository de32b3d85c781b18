"""Which run of the reference a run is compared with: the one rule of pairing over seeds.

The table of all runs, compare.ipynb, its exported page and `runs promote --best` all follow it, so that they name the
same pairs and say the same differences.
"""

import json
from collections.abc import Collection, Iterable
from typing import NamedTuple

SEED = "seed"
RULE = (
    "A run is compared with the reference's run of the same seed. Where the reference has none of a variant's seeds, "
    "its runs are taken in the order of their seeds, the reference itself first; a run that is left over is compared "
    "with the reference itself and has no part in the verdict. A variant is judged by the mean over all its pairs, "
    "whichever of its runs are shown"
)


class Entry(NamedTuple):
    """What pairing asks of a run: its name, that of its reference, what it is but for its seed, its test queries."""

    name: str
    reference: str | None
    variant: str
    seed: object
    asked: str


class Pair(NamedTuple):
    """The run that `name` is compared with.

    `counts`: it has part in the verdict of its variant. `variant`: those judged together, with the reference's name.
    """

    name: str
    other: str
    counts: bool
    variant: tuple[str, str]


def variant_of(identity: dict) -> tuple[str, object]:
    """A run's identity (params.json) without its seed, as text, and the seed: equal texts are one variant."""
    rest = dict(identity)
    seed = rest.pop(SEED, None)
    return json.dumps(rest, sort_keys=True), seed


def pair_seeds(mine: Collection, theirs: Collection, *, first: object = None) -> list[tuple]:
    """Pairs (seed of a variant, seed of the reference's): the equal ones; where no two are equal, both in ascending
    order side by side, until one has no more.

    Args:
        mine: seeds of the variant.
        theirs: seeds of the reference's runs.
        first: that of theirs which comes before all others.
    """
    both = sorted(set(mine) & set(theirs), key=_ascending)
    if both:
        return [(seed, seed) for seed in both]
    theirs = sorted(theirs, key=lambda seed: (seed != first, _ascending(seed)))
    return list(zip(sorted(mine, key=_ascending), theirs, strict=False))


def _ascending(seed) -> tuple:
    """Numbers by size, then what else there is."""
    return (0, seed, "") if isinstance(seed, int | float) else (1, 0, str(seed))


def pair_runs(runs: Iterable[Entry]) -> dict[str, Pair]:
    """Run -> its pair; without those whose reference is not among the runs or was asked other test queries.

    The reference is paired with itself, and so are its other seeds: they have no part in a verdict.
    """
    runs = {run.name: run for run in sorted(runs, key=lambda run: run.name)}
    pairs = {}
    for run in runs.values():
        reference = runs.get(run.reference)
        if reference is None or reference.asked != run.asked:
            continue
        other, counts = reference.name, False
        if run.variant != reference.variant:
            alike = [r for r in runs.values() if r.asked == run.asked]
            mine = _by_seed(r for r in alike if (r.reference, r.variant) == (run.reference, run.variant))
            theirs = _by_seed(r for r in alike if r.variant == reference.variant)
            theirs[reference.seed] = reference.name  # of equal runs under two names
            seeds = dict(pair_seeds(mine, theirs, first=reference.seed))
            if run.seed in seeds:
                other, counts = theirs[seeds[run.seed]], mine[run.seed] == run.name
        pairs[run.name] = Pair(run.name, other, counts, (reference.name, run.variant))
    return pairs


def _by_seed(runs: Iterable[Entry]) -> dict:
    """Seed -> name; of equal runs the first by name."""
    found = {}
    for run in runs:
        found.setdefault(run.seed, run.name)
    return found
