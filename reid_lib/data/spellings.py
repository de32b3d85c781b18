"""Names that look alike to a person and differ for a computer (Unicode normalisation, case, spaces)."""

import unicodedata
from collections import defaultdict
from collections.abc import Iterable

# Letters without a shape that Unicode counts among others than its format characters (Cf).
_SHAPELESS = "\u034f\u115f\u1160\u17b4\u17b5\u3164\uffa0"


def is_blank(text: str) -> bool:
    """Has the text nothing to be seen: blanks and zero-width characters alone?"""
    return all(letter.isspace() or _is_shapeless(letter) for letter in text)


def fold_spelling(name: str) -> str:
    """The name without what the eye does not tell: case, blanks, zero-width characters, Unicode form.

    Example:
        >>> fold_spelling("Zo\\u0308e\\u200b 1") == fold_spelling("ZÖE1")
        True
    """
    text = unicodedata.normalize("NFKC", name)
    seen = "".join(letter for letter in text if not (letter.isspace() or _is_shapeless(letter)))
    return unicodedata.normalize("NFKC", seen.casefold())


def look_alikes(names: Iterable[str]) -> list[list[str]]:
    """Groups of two or more different names that read alike; each sorted, in the order of their first."""
    groups = defaultdict(set)
    for name in names:
        groups[fold_spelling(name)].add(name)
    return sorted(sorted(group) for group in groups.values() if len(group) > 1)


def describe_look_alikes(groups: list[list[str]], *, most: int = 5) -> str:
    """The groups in one phrase, hidden characters written out: "'Zoë' and 'zoë', 'a' and 'a\\u200b', and 3 more"."""
    shown = [" and ".join(_written_out(group)) for group in groups[:most]]
    more = [f"and {len(groups) - most} more"] if len(groups) > most else []
    return ", ".join(shown + more)


def _written_out(group: list[str]) -> list[str]:
    """With escapes where two would look the same on the page."""
    shown = [repr(name) for name in group]
    same = len({unicodedata.normalize("NFC", text) for text in shown}) < len(group)
    return [ascii(name) for name in group] if same else shown


def _is_shapeless(letter: str) -> bool:
    return unicodedata.category(letter) == "Cf" or letter in _SHAPELESS
