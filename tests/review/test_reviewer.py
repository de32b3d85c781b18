"""The simulated reviewer, and that asking in our order is worth more than in others."""

import numpy as np
import pytest
from deciding_cases import simulate

from reid_lib.core.errors import ParameterError
from reid_lib.review.decisions import DIFFERENT, SAME
from reid_lib.review.reviewer import SimulatedReviewer, measure_ari, simulate_review

TRUTH = {"a": "Ada", "b": "Ada", "c": "Bo"}


def test_it_is_right_as_often_as_asked_and_says_the_same_in_every_order():
    assert SimulatedReviewer(TRUTH, right=1).decide("b", "a") == SAME
    assert SimulatedReviewer(TRUTH, right=0).decide("a", "b") == DIFFERENT
    truth = {str(k): str(k % 7) for k in range(100)}
    pairs = [(str(i), str(j)) for i in range(100) for j in range(i)]
    one, other = (SimulatedReviewer(truth, right=0.95, seed=1) for _ in range(2))
    said = [one.decide(*pair) for pair in pairs]
    right = [(answer == SAME) == (truth[i] == truth[j]) for answer, (i, j) in zip(said, pairs, strict=True)]
    assert abs(np.mean(right) - 0.95) < 3 * np.sqrt(0.05 * 0.95 / len(pairs))
    assert said == [other.decide(j, i) for i, j in pairs[::-1]][::-1]
    again = [one.decide(*pair) for pair in pairs]
    assert np.mean([a != b for a, b in zip(said, again, strict=True)]) == pytest.approx(0.095, abs=0.02)
    with pytest.raises(ParameterError, match="between 0 and 1"):
        SimulatedReviewer(TRUTH, right=95)


def test_other_orders_are_what_they_say():
    photographs, pairs, truth = simulate(30, 6, seed=0)
    cluster = dict(zip(photographs["image_id"], photographs["cluster"], strict=True))
    for order in ("probability", "probability between clusters", "random"):
        states = list(simulate_review(photographs, pairs, SimulatedReviewer(truth, right=1), order=order, n_answers=20))
        asked = states[-1].pairs[states[-1]._joins.asked]
        rest = states[-1].pairs[~states[-1]._joins.asked]
        if "clusters" in order:
            assert (asked["image_id_1"].map(cluster) != asked["image_id_2"].map(cluster)).all()
            rest = rest[rest["image_id_1"].map(cluster) != rest["image_id_2"].map(cluster)]
        assert len(asked) == 20
        if order != "random":
            assert asked["probability"].min() >= rest["probability"].max()


@pytest.mark.parametrize("right", [1.0, 0.95])
def test_our_order_is_worth_more_than_others(right):
    """The mean ARI while 30 questions are answered, over two simulated data sets."""
    found = dict.fromkeys(("queue", "random", "probability", "probability between clusters"), 0.0)
    for seed in range(2):
        photographs, pairs, truth = simulate(50, 10, seed=seed, listed=0.5)
        for order in found:
            reviewer = SimulatedReviewer(truth, right=right, seed=seed)
            states = simulate_review(photographs, pairs, reviewer, order=order, n_answers=30, seed=seed)
            found[order] += np.mean([measure_ari(queue, truth) for k, queue in enumerate(states) if k % 5 == 0])
    ours = found.pop("queue")
    assert all(ours > other for other in found.values())
