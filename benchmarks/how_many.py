"""How many photographs of an animal does one need? Cattle faces, thinned; the embedding of a frozen backbone answers.

    python benchmarks/how_many.py --data_root ../shared/data

A hundred frames of a video are an encounter, and between a query and every photograph of the gallery lie at least 100
frames. In each of many draws one encounter of every animal is asked about, half of the animals are unknown (not in the
gallery), and of the others k photographs are enrolled: from as many other encounters as there are, or all from one.
Told are top-1 of the known animals (averaged over animals) and how well known and unknown ones are told apart (AUROC),
as means over the draws, and the gain over half as many photographs. The 95 % intervals are of a bootstrap over
individuals, the same animals drawn for both sides of a difference; the draws stay as they are. Of so few animals such
intervals are rather too narrow (docs/log.md, coverage).
"""

import argparse
import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
from real_photographs import BLOCK, VIDEO, list_frames, name_photograph

from reid_lib.core.names import ENCOUNTER, IDENTITY, IMAGE_ID, PATH
from reid_lib.core.paths import cache_root
from reid_lib.data.catalogue import read_catalogue
from reid_lib.data.pixels import load_pixels
from reid_lib.embed.embedding_set import EmbeddingSet
from reid_lib.embed.store import embed_images
from reid_lib.match.cosine import Cosine
from reid_lib.nets.network import build_model
from reid_lib.openset import metrics
from reid_lib.openset.answers import Answers
from reid_lib.openset.bootstrap import Stratum, draw_individuals
from reid_lib.openset.predictions import score_individuals

BACKBONE = "tf_efficientnet_lite0"
SPREAD, TOGETHER = "several encounters", "one encounter"
NUMBERS = {SPREAD: (1, 2, 4, 8), TOGETHER: (1, 2, 4)}  # photographs of an animal in the gallery
LARGE = max(NUMBERS[TOGETHER])
METRICS = ("top-1", "AUROC")
REPETITIONS = 1000


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--data_root", required=True, type=Path, help="folder that holds cattle/")
    asked.add_argument("--image_size", type=int, default=256, help="px")
    asked.add_argument("--draws", type=int, default=40, help="of queries, unknown animals and gallery")
    given = asked.parse_args()
    embeddings = embed_cattle(given.data_root, given.image_size)
    tell(measure(embeddings, given.draws), embeddings, given.draws)


def embed_cattle(root: Path, image_size: int) -> EmbeddingSet:
    """Photographs of the animals of which enough is there for every row of the table."""
    rows = list_frames(root)
    rows[IMAGE_ID] = rows[PATH].map(name_photograph)
    enough = [name for name, own in rows.groupby(IDENTITY) if list_askable(own)]
    rows = rows[rows[IDENTITY].isin(enough)]
    table = cache_root() / "how_many" / "cattle.csv"
    table.parent.mkdir(parents=True, exist_ok=True)
    paths = [os.path.relpath(path, table.parent.resolve()) for path in rows[PATH]]
    rows.assign(**{PATH: paths}).to_csv(table, index=False)
    catalogue = read_catalogue("csv", str(table))
    model = build_model(BACKBONE, image_size=image_size, embedding_dim=0)
    pixels = load_pixels(catalogue, image_size=image_size, interpolation=model.config["interpolation"])
    found = embed_images(model, pixels, catalogue.rows, progress=True)
    places = rows.set_index(IMAGE_ID)[[VIDEO, BLOCK]]
    return EmbeddingSet(found.features, found.rows.join(places, on=IMAGE_ID))


def leave_gap(own: pd.DataFrame, encounter: str) -> pd.DataFrame:
    """Photographs of an animal that may be enrolled when this encounter is asked about."""
    video, block = own.loc[own[ENCOUNTER] == encounter, [VIDEO, BLOCK]].iloc[0]
    return own[(own[VIDEO] != video) | ((own[BLOCK] - block).abs() > 1)]


def list_askable(own: pd.DataFrame) -> list[str]:
    """Encounters of an animal beside which every row of the table can be had."""
    left = {encounter: leave_gap(own, encounter)[ENCOUNTER].value_counts() for encounter in sorted(set(own[ENCOUNTER]))}
    return [e for e, n in left.items() if len(n) > 1 and n.sum() >= max(NUMBERS[SPREAD]) and n.max() >= LARGE]


