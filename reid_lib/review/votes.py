"""What holds of a pair: the last words of all people on it, weighed against each other."""

from collections.abc import Sequence

import pandas as pd

from reid_lib.core.names import DATASET
from reid_lib.review.decisions import (
    CANNOT_TELL,
    COLUMNS,
    DECIDED,
    DECISION_ID,
    DECISIONS,
    DIFFERENT,
    DISPUTED,
    FIRST,
    SAME,
    SECOND,
    UNDO,
    UNDOES,
    WHEN,
    WHO,
    order_pair,
)

N_SAME, N_DIFFERENT, N_CANNOT_TELL, WEIGHT = "n_same", "n_different", "n_cannot_tell", "weight"
CURRENT_COLUMNS = [FIRST, SECOND, DATASET, DECIDED, N_SAME, N_DIFFERENT, N_CANNOT_TELL, WEIGHT, WHO, WHEN]
_WHO, _WHEN, _DATASET, _DECIDED = (COLUMNS.index(name) for name in (WHO, WHEN, DATASET, DECIDED))
_ENDS = slice(COLUMNS.index(FIRST), COLUMNS.index(SECOND) + 1)


def keep_standing(rows: pd.DataFrame) -> pd.DataFrame:
    """Rows of a table that are decisions and were not taken back."""
    return rows[(rows[DECIDED] != UNDO) & ~rows[DECISION_ID].isin(rows.loc[rows[DECIDED] == UNDO, UNDOES])]


def tally_votes(rows: pd.DataFrame) -> pd.DataFrame:
    """What holds of each pair: one row a pair, in the order in which they were first decided.

    Of each person the last word on a pair that was not taken back counts. More people who say same than different (or
    the other way round) decide; as many of both are a dispute. Those who cannot tell abstain.

    Args:
        rows: of `DecisionTable.read`, or some of them in the same order.

    Returns:
        `image_id_1`, `image_id_2` (the lesser text first), `dataset`, `decision` ("same", "different", "cannot tell" or
        "disputed"), `n_same`, `n_different`, `n_cannot_tell` (people), `weight` (answers that say what
        `decision` does, earlier ones of a person included, less those that contradict it; at least 1), `who` (names,
        separated by "; "), `when` (of the last one).
    """
    told: dict[tuple[str, str], list[tuple[str, ...]]] = {}
    for row in keep_standing(rows)[COLUMNS].itertuples(index=False, name=None):
        told.setdefault(order_pair(*row[_ENDS]), []).append(row)
    return pd.DataFrame([tally_pair(some) for some in told.values()], columns=CURRENT_COLUMNS)


def tally_pair(rows: Sequence[Sequence[str]]) -> list:
    """The row of `tally_votes` for one pair.

    Args:
        rows: `COLUMNS` of its decisions that stand, oldest first; at least one.
    """
    people: dict[str, str] = {}
    for row in rows:
        people.pop(row[_WHO], None)  # the last word goes to the end
        people[row[_WHO]] = row[_DECIDED]
    votes = list(people.values())
    counts = [votes.count(decision) for decision in DECISIONS]
    decision = _decide(*counts[:2])
    weight = weigh([row[_DECIDED] for row in rows], decision)
    last = rows[-1]
    return [*order_pair(*last[_ENDS]), last[_DATASET], decision, *counts, weight, "; ".join(people), last[_WHEN]]


def weigh(said: Sequence[str], decision: str) -> int:
    """Answers that say what a decision does, less those that contradict it; at least 1."""
    return max(said.count(decision) - said.count({SAME: DIFFERENT, DIFFERENT: SAME}.get(decision, "")), 1)


def _decide(n_same: int, n_different: int) -> str:
    if n_same == n_different:
        return DISPUTED if n_same else CANNOT_TELL
    return SAME if n_same > n_different else DIFFERENT
