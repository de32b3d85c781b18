"""Which decisions of a review stand, none taken back: by pair and by person, row by row as they come."""

from collections.abc import Container

import pandas as pd

from reid_lib.review.decisions import (
    COLUMNS,
    DECIDED,
    DECISION_ID,
    FIRST,
    SECOND,
    UNDO,
    UNDOES,
    WHO,
    DecisionTable,
    order_pair,
)
from reid_lib.review.votes import CURRENT_COLUMNS, WEIGHT, tally_pair, tally_votes

Pair = tuple[str, str]
Row = dict[str, str]
_ID, _WHO, _DECIDED, _UNDOES = (COLUMNS.index(name) for name in (DECISION_ID, WHO, DECIDED, UNDOES))
_ENDS = slice(COLUMNS.index(FIRST), COLUMNS.index(SECOND) + 1)
_HELD, _WEIGHT = CURRENT_COLUMNS.index(DECIDED), CURRENT_COLUMNS.index(WEIGHT)


class StandingDecisions:
    """The decisions of a table that stand, whoever wrote them; asking for those of a pair takes no longer with many.

    Args:
        table: it is read now, and whenever `read` is called.
    """

    def __init__(self, table: DecisionTable):
        self.table = table
        self._forget()
        self.read()

    def _forget(self) -> None:
        self._last = ""
        self._on: dict[Pair, dict[str, list[str]]] = {}  # what stands: decision_id -> row, oldest first
        self._by: dict[str, dict[str, list[str]]] = {}
        self._standing: dict[str, list[str]] = {}
        self._undone: set[str] = set()

    @property
    def rows(self) -> pd.DataFrame:
        """All rows of the table, oldest first, see `DecisionTable.read`."""
        return self.table.read()

    def read(self) -> list[Row]:
        """Rows that were written since; all of them where the table is another one now."""
        fresh = self.table.read_after(self._last)
        if self._last and self._last not in self.table:
            self._forget()
        for row in fresh:
            self._take(row)
        return [dict(zip(COLUMNS, row, strict=True)) for row in fresh]

    def _take(self, row: list[str]) -> None:
        self._last = row[_ID]
        if row[_DECIDED] == UNDO:
            self._undone.add(row[_UNDOES])
            if (gone := self._standing.get(row[_UNDOES])) is not None:
                for some in self._places(gone):
                    del some[gone[_ID]]
        elif row[_ID] not in self._undone:
            for some in self._places(row):
                some[row[_ID]] = row

    def _places(self, row: list[str]) -> tuple[dict[str, list[str]], ...]:
        pair = order_pair(*row[_ENDS])
        return self._on.setdefault(pair, {}), self._by.setdefault(row[_WHO], {}), self._standing

    def count(self, who: str | None = None) -> int:
        """How many decisions stand; of one person alone where one is named."""
        return len(self._standing if who is None else self._by.get(who, {}))

    def people(self) -> list[str]:
        """Whose decisions stand."""
        return sorted(who for who, some in self._by.items() if some)

    def holds(self) -> pd.DataFrame:
        """What holds of all pairs, see `votes.tally_votes`."""
        return tally_votes(pd.DataFrame(list(self._standing.values()), columns=COLUMNS, dtype=object))

    def holds_of(self, pair: Pair) -> tuple[str, int] | None:
        """The decision that holds of a pair and its weight, as `holds` has them; None where nobody said anything."""
        some = self._on.get(order_pair(*pair))
        if not some:
            return None
        told = tally_pair(list(some.values()))
        return told[_HELD], told[_WEIGHT]

    def votes(self, pair: Pair) -> str:
        """Each person's last word on a pair, in words; "" where nobody said anything."""
        last = {row[_WHO]: row[_DECIDED] for row in self._on.get(order_pair(*pair), {}).values()}
        return ", ".join(f"{who} said {decision}" for who, decision in last.items())

    def last_of(self, who: str, known: Container[str]) -> Row | None:
        """The last decision of a person that stands, of those on photographs that are known."""
        for row in reversed(self._by.get(who, {}).values()):
            if all(end in known for end in row[_ENDS]):
                return dict(zip(COLUMNS, row, strict=True))
        return None
