"""What can be asked: photographs, pairs of them, and a question about one pair."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from reid_lib.core.errors import ReviewError
from reid_lib.core.logs import LOGGER
from reid_lib.core.messages import counted
from reid_lib.core.names import CLUSTER, DATASET, IMAGE_ID, PROBABILITY
from reid_lib.data.flanks import LEFT, RIGHT, find_flanks
from reid_lib.review.decisions import FIRST, SECOND

DOUBT = "doubt"
DOUBTS = CLUSTERS, ANSWER, LABEL = "cluster", "answer", "label"
LABEL_ERRORS = 0.05  # share of names that are wrong, as far as nobody knows better


@dataclass(frozen=True)
class Question:
    """A pair that is worth asking.

    Attributes:
        image_id_1, image_id_2: the lesser text first.
        dataset: of both photographs.
        probability: that both show one animal, in [0, 1].
        doubt: "cluster" (photographs without a name), "answer" (a new photograph and a candidate) or "label" (named
            photographs).
        expected_change: pairs of photographs that the answer is expected to bring together or to part.
        why: it is asked, in words.
    """

    image_id_1: str
    image_id_2: str
    dataset: str
    probability: float
    doubt: str
    expected_change: float
    why: str

    @property
    def pair(self) -> tuple[str, str]:
        return self.image_id_1, self.image_id_2


def pair_of(pair: Question | tuple[str, str]) -> tuple[str, str]:
    """Both image_ids of a question, or of a pair."""
    one, other = pair.pair if isinstance(pair, Question) else pair
    return str(one), str(other)


def check_pairs(photographs: pd.DataFrame, pairs: pd.DataFrame) -> pd.DataFrame:
    """Pairs as a review takes them, with `dataset`; index 0 ... p-1.

    Those of a left and a right flank are left out (`drop_other_flanks`).

    Raises:
        ReviewError: a pair is of unknown photographs or of two data sets, stands there twice, or has no probability.
    """
    pairs = pairs.reset_index(drop=True)
    ends = pairs[[FIRST, SECOND]].astype(str)
    dataset = pd.Series(photographs[DATASET].astype(str).to_numpy(), index=photographs[IMAGE_ID].astype(str))
    if not dataset.index.is_unique:
        raise ReviewError(f"photograph {dataset.index[dataset.index.duplicated()][0]!r} stands there twice")
    of = [ends[name].map(dataset) for name in (FIRST, SECOND)]
    wrong = {
        "is of a photograph that is not in this review": of[0].isna() | of[1].isna(),
        "is of one photograph": ends[FIRST] == ends[SECOND],
        "is of two data sets": of[0] != of[1],
        "stands there twice": pd.Series(
            pd.DataFrame(np.sort(ends.to_numpy(dtype=str), axis=1)).duplicated().to_numpy(), index=pairs.index
        ),
        "has no probability from 0 to 1": ~pairs[PROBABILITY].between(0, 1),
        f"has a doubt that is none of {', '.join(DOUBTS)}": ~pairs[DOUBT].isin(DOUBTS),
    }
    for what, rows in wrong.items():
        if rows.any():
            one = pairs[rows].iloc[0]
            raise ReviewError(f"pair {one[FIRST]!r}, {one[SECOND]!r} {what} ({int(rows.sum())} such pairs)")
    pairs = pairs.assign(**{FIRST: ends[FIRST], SECOND: ends[SECOND], DATASET: of[0]})
    return drop_other_flanks(photographs, pairs)


def drop_other_flanks(photographs: pd.DataFrame, pairs: pd.DataFrame) -> pd.DataFrame:
    """Pairs without those of a left and a right flank, which nobody can compare; how many is told. Index 0 ... p-1."""
    flank = pd.Series(code_flanks(photographs), index=photographs[IMAGE_ID].astype(str))
    one, other = (pairs[name].astype(str).map(flank) for name in (FIRST, SECOND))
    kept = pairs[(one == other) | (one * other == 0)].reset_index(drop=True)
    if n := len(pairs) - len(kept):
        LOGGER.warning(
            f"{counted(n, 'pair shows', 'pairs show')} a left and a right flank, and will not be asked about: they "
            "cannot be compared, so their probabilities say nothing"
        )
    return kept


def code_flanks(photographs: pd.DataFrame) -> np.ndarray:
    """(n,) int: 1 for a left flank, 2 for a right one, 0 for anything else."""
    flank = find_flanks(photographs)
    return np.select([flank == LEFT, flank == RIGHT], [1, 2], default=0)


def code_clusters(photographs: pd.DataFrame) -> np.ndarray:
    """(n,) int: a number for each present cluster of a data set; photographs without one are alone."""
    cluster = photographs[CLUSTER]
    code = (photographs[DATASET].astype(str) + "\0" + cluster.astype(str)).factorize()[0]
    alone = cluster.isna().to_numpy()
    code[alone] = code.max(initial=-1) + 1 + np.arange(alone.sum())
    return code
