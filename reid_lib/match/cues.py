"""What the other pairs of a query say about a pair: a cue for the fusion, made from the scores of a table of pairs.

Twenty matches mean more where nobody else has any. The cue uses the gallery's labels and the query's own pairs, never
another query, so that a photograph is answered the same whoever is asked beside it. (The pair's rank among the query's
was tried as well: over simulated studies it changed nothing beside the margin.)
"""

import numpy as np

from reid_lib.core.names import DATASET, IDENTITY
from reid_lib.match.evidence import find_best_two
from reid_lib.match.pairs import PairTable, encode_columns


def margin_of(score: str) -> str:
    """Name of a score's margin among the scores: `margin_of("votes") == "margin of votes"`."""
    return f"margin of {score}"


def add_margins(table: PairTable, names: list[str] | None = None) -> PairTable:
    """The table with "margin of <score>" for some of its scores (None: all).

    The margin is the score less the highest one of any other individual for the same query; NaN where there is none.
    """
    individual = encode_columns(table.gallery, table.gallery, DATASET, IDENTITY)[0][table.image]
    for name in list(table.scores) if names is None else names:
        values = table.scores[name].astype(np.float64)
        there = ~np.isnan(values)
        query, who, score = table.query[there], individual[there], values[there]
        best, first, other = find_best_two(query, who, score, len(table.queries))
        rival = np.where(who == first[query], other[query], best[query])
        found = np.full(len(table), np.nan)
        found[there] = np.where(np.isfinite(rival), score - rival, np.nan)
        table = table.with_score(margin_of(name), found)
    return table
