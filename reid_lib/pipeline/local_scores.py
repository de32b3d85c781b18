"""Scores of pairs by local features: keypoints of all photographs, shortlists, what each matcher says of each pair."""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from tqdm import tqdm

from reid_lib.core.names import EMBEDDING, IDENTITY, IMAGE_ID, INDIVIDUAL, ROLE, UNUSED
from reid_lib.data.flanks import group_comparable
from reid_lib.gallery.recipe import FORMER_SIFT
from reid_lib.match.cosine import Cosine
from reid_lib.match.keypoint_store import extract_keypoints
from reid_lib.match.keypoints import Extractor, KeypointSet
from reid_lib.match.lnbnn import K, Votes, count_votes
from reid_lib.match.matches import Matcher
from reid_lib.match.pair_scores import score_pairs
from reid_lib.match.pairs import PairTable, join_pairs, look_up, shortlist
from reid_lib.match.rerank import SHARED_NEIGHBOURS, count_shared_neighbours
from reid_lib.params.fields import EvaluateParams
from reid_lib.pipeline.masking import AUTO, choose_mask, make_masker

if TYPE_CHECKING:
    from reid_lib.pipeline.experiment import Experiment

VOTES, SIFT = "votes", "sift"


def make_extractor(features: str, device: str, sift: Mapping[str, int] | None = None) -> Extractor:
    """The extractor of a local feature, one of those of the parameter `local_features`.

    Args:
        sift: `RootSift.size`, as fits were made with it; None: today's default.
    """
    if features == SIFT:
        from reid_lib.match.sift import RootSift

        return RootSift(**(sift or {}))
    from reid_lib.match.networks import NetworkFeatures

    return NetworkFeatures(features, device=device)


def make_matcher(features: str, device: str) -> Matcher:
    """The matcher of the keypoints that `make_extractor` finds."""
    if features == SIFT:
        from reid_lib.match.ratio import RatioMatcher

        return RatioMatcher()
    from reid_lib.match.networks import GlueMatcher

    return GlueMatcher(features, device=device)


def find_keypoints(experiment: "Experiment", features: str, rows: pd.DataFrame, mask: str = "") -> KeypointSet:
    """The keypoints of some photographs of a run, found now where they are not in the cache.

    Args:
        mask: its name; "": mask and number of keypoints with which the run was evaluated.
    """
    sift = None if mask else sift_of(experiment.run.metrics())
    extractor = make_extractor(features, experiment.local_device, sift)
    masker = make_masker(mask or mask_of(experiment))
    return extract_keypoints(extractor, rows, experiment.catalogue.root, mask=masker)


def mask_of(experiment: "Experiment") -> str:
    """The mask with which a run was evaluated: the one that was asked for, or chosen then."""
    asked = experiment.params.mask
    return experiment.run.metrics()["mask"]["used"] if asked == AUTO else asked


def sift_of(metrics: Mapping) -> dict[str, int]:
    """`RootSift.size` with which a run was evaluated, by its metrics.json."""
    return metrics.get(SIFT) or FORMER_SIFT


