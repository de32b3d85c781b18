"""LNBNN: the nearest descriptors of the whole gallery vote for their photographs and animals.

Local naive Bayes nearest neighbours (McCann & Lowe, CVPR 2012) as in HotSpotter (Crall et al., WACV 2013): a descriptor
of a query votes for each of its k nearest with how much nearer that one is than the next one, the k + 1st. What looks
alike on many animals (grass, sky, a plain coat) hardly votes; what only one animal has does. Comparing with the first
descriptor of another animal beyond the k nearest, instead of with the k + 1st, told known from unknown animals less
well (docs/log.md, 2026-11-27).
"""

import hashlib
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from tqdm import tqdm

from reid_lib.core.errors import ParameterError
from reid_lib.core.logs import LOGGER
from reid_lib.core.names import DATASET
from reid_lib.core.paths import cache_root
from reid_lib.core.pieces import Piece, Pieces
from reid_lib.core.progress import make_bar
from reid_lib.data.flanks import group_comparable
from reid_lib.match.keypoints import KeypointSet
from reid_lib.match.neighbours import Exact, Search, choose_method, describe_method, make_search
from reid_lib.match.voting import sum_votes, weigh_votes

FORMAT = 4  # raised whenever the same key would mean other votes
FOLDER = "votes"
K = 3
SAMPLED = 64  # descriptors of each piece by which recall is measured
LENGTH = {"u": 512.0, "f": 1.0}  # of a descriptor, by the kind of its dtype


@dataclass(frozen=True)
class Votes:
    """Votes of query photographs for gallery photographs: only the pairs that got any, sorted by (query, image).

    Attributes:
        query, image: (p,) int64 positions in the two sets.
        votes: (p,) float32 above 0, the sum over the query's descriptors, divided by their number.
        individual_votes: (p,) float32, the same for the image's individual, for which each descriptor votes once, with
            its best vote: equal for all images of an individual.
        recall: share of the nearest neighbours that were found, measured on a sample; 1.0 where all of them were.
        method: "exact", "flann" or "faiss"; of several data sets the least exact one.
    """

    query: np.ndarray
    image: np.ndarray
    votes: np.ndarray
    individual_votes: np.ndarray
    recall: float
    method: str


def count_votes(
    queries: KeypointSet,
    gallery: KeypointSet,
    individual: ArrayLike,
    *,
    k: int = K,
    method: str = "auto",
    progress: bool = True,
    bar: tqdm | None = None,
) -> Votes:
    """The votes of all queries, each within its own data set (`dataset` of the rows), and not for the other flank.

    Where rows tell an `orientation`, a left flank has no votes for a right one: its marks are others, and what they
    resemble there is chance.

    They are cached by the content of query and gallery photographs, individuals and settings: what was counted is not
    counted again, and an interrupted call is resumed by the next one.

    Args:
        queries, gallery: keypoints by one extractor.
        individual: (g,) of each gallery photograph, any labels; one that is missing is an animal of its own.
        k: neighbours that vote.
        method: "exact", "flann", "faiss" or "auto"; see `neighbours.choose_method`.
        progress: show a bar, and say which share of the nearest was found where the search was not exact.
        bar: of `voting_bar`, one that several calls share; None: one of its own.

    Raises:
        ParameterError: descriptors of two kinds, labels of another number, k below 1, an unknown method.
    """
    codes = _codes(individual, len(gallery))
    if k < 1:
        raise ParameterError(f"k must be at least 1, got {k}")
    if (
        queries.descriptors.dtype != gallery.descriptors.dtype
        or queries.descriptors.shape[1] != gallery.descriptors.shape[1]
    ):
        kinds = [f"{keypoints.descriptors.shape[1]} {keypoints.descriptors.dtype}" for keypoints in (queries, gallery)]
        raise ParameterError(f"descriptors of queries are {kinds[0]}, of the gallery {kinds[1]}: use one extractor")
    counted = []
    with voting_bar(len(queries), progress=progress) if bar is None else nullcontext(bar) as shown:
        for mine, theirs in _parts_compared(queries.rows, gallery.rows):
            count = _Count(_part(queries, mine), _part(gallery, theirs), codes[theirs], k, method)
            counted.append((mine, theirs, count.method, count.results(shown)))
    return _joined(counted, progress)


def voting_bar(n_queries: int, *, progress: bool = True) -> tqdm:
    """The bar of so many photographs whose descriptors vote."""
    return make_bar(total=n_queries, desc="counting votes", unit="photograph", disable=not progress)


def _codes(individual: ArrayLike, n_gallery: int) -> np.ndarray:
    """(g,) int64 from 0: equal for the photographs of an individual, of its own where there is no label."""
    codes, names = pd.factorize(np.asarray(individual, dtype=object))
    if codes.shape != (n_gallery,):
        raise ParameterError(f"{len(codes)} individuals for {n_gallery} gallery photographs: one label each is needed")
    return np.where(codes < 0, len(names) + np.arange(n_gallery), codes).astype(np.int64)


