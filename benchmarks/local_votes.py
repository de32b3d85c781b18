"""What RootSIFT and LNBNN votes alone are worth on val, and what they cost, for settings that are varied one by one.

    python benchmarks/local_votes.py --dataset demo
    python benchmarks/local_votes.py --dataset wildlife:NyalaData --data_root ../shared/data/nyala
    python benchmarks/local_votes.py --dataset folder --data_root ../shared/data/cattle --gap 100

Encounters stay on one side. With `--gap` the number in a file's name is the frame of a video: frames of one animal
without a gap of so many between them are one encounter. "photograph": an individual's score is the votes of its best
photograph; "individual": each descriptor votes once for an individual; "inliers": of the ten photographs with most
votes, the one with most matches that one geometry explains. Flanks are kept apart where they are told. Seconds:
keypoints of all photographs, votes of val, matches, where the cache does not hold them; masks are found before.

    ... --mask --policy official      with the split of the table
    ... --vary '{}' '{"max_keypoints": 500}' '{"upright": true}' '{"k": 3}'     arguments of RootSift and count_votes
"""

import argparse
import json
import os
import tempfile
import time

import numpy as np
import pandas as pd

from reid_lib.core.names import ENCOUNTER, INDIVIDUAL, PATH, VAL
from reid_lib.data.catalogue import Catalogue, read_catalogue
from reid_lib.data.split import Split, assign_roles
from reid_lib.match.keypoint_store import extract_keypoints
from reid_lib.match.keypoints import Masker
from reid_lib.match.lnbnn import count_votes
from reid_lib.match.mask_store import find_masks, hash_photos, list_photos
from reid_lib.match.matches import INLIERS, NAMES
from reid_lib.match.pair_scores import score_pairs
from reid_lib.match.pairs import PairTable, shortlist
from reid_lib.match.ratio import RatioMatcher
from reid_lib.match.sift import RootSift
from reid_lib.nets.foreground import U2NetP
from reid_lib.openset.answers import Answers
from reid_lib.openset.predictions import score_individuals
from reid_lib.openset.summary import summarise

VARIED = (
    '{}', '{"max_keypoints": 300}', '{"max_keypoints": 1200}', '{"max_side_px": 256}', '{"contrast_threshold": 0.01}',
    '{"contrast_threshold": 0.02}', '{"edge_threshold": 20}', '{"upright": true}', '{"k": 1}', '{"k": 5}', '{"k": 10}',
)  # fmt: skip
OF_VOTES = ("k", "method")
SHORTLIST = 10


def encounters_by_frames(rows: pd.DataFrame, gap: int) -> pd.DataFrame:
    """Rows with an encounter for each run of frames of an individual without so large a gap."""
    frame = rows[PATH].str.extract(r"(\d+)[^/]*$")[0].astype(np.int64)
    order = frame.sort_values(kind="stable").index
    far = frame[order].groupby(rows.loc[order, INDIVIDUAL]).diff() >= gap
    run = far.groupby(rows.loc[order, INDIVIDUAL]).cumsum()
    return rows.assign(**{ENCOUNTER: rows[INDIVIDUAL] + "-" + run.reindex(rows.index).astype(str)})


def measure(catalogue: Catalogue, split: Split, varied: dict, mask: Masker | None) -> str:
    """A line of the table."""
    votes_of = {name: varied.pop(name) for name in OF_VOTES if name in varied}
    begun = time.perf_counter()
    keypoints = extract_keypoints(RootSift(**varied), split.rows, catalogue.root, mask=mask, progress=False)
    found = time.perf_counter()
    queries, gallery = keypoints.where(split.queries(VAL)), keypoints.where(split.gallery_for(VAL))
    votes = count_votes(queries, gallery, gallery.rows[INDIVIDUAL], progress=False, **votes_of)
    counted = time.perf_counter()
    scores = {"photograph": votes.votes, "individual": votes.individual_votes}
    pairs = PairTable(queries.rows, gallery.rows, votes.query, votes.image, scores)
    asked = shortlist(pairs.similarity("photograph"), SHORTLIST)
    matched = score_pairs(RatioMatcher(), queries, gallery, *asked, progress=False)
    inliers = PairTable(queries.rows, gallery.rows, *asked, {INLIERS: matched[:, NAMES.index(INLIERS)]})
    seconds = f"{found - begun:.1f} | {counted - found:.1f} | {time.perf_counter() - counted:.1f}"
    told = []
    for table, name in (pairs, "photograph"), (pairs, "individual"), (inliers, INLIERS):
        overall = summarise(Answers.of(score_individuals(table.similarity(name))))["overall"]
        told += [f"{overall[metric]['value']:.3f}" for metric in ("top1", "auroc")]
    return f"{np.median(keypoints.counts):.0f} | {' | '.join(told)} | {seconds} | {votes.method} {votes.recall:.0%}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--dataset", default="demo")
    parser.add_argument("--data_root", default="")
    parser.add_argument("--gap", type=int, default=0, help="frames between two encounters; 0: the data set's own")
    parser.add_argument("--policy", default="encounter", choices=("encounter", "official"))
    parser.add_argument("--split_seed", type=int, default=0)
    parser.add_argument("--mask", action="store_true", help="only keypoints on the animal, by U²-Net-p (extra local)")
    parser.add_argument("--cache", default="", help="folder of masks, keypoints and votes; without it a new one")
    parser.add_argument("--vary", nargs="+", default=VARIED)
    given = parser.parse_args()
    catalogue = read_catalogue(given.dataset, given.data_root, progress=False)
    rows = encounters_by_frames(catalogue.rows, given.gap) if given.gap else catalogue.rows
    split = assign_roles(rows, policy=given.policy, seed=given.split_seed)
    asked = split.rows[split.queries(VAL)]
    print(f"{given.dataset}: {len(asked)} queries of val, {asked['known'].sum()} of known individuals, ", end="")
    print(f"{split.gallery_for(VAL).sum()} gallery photographs")
    told = [f"{of}: top-1 | AUROC" for of in ("photograph", "individual", "inliers")]
    print(f"| settings | keypoints | {' | '.join(told)} | s | s | s | search |")
    print("|---|---|---|---|---|---|---|---|---|---|---|---|")
    mask = U2NetP() if given.mask else None
    with tempfile.TemporaryDirectory() as cache:
        os.environ["REID_CACHE"] = given.cache or cache
        if mask:
            items = list_photos(split.rows, catalogue.root)
            find_masks(mask, items, hash_photos(items, progress=False), progress=False)
        for text in given.vary:
            print(f"| {text} | {measure(catalogue, split, json.loads(text), mask)} |", flush=True)


if __name__ == "__main__":
    main()
