"""What people said in a review: the rows of the table of decisions as they were read last, and what stands of them."""

import pandas as pd

from reid_lib.review.decisions import (
    DECIDED,
    DECISION_ID,
    FIRST,
    SECOND,
    UNDO,
    UNDOES,
    WHO,
    DecisionTable,
    current,
)

Pair = tuple[str, str]


class Said:
    """The decisions of a table, whoever wrote them.

    Args:
        table: it is read now, and whenever `read` is called.

    Attributes:
        rows: all that was read, oldest first.
    """

    def __init__(self, table: DecisionTable):
        self.table, self.rows = table, table.read()

    def read(self) -> pd.DataFrame:
        """Rows that were written since; all of them where the table is another one now."""
        before, self.rows = len(self.rows), self.table.read()
        return self.rows.iloc[before:] if len(self.rows) >= before else self.rows

    @property
    def standing(self) -> pd.DataFrame:
        """Decisions that were not taken back."""
        return keep_standing(self.rows)

    def holds(self, pair: Pair | None = None) -> pd.DataFrame:
        """What holds (`decisions.current`) of a pair; of all where none is named."""
        return current(self.rows if pair is None else self._on(pair))

    def votes(self, pair: Pair) -> str:
        """Each person's last word on a pair, in words; "" where nobody said anything."""
        last = self._on(pair).groupby(WHO, sort=False)[DECIDED].last()
        return ", ".join(f"{who} said {decision}" for who, decision in last.items())

    def last_of(self, who: str, known: pd.Index) -> pd.Series | None:
        """The last decision of a person that stands, of those on photographs that are known."""
        mine = keep_standing(self.rows[self.rows[WHO] == who], self.rows)
        mine = mine[mine[FIRST].isin(known) & mine[SECOND].isin(known)]
        return mine.iloc[-1] if len(mine) else None

    def _on(self, pair: Pair) -> pd.DataFrame:
        rows = self.rows[(self.rows[FIRST] == pair[0]) & (self.rows[SECOND] == pair[1])]
        return keep_standing(rows, self.rows)


def keep_standing(some: pd.DataFrame, rows: pd.DataFrame | None = None) -> pd.DataFrame:
    """Those of some rows that are decisions and were not taken back, by all rows of their table."""
    if not len(some):
        return some
    rows = some if rows is None else rows
    return some[(some[DECIDED] != UNDO) & ~some[DECISION_ID].isin(rows.loc[rows[DECIDED] == UNDO, UNDOES])]
