"""What asking in our order is worth: clusters, and label errors found, against the number of answers of a reviewer.

    python benchmarks/review_answers.py                                       the built-in animals
    python benchmarks/review_answers.py --data_root ../shared/data cattle     and real ones, of which half have no name

Each data set is evaluated as evaluate.ipynb does it (embeddings alone; REID_RUNS, REID_CACHE), and its clusters of test
photographs are reviewed by simulated reviewers that are right in 100, 99 and 95 % of answers. Every order meets the
same reviewers and has the same effect. Told: ARI, and the answers until it is half-way from its start to 1, with the
lowest and highest of the seeds. Then 5 % of the named photographs get a wrong name, and the names are reviewed.
The figure goes to docs/review_answers.png.
"""

import argparse
import hashlib
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib import pyplot as plt

from reid_lib.core.names import CLUSTER, DATASET, ENCOUNTER, IDENTITY, IMAGE_ID, PATH, ROLE, SPLIT, TEST
from reid_lib.core.paths import cache_root, project_root
from reid_lib.data.catalogue import Catalogue, read_catalogue
from reid_lib.params.fields import EvaluateParams
from reid_lib.pipeline import data, steps, takeover
from reid_lib.pipeline.recipes import FinishedRun
from reid_lib.pipeline.review_pairs import list_askable, reopen
from reid_lib.review.decisions import FIRST, SECOND
from reid_lib.review.effect import name_groups
from reid_lib.review.questions import DOUBT, LABEL
from reid_lib.review.queue import ReviewQueue
from reid_lib.review.reviewer import SimulatedReviewer, measure_ari, simulate_review

ORDERS = {
    "queue": "our order",
    "probability between clusters": "falling probability, between clusters",
    "probability": "falling probability",
    "random": "random",
}
RIGHTS = (1.0, 0.99, 0.95)
STEP = 10  # answers between two measurements
BLOCK = 100  # frames of a video that are one encounter
RENAMED = 0.05
CHECKED = 0.15  # of the images: answers after which label errors are counted


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("real", nargs="*", help="nyala, cattle")
    asked.add_argument("--data_root", type=Path, help="folder that holds nyala/ and cattle/")
    asked.add_argument("--answers", type=int, default=400, help="at most, in each review")
    asked.add_argument("--seeds", type=int, default=3)
    asked.add_argument("--rights", type=float, nargs="+", default=RIGHTS)
    given = asked.parse_args()
    sources = {"built-in": read_catalogue("demo", "")}
    sources |= {name: read_real(name, given.data_root) for name in given.real}
    curves = {}
    for name, catalogue in sources.items():
        photographs, pairs = ask_of(write_table(name, catalogue))
        truth = catalogue.rows.set_index(IMAGE_ID)[IDENTITY].dropna().astype(str).to_dict()
        test = photographs[photographs[ROLE] == TEST]
        inside = pairs[pairs[[FIRST, SECOND]].isin(set(test[IMAGE_ID])).all(axis=1)]
        print(f"\n{name}: {len(test)} photographs, {test[CLUSTER].nunique()} clusters, {len(inside)} pairs", flush=True)
        for right in given.rights:
            for order in ORDERS:
                curves[name, right, order] = found = [
                    follow(test, inside, truth, order, right, seed, given.answers) for seed in range(given.seeds)
                ]
                tell(right, order, found)
    draw(curves, given)
    for name, catalogue in sources.items():
        find_label_errors(name, catalogue, given)


