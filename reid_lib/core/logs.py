"""The library's one logger: progress (INFO) and notes (WARNING), shown in the notebook's cell or the terminal.

A program that uses the library silences it with `logging.getLogger("reid_lib").setLevel(logging.ERROR)`, or puts a
handler of its own in the place of `Shown`. Results are printed, not logged.
"""

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager

LOGGER = logging.getLogger("reid_lib")
NOTE = "note: "


class Shown(logging.Handler):
    """Writes each message as one line, as `print` would: to what is stdout at that moment (in a notebook, the cell).

    Attributes:
        notes_on: stream for messages of level WARNING and above: "stdout" (the one that a notebook's report shows) or
            "stderr".
    """

    notes_on = "stdout"

    def emit(self, record: logging.LogRecord) -> None:
        """Show a message; one of level WARNING or above begins with "note: "."""
        is_note = record.levelno >= logging.WARNING
        try:
            stream = getattr(sys, self.notes_on if is_note else "stdout")
            stream.write(f"{NOTE if is_note else ''}{self.format(record)}\n")
            stream.flush()
        except Exception:
            self.handleError(record)


def show_messages() -> None:
    """Show what the library logs, unless a program has given the logger a handler of its own."""
    if LOGGER.handlers:
        return
    LOGGER.addHandler(Shown())
    LOGGER.propagate = False  # else a root logger with a handler would tell it a second time
    if LOGGER.level == logging.NOTSET:
        LOGGER.setLevel(logging.INFO)


@contextmanager
def show_notes_on(stream: str) -> Iterator[None]:
    """Within the block notes are shown on `stream`, "stdout" or "stderr"."""
    before = [(handler, handler.notes_on) for handler in LOGGER.handlers if isinstance(handler, Shown)]
    for handler, _ in before:
        handler.notes_on = stream
    try:
        yield
    finally:
        for handler, earlier in before:
            handler.notes_on = earlier


@contextmanager
def quieten(name: str, *, below: int) -> Iterator[None]:
    """Within the block a logger of another library passes only messages of a level and above.

    Args:
        name: of the logger.
        below: the level, such as `logging.ERROR`.
    """
    logger = logging.getLogger(name)
    level = logger.level
    logger.setLevel(below)
    try:
        yield
    finally:
        logger.setLevel(level)


@contextmanager
def keep_root_logger() -> Iterator[None]:
    """After the block the root logger has the handlers and level that it had before.

    papermill's command calls `logging.basicConfig`, which adds a handler to the root logger; with that handler left
    there, the same call of a later command would do nothing.
    """
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    try:
        yield
    finally:
        root.handlers[:] = handlers
        root.setLevel(level)
