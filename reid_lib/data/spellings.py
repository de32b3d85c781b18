"""Names that look alike to a person but differ for a computer (case, blanks, zero-width characters, Unicode form)."""

import unicodedata
from collections import defaultdict
from collections.abc import Iterable

# Invisible letters that Unicode does not count among its format characters (category Cf).
SHOWN = 5  # groups that a message names
_SHAPELESS = "\u034f\u115f\u1160\u17b4\u17b5\u3164\uffa0"


def is_blank(text: str) -> bool:
    """Does the text consist of blanks and zero-width characters alone?"""
    return all(letter.isspace() or _is_shapeless(letter) for letter in text)


def fold_spelling(name: str) -> str:
    """The name without differences that a reader does not see: case, blanks, zero-width characters, Unicode form.

    Example:
        >>> fold_spelling("Zo\\u0308e\\u200b 1") == fold_spelling("ZÖE1")
        True
    """
    text = unicodedata.normalize("NFKC", name)
    seen = "".join(letter for letter in text if not (letter.isspace() or _is_shapeless(letter)))
    return unicodedata.normalize("NFKC", seen.casefold())


def group_look_alikes(names: Iterable[str]) -> list[list[str]]:
    """Groups of two or more different names that look alike; each group is sorted, and so are the groups."""
    groups = defaultdict(set)
    for name in names:
        groups[fold_spelling(name)].add(name)
    return sorted(sorted(group) for group in groups.values() if len(group) > 1)


def describe_look_alikes(groups: list[list[str]]) -> str:
    """The groups in one phrase, hidden characters written out: "'Zoë' and 'zoë', 'a' and 'a\\u200b', and 3 more"."""
    shown = [" and ".join(_written_out(group)) for group in groups[:SHOWN]]
    more = [f"and {len(groups) - SHOWN} more"] if len(groups) > SHOWN else []
    return ", ".join(shown + more)


def _written_out(group: list[str]) -> list[str]:
    """The names in quotes; with escapes where two of them would look the same on the page."""
    shown = [repr(name) for name in group]
    same = len({unicodedata.normalize("NFC", text) for text in shown}) < len(group)
    return [ascii(name) for name in group] if same else shown


def _is_shapeless(letter: str) -> bool:
    return unicodedata.category(letter) == "Cf" or letter in _SHAPELESS