def draw_queries(rows: pd.DataFrame, rng: np.random.Generator) -> tuple[dict[str, str], set[str]]:
    """The encounter of each animal that is asked about, and which animals are unknown."""
    asked = {name: rng.choice(list_askable(own)) for name, own in rows.groupby(IDENTITY, sort=True)}
    return asked, set(rng.permutation(sorted(asked))[: len(asked) // 2])


def order_gallery(rows: pd.DataFrame, way: str, rng: np.random.Generator) -> list[int]:
    """Photographs of one animal in the order in which they are enrolled: the first k are the gallery of k."""
    parts = [list(rng.permutation(own.index)) for _, own in rows.groupby(ENCOUNTER, sort=True)]
    if way == TOGETHER:
        large = [part for part in parts if len(part) >= LARGE]
        return large[rng.integers(len(large))]
    parts = [parts[k] for k in rng.permutation(len(parts))]
    return [part[turn] for turn in range(max(map(len, parts))) for part in parts if turn < len(part)]


def make_galleries(rows: pd.DataFrame, draws: int) -> Iterator[tuple[str, int, np.ndarray, np.ndarray]]:
    """(way, k, mask of queries, mask of the gallery) of every draw, whose queries and unknown animals all share."""
    for draw in range(draws):
        rng = np.random.default_rng([0, draw])
        asked, unknown = draw_queries(rows, rng)
        queries = rows[ENCOUNTER].isin(asked.values()).to_numpy()
        known = [(n, own) for n, own in rows.groupby(IDENTITY, sort=True) if n not in unknown]
        for way, numbers in NUMBERS.items():
            orders = [order_gallery(leave_gap(own, asked[name]), way, rng) for name, own in known]
            for k in numbers:
                enrolled = [place for order in orders for place in order[:k]]
                yield way, k, queries, rows.index.isin(enrolled)


def measure(embeddings: EmbeddingSet, draws: int) -> dict[tuple[str, int], np.ndarray]:
    """(way, k) -> (2, 1 + repetitions): top-1 and AUROC, mean over the draws; the first column without a bootstrap."""
    codes, names = pd.factorize(embeddings.rows[IDENTITY], sort=True)
    stratum = Stratum("cattle", 0, np.arange(len(names)))
    [(_, drawn)] = draw_individuals([stratum], repetitions=REPETITIONS, seed=0, at_once=REPETITIONS)
    drawn = np.concatenate([np.ones((1, len(names))), drawn])
    code_of = dict(zip(embeddings.rows[IMAGE_ID], codes, strict=True))
    found: dict[tuple[str, int], list[np.ndarray]] = {}
    for way, k, asked, enrolled in make_galleries(embeddings.rows, draws):
        answers = Answers.of(score_individuals(Cosine(embeddings.where(asked), embeddings.where(enrolled))))
        weights = drawn[:, [code_of[image] for image in answers.image_id]]
        top1 = metrics.top1_individual(answers.rank, answers.known, answers.individual, weights=weights)
        curves = metrics.OperatingCurves.of(
            answers.score, answers.named, answers.known, individual=answers.individual, weights=weights
        )
        found.setdefault((way, k), []).append(np.stack([top1, curves.auroc()]))
    return {key: np.nanmean(parts, axis=0) for key, parts in found.items()}


def tell(found: dict[tuple[str, int], np.ndarray], embeddings: EmbeddingSet, draws: int) -> None:
    """The table, as it stands in the documentation."""
    rows = embeddings.rows
    print(f"{rows[IDENTITY].nunique()} animals, {len(rows)} photographs, {draws} draws")
    print("| photographs of an animal | from | top-1 | gain over half as many | known against unknown, AUROC | gain |")
    print("|---|---|---|---|---|---|")
    for way, numbers in NUMBERS.items():
        for k in numbers:
            cells = []
            for metric in range(len(METRICS)):
                now, before = found[way, k][metric], found.get((way, k // 2), {})
                cells += [f"{now[0]:.3f} ({interval(now)})"]
                gain = now - before[metric] if len(before) else None
                cells += [f"{gain[0]:+.3f} ({interval(gain, '+')})" if gain is not None else ""]
            print(f"| {k} | {way} | {' | '.join(cells)} |")
    for k in NUMBERS[TOGETHER]:
        gains = found[SPREAD, k] - found[TOGETHER, k]
        told = [f"{name} {gain[0]:+.3f} ({interval(gain, '+')})" for name, gain in zip(METRICS, gains, strict=True)]
        print(f"{k} photographs, {SPREAD} minus {TOGETHER}: {', '.join(told)}")


def interval(values: np.ndarray, sign: str = "") -> str:
    """95 % percentile interval of the repetitions."""
    low, high = np.nanpercentile(values[1:], [2.5, 97.5])
    return f"{low:{sign}.3f} to {high:{sign}.3f}"


if __name__ == "__main__":
    main()
