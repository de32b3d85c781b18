"""The matches of a run's queries with their best candidates, as a file: what is drawn needs no keypoints then."""

from pathlib import Path

import numpy as np

from reid_lib.core.arrays import read_arrays
from reid_lib.core.errors import RunError
from reid_lib.figures.match_lines import MatchedPair

WORDS = ("query", "candidate", "words", "verdict")
ARRAYS = ("ours", "theirs", "confidence", "inlier")


def save_matches(path: Path, pairs: list[MatchedPair]) -> None:
    """Write pairs, one for each query, to `path` (.npz, no pickle)."""
    first = np.cumsum([0, *(len(pair.confidence) for pair in pairs)])
    words = {name: np.array([getattr(pair, name) for pair in pairs], dtype=str) for name in WORDS}
    joined = {name: np.concatenate([getattr(pair, name) for pair in pairs]) if pairs else [] for name in ARRAYS}
    joined = {name: np.asarray(values, bool if name == "inlier" else np.float32) for name, values in joined.items()}
    with open(path, "wb") as file:
        np.savez_compressed(file, first=first, **words, **joined)


def load_matches(path: Path) -> dict[str, MatchedPair]:
    """Query -> its pair, as `save_matches` wrote it; none where there is no file.

    Raises:
        RunError: the file is damaged.
    """
    if not path.exists():
        return {}
    try:
        held = read_arrays(path, ("first", *WORDS, *ARRAYS))
    except (OSError, ValueError) as error:
        raise RunError(f"{path} cannot be read ({error}): evaluate its run again, or copy it again") from error
    pairs = {}
    for k, query in enumerate(held["query"].tolist()):
        part = slice(held["first"][k], held["first"][k + 1])
        pairs[query] = MatchedPair(*(str(held[name][k]) for name in WORDS), *(held[name][part] for name in ARRAYS))
    return pairs
