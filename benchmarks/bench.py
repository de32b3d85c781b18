"""Speed against peers, side by side on this machine: one command, one table.

    make bench                                  # half an hour on two cores, an hour without AVX-512
    python benchmarks/bench.py --only search    # a part of it; --quick: smaller; --full: up to 100,000 images

The contenders of a comparison (contenders.py) take turns, each in a process of its own, with the same images, weights
and threads; the ratio is the median over the rounds, since machines are noisy. Results go to benchmarks/results/ as
JSON, and the tables of benchmarks/README.md are written from all of them; --quick leaves none.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import numpy as np
from bench_machine import describe_machine
from bench_report import README, RESULTS, report, write_readme
from scipy.stats import spearmanr

HERE = Path(__file__).resolve().parent
LITE0 = "tf_efficientnet_lite0"
PARTS = ("embed", "engine", "step", "epoch", "match", "search", "threshold", "notebook", "growth")


@dataclass(frozen=True)
class Comparison:
    """Contenders of one piece of work; the first is ours.

    Attributes:
        what: in words, with its sizes.
        target: ratio to the first peer that is asked for.
        unit: what is counted per second.
    """

    part: str
    what: str
    contenders: tuple[str, ...]
    options: dict = field(default_factory=dict)
    target: float | None = None
    unit: str = "images"


def list_comparisons(size: str, *, gpu: bool = False) -> list[Comparison]:
    """What is compared, by `size`: "quick", "default" or "full"; a GPU gets larger batches."""
    n = {"quick": 64, "default": 192, "full": 512}[size] * (2 if gpu else 1)
    steps = {"quick": 2, "default": 6, "full": 12}[size]
    peers = ("embed_wildlife_tools", "embed_oml")
    many = 8 if gpu else 1
    lite0 = {"backbone": LITE0, "px": 160, "batch": 32 * many, "steps": steps * many}
    resnet = {"backbone": "resnet50", "px": 210, "batch": 16 * many, "steps": steps * many}
    network = {"backbone": LITE0, "px": 224}
    photos = f"{n} photographs of 1.2 megapixels"
    found = [
        Comparison("embed", f"embed {photos}, EfficientNet-Lite0 224 px", ("embed_reid_lib_first", *peers),
                   {"photos": n} | network, 6),
        Comparison("embed", "the same once more, pixels cached", ("embed_reid_lib_again", *peers),
                   {"photos": n} | network, 6),
        Comparison("embed", "ResNet-50 210 px, pixels cached", ("embed_reid_lib_again", *peers),
                   {"photos": n, "px": 210, "backbone": "resnet50"}),
        Comparison("embed", "Swin-T 224 px (the network of MegaDescriptor-T), pixels cached",
                   ("embed_reid_lib_again", *peers),
                   {"photos": n, "px": 224, "backbone": "swin_tiny_patch4_window7_224"}),
        Comparison("step", f"training steps, EfficientNet-Lite0 160 px, batches of {lite0['batch']}",
                   ("step_reid_lib", "step_plain"), lite0, 2),
        Comparison("step", f"training steps, ResNet-50 210 px, batches of {resnet['batch']}",
                   ("step_reid_lib", "step_plain"), resnet, 3),
        Comparison("epoch", f"a training epoch, {photos}, EfficientNet-Lite0 160 px, augmented",
                   ("epoch_reid_lib", "epoch_replaced", "epoch_wildlife_tools"), {"photos": n} | lite0),
    ]  # fmt: skip
    if gpu:  # what takes a CPU minutes
        images = {"quick": 4_096, "default": 16_384, "full": 65_536}[size]
        found += [
            Comparison("embed", f"ResNet-50 210 px, {images:,} images in memory (5,000 a second asked for)",
                       ("embed_reid_lib_pixels",), {"images": images, "px": 210, "backbone": "resnet50"}),
            Comparison("step", "the ResNet-50 steps, augmented (2,000 a second asked for)",
                       ("step_reid_lib_augmented",), resnet),
        ]  # fmt: skip
    else:  # a CPU's alone; 300 images are a small run's gallery
        some = {"quick": 64, "default": 300, "full": 3_000}[size]
        engines = ("engine_reid_lib", "engine_folded", "engine_openvino")
        found += [
            Comparison("engine", f"embed {some:,} images in memory, the network made ready included, {what}", engines,
                       {"images": some, "backbone": backbone, "px": px})
            for what, backbone, px in (("EfficientNet-Lite0 160 px", LITE0, 160), ("ResNet-50 210 px", "resnet50", 210))
        ]  # fmt: skip
    return [*found, _matching(size, gpu=gpu), *_answering(size, gpu=gpu)]


def _matching(size: str, *, gpu: bool) -> Comparison:
    photos = {"quick": 8, "default": 16, "full": 48}[size] * (4 if gpu else 1)
    return Comparison("match", f"{photos**2 // 4:,} pairs of photographs matched, ALIKED-LightGlue, 256 keypoints",
                      ("match_reid_lib", "match_wildlife_tools", "match_authors", "match_reid_lib_whole"),
                      {"photos": photos, "keypoints": 256}, 3, "pairs")  # fmt: skip


def _answering(size: str, *, gpu: bool) -> list[Comparison]:
    """Search, threshold and metrics."""
    galleries = (10_000,) if size == "quick" else (10_000, 100_000, 1_000_000)
    queries, found = 3_000 if size == "quick" else 30_000, []
    for gallery in galleries:
        others = ("search_plain", "search_faiss", "search_wildlife_tools") if gallery <= 100_000 else ("search_faiss",)
        target = 2 if gallery == 100_000 else None  # to the former way; FAISS does less than a run asks for
        what = f"individuals of {gallery:,} × 512 ranked as in a run, 1,000 queries; peers: the 5 nearest images"
        sizes = {"gallery": gallery, "queries": 1000, "device": "cuda" if gpu else "cpu"}
        found.append(Comparison("search", what, ("search_reid_lib", *others), sizes, target, "queries"))
    what, sizes = f"threshold and metrics, {queries:,} queries", {"queries": queries}
    found.append(Comparison("threshold", what, ("threshold_reid_lib", "threshold_replaced"), sizes, 500, "queries"))
    what = f"all metrics with intervals, 1,000 draws, {queries:,} queries"
    found.append(Comparison("threshold", what, ("bootstrap_reid_lib",), sizes, unit="queries"))
    return found


def draw_photographs(folder: Path, n: int) -> Path:
    """n JPEGs of 1280 x 960 px, drawn from the built-in animals: folder/animal/number.jpg."""
    from PIL import Image

    from reid_lib.core.parallel import map_in_threads
    from reid_lib.data.catalogue import read_catalogue

    root = folder / f"photos{n}"
    catalogue = read_catalogue("demo", progress=False)

    def draw(item):
        k, file = item
        target = root / f"a{k // 4:04}" / f"{k}.jpg"
        target.parent.mkdir(parents=True, exist_ok=True)
        with Image.open(file, formats=("JPEG",)) as image:
            large = np.asarray(image.convert("RGB").resize((1280, 960), Image.Resampling.BICUBIC))
        grain = np.random.default_rng(k).integers(-6, 7, large.shape, dtype=np.int16)  # a camera's, so that it weighs
        Image.fromarray(np.clip(large + grain, 0, 255).astype(np.uint8)).save(target, quality=88)

    files = catalogue.files()
    for _ in map_in_threads(draw, [(k, files[k % len(files)]) for k in range(n)], title="drawing photographs"):
        pass
    return root


def run_contender(name: str, options: dict) -> dict:
    """What a contender measured, in a process of its own."""
    command = [sys.executable, str(HERE / "contenders.py"), name, json.dumps(options)]
    done = subprocess.run(command, capture_output=True, text=True, env=os.environ | {"TQDM_DISABLE": "1"})
    if done.returncode:
        raise SystemExit(f"{name} failed:\n{done.stderr[-3000:]}")
    return json.loads(done.stdout.strip().splitlines()[-1])


def compare(comparison: Comparison, rounds: int, folder: Path, threads: int) -> dict:
    """Let the contenders take turns; checks that they found the same."""
    options = comparison.options | {"threads": threads}
    if "photos" in options:
        root = folder / f"photos{options['photos']}"
        options["photos"] = str(root if root.exists() else draw_photographs(folder, options["photos"]))
    runs: dict[str, list[dict]] = {name: [] for name in comparison.contenders}
    for number in range(rounds):
        for name in comparison.contenders:
            cache = folder / ("kept" if name.endswith("again") else f"cache-{name}-{number}-{time.time()}")
            os.environ["REID_CACHE"] = str(cache)
            runs[name].append(run_contender(name, options))
            print(f"  {name}: {runs[name][-1]['n'] / runs[name][-1]['seconds']:.1f} {comparison.unit}/s", flush=True)
    return summarise(comparison, runs)


def summarise(comparison: Comparison, runs: dict[str, list[dict]]) -> dict:
    """Medians over the rounds for each contender, and the ratio of its time to ours, round by round."""
    ours = runs[comparison.contenders[0]]
    rows = {}
    for name, found in runs.items():
        ratios = [theirs["seconds"] / mine["seconds"] for mine, theirs in zip(ours, found, strict=True)]
        rows[name] = {
            "per_second": statistics.median(r["n"] / r["seconds"] for r in found),
            "seconds": statistics.median(r["seconds"] for r in found),
            "cpu_seconds": statistics.median(r["cpu_seconds"] for r in found),
            "added_mb": statistics.median(r["added_mb"] for r in found),
            "ours_is_faster_by": statistics.median(ratios),
        } | {
            k: found[0][k]
            for k in ("loading_share", "gallery_mb", "geometric_mean", "precision", "gpu_busy", "ready_s")
            if k in found[0]
        }
        rows[name] |= measure_agreement(ours[0], found[0]) if found is not ours else {}
    what = {"part": comparison.part, "what": comparison.what, "unit": comparison.unit, "target": comparison.target}
    return what | {"contenders": rows}


def measure_agreement(mine: dict, theirs: dict) -> dict:
    """How alike the results are: the lowest cosine of two features of an image; the share of equal neighbours."""
    found = {}
    if mine.get("features") and len(mine["features"]) == len(theirs["features"]):
        a, b = np.array(mine["features"]), np.array(theirs["features"])
        found |= {"lowest_cosine": float((a * b).sum(axis=1).min()), "largest_difference": float(np.abs(a - b).max())}
    if "counts" in mine:
        found |= {"rank_correlation": float(spearmanr(mine["counts"], theirs["counts"]).statistic)}
    if "index" in mine:
        found |= {"same_neighbours": float((np.array(mine["index"]) == np.array(theirs["index"])).mean())}
    return found


def time_notebooks(folder: Path, size: str) -> dict:
    """train.ipynb by papermill, all in: demo:small with one epoch, and what of it is not work; then its defaults."""
    total, work = _papermill(folder, "small", "-p", "dataset", "demo:small", "-p", "num_epochs", "1")
    found = {"seconds": total, "overhead_seconds": total - work}
    if size != "quick":
        found["default_seconds"], found["default_target"] = _papermill(folder, "default")[0], 90
    return found


def _papermill(folder: Path, run_name: str, *arguments: str) -> tuple[float, float]:
    """Seconds of all of it, the photographs to be drawn and decoded, and of training and evaluation within."""
    import papermill

    os.environ |= {"REID_RUNS": str(folder / "runs"), "REID_CACHE": str(folder / f"cache-{run_name}")}
    here, out = HERE.parent / "notebooks", folder / f"{run_name}.ipynb"
    command = [sys.executable, "-m", "papermill", str(here / "train.ipynb"), str(out), "--cwd", str(here)]
    begun = time.perf_counter()
    subprocess.run([*command, *arguments, "-r", "run_name", run_name], check=True, capture_output=True)
    total = time.perf_counter() - begun
    print(f"  train.ipynb, {run_name}: {total:.1f} s", flush=True)
    cells = papermill.iorw.load_notebook_node(str(out)).cells
    steps = ("pipeline.train(", "pipeline.evaluate(")
    return total, sum(c.metadata.papermill.duration or 0 for c in cells if any(step in c.source for step in steps))


def measure_growth(folder: Path, size: str, threads: int) -> list[dict]:
    """Images a second from the files to the embeddings, by the number of files; ours alone."""
    rows = []
    for n in {"quick": (100,), "default": (1_000,), "full": (1_000, 10_000, 100_000)}[size]:
        root = _small_files(folder, n)
        os.environ["REID_CACHE"] = str(folder / f"growth{n}")
        found = run_contender(
            "embed_reid_lib_first", {"photos": str(root), "px": 64, "backbone": LITE0, "threads": threads}
        )
        rows.append({"images": n, "per_second": n / found["seconds"], "added_mb": found["added_mb"]})
        print(f"  {n:,} images: {rows[-1]['per_second']:.0f} images/s", flush=True)
    return rows


def _small_files(folder: Path, n: int) -> Path:
    from PIL import Image

    root = folder / f"small{n}"
    for k in range(n):
        target = root / f"a{k // 10:05}" / f"{k}.jpg"
        target.parent.mkdir(parents=True, exist_ok=True)
        noise = np.random.default_rng(k).integers(0, 256, (12, 16, 3), dtype=np.uint8)
        Image.fromarray(noise).resize((128, 96)).save(target)
    return root


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--only", default="", help=f"{', '.join(PARTS)}; several joined by commas")
    parser.add_argument("--rounds", type=int, default=3)
    sizes = parser.add_mutually_exclusive_group()
    sizes.add_argument("--quick", dest="size", action="store_const", const="quick", default="default")
    sizes.add_argument("--full", dest="size", action="store_const", const="full")
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    options = parser.parse_args()
    if unknown := {*options.only.split(",")} - {*PARTS, ""}:
        parser.error(f"--only knows {', '.join(PARTS)}, not {', '.join(sorted(unknown))}")
    result = {
        "date": datetime.now().strftime("%Y-%m-%d %H:%M"),
        "machine": describe_machine(options.threads),
        "comparisons": [],
    }
    for _ in measure_parts(options, result):
        if options.size != "quick":
            path = save_result(result, options.only)
    print("\n" + report([result]))
    if options.size != "quick":
        write_readme()
        print(f"\nwritten: {path.relative_to(HERE.parent)}, {README.relative_to(HERE.parent)}")


def measure_parts(options: argparse.Namespace, result: dict) -> Iterator[None]:
    """Measure one thing after the other into `result`; each time one is there, the caller may keep it."""
    asked = options.only.split(",") if options.only else PARTS
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        os.environ["REID_CACHE"] = str(folder / "demo")
        for comparison in list_comparisons(options.size, gpu=result["machine"]["gpu"]):
            if comparison.part in asked:
                print(comparison.what, flush=True)
                rounds = 1 if comparison.contenders[-1] == "threshold_replaced" else options.rounds
                result["comparisons"].append(compare(comparison, rounds, folder, options.threads))
                yield
        if "notebook" in asked:
            print("notebook", flush=True)
            result["notebook"] = time_notebooks(folder, options.size)
            yield
        if "growth" in asked:
            print("growth", flush=True)
            result["growth"] = measure_growth(folder, options.size, options.threads)
            yield


def save_result(result: dict, only: str) -> Path:
    """Write what was measured so far: half an hour's work is not lost with its last minute."""
    RESULTS.mkdir(exist_ok=True)
    stem = "".join(c if c.isalnum() else "-" for c in result["machine"]["device"].lower())
    part = f"-{only.replace(',', '-')}"[:20] if only else ""
    path = RESULTS / f"{result['date'].replace(' ', '-').replace(':', '')}-{stem}{part}.json"
    path.write_text(json.dumps(result, indent=1) + "\n")
    return path


if __name__ == "__main__":
    main()
