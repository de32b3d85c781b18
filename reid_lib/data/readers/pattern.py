"""A pattern of paths, such as "{identity}/{encounter}_*", that says which part of a photograph's path names what."""

import re

from reid_lib.core.errors import CatalogueError
from reid_lib.core.names import DATE, ENCOUNTER, IDENTITY, ORIENTATION, SPECIES
from reid_lib.core.suggest import did_you_mean, find_near

FIELDS = (IDENTITY, ENCOUNTER, DATE, ORIENTATION, SPECIES)
EXAMPLE = '-p encounter "{identity}/{encounter}_*"'
SHOWN = 3
_FIELD = re.compile(r"\{([^{}]*)\}")


def match_paths(pattern: str, paths: list[str]) -> tuple[list[dict[str, str] | None], str]:
    """The fields that the pattern reads out of each path, None where it does not fit; and a note on how many it fits.

    A field in braces (`FIELDS`) and `*` stand for any letters but "/", `**` for any number of folders, `?` for one
    letter but "/", everything else for itself (capitals matter). A field takes as many letters as it can: of
    "2021_05_001.jpg" the pattern "{encounter}_*" takes "2021_05".

    Args:
        pattern: of the whole path below the data set's folder, the photograph's name with its ending included.
        paths: relative, with forward slashes.

    Raises:
        CatalogueError: the pattern cannot be read, names no encounter, or fits no path.

    Example:
        >>> match_paths("{identity}/{encounter}_*", ["Anna/7_1.jpg"])[0]
        [{'identity': 'Anna', 'encounter': '7'}]
    """
    expression = re.compile(compile_pattern(pattern), re.DOTALL)
    found = [expression.fullmatch(path) for path in paths]
    fitting = sum(match is not None for match in found)
    if paths and not fitting:
        raise CatalogueError(
            f"encounter {pattern!r} fits none of the {len(paths)} photographs, e.g. {', '.join(paths[:SHOWN])}: "
            f"expected a pattern of the whole path below the folder, as in {EXAMPLE}; * is any letters but /"
        )
    values = [match and {field: text.strip() for field, text in match.groupdict().items()} for match in found]
    note = f"encounter {pattern!r} fits {fitting} of {len(paths)} photographs"
    strays = [path for path, match in zip(paths, found, strict=True) if match is None]
    if strays:
        more = f" and {len(strays) - SHOWN} more" if len(strays) > SHOWN else ""
        note += f", and not {', '.join(strays[:SHOWN])}{more}: these have no encounter of their own"
    return values, note


def compile_pattern(pattern: str) -> str:
    """The regular expression of a pattern, with a named group for each field.

    Raises:
        CatalogueError: a field is unknown, is used twice or touches another one, a brace has no partner, or there is
            no {encounter}.
    """
    fields = _FIELD.findall(pattern)
    _check_fields(pattern, fields)
    expression, place = "", 0
    for found in _FIELD.finditer(pattern):
        expression += _literal(pattern[place : found.start()]) + f"(?P<{found[1]}>[^/]+)"
        place = found.end()
    return expression + _literal(pattern[place:])


def _check_fields(pattern: str, fields: list[str]) -> None:
    told = ", ".join(f"{{{field}}}" for field in FIELDS)
    for field in fields:
        if field not in FIELDS:
            guess = did_you_mean(find_near(field, FIELDS))
            raise CatalogueError(f"encounter {pattern!r}: {{{field}}} is none of {told}{guess}")
    twice = {field for field in fields if fields.count(field) > 1}
    if twice:
        raise CatalogueError(f"encounter {pattern!r}: {{{min(twice)}}} stands twice; name each once, * for the rest")
    if re.search(r"[{}]", _FIELD.sub("", pattern)):
        raise CatalogueError(f"encounter {pattern!r}: a brace without its other one; fields are {told}")
    if "}{" in pattern:
        raise CatalogueError(f"encounter {pattern!r}: between two fields something has to stand, such as _ or /")
    if ENCOUNTER not in fields:
        raise CatalogueError(f"encounter {pattern!r} names no {{encounter}}: expected a pattern as in {EXAMPLE}")


def _literal(text: str) -> str:
    wild = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}
    parts = re.split(r"(\*\*/|\*\*|\*|\?)", text.replace("\\", "/"))
    return "".join(wild.get(part, re.escape(part)) for part in parts)
