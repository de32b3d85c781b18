"""How right clusters are: adjusted Rand index, adjusted mutual information, pairs, number of individuals, singles.

Everything is counted from the sparse contingency table of individuals and clusters. Intervals are of individuals drawn
anew: pairs of images of two individuals are drawn as often as both were, those of one as often as it was.
"""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from scipy.sparse import csr_array
from scipy.special import gammaln

from reid_lib.core.names import CLUSTER, CLUSTERS_CSV, DATASET, IDENTITY
from reid_lib.openset.bootstrap import Stratum, draw_individuals
from reid_lib.openset.measures import Estimate, average_datasets
from reid_lib.openset.summary import describe_value

AMI = "ami"
MEASURES = ("ari", AMI, "pair_precision", "pair_recall", "pair_f1", "clusters_per_individual", "single_images")
WORDS = {
    "ari": "adjusted Rand index",
    AMI: "adjusted mutual information",
    "pair_precision": "pair precision",
    "pair_recall": "pair recall",
    "pair_f1": "pair F1",
    "clusters_per_individual": "clusters found for each individual",
    "single_images": "photographs that are alone in their cluster",
}
COUNTED = {
    "n_images": "photographs",
    "n_clusters": "individuals found",
    "n_individuals": "individuals there are",
    "n_clusters_of_one": "found, with one photograph",
    "n_individuals_seen_once": "there are, with one photograph",
}
_SEED = 0  # of the bootstrap
_AT_ONCE_BYTES = 2**26  # of draws in memory at a time
_AMI_REPETITIONS = 200  # fewer than of the others: the AMI is computed one draw at a time


class Contingency:
    """Images counted by individual and cluster.

    Args:
        truth, found: (n,) of any kind, individual and cluster of each image.

    Attributes:
        counts: (individuals, clusters) sparse float64.
    """

    def __init__(self, truth: np.ndarray, found: np.ndarray):
        who, individuals = pd.factorize(np.asarray(truth), sort=True)
        cluster, clusters = pd.factorize(np.asarray(found), sort=True)
        shape = len(individuals), len(clusters)
        self.counts = csr_array((np.ones(len(who)), (who, cluster)), shape=shape)
        self.counts.sum_duplicates()
        size = np.bincount(cluster, minlength=shape[1])
        self.n_singles = np.bincount(who, weights=size[cluster] == 1, minlength=shape[0])
        self.n_clusters = np.bincount(who, weights=1 / size[cluster], minlength=shape[0])

    def measure(self, weights: np.ndarray | None = None) -> dict[str, np.ndarray]:
        """All measures but the AMI, (b,) each: for weights (b, individuals), or once, each individual counted once.

        `pair_precision`: of the pairs of images in one cluster, the share of one individual; `pair_recall`: of the
        pairs of one individual, the share in one cluster; NaN where there is no such pair. `clusters_per_individual`:
        clusters found for each true individual. `single_images`: images that are alone in their cluster.
        """
        w = np.ones((1, self.counts.shape[0])) if weights is None else weights
        of_individual = self.counts.sum(axis=1)
        within = self.counts.multiply(self.counts).sum(axis=1)
        true_pairs = w @ (of_individual * (of_individual - 1) / 2)
        found_true = w @ ((within - of_individual) / 2)
        of_cluster = (self.counts.T @ w.T).T
        across_found = ((of_cluster**2).sum(axis=1) - w**2 @ within) / 2
        across = ((w @ of_individual) ** 2 - w**2 @ of_individual**2) / 2
        missed, true_apart = true_pairs - found_true, across - across_found
        precision = _divide(found_true, found_true + across_found)
        recall = _divide(found_true, true_pairs)
        below = (found_true + missed) * (missed + true_apart) + (found_true + across_found) * (
            across_found + true_apart
        )
        above = 2 * (found_true * true_apart - missed * across_found)
        return {
            "ari": np.where(below == 0, 1.0, _divide(above, below)),
            "pair_precision": precision,
            "pair_recall": recall,
            "pair_f1": _divide(2 * found_true, 2 * found_true + across_found + missed),
            "clusters_per_individual": _divide(w @ self.n_clusters, w.sum(axis=1)),
            "single_images": _divide(w @ self.n_singles, w @ of_individual),
        }

    def adjusted_mutual_information(self, kept: np.ndarray | None = None) -> float:
        """AMI with the arithmetic mean, as scikit-learn's; of all individuals, or of those of a mask.

        The expectation (Vinh, Epps and Bailey 2010, 24a) depends on the sizes of classes and clusters alone, so it is
        computed once for each two sizes, not for each two groups.
        """
        counts = self.counts if kept is None else self.counts[np.flatnonzero(kept)]
        total = counts.sum()
        classes, clusters = counts.sum(axis=1), counts.sum(axis=0)
        clusters = clusters[clusters > 0]
        if len(classes) == len(clusters) and len(classes) in (0, 1):
            return 1.0
        table = counts.tocoo()
        row, column = classes[table.row], counts.sum(axis=0)[table.col]
        information = (table.data / total * (np.log(table.data) + np.log(total) - np.log(row) - np.log(column))).sum()
        entropy = [-(sizes / total * np.log(sizes / total)).sum() for sizes in (classes, clusters)]
        expected = _expected_information(classes, clusters, int(total))
        below = np.mean(entropy) - expected
        if abs(below) < 1e-12:  # all alone in both, or all together
            return 1.0 if abs(information - expected) < 1e-12 and np.isclose(*entropy) else 0.0
        return float((information - expected) / below)


