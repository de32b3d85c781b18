"""Did you mean: the known names nearest to one that was mistyped."""

import difflib
from collections.abc import Iterable


def find_near(name: str, known: Iterable[str], *, most: int = 1, least_alike: float = 0.6) -> list[str]:
    """The known names most alike to a mistyped one, best first; capitals do not matter.

    Args:
        name: as it was typed.
        known: the names that exist.
        most: how many to return at most.
        least_alike: share of matching letters, from 0 to 1, below which a name is not near (`difflib`'s ratio).
    """
    by_lower: dict[str, str] = {}
    for one in known:
        by_lower.setdefault(one.lower(), one)
    return [by_lower[match] for match in difflib.get_close_matches(name.lower(), by_lower, n=most, cutoff=least_alike)]


def did_you_mean(near: list[str], otherwise: str = "") -> str:
    """The end of a message: "; did you mean 'lr'?", or `otherwise` where `near` (from `find_near`) is empty."""
    return f"; did you mean {' or '.join(map(repr, near))}?" if near else otherwise
