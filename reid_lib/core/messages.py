"""Messages to a user: an error without its traceback, in a notebook and on the command line; numbers with their units.

The traceback comes on request: `%tb` in a cell, `papermill --log-level DEBUG`, `reid --traceback`.
"""

import os
import re
import sys

from reid_lib.core.errors import ReidError, TrainingInterrupted
from reid_lib.core.kernel import TRACEBACKS, find_ipython

ERROR, STOPPED = "error:", "stopped:"
TRACEBACK = "--traceback"  # of the command line


def show_in_notebook() -> None:
    """From now on a cell that ends with an error of this library shows its message alone. No effect outside IPython."""
    shell = find_ipython()
    if shell is not None and not shell.custom_exceptions:  # somebody else's handler stays
        shell.set_custom_exc((ReidError,), _show)


def _show(shell, kind: type, error: BaseException, traceback, tb_offset: int | None = None) -> list[str]:
    """IPython's handler for errors of this library: shows the message, and returns it as the cell's traceback."""
    if os.environ.get(TRACEBACKS) == "1":
        shell.showtraceback((kind, error, traceback), tb_offset=tb_offset)
        return []
    lines = [format_error(error)]
    # A private function, since there is no public one: IPython does not show the lines that a handler returns, and
    # `showtraceback` would render the traceback. A kernel overrides this one to send the lines to the notebook.
    shell._showtraceback(kind, error, lines)
    # For %tb, which asks for the last error of the session.
    sys.last_type, sys.last_value, sys.last_traceback = kind, error, traceback
    sys.last_exc = error
    return lines


def format_error(error: BaseException) -> str:
    """The coloured line that a notebook shows of an error, in place of its traceback."""
    return f"\x1b[0;31m{STOPPED if isinstance(error, TrainingInterrupted) else ERROR}\x1b[0m {error}"


def describe_error(error: BaseException) -> str:
    """An error as one message; of an OSError, the file and what is wrong with it."""
    if isinstance(error, OSError) and error.strerror and error.filename:
        return f"{error.filename}: {error.strerror}"
    return str(error)


def counted(number: int, one: str, several: str = "") -> str:
    """A number with its noun: "1 photograph", "1,200 photographs".

    Args:
        number: how many.
        one: the noun, perhaps with a verb, for 1 ("photograph is").
        several: the same for every other number; "" for `one` and an s.
    """
    return f"{number:,} {one if number == 1 else several or one + 's'}"


def format_duration(seconds: float, *, exact: bool = False) -> str:
    """A time span: "3 min", "2 h 10 min".

    Args:
        seconds: 0 or more.
        exact: to the second below an hour ("52 s", "3 min 5 s"); else to the minute, and at least one.
    """
    whole = max(0, round(seconds))
    if exact and whole < 3600:
        return f"{whole} s" if whole < 60 else f"{whole // 60} min {whole % 60} s"
    minutes = whole // 60 if exact else max(round(seconds / 60), 1)
    return f"{minutes // 60} h {minutes % 60} min" if minutes >= 60 else f"{minutes} min"


def format_bytes(number: float) -> str:
    """A size: "512 bytes", "1.5 MB", "2.0 GB", in powers of 1000 as on the label of a disk."""
    for unit, size in (("TB", 1e12), ("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if number >= size:
            return f"{number / size:.1f} {unit}"
    return counted(int(number), "byte")


def find_shown_error(name: str, lines: list[str]) -> str:
    """The message of a failed cell whose error was shown by `show_in_notebook`'s handler; "" for other errors.

    Args:
        name: of the error's class.
        lines: of its traceback, as the notebook holds them.
    """
    text = re.sub(r"\x1b\[[0-9;]*m", "", "\n".join(lines))
    return text if name in _names(ReidError) and text.startswith((ERROR, STOPPED)) else ""


def _names(kind: type) -> set[str]:
    return {kind.__name__}.union(*map(_names, kind.__subclasses__()))
