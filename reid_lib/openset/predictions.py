"""Predictions: for each query the individuals of the gallery, ranked by their scores."""

import warnings

import numpy as np
import pandas as pd

from reid_lib.core.errors import CatalogueError
from reid_lib.core.names import (
    AVERAGE_PRECISION,
    DATASET,
    ENCOUNTER,
    IDENTITY,
    IMAGE_ID,
    INDIVIDUAL,
    KNOWN,
    MATCH_ORIENTATION,
    N_RANKS,
    NEW_INDIVIDUAL,
    ORIENTATION,
    PATH,
    RANK,
    ROLE,
    SAME_ORIENTATION,
    SCORE,
    SPECIES,
    TRUE_SCORE,
    ranked,
)
from reid_lib.embed.embedding_set import EmbeddingSet
from reid_lib.match.ranking import Ranking, rank_groups
from reid_lib.openset.answers import texts

_CARRIED = (IMAGE_ID, DATASET, IDENTITY, INDIVIDUAL, ROLE, ENCOUNTER, ORIENTATION, SPECIES, PATH)


def score_individuals(queries: EmbeddingSet, gallery: EmbeddingSet, *, max_bytes: int = 2**28) -> pd.DataFrame:
    """Compare each query with the gallery images of its own data set and rank the individuals.

    An individual's score is the highest cosine similarity to its gallery images. Equal scores go by the individual's
    name, then by image_id, so neither the order of rows nor `max_bytes` changes anything, to the last bit.

    Args:
        queries: rows with image_id, dataset, identity (missing where unlabelled).
        gallery: likewise, every image labelled; no image of `queries`.
        max_bytes: bound of the working memory, in bytes, beside the embeddings and one copy of them.

    Returns:
        One row per query, in the order of `queries`: the columns carried over from its rows; `known` (boolean: the
        individual is in this gallery; <NA> where unlabelled); identity_1 ... 5, score_1 ... 5 (cosine, descending),
        image_1 ... 5 (the individual's most similar gallery image), missing beyond the gallery's individuals; `score`
        (score_1), `true_score`, `rank` (of the query's own individual) and `average_precision` over gallery images
        (precision and recall where a score is reached, as in scikit-learn), NaN for unknown and unlabelled queries.

    Raises:
        CatalogueError: an image is in both sets, or a gallery image has no identity.
    """
    for what, part in (("queries", queries), ("gallery", gallery)):
        missing = [column for column in (IMAGE_ID, DATASET, IDENTITY) if column not in part.rows]
        if missing:
            raise CatalogueError(f"the rows of the {what} lack {', '.join(missing)}")
    _check_gallery(queries.rows, gallery.rows)
    identity, image_id = texts(gallery.rows[IDENTITY]), texts(gallery.rows[IMAGE_ID])
    dataset, gallery_dataset = texts(queries.rows[DATASET]), texts(gallery.rows[DATASET])
    answers, alone = Ranking.empty(len(queries), N_RANKS), []
    for name in sorted(set(dataset)):
        asked, enrolled = np.flatnonzero(dataset == name), np.flatnonzero(gallery_dataset == name)
        if not len(enrolled):
            alone.append(f"{name!r} ({len(asked)} queries)")
            continue
        enrolled = np.array(sorted(enrolled, key=lambda row: (identity[row], image_id[row])))
        names, first = np.unique(identity[enrolled], return_index=True)
        own = _places(queries.rows[IDENTITY].iloc[asked], names)
        found = rank_groups(
            queries.features[asked], gallery.features[enrolled], first, own, k=N_RANKS, max_bytes=max_bytes
        )
        # From rows of this data set to rows of the whole gallery; -1, for nothing found, stays -1.
        answers.group[asked] = np.append(enrolled[first], -1)[found.group]
        answers.image[asked] = np.append(enrolled, -1)[found.image]
        for attribute in ("score", "own_score", "own_rank", "average_precision"):
            getattr(answers, attribute)[asked] = getattr(found, attribute)
    if alone:
        warnings.warn(f"no gallery image in data set {', '.join(alone)}: these are all called new", stacklevel=2)
    return _predictions(queries.rows, gallery.rows, answers)


def _check_gallery(queries: pd.DataFrame, gallery: pd.DataFrame) -> None:
    both = set(queries[IMAGE_ID]) & set(gallery[IMAGE_ID])
    if both:
        raise CatalogueError(
            f"{len(both)} images are both query and gallery, e.g. {min(map(str, both))!r}: they would find themselves. "
            "Give every image one role"
        )
    nameless = gallery.loc[gallery[IDENTITY].isna(), IMAGE_ID]
    if len(nameless):
        raise CatalogueError(
            f"gallery image {nameless.iloc[0]!r} has no identity: only labelled images can be enrolled"
        )
    if (gallery[IDENTITY] == NEW_INDIVIDUAL).any():
        raise CatalogueError(f"an individual of the gallery is named {NEW_INDIVIDUAL!r}, which means none of them")


def _places(identity: pd.Series, names: np.ndarray) -> np.ndarray:
    """(n,) index of each identity in the sorted `names`, -1 where it is missing or not among them."""
    place = {name: k for k, name in enumerate(names)}
    return np.where(identity.isna(), -1, [place.get(text, -1) for text in texts(identity)])


def _predictions(rows: pd.DataFrame, gallery: pd.DataFrame, answers: Ranking) -> pd.DataFrame:
    known = answers.own_rank > 0
    columns = {column: rows[column].to_numpy() for column in _CARRIED if column in rows}
    columns[KNOWN] = pd.array(np.where(rows[IDENTITY].notna(), known, None), dtype="boolean")
    for what, found, source in ((IDENTITY, answers.group, IDENTITY), ("image", answers.image, IMAGE_ID)):
        names = np.append(texts(gallery[source]), None)  # row -1, for nothing found, is the None
        columns |= {ranked(what, k + 1): names[found[:, k]] for k in range(N_RANKS)}
    columns |= {ranked(SCORE, k + 1): answers.score[:, k] for k in range(N_RANKS)}
    columns |= {SCORE: answers.score[:, 0], TRUE_SCORE: answers.own_score, RANK: answers.own_rank}
    columns[AVERAGE_PRECISION] = answers.average_precision
    if ORIENTATION in rows and ORIENTATION in gallery:
        columns[MATCH_ORIENTATION] = np.append(gallery[ORIENTATION].to_numpy(dtype=object), None)[answers.image[:, 0]]
        enrolled = set(zip(*(texts(gallery[column]) for column in (DATASET, IDENTITY, ORIENTATION)), strict=True))
        asked = zip(*(texts(rows[column]) for column in (DATASET, IDENTITY, ORIENTATION)), strict=True)
        same = np.array([flank in enrolled for flank in asked], dtype=object)
        columns[SAME_ORIENTATION] = pd.array(np.where(known & rows[ORIENTATION].notna(), same, None), dtype="boolean")
    return pd.DataFrame(columns)
