"""Which mask the keypoints of an evaluation get: the one that was asked for, or the one that val speaks for.

Where most keypoints lie beside the animal, a mask is worth more than any setting of the matcher; where the animal fills
the photograph, it takes away what tells animals apart. Finding it takes longer than the keypoints themselves, so a few
photographs are looked at first, and a sample of val decides.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from reid_lib.core.errors import ModelError
from reid_lib.core.logs import LOGGER
from reid_lib.core.names import GALLERY, IDENTITY, IMAGE_ID, INDIVIDUAL, ROLE, VAL
from reid_lib.match.keypoint_store import extract_keypoints
from reid_lib.match.keypoints import KeypointSet, Masker
from reid_lib.match.lnbnn import count_votes
from reid_lib.match.mask_store import find_masks, hash_photos, list_photos
from reid_lib.match.sift import RootSift

AUTO, NONE, U2NETP = "auto", "none", "u2netp"  # values of the parameter
LOOKED_AT = 16  # photographs that are looked at first
LEAST_BESIDE = 0.4  # median share of their keypoints beside the animal; where it is lower, there is little to drop
QUERIES, IMAGES = 100, 500  # at most so many of val and of the gallery are in the sample that decides
LEAST_QUERIES = 10  # with fewer, val says nothing


@dataclass(frozen=True)
class Masking:
    """A mask and, where it was chosen, in words why."""

    used: str
    why: str = ""


def make_masker(mask: str) -> Masker | None:
    """What finds the animal in a photograph, by the name of a mask; None where there is no mask.

    Raises:
        ModelError: the extra `local` is not installed.
    """
    if mask == NONE:
        return None
    from reid_lib.nets.foreground import U2NetP

    return U2NetP()


def choose_mask(mask: str, rows: pd.DataFrame, root: Path) -> Masking:
    """The mask for the parameter `mask`; `auto` asks val, and no label of test.

    It is u2netp where RootSIFT's votes name more of a sample of val's known queries rightly with it than without.

    Args:
        mask: the parameter.
        rows: photographs with roles.
        root: their folder.
    """
    if mask != AUTO:
        return Masking(mask)
    try:
        masker = make_masker(U2NETP)
    except ModelError as error:
        chosen = Masking(NONE, f"none: {error}")
    else:
        chosen = _choose(masker, rows, root)
    LOGGER.info(f"mask {chosen.why}")
    return chosen


def _choose(masker: Masker, rows: pd.DataFrame, root: Path) -> Masking:
    queries, gallery = draw_sample(rows)
    if len(queries) < LEAST_QUERIES:
        return Masking(NONE, f"none: {len(queries)} known queries of val, at least {LEAST_QUERIES} decide")
    looked_at = pd.concat([queries, gallery]).sort_values(IMAGE_ID)
    beside = _share_beside(masker, looked_at.sample(min(LOOKED_AT, len(looked_at)), random_state=0), root)
    if beside < LEAST_BESIDE:
        return Masking(NONE, f"none: {1 - beside:.0%} of the keypoints lie on the animal")
    with_mask, without = (_count_right(m, queries, gallery, root) for m in (masker, None))
    told = f"of {len(queries)} queries of val {with_mask} are named rightly with a mask, {without} without"
    better = with_mask > without
    return Masking(U2NETP if better else NONE, f"{U2NETP if better else NONE}: {told}")


def draw_sample(rows: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Known queries of val, and gallery photographs with all of their animals first; the same rows give the same."""
    gallery = rows[rows[ROLE] == GALLERY].sort_values(IMAGE_ID)
    known = rows[(rows[ROLE] == VAL) & rows[IDENTITY].notna() & rows[INDIVIDUAL].isin(gallery[INDIVIDUAL])]
    known = known.sort_values(IMAGE_ID)
    queries = known.sample(min(QUERIES, len(known)), random_state=0)
    gallery = gallery.sample(frac=1, random_state=0)
    own = gallery[INDIVIDUAL].isin(queries[INDIVIDUAL])
    return queries, pd.concat([gallery[own], gallery[~own]]).head(IMAGES)


def _keypoints(masker: Masker | None, rows: pd.DataFrame, root: Path) -> KeypointSet:
    return extract_keypoints(RootSift(), rows, root, mask=masker)


def _share_beside(masker: Masker, rows: pd.DataFrame, root: Path) -> float:
    """The median share of a photograph's keypoints that lie beside the animal; 0 where there are none at all."""
    photos, items = _keypoints(None, rows, root), list_photos(rows, root)
    masks = find_masks(masker, items, hash_photos(items))
    shares = []
    for i in range(len(photos)):
        keypoints = photos[i]
        if len(keypoints):
            shares.append(1 - len(keypoints.on(masks.at(i, keypoints.size[::-1]))) / len(keypoints))
    return float(np.median(shares)) if shares else 0.0


def _count_right(masker: Masker | None, queries: pd.DataFrame, gallery: pd.DataFrame, root: Path) -> int:
    """How many queries give most votes to their own animal."""
    sets = [_keypoints(masker, rows, root) for rows in (queries, gallery)]
    animals = gallery[INDIVIDUAL].to_numpy()
    votes = count_votes(*sets, animals, progress=False)
    frame = pd.DataFrame({"query": votes.query, "animal": animals[votes.image], "votes": votes.individual_votes})
    best = frame.sort_values("votes", kind="stable").groupby("query").last()
    return int((best["animal"].to_numpy() == queries[INDIVIDUAL].to_numpy()[best.index]).sum())
