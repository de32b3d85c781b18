"""What asking in our order is worth: clusters, and label errors found, against the number of answers of a reviewer.

    python benchmarks/review_answers.py                                       the built-in animals
    python benchmarks/review_answers.py --data_root ../shared/data cattle     real ones, of which half have no name

Each data set is evaluated as evaluate.ipynb does it (embeddings alone; REID_RUNS, REID_CACHE), and its clusters of test
photographs are reviewed by simulated reviewers that are right in 100, 99 and 95 % of answers. Every order meets the
same reviewers and has the same effect. Told: ARI, and the answers until it is half-way from its start to 1, with the
lowest and highest of the seeds. Then 5 % of the photographs get a wrong name (others with each seed), and the names of
gallery and val are reviewed: the share of wrong names that are gone, and how many right ones are, too.
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
from real_photographs import BLOCK_FRAMES
from whole_steps import make_run

from reid_lib.core.names import CLUSTER, DATASET, ENCOUNTER, IDENTITY, IMAGE_ID, PATH, ROLE, SPLIT, TEST
from reid_lib.core.paths import cache_root, project_root
from reid_lib.data.catalogue import Catalogue, read_catalogue
from reid_lib.params.fields import EvaluateParams
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
ORDER_STYLES = dict(zip(ORDERS, (("C0", "-"), ("C1", "--"), ("C2", "-."), ("0.5", ":")), strict=True))
RENAMED = 0.05
WANTED = 0.8  # of the wrong names
COLUMNS = 2  # of panels
CHECKED = 0.15  # of the images: answers after which label errors are counted


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("data", nargs="*", default=["built-in"], help="built-in, nyala, cattle")
    asked.add_argument("--data_root", type=Path, help="folder that holds nyala/ and cattle/")
    asked.add_argument("--thin", action="store_true", help="of the cattle one frame of each hundred of a video")
    asked.add_argument("--parts", nargs="+", choices=("clusters", "labels"), default=("clusters", "labels"))
    asked.add_argument("--answers", type=int, default=400, help="at most, in each review of clusters")
    asked.add_argument("--seeds", type=int, default=3)
    asked.add_argument("--rights", type=float, nargs="+", default=RIGHTS)
    asked.add_argument("--orders", nargs="+", choices=ORDERS, default=tuple(ORDERS))
    asked.add_argument("--figure", type=Path, default=project_root() / "docs" / "review_answers.png")
    given = asked.parse_args()
    curves, found = {}, {}
    for name in given.data:
        catalogue = read(name, given)
        if "clusters" in given.parts:
            curves |= review_clusters(name, catalogue, given)
        if "labels" in given.parts:
            found |= find_label_errors(name, catalogue, given)
    draw(curves, found, given)


def read(name: str, given: argparse.Namespace) -> Catalogue:
    if name == "built-in":
        return read_catalogue("demo", "")
    catalogue = read_real(name, given.data_root)
    if given.thin and name == "cattle":
        return replace(catalogue, rows=catalogue.rows.drop_duplicates(ENCOUNTER).reset_index(drop=True))
    return catalogue


def review_clusters(name: str, catalogue: Catalogue, given: argparse.Namespace) -> dict:
    """(name, right, order) -> curves of the seeds."""
    photographs, pairs = ask_of(write_table(name, catalogue))
    truth = catalogue.rows.set_index(IMAGE_ID)[IDENTITY].dropna().astype(str).to_dict()
    test = photographs[photographs[ROLE] == TEST]
    inside = pairs[pairs[[FIRST, SECOND]].isin(set(test[IMAGE_ID])).all(axis=1)]
    print(f"\n{name}: {len(test)} photographs, {test[CLUSTER].nunique()} clusters, {len(inside)} pairs", flush=True)
    curves = {}
    for right in given.rights:
        for order in given.orders:
            curves[name, right, order] = found = [
                follow(test, inside, truth, order, right, seed, given.answers) for seed in range(given.seeds)
            ]
            tell(right, order, found)
    return curves


def read_real(name: str, root: Path) -> Catalogue:
    """All photographs of a real data set, with encounters."""
    if name == "nyala":
        return read_catalogue("wildlife:NyalaData", str(root / "nyala"), progress=False)
    catalogue = read_catalogue("folder", str(root / name), progress=False)
    frame = catalogue.rows[PATH].str.extract(r"(\d+)[^/]*$")[0].astype(int)
    rows = catalogue.rows.assign(**{ENCOUNTER: catalogue.rows[IDENTITY] + "-" + (frame // BLOCK_FRAMES).astype(str)})
    return replace(catalogue, rows=rows)


def draw_half(identity: str) -> str:
    """In which half an animal is: test, or "train"."""
    return TEST if hashlib.sha256(identity.encode()).digest()[0] < 128 else "train"


def write_table(name: str, catalogue: Catalogue, renamed: pd.Series | None = None, seed: int = 0) -> Path:
    """A table of a catalogue, half of the real animals in the test; `renamed`: image_id -> its wrong name."""
    kind = f"{len(catalogue.rows)}{'' if renamed is None else f'-renamed{seed}'}"
    file = cache_root() / "review_answers" / f"{name}-{kind}.csv"
    file.parent.mkdir(parents=True, exist_ok=True)
    columns = [column for column in (IMAGE_ID, IDENTITY, ENCOUNTER, "orientation", "bbox") if column in catalogue.rows]
    rows = catalogue.rows[columns].copy()
    rows[PATH] = [os.path.relpath(catalogue.root / path, file.parent.resolve()) for path in catalogue.rows[PATH]]
    if name != "built-in" and renamed is None:
        rows[SPLIT] = rows[IDENTITY].map(draw_half)
        rows[IDENTITY] = rows[IDENTITY].mask(rows[SPLIT] == TEST)
    if renamed is not None:
        rows[IDENTITY] = rows[IMAGE_ID].map(renamed).fillna(rows[IDENTITY])
    rows.to_csv(file, index=False)
    return file


def ask_of(table: Path) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Photographs and pairs of an evaluation of a table."""
    split = {"split_policy": "official", "unknown_split": 0.4} if SPLIT in pd.read_csv(table, nrows=1) else {}
    given = {"dataset": "csv", "data_root": str(table), "scores": "embedding", "clusters": "average"}
    name = f"review-{table.stem}"
    make_run(EvaluateParams(**given, **split, run_name=name))
    finished = FinishedRun.load(name)
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