def _parts_compared(queries: pd.DataFrame, gallery: pd.DataFrame) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Positions of the queries, and of the gallery photographs they are compared with, by data set and flank."""
    asked, enrolled = queries[DATASET].to_numpy(), gallery[DATASET].to_numpy()
    for dataset in pd.unique(asked):
        mine, theirs = np.flatnonzero(asked == dataset), np.flatnonzero(enrolled == dataset)
        for some, others in group_comparable(queries.iloc[mine], gallery.iloc[theirs]):
            if len(others):
                yield mine[some], theirs[others]


def _part(keypoints: KeypointSet, positions: np.ndarray) -> KeypointSet:
    return keypoints if len(positions) == len(keypoints) else keypoints.take(positions)  # a gallery is not small


def _joined(counted: list[tuple], progress: bool) -> Votes:
    """The votes of all data sets in one table, with what is known of the search."""
    query, image, votes, individual_votes = ([np.empty(0, kind)] for kind in (np.int64, np.int64, "f4", "f4"))
    sample = np.zeros(2, dtype=np.int64)
    for mine, theirs, method, results in counted:
        for place, result in zip(mine, results, strict=True):
            query.append(np.full(len(result["image"]), place))
            image.append(theirs[result["image"]])
            votes.append(result["votes"])
            individual_votes.append(result["individual_votes"])
            sample += result["sample"][0] if method != "exact" else 0
    table = [np.concatenate(column) for column in (query, image, votes, individual_votes)]
    order = np.lexsort((table[1], table[0]))
    methods = [method for _, _, method, _ in counted]
    method = next((name for name in ("flann", "faiss") if name in methods), "exact")
    recall = 1.0 if method == "exact" else float(sample[0] / sample[1]) if sample[1] else float("nan")
    if progress and method != "exact":
        LOGGER.info(f"votes by {method}: {recall:.1%} of the nearest descriptors found, by a sample of {sample[1]}")
    return Votes(*(column[order] for column in table), recall, method)


class _Count:
    """The votes of the queries of one data set, found in the cache or counted piece by piece.

    Args:
        codes: (g,) int64 from 0: the individual of each gallery photograph.
    """

    def __init__(self, queries: KeypointSet, gallery: KeypointSet, codes: np.ndarray, k: int, method: str):
        self.queries, self.gallery, self.codes, self.k = queries, gallery, codes, k
        self.method = choose_method(method, len(queries.descriptors), len(gallery.descriptors))
        content = hashlib.sha256(gallery.images.tobytes() + pd.factorize(codes)[0].tobytes()).hexdigest()
        key = f"{FORMAT} {k} {describe_method(self.method)} {content}"
        self.pieces = Pieces(cache_root() / FOLDER, key, title="votes")
        self.image_of = np.repeat(np.arange(len(gallery)), gallery.counts)  # of each descriptor

    def results(self, bar: tqdm) -> list[Piece]:
        """Of each query: `image` (r,) int32, `votes`, `individual_votes` (r,) float32, and `sample` (1, 2) int64.

        `sample`: see `_recall`; of a batch of queries it stands with the first one.
        """
        names = [name.decode() for name in self.queries.images.tolist()]
        found = self.pieces.read(names)
        missing = [i for i, name in enumerate(names) if name not in found]
        missing = sorted({names[i]: i for i in missing}.values())
        bar.update(len(names) - len(missing))
        if missing:
            search = make_search(self.method, self.gallery.descriptors)
            for part in _parts(missing, self.queries.counts[missing], search.at_once):
                counted = dict(zip([names[i] for i in part], self._count(self.queries.take(part), search), strict=True))
                self.pieces.write(counted)
                found |= counted
                bar.update(len(part))
        return [found[name] for name in names]

    def _count(self, queries: KeypointSet, search: Search) -> list[Piece]:
        n, descriptors = len(queries), queries.descriptors
        wanted = min(self.k + 1, len(self.gallery.descriptors))
        if wanted < 2:  # a gallery with one descriptor has nothing to compare it with
            empty = {"image": np.empty(0, np.int32), "votes": np.empty(0, "f4"), "individual_votes": np.empty(0, "f4")}
            return [empty | {"sample": np.zeros((1, 2), np.int64)} for _ in range(n)]
        squared, place = search.nearest(descriptors, wanted)
        image = self.image_of[place]  # -1, not found, gives any image: it is infinitely far, and its vote weighs 0
        weights = weigh_votes(np.sqrt(squared) / LENGTH[descriptors.dtype.kind])
        asked = np.repeat(np.arange(n), queries.counts)
        results = sum_votes(asked, image[:, :-1], weights, self.codes, queries.counts)
        sample = np.zeros((n, 2), np.int64)
        if not search.exact:
            sample[0] = self._recall(descriptors, squared)
        return [result | {"sample": sample[[i]]} for i, result in enumerate(results)]

    def _recall(self, descriptors: np.ndarray, squared: np.ndarray) -> tuple[int, int]:
        """Of the nearest of a sample of descriptors, spread evenly: how many were found, and how many there are."""
        at = np.unique(np.linspace(0, len(descriptors) - 1, SAMPLED).astype(np.int64)) if len(descriptors) else []
        nearest, _ = Exact(self.gallery.descriptors).nearest(descriptors[at], squared.shape[1])
        return int((squared[at] <= nearest[:, -1:] * (1 + 1e-5)).sum()), nearest.size


def _parts(positions: list[int], counts: np.ndarray, at_once: int) -> Iterator[list[int]]:
    """Runs of photographs with about so many descriptors together."""
    number = (np.cumsum(counts) - counts) // at_once
    for part in np.unique(number):
        yield [positions[i] for i in np.flatnonzero(number == part)]
