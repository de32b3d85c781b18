"""What people decided about pairs of photographs: one append-only CSV table (write-ahead log), the only state.

A row is written by one `write` at the end of the file, under a lock, and is on the disk before `append` returns. A
process that is killed leaves a whole row or the beginning of one, which the next writer cuts off and no reader sees.
"""

import csv
import io
import os
import re
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal, TypeVar

import pandas as pd

from reid_lib.core.errors import ReviewError
from reid_lib.core.locks import hold_lock
from reid_lib.core.logs import LOGGER
from reid_lib.core.names import DATASET, IMAGE_ID
from reid_lib.review import safeguards

SAME, DIFFERENT, CANNOT_TELL = "same", "different", "cannot tell"
DECISIONS = SAME, DIFFERENT, CANNOT_TELL
Decision = Literal["same", "different", "cannot tell"]
End = TypeVar("End", str, int)  # of a pair: an image_id, or the number of a photograph
DISPUTED = "disputed"  # as many people say same as different
UNDO = "undo"  # in the place of a decision: a row that takes an earlier one back

DECISION_ID, WHEN, WHO, DECIDED, UNDOES, RUN, SHOWN = (
    "decision_id", "when", "who", "decision", "undoes", "run", "shown",
)  # fmt: skip
FIRST, SECOND = f"{IMAGE_ID}_1", f"{IMAGE_ID}_2"
COLUMNS = [DECISION_ID, WHEN, WHO, DATASET, FIRST, SECOND, DECIDED, UNDOES, RUN, SHOWN]
_DECISION_ID, _DECIDED, _UNDOES = (COLUMNS.index(name) for name in (DECISION_ID, DECIDED, UNDOES))
_ENDS = slice(COLUMNS.index(FIRST), COLUMNS.index(SECOND) + 1)
_HEADER = (",".join(COLUMNS) + "\n").encode()
_TAIL = 128  # bytes: the end of a row with its checksum
_ID = re.compile(r"[0-9a-f]{32}")
_ROW_BEGINS = re.compile(rb"\n[0-9a-f]{32},\d{4}-")


