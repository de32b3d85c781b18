"""How often do the 95 % intervals hold the truth? Simulated animals, few and many of them.

    python benchmarks/coverage.py [--trials 120] [--draws 200] [--seed 1]

The truth is what a metric would be over all animals there could be, for a network and a threshold that stay as they
are. Animals are easy or hard, and photographs of one animal are alike in it:

    whole    each animal is all right or all wrong, but for one photograph in a thousand (bimodal shares)
    spread   animals differ as much as photographs of one animal do (shares everywhere between 0 and 1)
    alike    photographs differ, animals hardly

with a mean share of 0.5, 0.8 or 0.95 that is right, and 1 to some 8 photographs of an animal (geometric, 2.5 on
average) or 10 of each: 18 cases. For each number of animals and each metric

    bootstrap  mean coverage of the percentile interval of the bootstrap over individuals (in the worst of the cases)
    widened    of what `summary.summarise` gives: that interval, and `bounds` where individuals are few
    width      of both, on average
"""

import argparse
from functools import cache
from itertools import product

import numpy as np
import pandas as pd
from scipy.stats import norm

from reid_lib.openset import measures, summary
from reid_lib.openset.answers import Answers

SIZES = ((2, 2), (5, 5), (10, 10), (20, 20), (30, 30), (60, 60), (100, 100), (150, 150), (60, 5), (100, 15))
SHAPES, SHARES, PHOTOGRAPHS = ("whole", "spread", "alike"), (0.5, 0.8, 0.95), ("few", "many")
SHOWN = {metric: measures.METRICS[metric].word for metric in ("baks", "baus", "geometric_mean", "top1", "auroc")}
NAMED = -0.5  # a known animal that looks at least this much like itself is the nearest one
OF_ALL = 400_000  # animals for the truth


def draw_looks(rng: np.random.Generator, shape: str, share: float, n_photographs: np.ndarray) -> np.ndarray:
    """How much each photograph looks as it should; above 0 is right, for a `share` of them on average."""
    n = len(n_photographs)
    if shape == "whole":
        of_animal = np.where(rng.random(n) < share, 3.0, -3.0)
    else:
        spread = {"spread": 1.0, "alike": 0.3}[shape]
        of_animal = rng.normal(norm.ppf(share) * np.hypot(spread, 1), spread, n)
    return np.repeat(of_animal, n_photographs) + rng.normal(size=n_photographs.sum())


def make_answers(known: np.ndarray, unknown: np.ndarray, who: tuple) -> Answers:
    """From looks: an unknown animal that looks as it should is far below the threshold 0."""
    score, is_known = np.concatenate([known, -unknown]), np.repeat([True, False], [len(known), len(unknown)])
    named = is_known & (score >= NAMED)
    order, name = np.argsort(-score, kind="stable"), np.full(len(score), "", dtype=object)
    columns = {
        "row": np.arange(len(score)),
        **dict.fromkeys(("image_id", "dataset", "identity", "role"), name),
        "labelled": np.ones(len(score), dtype=bool),
        "known": is_known,
        "individual": np.concatenate([who[0], who[0].max() + 1 + who[1]]),
        "score": score,
        "named": named,
        "refused": score < 0,
        "correct": np.where(is_known, named & (score >= 0), score < 0),
        "rank": np.where(is_known, np.where(named, 1.0, 2.0), np.nan),
    }
    return Answers(**{name: values[order] for name, values in columns.items()})


@cache
def measure_truth(shape: str, share: float) -> dict[str, float]:
    rng, one_each = np.random.default_rng(0), np.ones(OF_ALL, dtype=int)
    both = [draw_looks(rng, shape, share, one_each) for _ in range(2)]
    q = make_answers(*both, (np.arange(OF_ALL), np.arange(OF_ALL)))
    return {
        metric: float(np.ravel(measures.METRICS[metric].compute(measures.WeightedAnswers(q, None)))[0])
        for metric in SHOWN
    }


def run_trial(
    rng: np.random.Generator, size: tuple, shape: str, share: float, photographs: str, draws: int
) -> dict[str, measures.Estimate]:
    counts = [np.full(n, 10) if photographs == "many" else rng.geometric(0.4, n) for n in size]
    both = [draw_looks(rng, shape, share, count) for count in counts]
    q = make_answers(*both, tuple(np.repeat(np.arange(len(count)), count) for count in counts))
    seed = int(rng.integers(2**31))
    return summary.estimate_metrics(q, {m: measures.METRICS[m] for m in SHOWN}, repetitions=draws, seed=seed)


def run_case(
    rng: np.random.Generator, size: tuple, shape: str, share: float, photographs: str, options
) -> pd.DataFrame:
    expected, rows = measure_truth(shape, share), []
    for _ in range(options.trials):
        for metric, found in run_trial(rng, size, shape, share, photographs, options.draws).items():
            entry, plain = found.entry(), measures.find_interval(found.replicates)
            ends = {"bootstrap": plain, "widened": (entry["low"], entry["high"])}
            row = {"metric": metric}
            for method, (low, high) in ends.items():
                row |= {method: low - 1e-9 <= expected[metric] <= high + 1e-9, f"{method} width": high - low}
            rows.append(row)
    name = f"{shape} {share} {photographs}"
    return pd.DataFrame(rows).groupby("metric").mean().assign(case=name).reset_index()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--trials", type=int, default=120, help="of each case")
    parser.add_argument("--draws", type=int, default=200, help="repetitions of the bootstrap")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    print("| known / unknown | metric | bootstrap | widened | width | the worst case of the bootstrap |")
    print("|---|---|---|---|---|---|")
    for size in SIZES:
        cases = []
        for number, (shape, share, photographs) in enumerate(product(SHAPES, SHARES, PHOTOGRAPHS)):
            rng = np.random.default_rng([options.seed, *size, number])
            cases.append(run_case(rng, size, shape, share, photographs, options))
        table = pd.concat(cases, ignore_index=True)
        for metric, label in SHOWN.items():
            own = table[table["metric"] == metric]
            said = [f"{own[m].mean():.1%} ({own[m].min():.1%})" for m in ("bootstrap", "widened")]
            said.append(" → ".join(f"{own[f'{m} width'].mean():.2f}" for m in ("bootstrap", "widened")))
            worst = own.loc[own["bootstrap"].idxmin(), "case"]
            print(f"| {size[0]} / {size[1]} | {label} | {' | '.join(said)} | {worst} |", flush=True)


if __name__ == "__main__":
    main()
