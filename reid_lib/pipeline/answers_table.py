"""Answers to new photographs as a table: decision, probability in number and words, candidates, new animals, copies."""

import hashlib

import numpy as np
import pandas as pd

from reid_lib.core.names import (
    ACCEPTED,
    ALREADY,
    ASKED_TWICE,
    BBOX,
    CONTENT,
    DATASET,
    DATE,
    DECISION,
    DOUBTFUL,
    ENCOUNTER,
    IDENTITY,
    IMAGE_ID,
    N_RANKS,
    NEW_ANIMAL,
    NEW_INDIVIDUAL,
    ORIENTATION,
    PATH,
    PREDICTED,
    PROBABILITY,
    SCORE,
    SPECIES,
    UNIT,
    WORDS,
    ranked_column,
)
from reid_lib.discover.clusters import find_components
from reid_lib.discover.copies import find_copies, find_own_copies
from reid_lib.gallery.photographs import Photographs
from reid_lib.gallery.recipe import Recipe
from reid_lib.match.cosine import Cosine
from reid_lib.match.encounters import ByEncounter
from reid_lib.match.similarity import Similarity
from reid_lib.openset.predictions import score_individuals
from reid_lib.openset.probability import PROBABLE, estimate_probabilities, say_how_sure
from reid_lib.openset.threshold import Threshold, decide, threshold_for

SAME_FILE, SAME_PICTURE = "the same file as", "nearly the same picture as"
ELSEWHERE = "enrolled under data set"
NEW = "new"
THRESHOLD = "threshold"
TOLD = (SPECIES, ORIENTATION, BBOX)  # what a table may say of new photographs; accepted ones are enrolled with it


