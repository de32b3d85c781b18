"""Individuals among real photographs that nobody has named: fused scores and average linkage against simpler ways.

    python benchmarks/discover_real.py --data_root ../shared/data

Of the nyala and of the cattle half of the animals are drawn as those that nobody has named (test, without a name in
the table). Of the other half gallery and val are made, 40 % of them in val alone: no animal that is clustered was seen.
Each way is an evaluation of its own, as evaluate.ipynb makes it; runs and caches are those of REID_RUNS and REID_CACHE.
Told are the measures with 95 % intervals, and the paired differences of the first way to the others: the same animals
are drawn for both. The mean over both data sets is the score of AnimalCLEF 2026.
"""

import argparse
import hashlib
import os
from pathlib import Path

import numpy as np
import pandas as pd
from real_photographs import list_frames, list_nyala, name_photograph
from whole_steps import make_run

from reid_lib.core.names import CLUSTERS_CSV, DATASET, ENCOUNTER, IDENTITY, IMAGE_ID, PATH, SPLIT
from reid_lib.core.paths import cache_root
from reid_lib.discover.measures import CLUSTER, Contingency, measure_clusters, tabulate_discovery
from reid_lib.openset.bootstrap import Stratum, draw_individuals
from reid_lib.params.fields import EvaluateParams

WAYS = {
    "fused, average linkage": {},
    "fused, connected components": {"clusters": "components"},
    "embedding, average linkage": {"scores": "embedding"},
    "fused, complete linkage": {"clusters": "complete"},
    "fused, HDBSCAN": {"clusters": "hdbscan"},
    "fused, average linkage, cut by pair precision": {"clusters_by": "pair_precision"},
}
COMPARED = ("ari", "pair_precision", "pair_recall")  # that are measured for whole draws of animals
REPETITIONS = 2000


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--data_root", required=True, type=Path, help="folder that holds nyala/ and cattle/")
    asked.add_argument("--mask", default="u2netp", help="none, u2netp, auto")
    asked.add_argument("--seed", type=int, default=0, help="draws the halves")
    asked.add_argument("--only", default="", help="nyala or cattle alone")
    asked.add_argument("--thin", action="store_true", help="one frame of each hundred of a video, not all of them")
    asked.add_argument("--ways", type=int, default=len(WAYS), help="so many of the ways, the first ones")
    given = asked.parse_args()
    table = cache_root() / "discover_real" / f"halves{given.seed}{given.only}{'-thin' * given.thin}.csv"
    rows = make_table(given, table)
    ways = list(WAYS)[: given.ways]
    for name in ways:
        rows[name] = evaluate(table, given, name, rows)
    tell_differences(rows, ways)


def make_table(given: argparse.Namespace, file: Path) -> pd.DataFrame:
    """A table of all photographs, those of test without a name; returned are those of test with it, by image_id."""
    parts = []
    if given.only != "cattle":
        parts.append(list_nyala(given.data_root).assign(**{DATASET: "nyala"}))
    if given.only != "nyala":
        cattle = list_frames(given.data_root)[[PATH, IDENTITY, ENCOUNTER]].assign(**{DATASET: "cattle"})
        parts.append(cattle.drop_duplicates(ENCOUNTER) if given.thin else cattle)
    rows = pd.concat(parts, ignore_index=True)
    rows[SPLIT] = [draw_half(given.seed, *names) for names in zip(rows[DATASET], rows[IDENTITY], strict=True)]
    rows[IMAGE_ID] = [f"{dataset} {name_photograph(path)}" for dataset, path in rows[[DATASET, PATH]].values]
    rows[PATH] = [os.path.relpath(path, file.parent.resolve()) for path in rows[PATH]]
    file.parent.mkdir(parents=True, exist_ok=True)
    test = rows[SPLIT] == "test"
    rows.assign(**{IDENTITY: rows[IDENTITY].mask(test)}).to_csv(file, index=False)
    print(rows.groupby([DATASET, SPLIT]).agg(images=(PATH, "size"), animals=(IDENTITY, "nunique")).to_string())
    return rows.loc[test, [IMAGE_ID, DATASET, IDENTITY]].set_index(IMAGE_ID)


def draw_half(seed: int, dataset: str, identity: str) -> str:
    """In which half an animal is: "test", or "train"."""
    drawn = hashlib.sha256(f"{seed}\0{dataset}\0{identity}".encode()).digest()[0]
    return "test" if drawn < 128 else "train"


def evaluate(table: Path, given: argparse.Namespace, name: str, rows: pd.DataFrame) -> pd.Series:
    """The cluster of each photograph of test (`rows`) in one way; tells how right they are."""
    common = {"dataset": "csv", "data_root": str(table), "split_policy": "official", "image_size": 256}
    common |= {"unknown_split": 0.4, "mask": given.mask, "clusters": "average"}
    number = f"{given.only}{'-thin' * given.thin}{given.seed}-{given.mask}-{list(WAYS).index(name)}"
    experiment, results = make_run(EvaluateParams(**common | WAYS[name] | {"run_name": f"discover{number}"}))
    clusters = experiment.run.read_csv(CLUSTERS_CSV).set_index(IMAGE_ID)[CLUSTER].reindex(rows.index)
    cuts = results.metrics["discovery"]["cuts"]
    print(f"\n{name}: cuts {cuts['values']}, AMI on val {cuts['reached']}")
    print(f"{clusters.str.startswith('known ').mean():.3f} of the photographs were taken for animals of the gallery")
    table = tabulate_discovery(measure_clusters(rows.assign(**{CLUSTER: clusters})))
    print(table.to_string(), flush=True)
    return clusters


def tell_differences(rows: pd.DataFrame, ways: list[str]) -> None:
    """Of the first way to each other one: value and 95 % interval over animals that are drawn for both."""
    first, *others = ways
    for other in others:
        of = {name: draw(part, str(name), (first, other)) for name, part in rows.groupby(DATASET)}
        of["mean"] = {m: np.mean([part[m] for part in of.values()], axis=0) for m in COMPARED}
        print(f"\n{first} minus {other}:")
        for name, part in of.items():
            told = (
                f"{m} {d[0]:+.3f} ({np.quantile(d[1:], 0.025):+.3f} to {np.quantile(d[1:], 0.975):+.3f})"
                for m, d in part.items()
            )
            print(f"  {name}: {'  '.join(told)}")


def draw(rows: pd.DataFrame, name: str, ways: tuple[str, str]) -> dict[str, np.ndarray]:
    """Measure -> (1 + `REPETITIONS`,) differences: that of all animals, then those of draws."""
    tables = [Contingency(rows[IDENTITY].to_numpy(), rows[way].to_numpy()) for way in ways]
    animals = [Stratum(name, 0, np.arange(tables[0].counts.shape[0]))]
    drawn = [w for _, w in draw_individuals(animals, repetitions=REPETITIONS, seed=0, at_once=200)]
    found = [[table.measure(w) for w in (None, *drawn)] for table in tables]
    return {m: np.subtract(*(np.concatenate([part[m] for part in of]) for of in found)) for m in COMPARED}


if __name__ == "__main__":
    main()
