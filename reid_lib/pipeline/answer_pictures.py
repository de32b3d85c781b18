"""The pictures of answers: photographs, candidates and where they match, handed to the page."""

from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from markupsafe import Markup

from reid_lib.core import files
from reid_lib.core.errors import ReidError
from reid_lib.core.logs import LOGGER
from reid_lib.core.names import (
    ALREADY,
    ASKED_TWICE,
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
from reid_lib.match.pair_scores import match_as_scored
from reid_lib.pages.answers_page import Candidate, Shown, render_card, write_answers
from reid_lib.pipeline.local_scores import SIFT, make_extractor, make_matcher
from reid_lib.pipeline.masking import make_masker
from reid_lib.pipeline.target import Target

LARGE_PX, SMALL_PX = 420, 150  # longer side of query and best candidate, and of the other candidates
MOST_MATCHED = 200  # photographs for which it is drawn where they match, the doubtful ones first
KEPT = 64  # pictures of enrolled photographs in memory: several answers may show the same one


def write_page(
    path: Path, answers: pd.DataFrame, summary: list[str], target: Target, asked: Photographs | None
) -> None:
    """Write answers.html: the page of pictures, which needs nothing else.

    Args:
        answers: one row for each photograph, those of `asked` first, in their order.
        summary: sentences; why photographs could not be used, the page says by itself.
    """
    cards: Iterable[Markup] = ()
    note = ""
    if asked is not None:
        used = answers[answers[DECISION].notna()].reset_index(drop=True)
        cards, note = _cards(used, target, asked), _note(len(used), target)
    unusable = answers.loc[answers[DECISION].isna(), [PATH, PROBLEM]].to_numpy().tolist()
    with files.atomic(path) as temporary:
        write_answers(temporary, summary, cards, unusable, note)


def _cards(used: pd.DataFrame, target: Target, asked: Photographs) -> Iterator[Markup]:
    """A card for each answer, the doubtful ones first; only a few are in memory at any moment."""
    mine, theirs = _loader(asked.rows), lru_cache(KEPT)(_loader(target.enrolled.rows))
    matched = _matches(used, target, asked)
    return map_in_threads(
        lambda k: render_card(_show(used.iloc[k], matched.get(k), mine, theirs)),
        used.sort_values(DOUBTFUL, ascending=False, kind="stable").index.tolist(),
        title="pictures of the answers",
    )


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
        twice="" if pd.isna(answer[ASKED_TWICE]) else str(answer[ASKED_TWICE]),
        pixels=mine(answer[IMAGE_ID], LARGE_PX),
        candidates=candidates,
        matches=matched,
    )


def _loader(rows: pd.DataFrame) -> Callable[[str, int], np.ndarray | None]:
    """image_id, longer side in px -> uint8 (h, w, 3), None where the file is not there any more."""
    by_id = rows.set_index(IMAGE_ID)

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
    doubtful_first = used[best.notna()].sort_values(DOUBTFUL, ascending=False, kind="stable")
    rows = doubtful_first.index[:MOST_MATCHED].tolist()
    try:
        theirs = _keypoints(feature, device, recipe.mask, target.enrolled, best[rows].tolist())
        rows = [row for row in rows if best[row] in theirs]  # the gallery's photographs may be elsewhere by now
        ours = _keypoints(feature, device, recipe.mask, asked, used.loc[rows, IMAGE_ID].tolist())
    except ReidError as error:
        LOGGER.warning(f"where photographs match cannot be shown: {str(error).splitlines()[0]}")
        return {}
    rows = [row for row in rows if used.at[row, IMAGE_ID] in ours]
    if not rows:
        return {}
    both = [(ours[used.at[row, IMAGE_ID]], theirs[best[row]]) for row in rows]
    pairs = [(mine.keypoints, other.keypoints) for mine, other in both]
    names = [(mine.name, other.name) for mine, other in both]
    found = match_as_scored(make_matcher(feature, device), pairs, names)
    return {
        row: (*matches.places(*pair), matches.inlier, matches.confidence)
        for row, pair, matches in zip(rows, pairs, found, strict=True)
    }


class _Found(NamedTuple):
    """Keypoints of a photograph, and its name by content."""

    keypoints: Keypoints
    name: bytes


def _keypoints(feature: str, device: str, mask: str, photographs: Photographs, ids: list[str]) -> dict[str, _Found]:
    """Keypoints of some photographs by image id: those that are there, others found now where their files are."""
    place = {name: k for k, name in enumerate(photographs.rows[IMAGE_ID])}
    wanted = list(dict.fromkeys(ids))
    if feature in photographs.keypoints:
        kept = photographs.keypoints[feature]
        return {name: _Found(kept[place[name]], kept.images[place[name]]) for name in wanted}
    rows = photographs.rows.iloc[[place[name] for name in wanted]]
    there = [locate(Path(root), path).is_file() for root, path in zip(rows[ROOT], rows[PATH], strict=True)]
    found: dict[str, _Found] = {}
    for root, some in rows[np.array(there, dtype=bool)].groupby(ROOT, sort=False):
        some = some.reset_index(drop=True)
        made = extract_keypoints(
            make_extractor(feature, device), some, Path(root), mask=make_masker(mask), progress=False
        )
        found |= {name: _Found(made[k], made.images[k]) for k, name in enumerate(some[IMAGE_ID])}
    return found
