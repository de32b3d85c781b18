"""How quick are the views of compare.ipynb with 50 runs and 30,000 queries each?

    python benchmarks/compare_speed.py [--runs 50] [--individuals 5000]

Simulated runs in a temporary folder: two are made, the others are copies with a parameter of their own. Each view is
opened as the notebook opens it, then one thing in it is changed; seconds by the wall clock, without a browser. Again:
the replicates of the paired differences come from the cache.
"""

import argparse
import asyncio
import json
import os
import shutil
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--runs", type=int, default=50)
    parser.add_argument("--individuals", type=int, default=5000, help="known ones in each of two data sets")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        os.environ |= {"REID_RUNS": f"{folder}/runs", "REID_CACHE": f"{folder}/cache"}
        n = make_runs(Path(folder) / "runs", options.runs, options.individuals)
        print(f"{options.runs} runs, {n} queries each\n\n| | first time, s | again, s |\n|---|---|---|")
        first, again = measure(), measure()
        for name, seconds in first.items():
            print(f"| {name} | {seconds:.2f} | {again[name]:.2f} |")


def make_runs(root: Path, n_runs: int, individuals: int) -> int:
    from made_runs import catalogue, make_run

    from reid_lib.runs import table

    rows = catalogue(n_known=individuals, n_unknown=individuals // 4)
    for k in (0, 1):
        make_run(f"run{k}", rows, skill=0.8 + 0.1 * k, photos=root, repetitions=20, margin=0.3 + 0.1 * k)
    for k in range(2, n_runs):
        copy = shutil.copytree(root / f"run{k % 2}", root / f"run{k}")
        described = json.loads((copy / "params.json").read_text())
        described["params"]["lr"] = described["identity"]["lr"] = 1e-4 * (k + 1)
        (copy / "params.json").write_text(json.dumps(described))
    table.promote("run0")
    return int(rows["role"].isin(["val", "test"]).sum())


def measure() -> dict[str, float]:
    """Seconds of each step, as a reader of the notebook goes through it."""
    from reid_lib.compare.comparison import Comparison
    from reid_lib.views import base, curves, embeddings, export, numbers, threshold
    from reid_lib.views import mistakes as mistakesview

    seconds = {}

    def timed(name: str, step):
        begun = time.perf_counter()
        result = step()
        seconds[name] = time.perf_counter() - begun
        return result

    picker = timed("open: run picker", lambda: base.RunPicker(Comparison()))
    table = timed("open: numbers", lambda: numbers.MetricsTable(picker))
    timed("open: curves", lambda: curves.Curves(picker))
    figures = timed("open: figures", lambda: curves.Figures(picker))
    slider = timed("open: threshold", lambda: threshold.ThresholdSlider(picker))
    points = timed("open: embeddings", lambda: embeddings.EmbeddingView(picker))
    mistakes = timed("open: mistakes", lambda: mistakesview.Mistakes(picker))
    timed("open: export", lambda: export.Export(picker, table))
    seconds["**open, all of it**"] = sum(seconds.values())
    timed("(differences to the reference, in the background)", table.wait)
    names = picker.comparison.names
    for what, chosen in {"two others": names[7:9], "the first ones": picker.comparison.default_choice()}.items():
        asyncio.run(_choose(picker, chosen, seconds, what))
        table.wait()
    query = picker.comparison.run(picker.chosen.runs[0]).predictions.index[5]
    timed("move the threshold", lambda: setattr(slider.slider, "value", 0.7))
    timed("threshold: other data set", lambda: setattr(slider.dataset, "value", "b"))
    timed("hover over a point", lambda: setattr(points.panels[0].scatter.widget, "hovering", 7))
    timed("select a point", lambda: points.select(query))
    timed("colour by individual", lambda: setattr(points.colour, "value", "individual"))
    timed("mistakes: another kind", lambda: setattr(mistakes.kind, "value", "unknown wrong"))
    timed("mistakes: an individual", lambda: setattr(mistakes.individual, "value", "a12"))
    timed("look for new runs, nothing is new", picker.look)
    timed("filter runs", lambda: setattr(picker.filter, "value", "lr < 1e-3 and val_geometric_mean > 0.1"))
    timed("search runs", lambda: setattr(picker.search, "value", "lr=0.0005"))
    for kind in ("heat map", "impact of a parameter", "embeddings side by side"):
        timed(f"figure: {kind}", lambda kind=kind: setattr(figures.kind, "value", kind))
    timed("difference in another metric", lambda: setattr(table.judged, "value", "auroc"))
    table.wait()
    return seconds


async def _choose(picker, chosen, seconds: dict, what: str) -> None:
    """As in a kernel: the views are redrawn one after the other, each an answer of its own."""
    begun = time.perf_counter()
    picker.choose(*chosen)
    seconds[f"choose {what}: the picker"] = time.perf_counter() - begun
    slowest = 0.0
    while picker.chosen.waiting:
        step = time.perf_counter()
        await asyncio.sleep(0)
        slowest = max(slowest, time.perf_counter() - step)
    seconds[f"choose {what}: the slowest view"] = slowest
    seconds[f"choose {what}: all views"] = time.perf_counter() - begun


if __name__ == "__main__":
    main()
