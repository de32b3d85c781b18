"""The scores of many pairs of photographs by one matcher: each pair is matched once, whichever way round."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import TypeVar

import numpy as np
from threadpoolctl import threadpool_limits

from reid_lib.core.errors import ParameterError
from reid_lib.core.logs import LOGGER
from reid_lib.core.parallel import map_in_threads
from reid_lib.core.progress import make_bar
from reid_lib.match.keypoints import Keypoints, KeypointSet
from reid_lib.match.matches import Matcher, Matches, Pair
from reid_lib.match.pair_store import PairStore, code_of

Batch = TypeVar("Batch", np.ndarray, list[Matches])


def score_pairs(
    matcher: Matcher,
    queries: KeypointSet,
    gallery: KeypointSet,
    query: np.ndarray,
    image: np.ndarray,
    *,
    progress: bool = True,
) -> np.ndarray:
    """Match pairs of photographs where the cache does not hold their scores, and keep those for another time.

    An interrupted call is resumed by the next one; it loses the matches of the last 20 seconds at most.

    Args:
        matcher: who matches.
        queries, gallery: keypoints, by the same extractor.
        query, image: (p,) positions in `queries` and `gallery`; any order, any pair any number of times.
        progress: show a bar with the time left, and say how many pairs were there.

    Returns:
        (p, len(matcher.names)) float32; NaN where one of the photographs has no keypoints, so that nothing is known.

    Raises:
        ParameterError: positions out of range, or the two sets are of different extractors.
    """
    query, image = _checked(queries, gallery, query, image)
    sets = BothSets(queries, gallery)
    codes, which = np.unique(sets.codes(query, image), return_inverse=True)
    scorable = sets.scorable(codes)
    store = PairStore(matcher.key, len(matcher.names))
    scores, there = store.read(sets.images, codes)
    if progress and there.any():
        LOGGER.info(f"{there.sum():,} of {scorable.sum():,} pairs were matched before")
    missing = np.flatnonzero(scorable & ~there)
    batches = _matched(matcher, sets, codes[missing], progress)
    scores[missing] = store.keep(sets.images, codes[missing], batches)
    scores[~scorable] = np.nan
    return scores[which]


def match_as_scored(
    matcher: Matcher, pairs: list[Pair], names: list[tuple[bytes, bytes]], *, progress: bool = True
) -> list[Matches]:
    """The matches themselves of some pairs, to show them: those that `score_pairs` counted.

    A pair is matched by the order of its names, and the other way round it may have a match more or less.

    Args:
        matcher: who matches.
        pairs: keypoints of both photographs, by the same extractor.
        names: of both, by content (`KeypointSet.images`).
        progress: show a bar.

    Returns:
        Of each pair, `first` of its first photograph, whichever way round it was matched.
    """
    turned = [theirs < ours for ours, theirs in names]
    given = [pair[::-1] if turn else pair for pair, turn in zip(pairs, turned, strict=True)]

    def match(begin: int) -> list[Matches]:
        return matcher.match(given[begin : begin + matcher.at_once])

    found = [matches for batch in _in_batches(matcher, len(given), match, progress) for matches in batch]
    return [
        replace(matches, first=matches.second, second=matches.first) if turn else matches
        for matches, turn in zip(found, turned, strict=True)
    ]


def _checked(
    queries: KeypointSet, gallery: KeypointSet, query: np.ndarray, image: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    query, image = np.asarray(query, dtype=np.int64), np.asarray(image, dtype=np.int64)
    if query.shape != image.shape or query.ndim != 1:
        raise ParameterError(f"a pair has one query and one image: {query.shape} queries, {image.shape} images")
    for what, positions, some in (("query", query, queries), ("image", image, gallery)):
        if len(positions) and not (0 <= positions.min() and positions.max() < len(some)):
            raise ParameterError(f"positions of {what} go from 0 to {len(some) - 1}, not to {positions.max()}")
    kinds = [(some.descriptors.shape[1], some.descriptors.dtype) for some in (queries, gallery)]
    if kinds[0] != kinds[1]:
        raise ParameterError(f"keypoints of one extractor are needed, got descriptors {kinds[0]} and {kinds[1]}")
    return query, image


def _matched(matcher: Matcher, sets: "BothSets", codes: np.ndarray, progress: bool) -> Iterator[np.ndarray]:
    """(b, k) scores of the pairs, batch by batch, in order."""

    def match(begin: int) -> np.ndarray:
        some = codes[begin : begin + matcher.at_once]
        return np.stack([matches.scores for matches in matcher.match(sets.pairs(some))])

    return _in_batches(matcher, len(codes), match, progress)


def _in_batches(matcher: Matcher, n: int, match: Callable[[int], Batch], progress: bool) -> Iterator[Batch]:
    """What `match` says of the batch that begins at each place, in order; in threads where the matcher may be."""
    begins = range(0, n, matcher.at_once)
    if matcher.threads:
        # Products of a few hundred rows: threads of the BLAS that wait for each other cost ten times what they gain.
        with threadpool_limits(1, "blas"):
            yield from map_in_threads(match, begins, title=f"matching {n:,} pairs", unit="part", progress=progress)
        return
    with make_bar(total=n, desc="matching pairs", unit="pair", disable=not progress) as bar:
        for begin in begins:
            batch = match(begin)
            bar.update(len(batch))
            yield batch


class BothSets:
    """Queries and gallery as one list of photographs, each once; its `place` is its position in this list.

    Attributes:
        sets: the queries and the gallery.
        images: (n,) S32, names by content, ascending.
    """

    def __init__(self, queries: KeypointSet, gallery: KeypointSet):
        self.sets = queries, gallery
        names = np.concatenate([queries.images, gallery.images])
        self.images, first, place = np.unique(names, return_index=True, return_inverse=True)
        self._of_query, self._of_gallery = place[: len(queries)], place[len(queries) :]
        self._first = first  # of each photograph, where it stands first in queries and gallery one behind the other
        counts = np.concatenate([queries.counts, gallery.counts])
        self._has_any = counts[first] > 0

    def codes(self, query: np.ndarray, image: np.ndarray) -> np.ndarray:
        """(p,) int64: see `pair_store.code_of`."""
        return code_of(self._of_query[query], self._of_gallery[image], len(self.images))

    def scorable(self, codes: np.ndarray) -> np.ndarray:
        """(p,) bool: have both photographs keypoints?"""
        n_images = max(len(self.images), 1)
        return self._has_any[codes // n_images] & self._has_any[codes % n_images]

    def places(self, codes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(p,), (p,) int64: the places of both photographs of each pair."""
        return codes // len(self.images), codes % len(self.images)

    def pairs(self, codes: np.ndarray) -> list[tuple[Keypoints, Keypoints]]:
        """Keypoints of pairs; a photograph that stands in several of them is the same object."""
        low, high = self.places(codes)
        held = {place: self._keypoints(place) for place in np.unique([low, high]).tolist()}
        return [(held[one], held[other]) for one, other in zip(low.tolist(), high.tolist(), strict=True)]

    def find(self, place: int) -> tuple[int, int]:
        """Where a photograph stands: 0 in the queries, 1 in the gallery, and its position there."""
        at, n_queries = int(self._first[place]), len(self.sets[0])
        return (0, at) if at < n_queries else (1, at - n_queries)

    def _keypoints(self, place: int) -> Keypoints:
        side, at = self.find(place)
        return self.sets[side][at]