def read_real(name: str, root: Path) -> Catalogue:
    """Photographs of half of the animals without a part in gallery or val."""
    if name == "nyala":
        return read_catalogue("wildlife:NyalaData", str(root / "nyala"), progress=False)
    catalogue = read_catalogue("folder", str(root / name), progress=False)
    frame = catalogue.rows[PATH].str.extract(r"(\d+)[^/]*$")[0].astype(int)
    rows = catalogue.rows.assign(**{ENCOUNTER: catalogue.rows[IDENTITY] + "-" + (frame // BLOCK).astype(str)})
    return replace(catalogue, rows=rows)


def half(identity: str) -> str:
    return TEST if hashlib.sha256(identity.encode()).digest()[0] < 128 else "train"


def write_table(name: str, catalogue: Catalogue, renamed: pd.Series | None = None) -> Path:
    """A table of a catalogue, half of the real animals in the test; `renamed`: image_id -> its wrong name."""
    file = cache_root() / "review_answers" / f"{name}{'' if renamed is None else '-renamed'}.csv"
    file.parent.mkdir(parents=True, exist_ok=True)
    columns = [column for column in (IMAGE_ID, IDENTITY, ENCOUNTER, "orientation", "bbox") if column in catalogue.rows]
    rows = catalogue.rows[columns].copy()
    rows[PATH] = [os.path.relpath(catalogue.root / path, file.parent.resolve()) for path in catalogue.rows[PATH]]
    if name != "built-in" and renamed is None:
        rows[SPLIT] = rows[IDENTITY].map(half)
        rows[IDENTITY] = rows[IDENTITY].mask(rows[SPLIT] == TEST)
    if renamed is not None:
        rows[IDENTITY] = rows[IMAGE_ID].map(renamed).fillna(rows[IDENTITY])
    rows.to_csv(file, index=False)
    return file


def ask_of(table: Path) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Photographs and pairs of an evaluation of a table."""
    split = {"split_policy": "official", "unknown_split": 0.4} if SPLIT in pd.read_csv(table, nrows=1) else {}
    given = {"dataset": "csv", "data_root": str(table), "scores": "embedding", "clusters": "average"}
    params = takeover.settle_params(EvaluateParams(**given, **split, run_name=f"review-{table.stem}"))
    catalogue = data.read(params)
    experiment = steps.start(params, catalogue, data.split(catalogue, params))
    steps.finish(experiment, steps.evaluate(experiment))
    finished = FinishedRun.load(params.run_name)
    askable = list_askable(finished, reopen(finished))
    return askable.photographs, askable.pairs


def follow(photographs, pairs, truth: dict, order: str, right: float, seed: int, n: int) -> np.ndarray:
    """(k, 2): answers, ARI."""
    reviewer = SimulatedReviewer(truth, right=right, seed=seed)
    states = simulate_review(photographs, pairs, reviewer, order=order, n_answers=n, seed=seed)
    found = []
    for k, queue in enumerate(states):
        if k % STEP == 0:
            found.append((k, measure_ari(queue, truth)))
            if k > 1.3 * half_way(np.array(found)):
                break
    return np.array(found)


def half_way(curve: np.ndarray) -> float:
    """Answers until the ARI is half-way from its start to 1, for good or for now; infinite where it never is."""
    there = curve[curve[:, 1] >= (1 + curve[0, 1]) / 2, 0]
    return float(there[0]) if len(there) else np.inf


def tell(right: float, order: str, curves: list[np.ndarray]) -> None:
    needed, last = [half_way(curve) for curve in curves], [curve[-1, 1] for curve in curves]
    words = f"{np.median(needed):.0f} ({min(needed):.0f} to {max(needed):.0f})"
    print(f"| {right:.0%} | {ORDERS[order]} | {words} | {curves[0][0, 1]:.2f} | {np.mean(last):.2f} |", flush=True)


def draw(curves: dict, given: argparse.Namespace) -> None:
    names = list(dict.fromkeys(name for name, _, _ in curves))
    shape = len(names), len(given.rights)
    figure, axes = plt.subplots(*shape, figsize=(4 * shape[1], 3 * shape[0]), squeeze=False, sharex="row", sharey="row")
    styles = dict(zip(ORDERS, (("C0", "-"), ("C1", "--"), ("C2", "-."), ("0.5", ":")), strict=True))
    for (name, right, order), found in curves.items():
        ax = axes[names.index(name), given.rights.index(right)]
        longest = max(found, key=len)[:, 0]
        values = np.array([np.interp(longest, *curve.T) for curve in found])
        colour, line = styles[order]
        ax.plot(longest, values.mean(axis=0), color=colour, linestyle=line, label=ORDERS[order])
        ax.fill_between(longest, values.min(axis=0), values.max(axis=0), color=colour, alpha=0.15, linewidth=0)
        ax.set(title=f"{name}, reviewer right in {right:.0%}", xlabel="answers", ylabel="adjusted Rand index")
    axes[0, 0].legend(fontsize=7)
    figure.tight_layout()
    figure.savefig(project_root() / "docs" / "review_answers.png", dpi=90)


def find_label_errors(name: str, catalogue: Catalogue, given: argparse.Namespace) -> None:
    """Give 5 % of the photographs a wrong name, evaluate, review the names, and count the wrong ones that are gone."""
    rows = catalogue.rows[catalogue.rows[IDENTITY].notna()]
    rng = np.random.default_rng(0)
    names = rows[IDENTITY].astype(str)
    drawn = rng.choice(len(rows), round(RENAMED * len(rows)), replace=False)
    wrong = [rng.choice([other for other in names.unique() if other != names.iloc[k]]) for k in drawn]
    renamed = pd.Series(wrong, index=rows[IMAGE_ID].iloc[drawn].astype(str))
    photographs, pairs = ask_of(write_table(name, catalogue, renamed))
    photographs = photographs[photographs[IDENTITY].notna()].reset_index(drop=True)  # gallery and val
    pairs = pairs[pairs[DOUBT] == LABEL]
    truth = dict(zip(rows[IMAGE_ID].astype(str), names, strict=True))
    n, n_wrong = round(CHECKED * len(photographs)), int(photographs[IMAGE_ID].isin(renamed.index).sum())
    print(f"\n{name}: {n_wrong} of {len(photographs)} named photographs have a wrong name; {n} answers")
    for right in given.rights:
        for order in ("queue", "random"):
            found = []
            for seed in range(given.seeds):
                reviewer = SimulatedReviewer(truth, right=right, seed=seed)
                *_, last = simulate_review(photographs, pairs, reviewer, order=order, n_answers=n, seed=seed)
                found.append(list(count_found(last, renamed)))
            told, unjustly = np.mean(found, axis=0)
            print(f"| {right:.0%} | {ORDERS[order]} | {told / n_wrong:.0%} | {unjustly:.1f} |", flush=True)


def count_found(queue: ReviewQueue, renamed: pd.Series) -> Iterator[int]:
    """Photographs with a wrong name that lost it, and with a right one that did."""
    rows = queue.photographs
    place = {image_id: k for k, image_id in enumerate(rows[IMAGE_ID])}
    after = name_groups(rows[[DATASET, CLUSTER]], queue.groups().map(place).to_numpy())
    lost = after != rows[CLUSTER]
    is_wrong = rows[IMAGE_ID].isin(renamed.index)
    yield int((lost & is_wrong).sum())
    yield int((lost & ~is_wrong).sum())


if __name__ == "__main__":
    main()
