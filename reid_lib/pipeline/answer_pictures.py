"""The pictures of answers: photographs, candidates and where they match, handed to the page."""

from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

import numpy as np
import pandas as pd

from reid_lib.core import files
from reid_lib.core.errors import ReidError
from reid_lib.core.logs import LOGGER
from reid_lib.core.names import (
    ALREADY,
    BBOX,
    DATE,
    DECISION,
    DOUBTFUL,
    IDENTITY,
    IMAGE_ID,
    N_RANKS,
    NEW_ANIMAL,
    NEW_INDIVIDUAL,
    PATH,
    PROBABILITY,
    PROBLEM,
    ROOT,
    WORDS,
    ranked_column,
)
from reid_lib.core.parallel import map_in_threads
from reid_lib.core.paths import locate
from reid_lib.data.photo import UnreadablePhoto
from reid_lib.data.pixels import load_image
from reid_lib.gallery.photographs import Photographs
from reid_lib.match.keypoint_store import extract_keypoints
from reid_lib.match.keypoints import Keypoints
from reid_lib.pages.answers_page import Candidate, Shown, render_answers
from reid_lib.pipeline.local_scores import SIFT, make_extractor, make_matcher
from reid_lib.pipeline.masking import make_masker
from reid_lib.pipeline.target import Target

LARGE_PX, SMALL_PX = 420, 150  # longer side of query and best candidate, and of the other candidates
MOST_MATCHED = 200  # photographs for which it is drawn where they match, the doubtful ones first
KEPT = 512  # pictures in memory


def write_page(path: Path, answers: pd.DataFrame, summary: str, target: Target, asked: Photographs | None) -> None:
    """Write answers.html: the page of pictures, which needs nothing else.

    Args:
        answers: one row for each photograph, those of `asked` first, in their order.
    """
    shown: list[Shown] = []
    if asked is not None:
        mine, theirs = _loader(asked.rows), _loader(target.enrolled.rows)
        used = answers[answers[DECISION].notna()].reset_index(drop=True)
        matched = _matches(used, target, asked)
        rows = list(range(len(used)))
        made = map_in_threads(
            lambda k: _show(used.iloc[k], matched.get(k), mine, theirs), rows, title="pictures of the answers"
        )
        shown = list(made)
    unusable = answers.loc[answers[DECISION].isna(), [PATH, PROBLEM]].to_numpy().tolist()
    note = _note(len(shown), target)
    with files.atomic(path) as temporary:
        temporary.write_text(render_answers(summary.splitlines(), shown, unusable, note), encoding="utf-8")


def _note(n_shown: int, target: Target) -> str:
    features = target.network.recipe.local_features
    note = "Lines join spots that both photographs show, by one geometry. "
    if not features:
        note += "The answer itself was given by the embedding, which looks at the whole photograph. "
    if n_shown > MOST_MATCHED:
        note += f"They are drawn for {MOST_MATCHED} photographs, the doubtful ones first."
    return note


def _show(answer: pd.Series, matched: tuple | None, mine: Callable, theirs: Callable) -> Shown:
    """One photograph with its candidates."""
    candidates = []
    for rank in range(1, N_RANKS + 1):
        image = answer[ranked_column("image", rank)]
        if pd.isna(image):
            break
        date, probability = answer[ranked_column(DATE, rank)], answer[ranked_column(PROBABILITY, rank)]
        candidates.append(
            Candidate(
                name=str(answer[ranked_column(IDENTITY, rank)]),
                probability=float(probability),
                image=str(image),
                date="" if pd.isna(date) else str(date),
                pixels=theirs(image, LARGE_PX if rank == 1 else SMALL_PX),
            )
        )
    return Shown(
        name=str(answer[IMAGE_ID]),
        decision="new animal" if answer[DECISION] == NEW_INDIVIDUAL else str(answer[DECISION]),
        words=str(answer[WORDS]),
        probability=float(answer[PROBABILITY]),
        doubtful=bool(answer[DOUBTFUL]),
        group="" if pd.isna(answer[NEW_ANIMAL]) else str(answer[NEW_ANIMAL]),
        already="" if pd.isna(answer[ALREADY]) else str(answer[ALREADY]),
        pixels=mine(answer[IMAGE_ID], LARGE_PX),
        candidates=candidates,
        matches=matched,
    )


def _loader(rows: pd.DataFrame) -> Callable[[str, int], np.ndarray | None]:
    """image_id, longer side in px -> uint8 (h, w, 3), None where the file is not there any more."""
    by_id = rows.set_index(IMAGE_ID)

    @lru_cache(KEPT)
    def load(image_id: str, side: int) -> np.ndarray | None:
        row = by_id.loc[image_id]
        box = row[BBOX] if isinstance(row[BBOX], str) else None
        try:
            return load_image(locate(Path(row[ROOT]), row[PATH]), bbox=box, max_side_px=side)
        except UnreadablePhoto:
            return None

    return load


def _matches(used: pd.DataFrame, target: Target, asked: Photographs) -> dict[int, tuple]:
    """Row -> (places in the query, places in the best candidate, inlier, confidence), places as shares of the sides.

    By the run's first local feature; by RootSIFT where the embedding answered alone.
    """
    recipe, device = target.network.recipe, target.network.local_device
    feature = recipe.local_features[0] if recipe.local_features else SIFT
    best = used[ranked_column("image", 1)]
    order = used[best.notna()].sort_values(DOUBTFUL, ascending=False, kind="stable").index[:MOST_MATCHED]
    if not len(order):
        return {}
    matcher = make_matcher(feature, device)
    try:
        ours = _keypoints(feature, device, recipe.mask, asked, used.loc[order, IMAGE_ID].tolist())
        theirs = _keypoints(feature, device, recipe.mask, target.enrolled, best[order].tolist())
    except ReidError as error:  # the gallery's photographs may be elsewhere by now
        LOGGER.warning(f"where photographs match cannot be shown: {str(error).splitlines()[0]}")
        return {}
    rows = [row for row in order if used.at[row, IMAGE_ID] in ours and best[row] in theirs]
    pairs = [(ours[used.at[row, IMAGE_ID]], theirs[best[row]]) for row in rows]
    how = {"title": "where photographs match", "workers": None if matcher.threads else 1}
    found = map_in_threads(lambda pair: matcher.match([pair])[0], pairs, **how)
    told = {}
    for row, pair, matches in zip(rows, pairs, found, strict=True):
        places = (
            keypoints.xy[at] / np.array(keypoints.size)
            for keypoints, at in zip(pair, (matches.first, matches.second), strict=True)
        )
        told[row] = (*places, matches.inlier, matches.confidence)
    return told


def _keypoints(feature: str, device: str, mask: str, photographs: Photographs, ids: list[str]) -> dict[str, Keypoints]:
    """Keypoints of some photographs by image id: those that are there, others found now where their files are."""
    place = {name: k for k, name in enumerate(photographs.rows[IMAGE_ID])}
    wanted = list(dict.fromkeys(ids))
    if feature in photographs.keypoints:
        return {name: photographs.keypoints[feature][place[name]] for name in wanted}
    rows = photographs.rows.iloc[[place[name] for name in wanted]]
    there = [locate(Path(root), path).is_file() for root, path in zip(rows[ROOT], rows[PATH], strict=True)]
    found: dict[str, Keypoints] = {}
    for root, some in rows[there].groupby(ROOT, sort=False):
        some = some.reset_index(drop=True)
        made = extract_keypoints(
            make_extractor(feature, device), some, Path(root), mask=make_masker(mask), progress=False
        )
        found |= {name: made[k] for k, name in enumerate(some[IMAGE_ID])}
    return found
