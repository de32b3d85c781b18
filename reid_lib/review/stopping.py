"""When to stop: how likely it is that any of the next answers changes something.

Crall's criterion (2017), as Wildbook uses it: a moving average over the answers given, exponentially weighted, of
whether each changed something. It begins at 1, so about 72 fruitless answers in a row end a review.
"""

from collections.abc import Sequence

PATIENCE = 72  # answers ahead that are looked at
WINDOW = 20  # answers that the moving average spans
ENOUGH_DOUBT = 0.05


def chance_of_change(changed: Sequence[bool], n_left: int) -> float:
    """How likely one or more of the next answers changes something, in [0, 1].

    Args:
        changed: of each answer given, in order, whether it did.
        n_left: questions that are left; no more than `PATIENCE` of them count.
    """
    rate, weight = 1.0, 2 / (WINDOW + 1)
    for one in changed:
        rate += weight * (one - rate)
    return 1 - (1 - rate) ** min(PATIENCE, n_left)
