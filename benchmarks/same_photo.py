"""How well two crops of one photograph are told from two photographs of one animal (match/same_photo.py).

    python benchmarks/same_photo.py --dataset wildlife:NyalaData --data_root ../shared/data/nyala

Of photographs drawn blindly, two crops each are made: 50 to 90 % of each side, of another size, brightness and JPEG
quality. Against them stand two photographs of one animal from different encounters (or different ones at all, where no
encounter is known). RootSIFT, ratio test. Printed: what of each is called one photograph, by the correlation of the
pixels alone, and by that of three quarters of the squares as well; the lowest and highest of these among the pairs
that a map fits.
"""

import argparse
import io
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image

from reid_lib.core.names import ENCOUNTER, IDENTITY, IMAGE_ID, INDIVIDUAL, PATH
from reid_lib.data.catalogue import read_catalogue
from reid_lib.data.photo import open_upright
from reid_lib.match import same_photo
from reid_lib.match.keypoint_store import extract_keypoints
from reid_lib.match.matches import INLIERS
from reid_lib.match.pair_scores import score_pairs
from reid_lib.match.ratio import RatioMatcher
from reid_lib.match.sift import RootSift


def crop(image: Image.Image, rng: np.random.Generator) -> Image.Image:
    share = rng.uniform(0.5, 0.9)
    corner = rng.uniform(0, 1 - share, 2) * image.size
    part = image.crop((*corner, *(corner + share * np.array(image.size))))
    part = part.resize([max(round(side * rng.uniform(0.6, 1.6)), 32) for side in part.size])
    contrast, brightness = rng.uniform(0.7, 1.2), rng.uniform(-20, 20)
    part = part.point(lambda value: value * contrast + brightness)
    stream = io.BytesIO()
    part.save(stream, "JPEG", quality=int(rng.integers(50, 95)))
    return Image.open(stream, formats=("JPEG",))


def write_crops(catalogue, n: int, folder: Path, rng: np.random.Generator) -> tuple[pd.DataFrame, pd.DataFrame]:
    sides = [[], []]
    for place in rng.choice(len(catalogue), min(n, len(catalogue)), replace=False):
        image = open_upright(catalogue.files()[place])
        for k, side in enumerate(sides):
            crop(image, rng).save(folder / f"{place}-{k}.png")
            side.append({IMAGE_ID: f"{place}-{k}", PATH: f"{place}-{k}.png"})
    return tuple(pd.DataFrame(side) for side in sides)


def draw_pairs(rows: pd.DataFrame, n: int, rng: np.random.Generator) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Two photographs of each of some animals."""
    found = []
    labelled = rows[rows[IDENTITY].notna()]
    for _, mine in labelled.iloc[rng.permutation(len(labelled))].groupby(INDIVIDUAL, sort=False):
        other = mine[mine[ENCOUNTER] != mine[ENCOUNTER].iloc[0]] if ENCOUNTER in mine else mine.iloc[1:]
        if len(other):
            found.append((mine.index[0], other.index[0]))
    one, two = np.array(found[:n]).T
    return rows.loc[one].reset_index(drop=True), rows.loc[two].reset_index(drop=True)


def report(what: str, sides: tuple[pd.DataFrame, pd.DataFrame], root: Path) -> None:
    """Every pair (k, k) of both sides; thresholds are taken away to see all that is measured."""
    # Queries and gallery go by name, and one photograph may stand in several pairs.
    sides = [rows.assign(**{IMAGE_ID: [f"{k} {side}" for k in range(len(rows))]}) for side, rows in enumerate(sides)]
    sets, at = [extract_keypoints(RootSift(), rows, root) for rows in sides], np.arange(len(sides[0]))
    matcher = RatioMatcher()
    inliers = score_pairs(matcher, *sets, at, at)[:, matcher.names.index(INLIERS)]
    limits = same_photo.ALIKE, same_photo.EVERYWHERE
    same_photo.ALIKE = same_photo.EVERYWHERE = -2.0
    table = same_photo.find_same_photos(matcher, *sets, at, at, inliers, (root, root))
    same_photo.ALIKE, same_photo.EVERYWHERE = limits
    alike = table["correlation"] > limits[0]
    both = alike & (table["everywhere"] > limits[1])
    told = f"{table['everywhere'][alike].min():.2f} to {table['everywhere'][alike].max():.2f}" if alike.any() else "–"
    print(f"| {what} | {len(at)} | {len(table)} | {alike.sum()} | {told} | {both.sum()} |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dataset", default="demo")
    parser.add_argument("--data_root", default="")
    parser.add_argument("--pairs", type=int, default=100)
    args = parser.parse_args()
    catalogue, rng = read_catalogue(args.dataset, args.data_root, progress=False), np.random.default_rng(0)
    print("| pairs of | all | a map fits | pixels alike | their squares | one photograph |\n|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        report("crops of one photograph", write_crops(catalogue, args.pairs, Path(folder), rng), Path(folder))
    report("photographs of one animal", draw_pairs(catalogue.rows, args.pairs, rng), catalogue.root)


if __name__ == "__main__":
    main()
