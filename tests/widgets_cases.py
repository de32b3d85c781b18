"""The photographs of the runs that views show, and the words in their HTML."""

import re

from made_runs import catalogue

ROWS = catalogue(n_known=8, n_unknown=6, images=2)


def words(html: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html))
