"""The sparse table of the pairs that are compared in detail: which ones, and what each score says of them.

Only the most promising gallery images of a query, its shortlist, are matched point by point. A dense query × gallery
matrix is never made.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd

from reid_lib.core.errors import ParameterError
from reid_lib.core.names import DATASET, ENCOUNTER, IDENTITY, IMAGE_ID
from reid_lib.match.nearest import find_highest, find_nearest
from reid_lib.match.similarity import Estimable, Similarity, check_block


@dataclass(frozen=True, eq=False)
class PairTable:
    """Pairs of a query and a gallery image, with their scores.

    Attributes:
        queries, gallery: rows with a unique `image_id`, `dataset` and `identity`; `encounter` where it is known.
        query, image: (p,) int64, positions in `queries` and `gallery`, ascending by (query, image), no pair twice.
        scores: name -> (p,) float32, the higher, the more alike; NaN where a pair was not scored by that name.

    Raises:
        ParameterError: positions are out of range, unordered or repeated, or scores are not one for each pair.
    """

    queries: pd.DataFrame
    gallery: pd.DataFrame
    query: np.ndarray
    image: np.ndarray
    scores: Mapping[str, np.ndarray] = field(default_factory=dict)

    def __post_init__(self):
        query, image = (np.asarray(positions, dtype=np.int64) for positions in (self.query, self.image))
        object.__setattr__(self, "query", query)
        object.__setattr__(self, "image", image)
        if query.ndim != 1 or query.shape != image.shape:
            raise ParameterError(f"a pair has one query and one image: {query.shape} queries, {image.shape} images")
        for what, positions, rows in (("query", query, self.queries), ("image", image, self.gallery)):
            if len(positions) and not (0 <= positions.min() and positions.max() < len(rows)):
                raise ParameterError(f"positions of {what} go from 0 to {len(rows) - 1}, not to {positions.max()}")
        if not (np.diff(_keys(query, image, len(self.gallery))) > 0).all():
            raise ParameterError("pairs must ascend by (query, image), none twice: join_pairs brings them into order")
        scores = {name: np.asarray(values, dtype=np.float32) for name, values in self.scores.items()}
        object.__setattr__(self, "scores", scores)
        for name, values in scores.items():
            if values.shape != query.shape:
                raise ParameterError(f"score {name!r} has shape {values.shape}, not one number for {len(query)} pairs")
            if np.isinf(values).any():
                raise ParameterError(f"score {name!r} is infinite for some pairs: give NaN for a pair without a score")

    def __len__(self) -> int:
        return len(self.query)

    def with_score(self, name: str, values: np.ndarray) -> "PairTable":
        """The table with one score more, or with other values (p,) of one that is there; NaN: not scored."""
        return replace(self, scores={**self.scores, name: values})

    def only(self, names: Iterable[str]) -> "PairTable":
        """The table with some of its scores."""
        return replace(self, scores={name: self.scores[name] for name in names})

    def where(self, mask: np.ndarray) -> "PairTable":
        """The pairs of a mask (p,), with the same rows."""
        scores = {name: values[mask] for name, values in self.scores.items()}
        return replace(self, query=self.query[mask], image=self.image[mask], scores=scores)

    def of_queries(self, mask: np.ndarray) -> "PairTable":
        """The table of some queries alone (mask over all of them): their pairs, and only their rows."""
        mask = np.asarray(mask, dtype=bool)
        kept, place = self.where(mask[self.query]), np.cumsum(mask) - 1
        return replace(kept, queries=self.queries[mask].reset_index(drop=True), query=place[kept.query])

    def similarity(self, name: str) -> "PairSimilarity":
        """One score as a `Similarity`; `-inf` for pairs that are not in the table or were not scored."""
        if name not in self.scores:
            raise ParameterError(f"there is no score {name!r}: there are {', '.join(map(repr, self.scores)) or 'none'}")
        return PairSimilarity(self, name)

    @property
    def dataset(self) -> np.ndarray:
        """(p,) object: data set of the query."""
        return self.queries[DATASET].astype(str).to_numpy(dtype=object)[self.query]

    @property
    def labelled(self) -> np.ndarray:
        """(p,) bool: both animals are known by name."""
        asked, enrolled = (rows[IDENTITY].notna().to_numpy(dtype=bool) for rows in (self.queries, self.gallery))
        return asked[self.query] & enrolled[self.image]

    @property
    def same(self) -> np.ndarray:
        """(p,) bool: both are labelled as one individual of one data set."""
        asked, enrolled = encode_columns(self.queries, self.gallery, DATASET, IDENTITY)
        return self.labelled & (asked[self.query] == enrolled[self.image])

    @property
    def apart(self) -> np.ndarray:
        """(p,) bool: not one image twice, nor two of one animal's encounter, which anything calls alike."""
        asked, enrolled = encode_columns(self.queries, self.gallery, IMAGE_ID)
        together = asked[self.query] == enrolled[self.image]
        if ENCOUNTER in self.queries and ENCOUNTER in self.gallery:
            known = [rows[ENCOUNTER].notna().to_numpy(dtype=bool) for rows in (self.queries, self.gallery)]
            asked, enrolled = encode_columns(self.queries, self.gallery, ENCOUNTER)
            met = asked[self.query] == enrolled[self.image]
            together |= met & known[0][self.query] & known[1][self.image] & self.same
        return ~together


