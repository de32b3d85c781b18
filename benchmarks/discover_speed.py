"""How long it takes to find individuals among many photographs, from their stored embeddings to clusters.

    python benchmarks/discover_speed.py --images 100000 --dim 512

Simulated embeddings of ten photographs for each animal, in an .npz file as a run keeps them. Steps as an evaluation
takes them: pairs with the nearest, probabilities fitted on a tenth of the animals (val), cuts, clusters of the others.
`--noise` says how unlike the photographs of one animal are. `--alike` makes the hard case instead: nobody is told from
anybody, and every pair is about as likely as that.
Time, processor time and the peak of the memory of this process are told after each step.
"""

import argparse
import resource
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from reid_lib.core.names import DATASET, IDENTITY, IMAGE_ID, KNOWN
from reid_lib.discover.individuals import cluster_photographs, fit_cuts
from reid_lib.discover.measures import measure_clusters
from reid_lib.discover.pairs import fit_pair_probabilities, list_pairs
from reid_lib.embed.embedding_set import EmbeddingSet
from reid_lib.match.cosine import Cosine
from reid_lib.pipeline.discovery import NEIGHBOURS

OF_ANIMAL = 10  # photographs


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--images", type=int, default=100_000, help="photographs to be clustered")
    asked.add_argument("--dim", type=int, default=512, help="numbers of an embedding")
    asked.add_argument("--noise", type=float, default=1.5, help="length of what differs in photographs of one animal")
    asked.add_argument("--alike", type=float, default=0, help="mean probability of every pair; 0: as calibrated on val")
    asked.add_argument("--method", default="average", help="average, complete, components")
    given = asked.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        files = {role: Path(folder) / f"{role}.npz" for role in ("val", "test")}
        rows = {
            role: simulate(file, given.images // (10 if role == "val" else 1), given, seed)
            for seed, (role, file) in enumerate(files.items())
        }
        run_steps(files, rows, given)


def simulate(file: Path, n: int, given: argparse.Namespace, seed: int) -> pd.DataFrame:
    """Embeddings of n photographs in a file; their rows."""
    rng = np.random.default_rng(seed)
    who = np.arange(n) // OF_ANIMAL
    animals = rng.standard_normal((who[-1] + 1, given.dim), dtype=np.float32)
    features = animals[who] + np.float32(given.noise) * rng.standard_normal((n, given.dim), dtype=np.float32)
    features /= np.linalg.norm(features, axis=1, keepdims=True)
    rows = pd.DataFrame({IMAGE_ID: [f"{seed}-{k:07d}" for k in range(n)], DATASET: "lynx", KNOWN: False})
    rows[IDENTITY] = [f"{seed}-{k}" for k in who]
    EmbeddingSet(features, rows).save(file)
    return rows


def run_steps(files: dict[str, Path], rows: dict[str, pd.DataFrame], given: argparse.Namespace) -> None:
    clock = Clock()
    stored = {role: EmbeddingSet.load(file, rows[role]) for role, file in files.items()}
    clock.tell(f"{len(stored['test']):,} embeddings of {given.dim} numbers read, and {len(stored['val']):,} of val")
    pairs = {role: list_pairs(Cosine(some, some), NEIGHBOURS) for role, some in stored.items()}
    clock.tell(f"neighbours: {len(pairs['test']):,} pairs, {len(pairs['val']):,} of val")
    fits = fit_pair_probabilities(pairs["val"])
    probability = fits.probability(pairs["test"])
    if given.alike:
        fits = replace(fits, out_of_fold=make_alike(pairs["val"], given.alike))
        probability = make_alike(pairs["test"], given.alike)
    clock.tell(f"probabilities (mean {probability.mean():.3f})")
    cuts = fit_cuts(pairs["val"], fits.out_of_fold, method=given.method, rule="ami", min_individuals=10)
    clock.tell(f"cuts on val: {cuts.overall}")
    named = pd.Series([None] * len(rows["test"]))
    found = cluster_photographs(pairs["test"], probability, named, cuts, method=given.method)
    clock.tell(f"clusters: {found.nunique():,}")
    measured = measure_clusters(pairs["test"].queries.assign(cluster=found.to_numpy()))
    clock.tell(f"measured: ARI {measured['overall']['ari']['value']:.3f}, {measured['counts']['lynx']}")
    clock.tell_all()


def make_alike(table, mean: float) -> np.ndarray:
    """Probabilities around a mean that follow the cosine, but tell nobody from anybody."""
    cosine = table.scores["embedding"].astype(float)
    return np.clip(mean * (1 + (cosine - cosine.mean()) / cosine.std() / 4), 0, 1)


class Clock:
    def __init__(self):
        self.begun = self.last = (time.monotonic(), time.process_time())

    def tell(self, what: str) -> None:
        now = time.monotonic(), time.process_time()
        wall, processor = (a - b for a, b in zip(now, self.last, strict=True))
        print(f"{wall:7.1f} s, processor {processor:7.1f} s, peak {peak_gb():.2f} GB  {what}", flush=True)
        self.last = now

    def tell_all(self) -> None:
        self.last = self.begun
        self.tell("in all")


def peak_gb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9


if __name__ == "__main__":
    main()
