"""What a notebook's kernel needs: slow libraries imported quickly, and IPython, where it is in use."""

import gc
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

# jsonschema (through nbformat) compiles the grammar of URIs when this package is there, 1.5 s for a format that the
# schema of notebooks does not use.
SKIPPED = "rfc3987_syntax"

# Environment variables by which papermill's engine (pipeline.papermill_engine) speaks to its kernel.
ENGINE = "REID_PAPERMILL"  # process id of the papermill whose engine writes the report
PROGRESS = "REID_PROGRESS"  # set where output goes into a log: seconds between two lines of progress, instead of a bar
TRACEBACKS = "REID_TRACEBACK"  # "1": errors of this library are shown with their traceback


@contextmanager
def quick_imports() -> Iterator[None]:
    """For a block that imports much: no garbage collection during it, nor later of the objects it made.

    Modules are never garbage, but the collector walks through their hundreds of thousands of objects again and again:
    a fifth of the time of importing torch, and of every full collection after it.
    """
    was_on, skipped = gc.isenabled(), SKIPPED not in sys.modules
    gc.disable()
    if skipped:
        sys.modules[SKIPPED] = None  # Python's way to say: not importable
    try:
        yield
    finally:
        if skipped:
            del sys.modules[SKIPPED]
        if was_on:
            gc.freeze()
            gc.enable()


def under_engine() -> bool:
    """Was this process started by papermill's engine? Its children were not, though they inherit the variable."""
    return os.environ.get(ENGINE) == str(os.getppid())


def find_ipython() -> "InteractiveShell | None":
    """The running IPython; None outside of it. It is never imported for this: that takes half a second."""
    return sys.modules["IPython"].get_ipython() if "IPython" in sys.modules else None
