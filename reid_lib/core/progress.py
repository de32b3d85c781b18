"""The progress bar of long work: what it is, how far, how long it still takes. In a log it is a line now and then.

A bar draws over itself, which a log cannot: a job's log would hold thousands of them. papermill's engine tells the
kernel whose output is logged, and how often a line is wanted there. No widget: a saved notebook would show it as lost.
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
    """tqdm's bar as this library uses it: there after two seconds, gone when the work is done.

    Args:
        iterable, options: see tqdm; `unit` is the noun of one ("photograph"). Bytes (`unit_scale`) get a rate, too.
    """
    units = _several(options.get("unit", ""))
    bar = {} if options.get("unit_scale") else {"bar_format": BAR.format(units=units)}
    options = {"delay": 2, "mininterval": 0.5, "leave": False} | bar | options
    if every := _seconds_between_lines():
        line = LINE.format(units=units)
        options |= {"mininterval": every, "maxinterval": every, "bar_format": line, "file": _Lines(sys.stderr)}
    return tqdm(iterable, **options)


class _Lines:
    """A stream to which tqdm writes: every state a line of its own, and nothing to wipe it out."""

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