class LocalScores:
    """Local features of a run's photographs, and the scores of the pairs in its shortlists.

    Args:
        experiment: of an evaluation; its parameters `local_features`, `shortlist`, `mask` and `rerank` are used.
    """

    def __init__(self, experiment: "Experiment"):
        params: EvaluateParams = experiment.params
        self.n_shortlisted, self.device = params.shortlist, experiment.local_device
        self.rerank = params.rerank == AUTO
        rows = experiment.split.rows
        self.rows = rows[rows[ROLE] != UNUSED].reset_index(drop=True)
        self.place = {name: k for k, name in enumerate(self.rows[IMAGE_ID])}
        self.masking = choose_mask(params.mask, self.rows, experiment.catalogue.root)
        mask = self.masking.used
        self.keypoints = {name: find_keypoints(experiment, name, self.rows, mask) for name in params.features}
        self.recall: dict[str, float] = {}  # of searches that are not exact

    @property
    def is_cheap(self) -> bool:
        """Does a pair take milliseconds? It does where descriptors alone are compared, not where a network matches."""
        return set(self.keypoints) <= {SIFT}

    def of(self, features: str, image_ids: Iterable[str]) -> KeypointSet:
        """The keypoints of some photographs, in their order."""
        return self.keypoints[features].take([self.place[name] for name in image_ids])

    def score(self, cosine: Cosine) -> PairTable:
        """The shortlisted pairs of queries and gallery, with the cosine and every local score (`score_shortlist`)."""
        queries, gallery = cosine.queries, cosine.gallery
        sets = {name: (self.of(name, queries[IMAGE_ID]), self.of(name, gallery[IMAGE_ID])) for name in self.keypoints}
        how = {"n_shortlisted": self.n_shortlisted, "device": self.device, "rerank": self.rerank}
        table, recall = score_shortlist(cosine, sets, **how)
        self.recall |= recall
        return table

    def list_voted(self, rows: pd.DataFrame, n: int, bar: tqdm | None = None) -> tuple[np.ndarray, np.ndarray]:
        """Each photograph and the n others with most votes of its descriptors, as pairs of row numbers.

        Votes may find what the embedding overlooks. Without RootSIFT there are none.

        Args:
            bar: of `lnbnn.voting_bar`, that several calls share.

        Returns:
            first, second: (p,) int64, first < second; a pair that both found is there twice.
        """
        if SIFT not in self.keypoints:
            return np.empty(0, np.int64), np.empty(0, np.int64)
        some = self.of(SIFT, rows[IMAGE_ID])
        votes = count_votes(some, some, np.arange(len(rows)), k=K + 1, bar=bar)  # a descriptor is its own nearest
        others = votes.query != votes.image
        query, image, number = votes.query[others], votes.image[others], votes.votes[others]
        order = np.lexsort((image, -number, query))
        query, image = query[order], image[order]
        kept = np.arange(len(query)) - np.searchsorted(query, query) < n
        query, image = query[kept], image[kept]
        return np.minimum(query, image), np.maximum(query, image)

    def score_among(self, tables: list[PairTable]) -> list[PairTable]:
        """Pairs of photographs among each other (`discover.pairs.list_pairs`), with the scores of all matchers.

        Votes are left out: the animals of a gallery compete for them, so both directions of a pair would differ. The
        pairs of all tables are matched together.
        """
        tables = list(tables)
        places = [np.array([self.place[name] for name in table.queries[IMAGE_ID]], dtype=np.int64) for table in tables]
        ends = [
            np.concatenate([place[at] for place, at in zip(places, side, strict=True)])
            for side in ([table.query for table in tables], [table.image for table in tables])
        ]
        cuts = np.cumsum([len(table) for table in tables])[:-1]
        for features, keypoints in self.keypoints.items():
            matcher = make_matcher(features, self.device)
            parts = np.split(score_pairs(matcher, keypoints, keypoints, *ends), cuts)
            for k, found in enumerate(parts):
                for name, values in zip(matcher.names, found.T, strict=True):
                    tables[k] = tables[k].with_score(f"{features} {name}", values)
        return tables