class DecisionTable:
    """The decisions of one or several reviews, of one or several people at a time.

    Args:
        path: of the CSV file; made with the first decision, as is its folder.
    """

    def __init__(self, path: str | os.PathLike):
        self.path = Path(path)
        self._forget()

    def _forget(self) -> None:
        self._rows: list[list[str]] = []
        self._place: dict[str, int] = {}
        self._undone: set[str] = set()
        self._read, self._file = 0, None  # bytes of whole rows that were read, and the inode of their file
        self._tail = b""  # the last bytes that were read: a new file may get the inode of the old one, but not its end
        self._whole = False  # whether rows are missing was looked up: once for each file is enough

    def append(
        self,
        image_id_1: str,
        image_id_2: str,
        decision: Decision,
        *,
        who: str,
        shown: Mapping | None = None,
        dataset: str = "",
        run: str = "",
        decision_id: str = "",
    ) -> str:
        """Write a decision; it is on the disk when this returns.

        Args:
            image_id_1, image_id_2: the two photographs, in any order.
            decision: "same", "different" or "cannot tell".
            who: name of the person, not blank.
            shown: what the person saw (probability, lines, doubt, ...), as JSON keeps it.
            dataset: of the photographs.
            run: name of the run that the review is of.
            decision_id: 32 hexadecimal digits, where the caller has made one: a decision that is sent twice with one
                id is written once.

        Returns:
            Its id.

        Raises:
            ReviewError: an argument is not as said, the table is damaged, or it cannot be written.
        """
        if decision not in DECISIONS:
            raise ReviewError(f"a decision is one of {', '.join(map(repr, DECISIONS))}; got {decision!r}")
        pair = order_pair(_named(image_id_1, "image_id_1"), _named(image_id_2, "image_id_2"))
        if pair[0] == pair[1]:
            raise ReviewError(f"a decision is about two photographs; got {image_id_1!r} twice")
        if decision_id and not _ID.fullmatch(decision_id):
            raise ReviewError(f"a decision_id is 32 hexadecimal digits; got {decision_id!r}")
        made = decision_id or uuid.uuid4().hex
        with self._writing():
            if made not in self._place:
                cells = [made, _now(), _named(who, "who"), str(dataset), *pair, decision, "", str(run)]
                self._write(safeguards.seal_row(cells, shown or {}))
        return made

    def undo(self, decision_id: str, *, who: str) -> str:
        """Take a decision back, by a row of its own; returns its id.

        Raises:
            ReviewError: there is no such decision, or it was taken back already.
        """
        made = uuid.uuid4().hex
        with self._writing():
            if decision_id not in self._place:
                raise ReviewError(f"{self.path} holds no decision {decision_id!r}: nothing to undo")
            row = dict(zip(COLUMNS, self._rows[self._place[decision_id]], strict=True))
            if row[DECIDED] == UNDO:
                raise ReviewError(f"row {decision_id!r} is an undo, which is not undone: decide the pair again")
            if decision_id in self._undone:
                raise ReviewError(f"decision {decision_id!r} was taken back already")
            told = [row[name] for name in (DATASET, FIRST, SECOND)]
            cells = [made, _now(), _named(who, "who"), *told, UNDO, decision_id, row[RUN]]
            self._write(safeguards.seal_row(cells, {}))
        return made

    def read(self) -> pd.DataFrame:
        """All rows in the order in which they were written, `COLUMNS`, all of them text.

        Raises:
            ReviewError: the file is not a table of decisions, or is damaged; it stays as it is.
        """
        return pd.DataFrame(self.read_after(), columns=COLUMNS, dtype=object)

    def read_after(self, decision_id: str = "") -> list[list[str]]:
        """Rows that were written after one, as `read`; all of them where the table does not hold it.

        Raises:
            ReviewError: as `read`.
        """
        self.refresh()
        return self._rows[self._place.get(decision_id, -1) + 1 :]

    def __contains__(self, decision_id: str) -> bool:
        """Is this row among those that were read?"""
        return decision_id in self._place

    def refresh(self) -> bool:
        """Read what was written since; True where there is something new. Cheap where there is not: one `stat`.

        Raises:
            ReviewError: as `read`.
        """
        counted = 0 if self._whole else safeguards.read_count(self.path)  # before the rows, which others add to
        try:
            state = os.stat(self.path)
        except FileNotFoundError:
            fresh = self._read > 0
            self._forget()
            self._notice_loss(counted)
            return fresh
        except OSError as error:
            raise self._trouble(error) from error
        replaced = self._file not in (None, state.st_ino) or state.st_size < self._read
        if not replaced and state.st_size == self._read:
            self._notice_loss(counted)  # of a table that was emptied
            return False
        try:
            with open(self.path, "rb") as file:
                file.seek(max(self._read - len(self._tail), 0))
                if replaced := replaced or file.read(len(self._tail)) != self._tail:
                    self._forget()
                    file.seek(0)
                self._file = state.st_ino
                fresh = self._take(file.read()) > 0 or replaced
        except OSError as error:
            raise self._trouble(error) from error
        self._notice_loss(counted)
        return fresh

    def _notice_loss(self, counted: int) -> None:
        if told := safeguards.describe_loss(self.path, len(self._rows), counted):
            LOGGER.warning(told)
        self._whole = True

    def _take(self, data: bytes) -> int:
        """Read the whole rows of some bytes that follow what was read; returns how many rows they hold."""
        whole = data[: _end_of_rows(data)]
        number = len(self._rows) + 2
        if _ROW_BEGINS.search(data, len(whole)):
            raise self._damaged(number, "a quotation mark is open to the end of the file")
        if not whole:
            if self._read == 0 and not _HEADER.startswith(data[: len(_HEADER)]):
                raise self._foreign(data.split(b"\n")[0].decode("utf-8", "replace"))
            return 0
        try:
            rows = list(csv.reader(io.StringIO(whole.decode("utf-8"), newline=""), strict=True))
        except (UnicodeDecodeError, csv.Error) as error:
            raise self._damaged(number, str(error)) from error
        if self._read == 0:
            if rows[0] != COLUMNS:
                raise self._foreign(",".join(rows[0]))
            rows = rows[1:]
        fresh: dict[str, list[str]] = {}
        for row in rows:  # none is kept where one is wrong
            known = fresh.get(row[_DECISION_ID]) if row else None
            known = self._known(row) if known is None else known
            self._check(row, known, number + len(fresh))
            if known is None:  # a copy that was put behind its original adds nothing
                fresh[row[_DECISION_ID]] = row
        for row in fresh.values():
            self._place[row[_DECISION_ID]] = len(self._rows)
            self._rows.append(row)
            if row[_DECIDED] == UNDO:
                self._undone.add(row[_UNDOES])
        self._read += len(whole)
        self._tail = whole[-_TAIL:]
        return len(rows)

    def _known(self, row: list[str]) -> list[str] | None:
        place = self._place.get(row[_DECISION_ID]) if row else None
        return None if place is None else self._rows[place]

    def _check(self, row: list[str], known: list[str] | None, number: int) -> None:
        if len(row) != len(COLUMNS):
            raise self._damaged(number, f"it has {len(row)} columns, not {len(COLUMNS)}")
        decision_id, decision = row[_DECISION_ID], row[_DECIDED]
        if not _ID.fullmatch(decision_id) or decision not in (*DECISIONS, UNDO):
            raise self._damaged(number, f"decision_id {decision_id!r}, decision {decision!r}")
        if known is not None and known != row:
            raise self._damaged(number, f"decision_id {decision_id!r} stands there twice, with different content")
        if why := safeguards.find_damage(row):
            raise self._damaged(number, why)

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """The table locked, read to its end, and without a torn row."""
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with hold_lock(self.path.with_name(f".{self.path.name}.lock")):
                self.refresh()
                self._cut_torn_row()
                yield
        except OSError as error:
            raise self._trouble(error) from error

    def _write(self, row: list[str]) -> None:
        """Append a row; the caller holds the lock and has read everything before it."""
        text = io.StringIO(newline="")
        csv.writer(text, lineterminator="\n").writerow(row)
        try:
            line = text.getvalue().encode("utf-8")
        except UnicodeEncodeError as error:
            photographs = ", ".join(map(repr, row[_ENDS]))
            raise ReviewError(f"a decision holds text that is not UTF-8: {photographs}") from error
        file = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o666)
        try:
            size = os.fstat(file).st_size
            line = line if size else _HEADER + line
            written = os.write(file, line)
            if written < len(line):  # the disk is full
                os.ftruncate(file, size)
                raise OSError(f"{written} of {len(line)} bytes were written: the disk is full")
            os.fsync(file)
        finally:
            os.close(file)
        self.refresh()
        safeguards.count_row(self.path, len(self._rows))

    def _cut_torn_row(self) -> None:
        """Cut off the beginning of a row that a killed process left at the end; the caller holds the lock."""
        if not self.path.exists() or os.stat(self.path).st_size == self._read:
            return
        with open(self.path, "r+b") as file:
            file.seek(self._read)
            torn = file.read()
            LOGGER.warning(f"{self.path}: the beginning of a row, left by a killed process, is cut off: {torn[:80]!r}")
            file.truncate(self._read)
            os.fsync(file.fileno())

    def _foreign(self, header: str) -> ReviewError:
        return ReviewError(
            f"{self.path} is not a table of decisions: its first line has to be {','.join(COLUMNS)}, and is "
            f"{header[:200]!r}. It was not changed; move it away, or name another file"
        )

    def _damaged(self, number: int, why: str) -> ReviewError:
        return ReviewError(
            f"{self.path}: row {number} or one soon after it is damaged ({why}). The file was not changed: mend or "
            "delete that row in a text editor (a spreadsheet may have saved it), all others are kept"
        )

    def _trouble(self, error: OSError) -> ReviewError:
        return ReviewError(
            f"{self.path} cannot be used ({error.strerror or error}): make room, or give rights to read and write it. "
            "What was decided before is kept"
        )


def order_pair(one: End, other: End) -> tuple[End, End]:
    """Both ends of a pair, the lesser first: each pair has one key, in whichever order it is named."""
    return (one, other) if one < other else (other, one)


def _end_of_rows(data: bytes) -> int:
    """Where the last whole row ends: after a line end that no quotation marks enclose; 0 where none does."""
    end, open_quotes = len(data), data.count(b'"')
    while (at := data.rfind(b"\n", 0, end)) >= 0:
        open_quotes -= data.count(b'"', at, end)
        if open_quotes % 2 == 0:
            return at + 1
        end = at
    return 0


def _named(text: str, what: str) -> str:
    if not isinstance(text, str) or not text.strip():
        raise ReviewError(f"{what} has to be text that is not blank; got {text!r}")
    if "\0" in text:
        raise ReviewError(f"{what} {text!r} holds a NUL byte, which no table keeps")
    return text


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")
