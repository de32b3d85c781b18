"""The progress bar of long work: what it is, how far it is, how long it still takes; in a log, a line now and then.

A bar draws over itself, which a log cannot: a job's log would hold thousands of copies. papermill's engine tells the
kernel when its output is logged, and how often a line is wanted there. The bar is no widget: in a saved notebook the
state of a widget is lost.
"""

import os
import sys
from collections.abc import Iterable
from typing import Any, TextIO

from tqdm import tqdm

from reid_lib.core.kernel import PROGRESS

HOW_FAR = "{{n_fmt}} of {{total_fmt}}{units}, {{elapsed}} so far, {{remaining}} left"
LINE = "{{desc}}: {{percentage:.0f}} %, " + HOW_FAR
BAR = "{{desc}}: {{percentage:3.0f}}%|{{bar}}| " + HOW_FAR


def make_bar(iterable: Iterable | None = None, **options: Any) -> tqdm:
    """tqdm's bar as this library uses it: it appears after two seconds and goes when the work is done.

    Args:
        iterable: what to iterate over; None for a bar that is advanced by hand.
        options: of tqdm, in place of these settings; `unit` is the noun of one ("photograph"). Bytes (`unit_scale`)
            get a rate, too.
    """
    units = _several(options.get("unit", ""))
    bar = {} if options.get("unit_scale") else {"bar_format": BAR.format(units=units)}
    options = {"delay": 2, "mininterval": 0.5, "leave": False} | bar | options
    if every := _seconds_between_lines():
        line = LINE.format(units=units)
        options |= {"mininterval": every, "maxinterval": every, "bar_format": line, "file": _Lines(sys.stderr)}
    return tqdm(iterable, **options)


class _Lines:
    """A stream for tqdm that turns every state of the bar into a line, and drops what would wipe the bar out."""

    def __init__(self, stream: TextIO):
        self.stream, self.encoding = stream, getattr(stream, "encoding", "utf-8")

    def write(self, text: str) -> None:
        if line := text.strip():
            self.stream.write(f"{line}\n")

    def flush(self) -> None:
        self.stream.flush()


def _several(unit: str) -> str:
    """ "batch" as it stands behind a number in a sentence, " batches"; nothing where the bar names no unit."""
    return f" {unit}{'es' if unit.endswith('ch') else 's' if unit.islower() else ''}" if unit else ""


def _seconds_between_lines() -> float:
    try:
        return max(float(os.environ.get(PROGRESS, 0)), 0.0)
    except ValueError:
        return 0.0