def find_label_errors(name: str, catalogue: Catalogue, given: argparse.Namespace) -> dict:
    """Give 5 % of the photographs a wrong name, evaluate, review the names, and count the wrong ones that are gone.

    Returns:
        (name, right, order) -> of each seed (k, 3): answers as a share of the images, share of wrong names that are
        gone, right names that are gone.
    """
    cases = [rename_some(name, catalogue, seed) for seed in range(given.seeds)]
    n_wrong = [int(photographs[IMAGE_ID].isin(renamed.index).sum()) for photographs, _, renamed, _ in cases]
    n_images = [len(photographs) for photographs, *_ in cases]
    print(f"\n{name}: {n_wrong} of {n_images} named photographs have a wrong name; answers: {CHECKED:.0%} of them")
    curves = {}
    for right in given.rights:
        for order in ("queue", "random"):
            curves[name, right, order] = found = [
                follow_names(*case, order, right, seed) for seed, case in enumerate(cases)
            ]
            share, unjustly = ([curve[-1, column] for curve in found] for column in (1, 2))
            words = f"{np.mean(share):.0%} ({min(share):.0%} to {max(share):.0%})"
            print(
                f"| {right:.0%} | {ORDERS[order]} | {words} | {', '.join(map('{:.0f}'.format, unjustly))} |", flush=True
            )
    return curves


def rename_some(name: str, catalogue: Catalogue, seed: int) -> tuple[pd.DataFrame, pd.DataFrame, pd.Series, dict]:
    """Named photographs of gallery and val, pairs of labels, wrong names by image_id, right ones by image_id.

    A file that is there twice keeps its name: reading refuses one file under two names, so nobody needs to look for it.
    """
    rows = catalogue.rows[catalogue.rows[IDENTITY].notna()]
    content = [hashlib.sha256((catalogue.root / path).read_bytes()).hexdigest() for path in rows[PATH]]
    single = np.flatnonzero(~pd.Series(content).duplicated(keep=False))
    rng = np.random.default_rng(seed)
    names = rows[IDENTITY].astype(str)
    drawn = rng.choice(single, round(RENAMED * len(rows)), replace=False)
    wrong = [rng.choice([other for other in names.unique() if other != names.iloc[k]]) for k in drawn]
    renamed = pd.Series(wrong, index=rows[IMAGE_ID].iloc[drawn].astype(str))
    photographs, pairs = ask_of(write_table(name, catalogue, renamed, seed))
    photographs = photographs[photographs[IDENTITY].notna()].reset_index(drop=True)
    truth = dict(zip(rows[IMAGE_ID].astype(str), names, strict=True))
    return photographs, pairs[pairs[DOUBT] == LABEL], renamed, truth


