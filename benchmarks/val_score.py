"""Which number on val picks the best epoch? Simulated training runs, with the truth known.

    python benchmarks/val_score.py [--runs 500] [--seed 0]

Each run trains on some individuals; while they get easier to tell apart, the network may begin to take animals it has
never seen for those it knows. Every epoch is measured on val (a few queries, few unknown individuals), and each
criterion picks its best epoch. What that epoch is worth is its true geometric mean at the threshold fitted on val.
Regret is what the run's best epoch would have given more, in points (0.01) of the geometric mean.

Two models of a run, which share no code, so that a finding of one can be doubted by the other:

    embeddings  points on a sphere, searched for real; half of a query's noise stays the same from epoch to epoch. The
                truth is measured on many fresh queries of the same known individuals and of many other unknown ones.
    scores      normal scores of known and unknown individuals, drawn afresh each epoch; the truth is a formula.
"""

import argparse

import numpy as np
from scipy.special import expit
from scipy.stats import norm

from reid_lib.openset import metrics

EPOCHS, DIM, GALLERY_IMAGES = 15, 24, 4
TEST_IMAGES, TEST_UNKNOWN = 15, 250
SIZES = (
    (15, 5, 1),
    (40, 15, 1),
    (15, 5, 3),
    (40, 60, 1),
    (100, 100, 1),
)  # val-known, val-unknown individuals, data sets
CRITERIA = ("baks_baus_area", "geometric_mean", "auroc", "top1_individual", "last epoch")


class Animals:
    """Individuals and their photographs: what stays the same over the epochs of a run."""

    def __init__(self, rng: np.random.Generator, directions, images, *, nearest=None):
        n = len(directions)
        self.who = np.repeat(np.arange(n), images)
        self.direction, self.nearest = directions[self.who], None if nearest is None else nearest[self.who]
        # Some animals, and some photographs of an animal, are harder than others, at every epoch.
        self.noise = (np.exp(0.3 * rng.normal(size=n))[self.who] * np.exp(0.3 * rng.normal(size=len(self.who))))[
            :, None
        ]
        self.fixed = rng.normal(size=(len(self.who), DIM)) / np.sqrt(DIM)

    def embed(self, rng: np.random.Generator, *, signal: float, confusion: float) -> np.ndarray:
        """(n, DIM) at an epoch: half of the noise belongs to the photograph, half to the epoch."""
        moving = rng.normal(size=self.fixed.shape) / np.sqrt(DIM)
        x = signal * self.direction + self.noise * (self.fixed + moving) / np.sqrt(2)
        if self.nearest is not None:
            x = x + confusion * self.nearest
        return x / np.linalg.norm(x, axis=1, keepdims=True)


def draw_directions(rng: np.random.Generator, n: int) -> np.ndarray:
    x = rng.normal(size=(n, DIM))
    return x / np.linalg.norm(x, axis=1, keepdims=True)


def simulate_embeddings(
    rng: np.random.Generator, n_known: int, n_unknown: int, n_datasets: int
) -> tuple[np.ndarray, np.ndarray]:
    """One training run: criteria on val (EPOCHS, 5) and the true geometric mean (EPOCHS,), averaged over data sets."""
    speed, strength, overfit = rng.uniform(2, 5), rng.uniform(0.4, 2.2), rng.uniform(0, 0.06)
    epochs = np.arange(EPOCHS)
    # Quality wobbles from epoch to epoch, as in real runs.
    signal = strength * (1 - np.exp(-(epochs + 1) / speed)) * np.exp(0.04 * rng.normal(size=EPOCHS))
    confusion = np.maximum(0.2 + overfit * epochs + 0.05 * rng.normal(size=EPOCHS), 0)
    parts = [simulate_dataset(rng, n_known, n_unknown, signal, confusion) for _ in range(n_datasets)]
    criteria, truth = (np.mean(values, axis=0) for values in zip(*parts, strict=True))
    return np.column_stack([criteria, epochs]), truth


def simulate_dataset(
    rng: np.random.Generator, n_known: int, n_unknown: int, signal, confusion
) -> tuple[np.ndarray, np.ndarray]:
    """Criteria (EPOCHS, 4) and truth (EPOCHS,) of new animals."""
    known = draw_directions(rng, n_known)

    def unknown(n, images):
        directions = draw_directions(rng, n)
        return Animals(rng, directions, images, nearest=known[(directions @ known.T).argmax(axis=1)])

    gallery = Animals(rng, known, GALLERY_IMAGES)
    val = Animals(rng, known, rng.integers(1, 4, n_known)), unknown(n_unknown, rng.integers(1, 7, n_unknown))
    test = Animals(rng, known, TEST_IMAGES), unknown(TEST_UNKNOWN, 4)
    criteria, truth = [], []
    for state in ({"signal": s, "confusion": c} for s, c in zip(signal, confusion, strict=True)):
        enrolled = gallery.embed(rng, **state)
        measured, threshold = judge(*(ask(rng, part, enrolled, gallery.who, state) for part in val))
        criteria.append(measured)
        truth.append(measure_at(*(ask(rng, part, enrolled, gallery.who, state) for part in test), threshold))
    return np.array(criteria), np.array(truth)