@dataclass(frozen=True, eq=False)
class PairSimilarity:
    """One score of a table as a `Similarity`: `-inf` for what is not in the table; its unit is the score's name."""

    table: PairTable
    unit: str

    @property
    def queries(self) -> pd.DataFrame:
        return self.table.queries

    @property
    def gallery(self) -> pd.DataFrame:
        return self.table.gallery

    def blocks(self, *, max_bytes: int = 2**28) -> Iterator[tuple[int, int, np.ndarray]]:
        """(start, stop, block (stop - start, g) float64); see `Similarity.blocks`."""
        values = self.table.scores[self.unit].astype(np.float64)
        values = np.where(np.isnan(values), -np.inf, values)
        n_queries, n_gallery = len(self.queries), len(self.gallery)
        rows = max(1, int(max_bytes // (8 * max(n_gallery, 1))))
        for start in range(0, n_queries, rows):
            stop = min(start + rows, n_queries)
            some = slice(*np.searchsorted(self.table.query, (start, stop)))
            block = np.full((stop - start, n_gallery), -np.inf)
            block[self.table.query[some] - start, self.table.image[some]] = values[some]
            yield start, stop, block


def shortlist(
    similarity: Similarity, k: int, *, within: str = DATASET, max_bytes: int = 2**28
) -> tuple[np.ndarray, np.ndarray]:
    """The k most similar gallery images of each query within its data set, as pairs.

    Equally similar ones go by image_id, so that the order of rows decides nothing. Where a data set has no more than k
    images, all of them are taken.

    Args:
        similarity: of any kind; its rows have `image_id` and `dataset`. `-inf` is never in a shortlist.
        k: images for each query, at least 1.
        within: a column; only images with the query's value of it are compared.
        max_bytes: bound of the working memory, in bytes.

    Returns:
        query, image: (p,) int64, ascending by (query, image).

    Raises:
        ParameterError: k is below 1, or the similarity gives NaN.
    """
    if k < 1:
        raise ParameterError(f"a shortlist has at least 1 image, not {k}")
    asked, enrolled = encode_columns(similarity.queries, similarity.gallery, within)
    by_name = np.argsort(similarity.gallery[IMAGE_ID].astype(str).to_numpy(dtype=str), kind="stable")
    members = {code: by_name[enrolled[by_name] == code] for code in np.unique(asked)}
    pairs = [(np.empty(0, np.int64),) * 2]
    if isinstance(similarity, Estimable):
        for code, images in members.items():
            rows = np.flatnonzero(asked == code)
            found = find_nearest(similarity.part(rows, images), k, max_bytes=max_bytes)
            pairs += [(rows[row], images[column]) for row, column in found]
        return join_pairs(pairs)
    for start, stop, block in similarity.blocks(max_bytes=max_bytes // 3):
        block = check_block(block, start, similarity.unit)
        for code in np.unique(asked[start:stop]):
            rows = np.flatnonzero(asked[start:stop] == code)
            row, column = find_highest(block[np.ix_(rows, members[code])], k)
            pairs.append((start + rows[row], members[code][column]))
    return join_pairs(pairs)


def join_pairs(pairs: Iterable[tuple[np.ndarray, np.ndarray]]) -> tuple[np.ndarray, np.ndarray]:
    """Several shortlists (query, image) as one: ascending by (query, image), none twice."""
    query, image = (np.concatenate([np.empty(0, np.int64), *column]) for column in zip(*pairs, strict=True))
    n_gallery = int(image.max(initial=-1)) + 1
    keys = np.sort(_keys(query, image, n_gallery))  # `unique` would hash them first: ten times as slow
    keys = keys[np.diff(keys, prepend=-1) > 0]
    return keys // max(n_gallery, 1), keys % max(n_gallery, 1)


def look_up(similarity: Similarity, query: np.ndarray, image: np.ndarray, *, max_bytes: int = 2**28) -> np.ndarray:
    """What a similarity says of pairs (p,) that ascend by (query, image), such as those of a joined shortlist.

    Returns:
        (p,) float64; NaN where it does not compare the two.
    """
    if isinstance(similarity, Estimable):
        return similarity.exact(query, image)
    found = np.empty(len(query))
    for start, stop, block in similarity.blocks(max_bytes=max_bytes):
        some = slice(*np.searchsorted(query, (start, stop)))
        found[some] = check_block(block, start, similarity.unit)[query[some] - start, image[some]]
    return np.where(np.isinf(found), np.nan, found)


def encode_columns(queries: pd.DataFrame, gallery: pd.DataFrame, *columns: str) -> tuple[np.ndarray, np.ndarray]:
    """A code for each distinct value of some columns, one code in both tables: (n_queries,), (n_gallery,) int64."""
    both = pd.concat([queries[list(columns)], gallery[list(columns)]], ignore_index=True).astype(str)
    code = both.groupby(list(columns), sort=True, dropna=False).ngroup().to_numpy(dtype=np.int64)
    return code[: len(queries)], code[len(queries) :]


def _keys(query: np.ndarray, image: np.ndarray, n_gallery: int) -> np.ndarray:
    return query * max(n_gallery, 1) + image
