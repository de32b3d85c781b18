"""The name of a run, made from what differs from the defaults."""

import hashlib
import re
from typing import Any

LONGEST_NAME = 80  # characters of a run name that is made


def made_name(values: dict[str, Any], prefix: str = "") -> str:
    """A legal name made from parameters, at most `LONGEST_NAME` long: "prefix_lr-0.0003_seed-1"; empty for nothing."""
    parts = ([prefix] if prefix else []) + [f"{name}-{short_value(value)}" for name, value in values.items()]
    name = re.sub(r"[^A-Za-z0-9._-]+", "-", "_".join(parts))
    if len(name) > LONGEST_NAME:
        digest = hashlib.sha256(name.encode()).hexdigest()[:8]
        changes = made_name(values) if prefix else ""
        room = LONGEST_NAME - len(changes) - 10
        # What a run differs in from the one it is named after is what its name is read for.
        name = f"{name[:room]}-{digest}_{changes}" if changes and room > 8 else f"{name[: LONGEST_NAME - 9]}-{digest}"
    return name


def short_value(value: object) -> str:
    """A value in a run name: a float with as few digits as tell it apart from every other."""
    short = f"{value:g}" if isinstance(value, float) else str(value)
    return repr(value) if isinstance(value, float) and float(short) != value else short
