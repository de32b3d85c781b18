"""Suspected label errors: one photograph, saved again, under two animals; and copies on both sides of the split.

Candidates come from the hashes of all images and, where there are embeddings, from neighbours in them; their pixels say
which are copies. No photograph is left out because of that: a person decides.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from reid_lib.core.messages import counted
from reid_lib.core.names import DATASET, GALLERY, IDENTITY, IMAGE_ID, INDIVIDUAL, PATH, ROLE, SUSPECTS_CSV, TEST, VAL
from reid_lib.data.near_copies import (
    MOST_BITS,
    compare_pairs,
    compare_shifted,
    count_differing_bits,
    find_similar,
    hash_images,
)
from reid_lib.embed.embedding_set import EmbeddingSet
from reid_lib.match.cosine import Cosine
from reid_lib.match.ranking import rank_images

# A copy, after both pictures are standardised. Measured on real photographs: docs/log.md, benchmarks/near_copies.py.
MIN_CORRELATION, MAX_DIFFERENCE = 0.97, 0.5
MIN_ROUGHLY = 0.4  # correlation of 8 x 8 means, below which a crop is not looked for
MOST_PAIRS = 20_000  # candidates of two individuals that are compared
MOST_CROPS = 1000  # pairs that are compared at several shifts, the most alike first
MOST_IMAGES = 20_000  # whose embeddings are compared all with all
NEIGHBOURS = 2
NAMED = 3  # pairs that the note names

HASH, EMBEDDING = "hash", "embedding"
CORRELATION, DIFFERENCE, BITS, COSINE, FOUND_BY = "correlation", "difference", "bits", "cosine", "found_by"
SIDES = (1, 2)
OF_A_SIDE = (IMAGE_ID, PATH, DATASET, IDENTITY, ROLE)
COLUMNS = [f"{name}_{side}" for side in SIDES for name in OF_A_SIDE] + [CORRELATION, DIFFERENCE, BITS, COSINE, FOUND_BY]


@dataclass(frozen=True)
class Suspects:
    """What looks like one photograph saved twice.

    Attributes:
        pairs: of two individuals, the most alike first; `COLUMNS`. `correlation` and `difference` as in
            `near_copies.compare_pairs`, `bits` of the hash that differ, `cosine` of the embeddings (missing without
            them), `found_by` hash or embedding.
        leaked: queries with a near copy of the same individual in the gallery.
        note: all of it in one sentence.
    """

    pairs: pd.DataFrame
    leaked: int
    note: str


def find_suspects(greys: np.ndarray, rows: pd.DataFrame, embeddings: EmbeddingSet | None = None) -> Suspects:
    """Look for photographs that were saved again under another animal.

    Args:
        greys: (n, 32, 32), one per row, as `near_copies.shrink_to_grey` makes them.
        rows: image_id, path, dataset, identity, individual, role; index 0 ... n-1.
        embeddings: of some of the rows, by image_id.
    """
    hashed = hash_images(greys)
    pairs, leaks = _by_hash(hashed, rows)
    near = np.empty((0, 2), dtype=np.int64) if embeddings is None else _by_embedding(embeddings, rows)
    every = pd.DataFrame(np.sort(np.concatenate([pairs, near]), axis=1))
    every["by"] = np.repeat([HASH, EMBEDDING], [len(pairs), len(near)])
    every = every.drop_duplicates([0, 1])
    pairs, found_by = every[[0, 1]].to_numpy(), every["by"].to_numpy()
    correlation, difference = judge_copies(greys, pairs)
    kept = is_copy(correlation, difference)
    pairs = pairs[kept]
    cosine = _cosines(embeddings, rows, pairs)
    table = _table(rows, pairs, correlation[kept], difference[kept], hashed, cosine, found_by[kept])
    leaked = int(is_copy(*compare_pairs(greys, leaks)[:2]).sum())
    return Suspects(table, leaked, _note(table, leaked, len(rows)))


def _by_hash(hashed: np.ndarray, rows: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Candidates of two individuals, and queries with their most alike gallery image: (k, 2) row numbers each.

    Of photographs with one hash, individual and side of the split (frames of a video) the first stands for all.
    """
    who = pd.factorize(rows[INDIVIDUAL])[0]
    side = rows[ROLE].map({GALLERY: 1, VAL: 2, TEST: 2}).fillna(0).to_numpy(int)
    alike = pd.DataFrame({"hash": hashed, "who": who, "side": side})[who >= 0]
    first = alike.reset_index().groupby(list(alike.columns), sort=False)["index"].transform("first").to_numpy()
    firsts = np.unique(first)
    bits_to, copy_of = np.full(len(rows), MOST_BITS + 1), np.full(len(rows), -1)
    pairs, n_pairs = [np.empty((0, 2), dtype=np.int64)], 0
    for i, j, bits in find_similar(hashed[firsts]):
        i, j = firsts[i], firsts[j]
        two = who[i] != who[j]
        if n_pairs < MOST_PAIRS:
            pairs.append(np.stack([i[two], j[two]], axis=1))
            n_pairs += int(two.sum())
        for query, other in ((i, j), (j, i)):
            _keep_nearest(bits_to, copy_of, query, other, bits, ~two & (side[query] == 2) & (side[other] == 1))
    queries = alike.index.to_numpy()[copy_of[first] >= 0]
    leaks = np.stack([queries, copy_of[first][copy_of[first] >= 0]], axis=1)
    return np.concatenate(pairs)[:MOST_PAIRS], leaks


