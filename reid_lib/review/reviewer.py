"""A simulated reviewer, right in a given share of answers: what asking in one order is worth beside other orders.

Every order meets the same reviewer, whose first answer to a pair is the same whenever the pair is asked, and the same
effect of its answers.
"""

import zlib
from collections.abc import Iterator, Mapping
from typing import Literal

import numpy as np
import pandas as pd

from reid_lib.core.errors import ParameterError
from reid_lib.core.names import CLUSTER, DATASET, IMAGE_ID, PROBABILITY
from reid_lib.review.decisions import DIFFERENT, FIRST, SAME, SECOND
from reid_lib.review.queue import ReviewQueue

Order = Literal["queue", "random", "probability", "probability between clusters"]


class SimulatedReviewer:
    """Says *same* and *different* by the truth, and errs now and then.

    Args:
        truth: image_id -> animal.
        right: share of right answers, in [0, 1].
        seed: draws the errors; of a pair that is asked again they are drawn again.
    """

    def __init__(self, truth: Mapping[str, str], *, right: float, seed: int = 0):
        if not 0 <= right <= 1:
            raise ParameterError(f"a share of right answers lies between 0 and 1; got {right}")
        self.truth, self.right, self.seed = truth, right, seed
        self._asked: dict[tuple[str, str], int] = {}

    def decide(self, image_id_1: str, image_id_2: str) -> str:
        """The answer to a pair."""
        pair = tuple(sorted((image_id_1, image_id_2)))
        again = self._asked[pair] = self._asked.get(pair, 0) + 1
        drawn = np.random.default_rng([self.seed, again, *(zlib.crc32(name.encode()) for name in pair)]).random()
        return SAME if (self.truth[pair[0]] == self.truth[pair[1]]) == (drawn < self.right) else DIFFERENT


def simulate_review(
    photographs: pd.DataFrame,
    pairs: pd.DataFrame,
    reviewer: SimulatedReviewer,
    *,
    order: Order,
    n_answers: int,
    seed: int = 0,
) -> Iterator[ReviewQueue]:
    """Let a reviewer answer, one question after another. The queue knows how many of the answers are wrong.

    Args:
        photographs, pairs: as `ReviewQueue` takes them.
        reviewer: is asked.
        order: "queue": as a person is asked; "random": all pairs; "probability": all pairs by falling probability;
            "probability between clusters": by falling probability those whose photographs lie in two present clusters.
        n_answers: at most.
        seed: draws the random order.

    Yields:
        The queue before the first answer, and after each.
    """
    queue = ReviewQueue(photographs, pairs, error=max(1 - reviewer.right, 1e-3), asks=order == "queue")
    yield queue
    for pair in _ask(queue, order, n_answers, seed):
        queue.answer(pair, reviewer.decide(*pair))
        yield queue


def _ask(queue: ReviewQueue, order: Order, n: int, seed: int) -> Iterator[tuple[str, str]]:
    if order == "queue":
        for _ in range(n):
            if not (questions := queue.next()):
                return
            yield questions[0].pair
        return
    pairs = queue.pairs
    if order == "random":
        chosen = pairs.iloc[np.random.default_rng(seed).permutation(len(pairs))]
    else:
        if order != "probability":
            cluster = queue.photographs.set_index(IMAGE_ID)[CLUSTER]
            within = pairs[FIRST].map(cluster).to_numpy() == pairs[SECOND].map(cluster).to_numpy()
            pairs = pairs[~within]
        chosen = pairs.sort_values(PROBABILITY, ascending=False, kind="stable")
    yield from chosen[[FIRST, SECOND]].head(n).itertuples(index=False, name=None)


def measure_ari(queue: ReviewQueue, truth: Mapping[str, str]) -> float:
    """Adjusted Rand index of the groups of a queue against the truth, the mean over data sets."""
    from sklearn.metrics import adjusted_rand_score

    found = queue.photographs[[DATASET]].assign(group=queue.groups().to_numpy())
    found["truth"] = queue.photographs[IMAGE_ID].map(truth)
    parts = found[found["truth"].notna()].groupby(DATASET)
    return float(np.mean([adjusted_rand_score(part["truth"], part["group"]) for _, part in parts]))
