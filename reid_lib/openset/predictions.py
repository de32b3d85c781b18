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
    PHOTOGRAPHS,
    RANK,
    ROLE,
    SAME_ORIENTATION,
    SCORE,
    SPECIES,
    TRUE_SCORE,
    ranked_column,
)
from reid_lib.match.ranking import Part, Ranking, rank_groups
from reid_lib.match.similarity import Similarity
from reid_lib.openset.answers import to_texts

_CARRIED = (IMAGE_ID, DATASET, IDENTITY, INDIVIDUAL, ROLE, ENCOUNTER, ORIENTATION, SPECIES, PATH, PHOTOGRAPHS)


def score_individuals(similarity: Similarity, *, max_bytes: int = 2**28) -> pd.DataFrame:
    """Compare each query with the gallery images of its own data set and rank the individuals.

    An individual's score is the highest similarity to its gallery images. Equal scores go by the individual's name,
    then by image_id, so neither the order of rows nor `max_bytes` changes anything, to the last bit.

    Args:
        similarity: of queries, whose rows have image_id, dataset, identity (missing where unlabelled), with a gallery,
            whose rows have likewise, every image labelled and none of them a query; such as `match.Cosine`.
        max_bytes: bound of the working memory, in bytes, beside one copy of what is compared.

    Returns:
        One row per query, in their order: the columns carried over from its rows; `known` (boolean: the individual is
        in this gallery; <NA> where unlabelled); identity_1 ... 5, score_1 ... 5 (in the unit of the similarity,
        descending), image_1 ... 5 (the individual's most similar gallery image), missing beyond the gallery's
        individuals; `score` (score_1), `true_score`, `rank` (of the query's own individual) and `average_precision`
        over gallery images (precision and recall where a score is reached, as in scikit-learn), NaN for unknown and
        unlabelled queries.

    Raises:
        CatalogueError: an image is in both sets, or a gallery image has no identity.
        ParameterError: the similarity gives NaN.
    """
    queries, gallery = similarity.queries, similarity.gallery
    for what, rows in (("queries", queries), ("gallery", gallery)):
        missing = [column for column in (IMAGE_ID, DATASET, IDENTITY) if column not in rows]
        if missing:
            raise CatalogueError(f"the rows of the {what} lack {', '.join(missing)}")
    _check_gallery(queries, gallery)
    parts, alone = _parts(queries, gallery)
    if alone:
        warnings.warn(f"no gallery image in data set {', '.join(alone)}: these are all called new", stacklevel=2)
    return _predictions(queries, gallery, rank_groups(similarity, parts, k=N_RANKS, max_bytes=max_bytes))


def _parts(queries: pd.DataFrame, gallery: pd.DataFrame) -> tuple[list[Part], list[str]]:
    """What is compared with what: a part for each data set, individuals by name, their images by image_id.

    Returns:
        parts, and the data sets without a gallery, each with its number of queries.
    """
    code, names = pd.factorize(to_texts(gallery[IDENTITY]))
    by_name = np.array(sorted(range(len(names)), key=names.__getitem__), dtype=np.int64)
    code, names = np.argsort(by_name)[code], names[by_name]
    by_image = np.array(
        sorted(range(len(gallery)), key=to_texts(gallery[IMAGE_ID]).tolist().__getitem__), dtype=np.int64
    )
    order = by_image[np.argsort(code[by_image], kind="stable")]
    own = _places(queries[IDENTITY], names)
    dataset, enrolled_in = to_texts(queries[DATASET]), to_texts(gallery[DATASET])[order]
    parts, alone = [], []
    for name in sorted(set(dataset)):
        asked, enrolled = np.flatnonzero(dataset == name), order[enrolled_in == name]
        if not len(enrolled):
            alone.append(f"{name!r} ({len(asked)} queries)")
            continue
        present, first = np.unique(code[enrolled], return_index=True)
        at = np.minimum(np.searchsorted(present, own[asked]), len(present) - 1)
        parts.append(Part(asked, enrolled, first, np.where(present[at] == own[asked], at, -1)))
    return parts, alone


def _check_gallery(queries: pd.DataFrame, gallery: pd.DataFrame) -> None:
    both = set(to_texts(queries[IMAGE_ID])) & set(to_texts(gallery[IMAGE_ID]))
    if both:
        raise CatalogueError(
            f"{len(both)} images are both query and gallery, e.g. {min(both)!r}: they would find themselves. "
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
    return np.where(identity.isna(), -1, [place.get(text, -1) for text in to_texts(identity)])


def _predictions(rows: pd.DataFrame, gallery: pd.DataFrame, answers: Ranking) -> pd.DataFrame:
    known = answers.own_rank > 0
    columns = {column: rows[column].to_numpy() for column in _CARRIED if column in rows}
    columns[KNOWN] = pd.array(np.where(rows[IDENTITY].notna(), known, None), dtype="boolean")
    for what, source in ((IDENTITY, IDENTITY), ("image", IMAGE_ID)):
        names = np.append(to_texts(gallery[source]), None)  # row -1, for nothing found, is the None
        columns |= {ranked_column(what, k + 1): names[answers.image[:, k]] for k in range(N_RANKS)}
    columns |= {ranked_column(SCORE, k + 1): answers.score[:, k] for k in range(N_RANKS)}
    columns |= {SCORE: answers.score[:, 0], TRUE_SCORE: answers.own_score, RANK: answers.own_rank}
    columns[AVERAGE_PRECISION] = answers.average_precision
    if ORIENTATION in rows and ORIENTATION in gallery:
        columns[MATCH_ORIENTATION] = np.append(gallery[ORIENTATION].to_numpy(dtype=object), None)[answers.image[:, 0]]
        enrolled = set(zip(*(to_texts(gallery[column]) for column in (DATASET, IDENTITY, ORIENTATION)), strict=True))
        asked = zip(*(to_texts(rows[column]) for column in (DATASET, IDENTITY, ORIENTATION)), strict=True)
        same = np.array([flank in enrolled for flank in asked], dtype=object)
        columns[SAME_ORIENTATION] = pd.array(np.where(known & rows[ORIENTATION].notna(), same, None), dtype="boolean")
    return pd.DataFrame(columns)
