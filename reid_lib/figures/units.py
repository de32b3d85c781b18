"""The unit of a score in words, the same on every axis and in every sentence."""

from reid_lib.core.names import COSINE

THRESHOLD = "threshold"
SIMILARITY = "similarity to the nearest known individual"


def in_unit(what: str, unit: str) -> str:
    """What is shown, with the unit of its numbers in brackets.

    Args:
        what: in words, e.g. `THRESHOLD`.
        unit: that of the run's scores, as its similarity has it and metrics.json keeps it ("cosine", "matches").

    Example:
        >>> in_unit(THRESHOLD, "cosine"), in_unit(SIMILARITY, "matches")
        ('threshold (cosine similarity)', 'similarity to the nearest known individual (matches)')
    """
    return f"{what} ({unit} similarity)" if unit == COSINE and "similarity" not in what else f"{what} ({unit})"
