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

# What papermill's engine tells its kernel (see pipeline.papermill_engine).
ENGINE = "REID_PAPERMILL"  # process of the papermill that leaves the report
PROGRESS = "REID_PROGRESS"  # its output goes into a log: seconds between two lines of progress, in the place of a bar
TRACEBACKS = "REID_TRACEBACK"  # "1": errors of a user are shown with their traceback


@contextmanager
def quick_imports() -> Iterator[None]:
    """For a block that imports much: no garbage collection meanwhile, nor afterwards of what came with it.

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
    """Was this very process started by papermill's engine? Its children are not: they inherit the variable alone."""
    return os.environ.get(ENGINE) == str(os.getppid())


def find_ipython() -> "InteractiveShell | None":
    """The running IPython; None outside of it. Asked only where it is in use: importing it takes half a second."""
    return sys.modules["IPython"].get_ipython() if "IPython" in sys.modules else None
