"""Against damage to a table of decisions: a checksum in each row, and beside the table how many rows it had.

The checksum is in the column of what the person saw, so tables with and without it are one format. Rows that were lost
from the end, with the file or by an older copy of it, leave no other trace than their number.
"""

import json
import zlib
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from reid_lib.core import files
from reid_lib.core.errors import RunError
from reid_lib.core.files import CHECKSUM

ROWS = "rows"


def seal_row(cells: list[str], shown: Mapping[str, Any]) -> list[str]:
    """A row: its cells, then as JSON what the person saw, with the checksum of all of it."""
    shown = files.without_nan(dict(shown))
    return [*cells, _to_text(shown | {CHECKSUM: _sum(cells, shown)})]


def find_damage(row: list[str]) -> str:
    """Why a row is not as it was written; "" where it is, or has no checksum."""
    *cells, text = row
    try:
        shown = json.loads(text)
    except ValueError:
        return f"its last column is no JSON: {text[:80]!r}" if CHECKSUM in text else ""
    if not isinstance(shown, dict) or CHECKSUM not in shown:
        return ""
    return "" if shown.pop(CHECKSUM) == _sum(cells, shown) else "its checksum differs: it is not as it was written"


def counter_of(table: Path) -> Path:
    """The file beside a table that says how many rows it had."""
    return table.with_name(f".{table.name}.rows")


def read_count(table: Path) -> int:
    """How many rows were written to a table; 0 where that is not known."""
    try:
        return int(files.read_checked_json(counter_of(table))[ROWS])
    except (OSError, ValueError, KeyError, TypeError):
        return 0


def count_row(table: Path, there: int) -> None:
    """Note that a row was written. One that cannot be noted costs no decision.

    Args:
        there: rows of the table now. Lost ones stay counted: nobody has said yet that this is right.
    """
    with suppress(OSError, RunError):
        files.write_checked_json(counter_of(table), {ROWS: max(read_count(table) + 1, there)})


def describe_loss(table: Path, there: int, counted: int) -> str:
    """What to say of a table that has fewer rows than were written; "" where it has not."""
    if there >= counted:
        return ""
    return (
        f"{table} has {there} rows, and {counted} were written: {counted - there} are lost. What is there counts; put "
        f"a copy of the file back that has them all, or delete {counter_of(table).name} beside it where this is right"
    )


def _sum(cells: list[str], shown: Mapping[str, Any]) -> str:
    return f"{zlib.crc32(_to_text([*cells, shown]).encode('utf-8', 'surrogatepass')):08x}"


def _to_text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, sort_keys=True)