def _keep_nearest(
    bits_to: np.ndarray, copy_of: np.ndarray, query: np.ndarray, other: np.ndarray, bits: np.ndarray, mask: np.ndarray
) -> None:
    """Of each query, the image whose hash differs in the fewest bits; ties go to the lower row."""
    query, other, bits = query[mask], other[mask], bits[mask]
    order = np.lexsort((-other, -bits))  # of several for one query the last is kept
    query, other, bits = query[order], other[order], bits[order]
    nearer = bits < bits_to[query]
    bits_to[query[nearer]], copy_of[query[nearer]] = bits[nearer], other[nearer]


def _by_embedding(embeddings: EmbeddingSet, rows: pd.DataFrame) -> np.ndarray:
    """(k, 2) row numbers: images of two individuals, one of which is among the nearest neighbours of the other."""
    n = len(embeddings.rows)
    if not 1 < n <= MOST_IMAGES:
        return np.empty((0, 2), dtype=np.int64)
    index = rank_images(Cosine(embeddings, embeddings), min(NEIGHBOURS + 1, n))
    place = pd.Series(rows.index, index=rows[IMAGE_ID]).reindex(embeddings.rows[IMAGE_ID]).to_numpy()
    pairs = np.stack([np.repeat(place, index.shape[1]), place[index.ravel()]], axis=1)
    who = pd.factorize(rows[INDIVIDUAL])[0][pairs]
    return pairs[(who >= 0).all(axis=1) & (who[:, 0] != who[:, 1])]


def judge_copies(greys: np.ndarray, pairs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Correlation and difference (k,) of pairs (k, 2) of pictures (n, 32, 32); see `near_copies.compare_pairs`.

    Pairs that are alike and no copies as they lie are compared at several shifts, since one may be cut a little.
    """
    correlation, difference, roughly = compare_pairs(greys, pairs)
    open_ = np.flatnonzero(~is_copy(correlation, difference) & (roughly >= MIN_ROUGHLY))
    tried = open_[np.argsort(-roughly[open_], kind="stable")][:MOST_CROPS]
    shifted = compare_shifted(greys, pairs[tried])
    better = is_copy(*shifted)
    correlation[tried[better]], difference[tried[better]] = (told[better] for told in shifted)
    return correlation, difference


def is_copy(correlation: np.ndarray, difference: np.ndarray) -> np.ndarray:
    """(k,) bool: are two pictures so alike one photograph?"""
    return (correlation >= MIN_CORRELATION) & (difference <= MAX_DIFFERENCE)


def _table(rows, pairs, correlation, difference, hashed, cosine, found_by) -> pd.DataFrame:
    """`COLUMNS` of the pairs, the most alike first."""
    sides = [
        rows.iloc[pairs[:, at]][list(OF_A_SIDE)].reset_index(drop=True).add_suffix(f"_{side}")
        for at, side in enumerate(SIDES)
    ]
    told = {
        CORRELATION: correlation,
        DIFFERENCE: difference,
        BITS: count_differing_bits(hashed[pairs[:, 0]], hashed[pairs[:, 1]]),
        COSINE: cosine,
        FOUND_BY: found_by,
    }
    table = pd.concat([*sides, pd.DataFrame(told)], axis=1)
    return table.sort_values([CORRELATION, f"{IMAGE_ID}_1", f"{IMAGE_ID}_2"], ascending=[False, True, True])


def _cosines(embeddings: EmbeddingSet | None, rows: pd.DataFrame, pairs: np.ndarray) -> np.ndarray:
    """(k,) cosine similarities, NaN where an image has no embedding."""
    if embeddings is None:
        return np.full(len(pairs), np.nan)
    place = pd.Series(np.arange(len(embeddings.rows)), index=embeddings.rows[IMAGE_ID])
    at = place.reindex(rows[IMAGE_ID]).to_numpy()[pairs]
    there = ~np.isnan(at).any(axis=1)
    a, b = (embeddings.features[at[there, side].astype(int)].astype(np.float64) for side in (0, 1))
    cosine = np.full(len(pairs), np.nan)
    cosine[there] = (a * b).sum(axis=1) / (np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1))
    return cosine


def _note(table: pd.DataFrame, leaked: int, n_images: int) -> str:
    """One sentence, or two."""
    if table.empty:
        note = f"no photograph stands under two animals, as far as {n_images:,} images look alike"
    else:
        pairs = zip(*(table[f"{name}_{side}"] for side in SIDES for name in (PATH, IDENTITY)), strict=True)
        named = [f"{path} ({who}) = {other} ({whose})" for path, who, other, whose in list(pairs)[:NAMED]]
        more = f" and {len(table) - NAMED} more" if len(table) > NAMED else ""
        what = "pair of photographs looks" if len(table) == 1 else "pairs of photographs look"
        note = f"{len(table)} {what} like one photograph under two animals: {'; '.join(named)}{more} ({SUSPECTS_CSV})"
    if leaked:
        queries = counted(leaked, "query has", "queries have")
        note += f"; {queries} a near copy of the same animal in the gallery: that is too easy to answer"
    return note