def follow_names(
    photographs, pairs, renamed: pd.Series, truth: dict, order: str, right: float, seed: int
) -> np.ndarray:
    """(k, 3), as `find_label_errors` returns it."""
    reviewer = SimulatedReviewer(truth, right=right, seed=seed)
    n, n_wrong = round(CHECKED * len(photographs)), int(photographs[IMAGE_ID].isin(renamed.index).sum())
    found = []
    for k, queue in enumerate(simulate_review(photographs, pairs, reviewer, order=order, n_answers=n, seed=seed)):
        if k % STEP == 0 or k == n:
            told, unjustly = count_found(queue, renamed)
            found.append((k / len(photographs), told / n_wrong, unjustly))
    return np.array(found)


def count_found(queue: ReviewQueue, renamed: pd.Series) -> Iterator[int]:
    """Photographs with a wrong name that lost it, and with a right one that did."""
    rows = queue.photographs
    place = {image_id: k for k, image_id in enumerate(rows[IMAGE_ID])}
    after = name_groups(rows[[DATASET, CLUSTER]], queue.groups().map(place).to_numpy())
    lost = after != rows[CLUSTER]
    is_wrong = rows[IMAGE_ID].isin(renamed.index)
    yield int((lost & is_wrong).sum())
    yield int((lost & ~is_wrong).sum())


def draw(curves: dict, found: dict, given: argparse.Namespace) -> None:
    """Panels two by two, for a page 740 px wide: ARI by reviewer, and label errors found, of each data set."""
    kinds = [*(given.rights if curves else ()), *([LABEL] if found else [])]
    panels = [(name, kind) for name in given.data for kind in kinds]
    n_rows = -(-len(panels) // COLUMNS)
    plt.rcParams.update({"font.size": 10, "axes.titlesize": 11, "legend.fontsize": 9})
    figure, axes = plt.subplots(n_rows, COLUMNS, figsize=(4 * COLUMNS, 3.4 * n_rows), squeeze=False)
    place = dict(zip(panels, axes.flat, strict=False))
    for ax in axes.flat[len(panels) :]:
        ax.set_axis_off()
    for (name, right, order), drawn in curves.items():
        plot(place[name, right], [curve[:, :2] for curve in drawn], ORDER_STYLES[order], ORDERS[order])
    for (name, right, order), drawn in found.items():
        style = (f"C{given.rights.index(right)}", "-" if order == "queue" else ":")
        percent = [100 * curve[:, :2] for curve in drawn]
        plot(place[name, LABEL], percent, style, f"{ORDERS[order]}, right in {right:.0%}")
    for (name, kind), ax in place.items():
        if kind == LABEL:
            ax.axhline(100 * WANTED, color="0.7", linewidth=0.8, zorder=0)
            ax.set(title=f"{name}, {RENAMED:.0%} wrong names", xlabel="answers, % of the images")
            ax.set(ylabel="wrong names that are gone, %", ylim=(-2, 102))
        else:
            ax.set(title=f"{name}, right in {kind:.0%}", xlabel="answers")
            ax.set(ylabel="adjusted Rand index", ylim=(-0.02, 1.02))
    for kind in {kinds[0], kinds[-1]}:
        place[given.data[0], kind].legend(loc="lower right" if kind != LABEL else "best", framealpha=0.9)
    figure.tight_layout()
    figure.savefig(given.figure, dpi=180)


def plot(ax, curves: list[np.ndarray], style: tuple[str, str], label: str) -> None:
    """The mean of curves (k, 2), and their range; one that ended earlier keeps its last value."""
    colour, line = style
    longest = max(curves, key=lambda curve: curve[-1, 0])[:, 0]
    values = np.array([np.interp(longest, *curve.T) for curve in curves])
    ax.plot(longest, values.mean(axis=0), color=colour, linestyle=line, label=label)
    ax.fill_between(longest, values.min(axis=0), values.max(axis=0), color=colour, alpha=0.15, linewidth=0)


if __name__ == "__main__":
    main()
