"""Is one run better than another? Differences on the same queries, with intervals and a verdict.

The interval comes from a paired bootstrap over individuals (`resample`), the threshold refitted on val in each draw.
Taken plainly, the spread of those replicates is too wide: the test curve of a finite sample is bumpy, and a threshold
that moves over it counts the bumps as if the true curve had them, once more than drawing the test individuals already
does. So the part that the moving threshold adds is shrunk to what is not bumps (see `_settled`). Simulated runs without
a difference are then told apart in 4 to 5 % of cases (9 % with 15 known and 5 unknown individuals, where no verdict is
given); refitting plainly 1 to 2 %, a frozen threshold 6 to 14 % (benchmarks/paired_bootstrap.py, docs/log.md).

Another training is another matter: see `measure_difference`.
"""

import math
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy.special import ndtr, stdtr, stdtrit

from reid_lib.core.errors import ParameterError
from reid_lib.core.names import TEST
from reid_lib.openset.bounds import ENOUGH
from reid_lib.openset.measures import METRICS
from reid_lib.openset.resample import REPLICATES, Resampled

LEVEL = 0.05
MANY_SEEDS = 5  # from here on the interval knows both kinds of noise
BETTER, WORSE, EQUAL, FEW, UNDEFINED = "better", "worse", "not distinguishable", "too few", "not comparable"
ONE_SEED = "training noise is not in it: one seed"
_COUNTED = 10  # replicates beyond 0: with fewer, a p-value does not rest on their count
_MOST_SEEDS = 1000  # that are said to be needed


@dataclass(frozen=True)
class Difference:
    """The metric of one run, or of several seeds of a variant, minus that of another.

    Attributes:
        low, high: 95 % interval; NaN where there is nobody to draw from.
        p: two-sided, of no difference; see the function that made it.
        n_known, n_unknown: individuals that the metric averages over; None for a kind that it ignores.
        verdict: on the first: "better", "worse", "not distinguishable", "too few" (under 20 individuals of a kind),
            "not comparable" (undefined).
        n_seeds: training seeds on each side.
        seed_sd: standard deviation of the differences of the seeds; NaN for one seed.
        over_individuals: the interval of the bootstrap over individuals alone; None where there was none.
        basis: what the interval rests on, in words.
    """

    metric: str
    role: str
    value: float
    low: float
    high: float
    p: float
    n_known: int | None
    n_unknown: int | None
    verdict: str = EQUAL
    n_seeds: int = 1
    seed_sd: float = math.nan
    over_individuals: tuple[float, float] | None = None
    basis: str = ""


class SeedDifference(NamedTuple):
    """The mean difference of several training seeds.

    Attributes:
        low, high: 95 % t-interval over the seeds.
        p: two-sided, of the t-test of no difference.
        sd: standard deviation of the differences of the seeds.
    """

    value: float
    low: float
    high: float
    p: float
    sd: float


def measure_difference(pairs: list[tuple[Resampled, Resampled]]) -> Difference:
    """Variant a minus variant b, from one pair of runs for each training seed; the one paired difference.

    One seed: the 95 % percentile interval of the bootstrap over individuals; training noise is not in it. p is twice
        the share of replicates on the rarer side of 0, counting one more than there are. Where fewer than 10 are
        there, the tail of a normal distribution with the replicates' mean and spread takes over: correcting for many
        candidates needs smaller p than a count can give.
    2 to 4 seeds: the t-interval over the differences of the seeds, `measure_seed_difference`, widened to the
        bootstrap's over individuals (of the mean over seeds) where that reaches further: agreeing seeds say nothing of
        other animals.
    5 seeds or more: one t-interval from both variances, of the seeds' mean and of the bootstrap, degrees of freedom
        after Welch and Satterthwaite. A bootstrap over 5 seeds would be too narrow: it takes the normal distribution
        for Student's t, and their variance too small by 1/5.

    Raises:
        ParameterError: no pair, or runs that were not asked the same queries.
    """
    if not pairs:
        raise ParameterError("no runs to compare")
    for a, b in pairs:
        _check_same(pairs[0][0], a)
        _check_same(a, b)
    first, n = pairs[0][0], len(pairs)
    values = np.array([a.value - b.value for a, b in pairs])
    value = float(values.mean())
    parts = [np.mean([getattr(a, what) - getattr(b, what) for a, b in pairs], axis=0) for what in REPLICATES]
    # The best threshold of val on val itself needs no such care: at the optimum, bumps of the curve are the score.
    replicates = _settled(value, *parts) if first.role == TEST else parts[0]
    spread = first.spread and bool(np.isfinite(replicates).any())
    inner = _percentiles(replicates) if spread else (math.nan, math.nan)
    p, basis = _p_value(replicates) if spread else math.nan, f"bootstrap over individuals; {ONE_SEED}"
    low, high, seed_sd = *inner, math.nan
    if n > 1:
        of_seeds = measure_seed_difference(values)
        seed_sd, basis = of_seeds.sd, f"t-interval over {n} seeds, and a bootstrap over individuals"
        if n < MANY_SEEDS:
            low, high, p = np.fmin(low, of_seeds.low), np.fmax(high, of_seeds.high), np.fmax(p, of_seeds.p)
        else:
            groups = [k for k in (first.n_known, first.n_unknown) if k is not None]
            low, high, p = _t_interval(
                value, seed_sd**2 / n, n - 1, np.nanvar(replicates) if spread else 0.0, min(groups) - 1
            )
    found = Difference(
        first.metric, first.role, value, float(low), float(high), float(p), first.n_known, first.n_unknown
    )
    return replace(found, n_seeds=n, seed_sd=seed_sd, over_individuals=inner, basis=basis, verdict=_verdict(found))