def ask(rng: np.random.Generator, animals: Animals, enrolled, gallery_who, state) -> dict:
    similarity = animals.embed(rng, **state) @ enrolled.T
    first = np.flatnonzero(np.diff(gallery_who, prepend=-1))
    scores = np.maximum.reduceat(similarity, first, axis=1)
    is_known = animals.nearest is None
    return {
        "score": scores.max(axis=1),
        "named": (scores.argmax(axis=1) == animals.who) & is_known,
        "known": np.full(len(scores), is_known),
        "individual": animals.who + (0 if is_known else 10**6),
    }


def join(a: dict, b: dict) -> dict:
    return {key: np.concatenate([a[key], b[key]]) for key in a}


def judge(known: dict, unknown: dict) -> tuple[list[float], float]:
    """The criteria on val, and the threshold of the best geometric mean (in the middle of those equally good)."""
    q = join(known, unknown)
    threshold, best, new = metrics.baks_baus_curve(**q)
    both = np.sqrt(best * new)
    equal = np.flatnonzero((both >= both.max() - 1e-12) & np.isfinite(threshold))
    fitted = threshold[equal[len(equal) // 2]] if len(equal) else np.inf
    top1 = metrics.top1_individual(np.where(q["named"], 1, 2), q["known"], q["individual"])
    auroc = float(metrics.OperatingCurves.of(q["score"], q["named"], q["known"]).auroc()[0])
    return [metrics.baks_baus_area(**q), both.max(), auroc, top1], fitted


def measure_at(known: dict, unknown: dict, threshold: float) -> float:
    q = join(known, unknown)
    accepted = q["score"] >= threshold
    correct = np.where(q["known"], accepted & q["named"], ~accepted)
    return metrics.geometric_mean(correct, q["known"], q["individual"])


def simulate_scores(
    rng: np.random.Generator, n_known: int, n_unknown: int, n_datasets: int
) -> tuple[np.ndarray, np.ndarray]:
    """As `simulate_embeddings`, from normal scores: variance 1, of which 0.36 between individuals."""
    epochs = np.arange(EPOCHS)
    gone = 1 - np.exp(-epochs / 4)
    distance = 1.2 + 0.5 * gone - 0.02 * epochs + 0.15 * rng.normal(size=EPOCHS)  # between known and unknown
    skill = 0.3 + 1.2 * gone + 0.15 * rng.normal(size=EPOCHS)  # log odds of naming an average animal rightly
    parts = [simulate_scores_of_dataset(rng, n_known, n_unknown, distance, skill) for _ in range(n_datasets)]
    criteria, truth = (np.mean(values, axis=0) for values in zip(*parts, strict=True))
    return np.column_stack([criteria, epochs]), truth


def simulate_scores_of_dataset(
    rng: np.random.Generator, n_known: int, n_unknown: int, distance, skill
) -> tuple[np.ndarray, np.ndarray]:
    known = np.repeat(np.arange(n_known), rng.integers(1, 4, n_known))
    unknown = np.repeat(np.arange(n_unknown), rng.integers(1, 7, n_unknown))
    known_shift, unknown_shift, talent = (rng.normal(size=n) for n in (n_known, n_unknown, n_known))
    at, weight = np.polynomial.hermite_e.hermegauss(30)  # the mean over individuals' talents
    criteria, truth = [], []
    for d, odds in zip(distance, skill, strict=True):
        right = rng.random(len(known)) < expit(odds + talent[known])
        score = np.where(right, d, 0.3 * d) + 0.6 * known_shift[known] + 0.8 * rng.normal(size=len(known))
        other = 0.6 * unknown_shift[unknown] + 0.8 * rng.normal(size=len(unknown))
        no = np.zeros(len(unknown), dtype=bool)
        measured, threshold = judge(
            {"score": score, "named": right, "known": np.ones(len(known), dtype=bool), "individual": known},
            {"score": other, "named": no, "known": no, "individual": unknown + 10**6},
        )
        criteria.append(measured)
        share_right = np.sum(weight * expit(odds + at)) / weight.sum()
        truth.append(np.sqrt(share_right * norm.sf(threshold - d) * norm.cdf(threshold)))
    return np.array(criteria), np.array(truth)


def measure_regrets(simulate, rng, size: tuple[int, int, int], runs: int) -> np.ndarray:
    """(runs, 5) regret of each criterion in points."""
    found = np.empty((runs, len(CRITERIA)))
    for run in range(runs):
        criteria, truth = simulate(rng, *size)
        found[run] = 100 * (truth.max() - truth[criteria.argmax(axis=0)])
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=500, help="simulated training runs per size")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    print(f"Mean regret in points of the true geometric mean, {arguments.runs} runs of {EPOCHS} epochs per size")
    print("| model | known | unknown | data sets | " + " | ".join(CRITERIA) + " | geometric_mean minus area (95 %) |")
    print("|---" * (len(CRITERIA) + 5) + "|")
    for model, simulate in (("scores", simulate_scores), ("embeddings", simulate_embeddings)):
        for size in SIZES:
            found = measure_regrets(simulate, np.random.default_rng([arguments.seed, *size]), size, arguments.runs)
            worse = found[:, 1] - found[:, 0]
            error = 1.96 * worse.std(ddof=1) / np.sqrt(len(worse))
            cells = " | ".join([model, *map(str, size), *(f"{value:.2f}" for value in found.mean(axis=0))])
            print(f"| {cells} | {worse.mean():+.2f} ± {error:.2f} |", flush=True)


if __name__ == "__main__":
    main()