def score_shortlist(
    cosine: Cosine,
    sets: dict[str, tuple[KeypointSet, KeypointSet]],
    *,
    n_shortlisted: int,
    device: str,
    votes_by: str = "auto",
    rerank: bool = False,
) -> tuple[PairTable, dict[str, float]]:
    """The shortlisted pairs of queries and gallery, with the cosine and every local score.

    The shortlist of a query holds the `n_shortlisted` gallery images of the highest cosine, and as many with the most
    votes where descriptors vote (RootSIFT): what one of them overlooks the other may find. The other flank of an animal
    has no place in it, where flanks are told: its stripes are others, and only the embedding judges it.

    Args:
        cosine: of the embeddings.
        sets: local feature -> keypoints of the queries and of the gallery, in the order of the cosine's rows.
        n_shortlisted: gallery images of each query, at least 1.
        device: where pairs are matched, "cpu" or "cuda".
        votes_by: how descriptors are searched; see `lnbnn.count_votes`.
        rerank: with the neighbours that query and image share (`match.rerank`).

    Returns:
        The table, and for each search of descriptors the share of the nearest that it found.
    """
    queries, gallery = cosine.queries, cosine.gallery
    shortlists, votes, recall = [_shortlist_nearest(cosine, n_shortlisted)], None, {}
    if SIFT in sets:
        votes = count_votes(*sets[SIFT], _individuals(gallery), method=votes_by)
        recall[SIFT] = votes.recall
        shortlists.append(shortlist(_voted(cosine, votes).similarity(VOTES), n_shortlisted))
    query, image = join_pairs(shortlists)
    table = PairTable(queries, gallery, query, image, {EMBEDDING: look_up(cosine, query, image)})
    if rerank:
        shared = count_shared_neighbours(cosine, cosine.within_gallery(), query, image)
        table = table.with_score(SHARED_NEIGHBOURS, shared)
    if votes is not None:
        table = table.with_score(f"{SIFT} {VOTES}", _of_pairs(votes, table, sets[SIFT][0].counts))
    for features, pair in sets.items():
        matcher = make_matcher(features, device)
        for name, values in zip(matcher.names, score_pairs(matcher, *pair, query, image).T, strict=True):
            table = table.with_score(f"{features} {name}", values)
    return table, recall


def _shortlist_nearest(cosine: Cosine, n: int) -> tuple[np.ndarray, np.ndarray]:
    """The n nearest gallery images of each query that do not show the other flank, as pairs."""
    pairs = []
    for rows, images in group_comparable(cosine.queries, cosine.gallery):
        everything = len(images) == len(cosine.gallery)  # of which no copy is made
        query, image = shortlist(cosine.part(rows, slice(None) if everything else images), n)
        pairs.append((rows[query], images[image]))
    return join_pairs(pairs)


def _individuals(gallery: pd.DataFrame) -> np.ndarray:
    return gallery[INDIVIDUAL if INDIVIDUAL in gallery else IDENTITY].to_numpy()


def _voted(cosine: Cosine, votes: Votes) -> PairTable:
    return PairTable(cosine.queries, cosine.gallery, votes.query, votes.image, {VOTES: votes.votes})


def _of_pairs(votes: Votes, table: PairTable, n_keypoints: np.ndarray) -> np.ndarray:
    """(p,) float32 votes for the individual of each pair's image; 0 where there are none, NaN without keypoints.

    The votes for all photographs of an individual count together. Its image with the most votes of its own gets them
    all, the others a share of them by their own votes, so that the best photograph is the one that shows most of it.
    """
    n_gallery = len(table.gallery)
    voted, asked = votes.query * n_gallery + votes.image, table.query * n_gallery + table.image
    at = np.minimum(np.searchsorted(voted, asked), max(len(voted) - 1, 0))
    there = voted[at] == asked if len(voted) else np.zeros(len(asked), dtype=bool)
    found = np.zeros(len(asked), dtype=np.float32)
    found[there] = _shared(votes, _individuals(table.gallery))[at[there]]
    return np.where(n_keypoints[table.query] > 0, found, np.nan)


def _shared(votes: Votes, individual: np.ndarray) -> np.ndarray:
    """(p,) the votes for the whole individual, times the image's votes over those of the individual's best image."""
    frame = pd.DataFrame({"query": votes.query, "who": individual[votes.image], "votes": votes.votes})
    best = frame.groupby(["query", "who"], sort=False)["votes"].transform("max").to_numpy()
    return votes.individual_votes * votes.votes / best