def measure_seed_difference(differences: ArrayLike) -> SeedDifference:
    """The t-interval over the differences (n,) of training seeds, variant's seed i minus reference's seed i.

    It holds for these test animals: whether others would say the same is not in it.

    Raises:
        ParameterError: fewer than two.
    """
    values = np.asarray(differences, dtype=float)
    if len(values) < 2:
        raise ParameterError("a t-interval over seeds needs at least two of them; with one, use measure_difference")
    value, sd = float(values.mean()), float(values.std(ddof=1))
    return SeedDifference(value, *_t_interval(value, sd**2 / len(values), len(values) - 1, 0.0, 1), sd)


def _t_interval(value: float, var_a: float, df_a: float, var_b: float, df_b: float) -> tuple[float, float, float]:
    """t-interval (low, high) and p of a value whose variance is the sum of two estimates."""
    variance = var_a + var_b
    if not variance > 0:  # seeds that agree to the last bit, or NaN
        return value, value, (math.nan if math.isnan(value) else float(value == 0))
    df = variance**2 / (var_a**2 / df_a + var_b**2 / max(df_b, 1))
    half = stdtrit(df, 1 - LEVEL / 2) * math.sqrt(variance)
    return value - half, value + half, float(2 * stdtr(df, -abs(value) / math.sqrt(variance)))


def _check_same(a: Resampled, b: Resampled) -> None:
    if a.queries != b.queries:
        raise ParameterError(
            "not the same queries: a paired difference needs the same images in the same roles with the same labels, "
            "known in both or in neither; compare runs of the same split"
        )
    if (a.metric, a.role, len(a.replicates)) != (b.metric, b.role, len(b.replicates)):
        raise ParameterError(f"not the same measure: {a.metric!r} of {a.role} and {b.metric!r} of {b.role}")


def _settled(value: float, refitted: np.ndarray, frozen: np.ndarray, moved: np.ndarray) -> np.ndarray:
    """Replicates whose moving threshold adds no more spread than it has on the true curve.

    `moved` - value is what moving the threshold does on the curve of this very sample: the slope of the true curve plus
    the bumps of this sample. How large bumps are shows in how the change differs from draw to draw: the bumps of a draw
    beyond those of the sample, `refitted` - `frozen` - (`moved` - value). The variances of slope and bumps add up.
    """
    shift = moved - value
    if not np.isfinite(shift).any() or not np.isfinite(refitted - frozen).any():
        return refitted
    bumps, spread = np.nanvar(refitted - frozen - shift), np.nanvar(shift)
    if spread <= 0:  # no threshold, or one that makes no difference
        return refitted
    return frozen + np.sqrt(max(1 - bumps / spread, 0.0)) * shift


def _percentiles(replicates: np.ndarray) -> tuple[float, float]:
    low, high = np.nanquantile(replicates, [LEVEL / 2, 1 - LEVEL / 2])
    return float(low), float(high)


def _p_value(replicates: np.ndarray) -> float:
    defined = replicates[~np.isnan(replicates)]
    beyond = min((defined <= 0).sum(), (defined >= 0).sum())
    counted = min(1.0, 2 * (beyond + 1) / (len(defined) + 1))
    spread = defined.std()
    if beyond >= _COUNTED or spread == 0:
        return float(counted)
    return float(min(counted, 2 * ndtr(-abs(defined.mean()) / spread)))


