"""Does training with the defaults help on real photographs? Nyala and cattle faces, trained against their frozen start.

    python benchmarks/real_training.py --data_root ../shared/data
    python benchmarks/real_training.py --data_root ../shared/data --only nyala --set image_size=160 --set num_epochs=7

Each seed draws another split and starts another training; runs and caches are those of REID_RUNS and REID_CACHE, and
what is finished is not computed again. Told are, for each seed, the trained network's test values and the paired
differences to its own frozen start with their 95 % intervals over individuals. Of the cattle every second block of 100
frames of a video is left out, so that at least 100 frames lie between gallery and query.
"""

import argparse
from pathlib import Path

from real_photographs import list_cattle, list_nyala
from views import write_table
from whole_steps import make_run

from reid_lib.core.names import TEST
from reid_lib.core.paths import cache_root
from reid_lib.params.fields import TrainParams


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--data_root", required=True, type=Path, help="folder that holds nyala/ and cattle/")
    asked.add_argument("--only", default="", help="nyala or cattle alone")
    asked.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    asked.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="a parameter of train.ipynb")
    given = asked.parse_args()
    changed = dict(told.split("=", 1) for told in given.set)
    word = "".join(f"-{name}-{value}" for name, value in changed.items())
    lines = []
    for name, make in (("nyala", list_nyala), ("cattle", list_cattle)):
        if given.only in ("", name):
            table = write_table(make(given.data_root), cache_root() / "real_training" / f"{name}.csv")
            for seed in given.seeds:
                lines += train(name, table, seed, changed, f"real-{name}-seed{seed}{word}")
                print(*lines[-3:], sep="\n", flush=True)
    print(
        "", "| data | seed | metric | trained | minus frozen (95 %) | verdict |", "|---|---|---|---|---|---|", sep="\n"
    )
    print(*lines, sep="\n")


def train(name: str, table: Path, seed: int, changed: dict[str, str], run_name: str) -> list[str]:
    """Lines of the table: a training and what it is worth beside its frozen start."""
    how = {"dataset": "csv", "data_root": str(table), "split_policy": "encounter"}
    params = TrainParams.checked({**how, "split_seed": seed, "seed": seed, **changed, "run_name": run_name})
    _, results = make_run(params)
    overall, lines = results.metrics[TEST]["overall"], []
    for metric, d in results.metrics["frozen"]["differences"].items():
        minus = f"{d['value']:+.3f} ({d['low']:+.3f} to {d['high']:+.3f})"
        lines.append(f"| {name} | {seed} | {metric} | {overall[metric]['value']:.3f} | {minus} | {d['verdict']} |")
    return lines


if __name__ == "__main__":
    main()