def answer_photographs(
    recipe: Recipe, asked: Photographs, enrolled: Photographs, similarity: Similarity
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Answers, one row for each photograph.

    The frozen threshold decides. `probability` is that of the decision: of a name, that it is right; of
    `new_individual`, that the best candidate is another animal. Doubtful is also an answer to a photograph that is
    enrolled already, under another name or data set.

    Args:
        asked: photographs without names, in the order of the similarity's photographs.
        enrolled: what they are compared with.
        similarity: of `enrolment.compare_photographs`.

    Returns:
        The answers, and the predictions (`score_individuals`) that they were made of, in the same order.
    """
    predictions = score_individuals(similarity)
    predictions[PREDICTED] = decide(predictions, recipe.frozen_threshold)
    if isinstance(similarity, ByEncounter):
        predictions = similarity.spread(predictions)
    probabilities = estimate_probabilities(predictions, recipe.curves)
    rows = asked.rows
    new = (predictions[PREDICTED] == NEW_INDIVIDUAL).to_numpy()
    best = np.nan_to_num(probabilities[:, 0], nan=0.0)
    told = [name for name in TOLD if rows[name].notna().any()]
    table = {name: rows[name].to_numpy() for name in (IMAGE_ID, PATH, DATASET, ENCOUNTER, DATE, *told)}
    table |= {DECISION: predictions[PREDICTED].to_numpy(), PROBABILITY: np.where(new, 1 - best, best)}
    answers = pd.DataFrame(table)
    answers[WORDS] = [put_in_words(is_new, p) for is_new, p in zip(new, best, strict=True)]
    answers[ALREADY], known = find_enrolled(asked, enrolled)
    answers[ASKED_TWICE] = find_asked_twice(asked)
    decided = zip(answers[DATASET], answers[DECISION], strict=True)
    otherwise = [animal not in (None, pair) for animal, pair in zip(known, decided, strict=True)]
    answers[DOUBTFUL] = np.where(new, best > 0.5, best < PROBABLE) | np.array(otherwise, dtype=bool)
    answers[NEW_ANIMAL] = group_new(recipe, asked, new)
    answers[ACCEPTED] = None
    threshold = recipe.frozen_threshold
    answers = answers.join(_candidates(predictions, probabilities, enrolled))
    answers[SCORE], answers[UNIT] = predictions[SCORE].to_numpy(), recipe.unit
    answers[THRESHOLD] = [threshold_for(threshold, name) for name in answers[DATASET]]
    return answers, predictions


def put_in_words(new: bool, probability: float) -> str:
    """A decision in words, by the probability of the best candidate."""
    return NEW if new else say_how_sure(probability)


def _candidates(predictions: pd.DataFrame, probabilities: np.ndarray, enrolled: Photographs) -> pd.DataFrame:
    """identity_k, probability_k, image_k, date_k of the five best individuals."""
    date = enrolled.rows.set_index(IMAGE_ID)[DATE]
    columns = {}
    for rank in range(1, N_RANKS + 1):
        image = predictions[ranked_column("image", rank)].to_numpy(dtype=object)
        columns[ranked_column(IDENTITY, rank)] = predictions[ranked_column(IDENTITY, rank)].to_numpy(dtype=object)
        columns[ranked_column(PROBABILITY, rank)] = probabilities[:, rank - 1]
        columns[ranked_column("image", rank)] = image
        columns[ranked_column(DATE, rank)] = date.reindex(image).to_numpy(dtype=object)
    return pd.DataFrame(columns)


def group_new(recipe: Recipe, asked: Photographs, new: np.ndarray) -> list[str | None]:
    """Which of the new photographs show one animal: (n,) label of the group, None where a name was given.

    Photographs are joined whose embeddings are at least as alike as the frozen threshold of the embedding alone asks
    for a name, directly or through others. The label follows from the photographs of the group: the same group has the
    same one whenever it is asked about.
    """
    labels: list[str | None] = [None] * len(asked)
    joining, rows = Threshold.from_dict(recipe.joining), asked.rows
    for name in rows[DATASET].unique():
        places = np.flatnonzero(new & (rows[DATASET] == name).to_numpy())
        if not len(places):
            continue
        mask = np.zeros(len(asked), dtype=bool)
        mask[places] = True
        some = asked.embeddings.where(mask)
        ids = some.rows[IMAGE_ID].tolist()
        groups = find_components(Cosine(some, some), ids, threshold_for(joining, name))
        known_by = rows[CONTENT].fillna(rows[IMAGE_ID]).to_numpy()[places]
        for group in np.unique(groups):
            members = places[groups == group]
            first = min(known_by[groups == group])
            label = f"new-{hashlib.sha256(f'{name} {first}'.encode()).hexdigest()[:8]}"
            for place in members:
                labels[place] = label
    return labels


def find_enrolled(asked: Photographs, enrolled: Photographs) -> tuple[list[str | None], list[tuple[str, str] | None]]:
    """Which photographs are enrolled already.

    Animals of another data set are no candidates of a photograph: where it is enrolled under one, that is said.

    Returns:
        Of each photograph (n,), None where it is not enrolled: what is, in words; data set and name of its animal.
    """
    rows = enrolled.rows
    by_content = {content: k for k, content in enumerate(rows[CONTENT]) if content}
    same = [by_content.get(content, -1) if content else -1 for content in asked.rows[CONTENT]]
    copies = find_copies(asked.greys, enrolled.greys)
    told: list[str | None] = []
    animals: list[tuple[str, str] | None] = []
    for file, copy, own in zip(same, copies.tolist(), asked.rows[DATASET], strict=True):
        place = file if file >= 0 else copy
        if place < 0:
            told.append(None)
            animals.append(None)
            continue
        image, animal, other = (rows[name].iat[place] for name in (IMAGE_ID, IDENTITY, DATASET))
        words = f"{SAME_FILE if file >= 0 else SAME_PICTURE} {image} of {animal}"
        told.append(words if other == own else f"{words}, {ELSEWHERE} {other}, not searched for {own}")
        animals.append((other, animal))
    return told, animals


def find_asked_twice(asked: Photographs) -> list[str | None]:
    """Which photographs are asked about twice: (n,) the one before each that is the same, in words; None: none is."""
    ids, copies = asked.rows[IMAGE_ID].tolist(), find_own_copies(asked.greys).tolist()
    first: dict[str, int] = {}
    told: list[str | None] = []
    for place, (content, copy) in enumerate(zip(asked.rows[CONTENT], copies, strict=True)):
        file = first.setdefault(content, place) if content else place
        if file < place:
            told.append(f"{SAME_FILE} {ids[file]}")
        else:
            told.append(f"{SAME_PICTURE} {ids[copy]}" if copy >= 0 else None)
    return told