def measure_clusters(rows: pd.DataFrame, *, repetitions: int = 1000) -> dict:
    """The measures of each data set, and their mean over data sets, as AnimalCLEF 2026 takes that of the ARI.

    Args:
        rows: dataset, identity, cluster of each image; those without an identity are left out.
        repetitions: of the bootstrap; 0 for no intervals.

    Returns:
        "datasets": data set -> measure -> {"value", "low", "high", "n"}, n individuals; "overall": measure -> the same
        averaged over the data sets where it is defined; "counts": data set -> n_images, n_individuals, n_clusters,
        and how many individuals and clusters have one image.
    """
    labelled = rows[rows[IDENTITY].notna()]
    found, counts = {}, {}
    for name, part in labelled.groupby(labelled[DATASET].astype(str), sort=True):
        table = Contingency(part[IDENTITY].astype(str).to_numpy(), part[CLUSTER].to_numpy())
        found[name] = _estimate(table, str(name), repetitions)
        counts[name] = {
            "n_images": len(part),
            "n_individuals": table.counts.shape[0],
            "n_clusters": table.counts.shape[1],
            "n_individuals_seen_once": int((table.counts.sum(axis=1) == 1).sum()),
            "n_clusters_of_one": int((table.counts.sum(axis=0) == 1).sum()),
        }
    return {
        "datasets": {name: {m: of[m].entry() for m in MEASURES} for name, of in found.items()},
        "overall": {m: average_datasets([of[m] for of in found.values()] or [_UNDEFINED]).entry() for m in MEASURES},
        "counts": counts,
    }


def describe_discovery(results: Mapping) -> str:
    """One line on the clusters of a run, from metrics.json; "" where nothing was clustered."""
    if not (entry := results.get("discovery")):
        return ""
    cuts, measured = entry["cuts"], entry["test"]
    joined = any(cut is not None for cut in (cuts["overall"], *cuts["values"].values()))
    how = f"{entry['method']} linkage, cut on val" if joined else "no two new photographs are joined"
    if not measured["counts"]:
        return (
            f"clusters of the test photographs: {CLUSTERS_CSV} ({how}); without labels of test nothing says how right"
        )
    counts = [sum(of[what] for of in measured["counts"].values()) for what in ("n_clusters", "n_individuals")]
    words = {"ari": "adjusted Rand index", AMI: "AMI", "pair_precision": "pair precision", "pair_recall": "recall"}
    said = ", ".join(f"{word} {describe_value(measured['overall'][m])}" for m, word in words.items())
    return f"clusters of the test photographs ({how}): {said}; {counts[0]} found of {counts[1]} individuals"


