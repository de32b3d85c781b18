"""The name of a run, made from what differs from the defaults: "folder-my-photos_resnet50_lr-3e-4_seed-1"."""

import hashlib
import re
from typing import Any

LONGEST_NAME = 48  # characters of a run name that is made: a list of runs fits beside its metrics
LONGEST_SPELLED = 80  # of one that spells every parameter
LAST = 12  # characters of a last part that is kept: "seed-12345"
DIGITS = 6  # hexadecimal, of the digest that stands for what was cut
DATA = ("dataset", "data_root")
BARE = frozenset({"backbone", "loss"})  # their values tell what they are
CALLED = {
    "run": "of",
    "num_epochs": "epochs",
    "image_size": "size",
    "embedding_dim": "dim",
    "batch_size": "batch",
    "weight_decay": "wd",
}


def short_name(values: dict[str, Any], prefix: str = "", *, longest: int = LONGEST_NAME) -> str:
    """A legal name made from parameters: the data set, then what differs; empty for nothing.

    A longer one keeps its first whole parts, the last (seeds stand there) and a digest of all: two sets of parameters
    are two names. After a prefix that is another run's name, the prefix is cut: in what a run differs is what its
    name is read for.

    Args:
        values: parameters that are not at their default, in their order.
        prefix: what the name begins with.
        longest: characters.

    Example:
        >>> short_name({"dataset": "demo:small", "num_epochs": 1, "lr": 3e-4, "flip": True})
        'demo-small_epochs-1_lr-3e-4_flip'
    """
    parts = [_legal(part) for part in _say_data(values) + [_say(n, v) for n, v in values.items() if n not in DATA]]
    name = "_".join([_legal(prefix), *parts] if prefix else parts)
    if len(name) <= longest:
        return name
    digest = hashlib.sha256(spelled_name(values, prefix, longest=None).encode()).hexdigest()[:DIGITS]
    changes = "_".join(parts)
    room = longest - DIGITS - 1
    if prefix and len(changes) + 9 <= room:
        return f"{_legal(prefix)[: room - len(changes) - 1]}-{digest}_{changes}"
    end = f"{parts[-1]}_{digest}" if len(parts) > 1 and len(parts[-1]) <= LAST else digest
    return f"{_whole_parts(name, longest - len(end) - 1)}_{end}"


def spelled_name(values: dict[str, Any], prefix: str = "", *, longest: int | None = LONGEST_SPELLED) -> str:
    """A legal name that spells every parameter, "prefix_lr-0.0003_seed-1": what runs were called before, and how
    folders of answers are called. `longest` None: however long."""
    parts = ([prefix] if prefix else []) + [f"{name}-{short_value(value)}" for name, value in values.items()]
    name = _legal("_".join(parts))
    if longest is not None and len(name) > longest:
        digest = hashlib.sha256(name.encode()).hexdigest()[:8]
        changes = spelled_name(values, longest=longest) if prefix else ""
        room = longest - len(changes) - 10
        name = f"{name[:room]}-{digest}_{changes}" if changes and room > 8 else f"{name[: longest - 9]}-{digest}"
    return name


def short_value(value: object) -> str:
    """A value in words: a float with as few digits as tell it apart from every other."""
    short = f"{value:g}" if isinstance(value, float) else str(value)
    return repr(value) if isinstance(value, float) and float(short) != value else short


def say_number(value: float) -> str:
    """A number in as few letters as tell it apart from every other: "3e-4", "0.05"."""
    plain = short_value(value)
    digits, _, exponent = f"{value:e}".partition("e")
    short = f"{digits.rstrip('0').rstrip('.')}e{int(exponent)}"
    if float(short) != value or "e" in plain:
        return plain.replace("e-0", "e-").replace("e+0", "e").replace("e+", "e")
    return short if len(short) < len(plain) else plain


def _say_data(values: dict[str, Any]) -> list[str]:
    """ "folder-my-photos": how they are read, and the last folder of where they lie, once where both say the same."""
    words = list(dict.fromkeys(str(values[name]) for name in DATA if values.get(name)))
    return [_bare("data", "-".join(words))] if words else []


def _say(name: str, value: Any) -> str:
    words = CALLED.get(name, name.replace("_", "-"))
    if isinstance(value, bool):
        return words if value else f"no-{words}"
    if name in BARE:
        return _bare(words, str(value))
    return f"{words}-{say_number(value) if isinstance(value, float) else value}"


def _bare(words: str, value: str) -> str:
    """A value without saying of what, where a name can begin with it."""
    return value if re.match("[A-Za-z0-9]", value) else f"{words}-{value}"


def _whole_parts(name: str, room: int) -> str:
    """As many of the first parts as there is room for; of a single long one its beginning."""
    return name[: room + 1].rpartition("_")[0] or name[:room]


def _legal(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9._-]+", "-", text)
