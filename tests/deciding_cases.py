"""Simulated animals, pairs of their photographs with calibrated probabilities, and clusters that are partly wrong."""

import numpy as np
import pandas as pd


def simulate(
    n: int = 60, animals: int = 12, *, seed: int = 0, listed: float = 0.5, wrong: float = 0.2, spread: float = 1.5
):
    """Photographs, pairs, and the animal of each photograph.

    Scores are normal, of pairs of one animal and of two with means that lie `2 * spread` apart, so that the logistic of
    a line in the score is the exact probability.

    Args:
        listed: share of the pairs of two animals that are listed, beside all of one animal.
        wrong: share of the photographs whose present cluster is that of another one, or their own.
    """
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, animals, n)
    first, second = np.triu_indices(n, 1)
    same = truth[first] == truth[second]
    kept = same | (rng.random(len(same)) < listed)
    first, second, same = first[kept], second[kept], same[kept]
    score = rng.normal(size=len(same)) + np.where(same, spread, -spread)
    share = same.mean()
    probability = 1 / (1 + np.exp(-(2 * spread * score + np.log(share / (1 - share)))))
    cluster = truth.copy()
    moved = np.flatnonzero(rng.random(n) < wrong)
    cluster[moved] = np.where(rng.random(len(moved)) < 0.5, rng.integers(0, animals, len(moved)), animals + moved)
    ids = np.array([f"p{k:05d}" for k in range(n)], dtype=object)
    photographs = pd.DataFrame({"image_id": ids, "dataset": "d", "cluster": [f"new {k}" for k in cluster]})
    told = {"image_id_1": ids[first], "image_id_2": ids[second], "probability": probability, "doubt": "cluster"}
    return photographs, pd.DataFrame(told), pd.Series(truth, index=ids)


def partition(labels: np.ndarray) -> set:
    """Groups as sets of positions."""
    labels = np.asarray(labels)
    return {frozenset(np.flatnonzero(labels == k).tolist()) for k in np.unique(labels)}