def tabulate_discovery(measured: Mapping) -> pd.DataFrame:
    """A table for a person, as text: measures with 95 % intervals and counts by data set, and the mean of data sets.

    Args:
        measured: of `measure_clusters`, or `discovery.test` of metrics.json.
    """
    columns = {}
    for name, of in (*measured["datasets"].items(), ("mean over data sets", measured["overall"])):
        counts = measured["counts"].get(name, {})
        columns[name] = {word: describe_value(of[m]) for m, word in WORDS.items()}
        columns[name] |= {word: f"{counts[key]:,}" if key in counts else "" for key, word in COUNTED.items()}
    return pd.DataFrame(columns if len(columns) > 2 else dict(list(columns.items())[:1]))


_UNDEFINED = Estimate(float("nan"), np.empty(0), False, 0)


def _estimate(table: Contingency, name: str, repetitions: int) -> dict[str, Estimate]:
    """Measure -> value and replicates; where too few individuals are there to draw from, the value stands for all."""
    n = table.counts.shape[0]
    values = {m: float(v[0]) for m, v in table.measure().items()} | {AMI: table.adjusted_mutual_information()}
    drawn: dict[str, list[np.ndarray]] = {m: [] for m in values}
    at_once = max(1, _AT_ONCE_BYTES // (8 * (n + table.counts.shape[1])))
    stratum = [Stratum(name, 0, np.arange(n))]
    for _, w in draw_individuals(stratum, repetitions=repetitions if n > 1 else 0, seed=_SEED, at_once=at_once):
        for m, found in table.measure(w).items():
            drawn[m].append(found)
    drawn[AMI].append(_draw_ami(table, values[AMI], stratum, min(repetitions, _AMI_REPETITIONS) if n > 3 else 0))
    estimates = {}
    for m, value in values.items():
        replicates = np.concatenate([*drawn[m], np.empty(0)])
        spread = len(replicates) > 0
        # As many of each, so that data sets are averaged replicate by replicate.
        estimates[m] = Estimate(value, np.resize(replicates if spread else [value], repetitions), spread, n)
    return estimates


def _draw_ami(table: Contingency, value: float, strata: list[Stratum], repetitions: int) -> np.ndarray:
    """Replicates of the AMI, which counts each image once or not at all: those of random halves of the individuals.

    Half of the individuals, drawn without replacement, vary as much as all of them drawn with replacement. In a half
    fewer individuals can be mixed up, so the replicates are shifted until their mean is the value.
    """

    def halve(rng: np.random.Generator, b: int, n: int) -> np.ndarray:
        return rng.permuted(np.tile(np.arange(n) < n // 2, (b, 1)), axis=1)

    found = [
        table.adjusted_mutual_information(mask > 0)
        for _, masks in draw_individuals(strata, repetitions=repetitions, seed=_SEED, at_once=64, weigh=halve)
        for mask in masks
    ]
    # None is above 1, the value of equal partitions.
    return np.minimum(np.array(found) - np.mean(found) + value, 1.0) if found else np.empty(0)


def _expected_information(classes: np.ndarray, clusters: np.ndarray, total: int) -> float:
    """Of a random table with these sizes (float64 whole numbers), in nats."""
    expected, log_factorial = 0.0, gammaln(np.arange(total + 1) + 1.0)
    sizes = [np.unique(some.astype(int), return_counts=True) for some in (classes, clusters)]
    for a, n_a in zip(*sizes[0], strict=True):
        for b, n_b in zip(*sizes[1], strict=True):
            n = np.arange(max(1, a + b - total), min(a, b) + 1)
            log_chance = log_factorial[a] + log_factorial[b] + log_factorial[total - a] + log_factorial[total - b]
            log_chance = log_chance - log_factorial[total] - log_factorial[n] - log_factorial[a - n]
            log_chance = log_chance - log_factorial[b - n] - log_factorial[total - a - b + n]
            information = n / total * (np.log(n) + np.log(total) - np.log(a) - np.log(b))
            expected += n_a * n_b * float((information * np.exp(log_chance)).sum())
    return expected


def _divide(above: np.ndarray, below: np.ndarray) -> np.ndarray:
    return np.divide(above, below, out=np.full(np.shape(above), np.nan), where=below > 0)
