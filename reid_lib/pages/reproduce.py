"""What makes a run again: its command line; and what it took."""

import math
import re
import shlex
from collections.abc import Mapping
from typing import Any

from reid_lib.core.messages import format_duration
from reid_lib.core.names import EVALUATE_NOTEBOOK, TRAIN_NOTEBOOK
from reid_lib.params.fields import EvaluateParams, kind_of

PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_./:+-]*")  # text that papermill's -p leaves as it is, but for these words:
READ_OTHERWISE = {"true", "false", "none", "null", "nan", "inf", "infinity"}


def describe_command(params: Mapping[str, Any]) -> str:
    """The command line of a run with these parameters: papermill's, with what differs from the defaults.

    Args:
        params: of the run, as params.json has them.

    Example:
        >>> describe_command({"num_epochs": 3, "lr": 1e-3, "run_name": "007"})
        'papermill notebooks/train.ipynb out.ipynb -p num_epochs 3 -r run_name 007'
    """
    kind = kind_of(params)
    notebook = EVALUATE_NOTEBOOK if kind is EvaluateParams else TRAIN_NOTEBOOK
    words = ["papermill", f"notebooks/{notebook}", "out.ipynb"]
    for name, value in params.items():
        field = kind.model_fields.get(name)
        if field is not None and value != field.default:
            words += ["-r" if _needs_quotes(value) else "-p", name, str(value)]
    return shlex.join(words)


def _needs_quotes(value: object) -> bool:
    """Would papermill's -p read this text as something else, a number or a switch?"""
    return isinstance(value, str) and (not PLAIN.fullmatch(value) or value.lower() in READ_OTHERWISE)


def describe_cost(status: Mapping[str, Any], *, now: float) -> dict[str, str]:
    """How long a run took from its start to its end, and the memory that it held at most, in words.

    Args:
        status: of status.json; a run that is about to end has no time of its end yet.
        now: seconds since the epoch, in place of that.
    """
    facts = {}
    if (took := _measure_time(status, now)) is not None:
        facts["took"] = format_duration(took, exact=True)
    if steps := _describe_steps(status):
        facts["of that"] = steps
    for name, what in (("memory at most", "peak_memory_bytes"), ("of the GPU", "peak_gpu_memory_bytes")):
        if isinstance(peak := status.get(what), int):
            facts[name] = f"{peak / 1e9:.1f} GB"
    return facts


def describe_time(status: Mapping[str, Any]) -> str:
    """How long the steps of an ended run took, and all from its start to its end; "" where status.json does not say it.

    Example:
        >>> describe_time({"started": 0.0, "ended": 90.0, "step_seconds": {"training": 61.2, "evaluation": 12.3}})
        'took: training 1 min 1 s, evaluation 12 s; from start to end 1 min 30 s'
    """
    took, steps = _measure_time(status, math.nan), _describe_steps(status)
    if took is None or math.isnan(took) or not steps:
        return ""
    return f"took: {steps}; from start to end {format_duration(took, exact=True)}"


def _measure_time(status: Mapping[str, Any], now: float) -> float | None:
    """Seconds from the start to the end, or to `now`; None where there is no start."""
    started = status.get("started")
    if not isinstance(started, int | float) or not math.isfinite(started):
        return None
    return (status.get("ended") or now) - started


def _describe_steps(status: Mapping[str, Any]) -> str:
    """The time of each step, those of less than a second left out."""
    steps = status.get("step_seconds")
    steps = steps.items() if isinstance(steps, Mapping) else ()
    return ", ".join(f"{name} {format_duration(seconds, exact=True)}" for name, seconds in steps if seconds >= 1)