def _verdict(found: Difference) -> str:
    if math.isnan(found.value):
        return UNDEFINED
    if any(n is not None and n < ENOUGH for n in (found.n_known, found.n_unknown)):
        return FEW
    if not (found.low > 0 or found.high < 0):
        return EQUAL
    return BETTER if (found.low > 0) != METRICS[found.metric].lower_is_better else WORSE


def holm(p_values: ArrayLike) -> np.ndarray:
    """p-values corrected for their number, (m,): step-down, family-wise; NaN stays NaN and does not count.

    The k-th smallest of m is multiplied by m - k + 1, made no smaller than those before it, and cut at 1.
    Source: Holm, "A simple sequentially rejective multiple test procedure", Scandinavian Journal of Statistics 6, 1979.
    """
    p = np.asarray(p_values, dtype=float)
    adjusted = np.full(len(p), np.nan)
    order = np.argsort(p, kind="stable")[: np.isfinite(p).sum()]
    factors = len(order) - np.arange(len(order))
    adjusted[order] = np.minimum(np.maximum.accumulate(p[order] * factors), 1.0)
    return adjusted


def judge(differences: dict[str, Difference | None]) -> pd.DataFrame:
    """Several candidates against one reference, corrected for their number (Holm).

    Args:
        differences: candidate -> its difference to the reference; None where they cannot be compared.

    Returns:
        One row per candidate: candidate, difference, low, high, p, verdict; p_holm, verdict_holm; n_seeds. In
            verdict_holm "better" and "worse" need p_holm < 0.05 besides the interval.
    """
    copied = ["value", "low", "high", "p", "verdict", "n_seeds"]
    nothing = dict.fromkeys(copied[:4], math.nan) | {"verdict": UNDEFINED, "n_seeds": 0}
    rows = [
        {"candidate": name} | (nothing if d is None else {what: getattr(d, what) for what in copied})
        for name, d in differences.items()
    ]
    table = pd.DataFrame(rows, columns=["candidate", *copied]).rename(columns={"value": "difference"})
    table["p_holm"] = holm(table["p"])
    told_apart = table["verdict"].isin([BETTER, WORSE])
    table["verdict_holm"] = table["verdict"].mask(told_apart & ~(table["p_holm"] < LEVEL), EQUAL)
    return table


def describe_needed(found: Difference) -> str:
    """How many more individuals or seeds it would take for this difference, if it is real, to exclude 0.

    The interval over individuals shrinks with 1 / sqrt(individuals), val's and test's alike; that over seeds with
    t(seeds - 1) / sqrt(seeds). A rough guide: the difference itself is uncertain.
    """
    if found.verdict in (BETTER, WORSE):
        return "nothing more: the interval excludes 0"
    if found.verdict == UNDEFINED:
        return "queries for which the metric is defined"
    if found.verdict == FEW:
        groups = (("known", found.n_known), ("unknown", found.n_unknown))
        lacking = [f"{ENOUGH - n} more {kind} individuals" for kind, n in groups if n is not None and n < ENOUGH]
        return f"at least {' and '.join(lacking)} in {found.role}, for any verdict"
    if found.value == 0:
        return "no number would do: there is no difference"
    wanted = []
    if found.over_individuals and found.over_individuals[0] <= 0 <= found.over_individuals[1]:
        low, high = found.over_individuals
        factor = ((found.value - low if found.value > 0 else high - found.value) / found.value) ** 2
        for kind, n in (("known", found.n_known), ("unknown", found.n_unknown)):
            if n is not None:
                wanted.append(f"{max(math.ceil(n * factor) - n, 1)} more {kind}")
        wanted = [f"about {' and '.join(wanted)} individuals"]
    if found.n_seeds > 1:
        enough = _enough_seeds(found.value, found.seed_sd)
        if enough > found.n_seeds or not wanted:
            wanted.append(f"about {max(enough - found.n_seeds, 1)} more seeds")
    return " and ".join(wanted)


def _enough_seeds(value: float, sd: float) -> int:
    """The fewest seeds whose t-interval excludes 0, at most `_MOST_SEEDS`."""
    n = np.arange(2, _MOST_SEEDS + 1)
    enough = stdtrit(n - 1, 1 - LEVEL / 2) * sd / np.sqrt(n) < abs(value)
    return int(n[enough.argmax()]) if enough.any() else _MOST_SEEDS
