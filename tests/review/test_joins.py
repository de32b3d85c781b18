"""What joins are worth: by hand, and kept up to date against looked at anew."""

import numpy as np
import pytest
from deciding_cases import simulate

from reid_lib.review.graph import Decided, log_odds
from reid_lib.review.grouping import Grouping
from reid_lib.review.joins import Joins


def join(cluster: list[int], pairs: dict[tuple[int, int], float]) -> Joins:
    ends = np.array(list(pairs), dtype=int).reshape(-1, 2)
    probability = np.array(list(pairs.values()))
    joins = Joins(Grouping(np.array(cluster), *ends.T, probability), np.asarray(log_odds(probability)))
    joins.update()
    return joins


def decide(joins: Joins, pair: tuple[int, int], same: bool) -> None:
    ends = np.stack([joins.grouping.first, joins.grouping.second], axis=1)
    joins.asked[(ends == pair).all(axis=1)] = True
    joins.update(joins.grouping.decide({pair: Decided(pair, same)})[0])


def odds(p: float) -> float:
    return p / (1 - p)


def test_a_join_is_worth_the_pairs_that_it_puts_right():
    joins = join([0, 0, 0, 1, 1], {(0, 1): 0.9, (1, 2): 0.7, (0, 2): 0.6, (3, 4): 0.99, (0, 3): 0.2, (2, 4): 0.4})
    lasting = 0.05**2
    across, inside = 0.6 / 6, 1 / (1 + np.sqrt(odds(0.7) * odds(0.65)))
    assert joins.chance == pytest.approx([0.1, inside, 0, 0.01, 0, across])
    assert joins.worth == pytest.approx(
        [0.1 - lasting, (inside - lasting) * 2, 0, 0.01 - lasting, 0, (across - lasting) * 6], abs=1e-9
    ), "less what two wrong answers in a row cost: one alone is asked again"
    assert joins.inside.tolist() == [True, True, False, True, False, False]
    assert sorted(joins.sides[1]) == [1, 2] and sorted(joins.sides[5]) == [2, 3]


def test_of_names_one_wrong_answer_counts_in_full():
    ends, p = np.array([(0, 1), (2, 3)]).T, np.array([0.3, 0.3])
    joins = Joins(Grouping(np.arange(4), *ends, p), np.asarray(log_odds(p)), named=np.array([True, False]))
    joins.update()
    assert joins.worth == pytest.approx([0.3 - 0.05, 0.3 - 0.05**2])


def test_photographs_that_are_typical_of_their_groups_ask():
    joins = join([0, 0, 0, 1], {(0, 1): 0.9, (0, 2): 0.1, (1, 2): 0.1, (0, 3): 0.5, (2, 3): 0.9})
    assert joins.worth[3] > 0 and joins.worth[4] == 0, "the third photograph may not belong to its group"


def test_an_answer_counts_against_the_pictures_and_the_next_pair_asks():
    joins = join([0, 0, 1, 1], {(0, 1): 0.9, (2, 3): 0.9, (0, 2): 0.9, (1, 3): 0.8, (0, 3): 0.7})
    decide(joins, (0, 2), False)
    prior = 2.4 / 4
    posterior = prior * 0.05 / (prior * 0.05 + (1 - prior) * 0.95)
    assert joins.chance[2] == 0 and joins.chance[3] == pytest.approx(posterior)
    assert joins.worth[3] == pytest.approx(4 * (posterior - 0.05**2)) and joins.n_answers[3] == 1
    decide(joins, (1, 3), False)
    assert not joins.worth[2:].any(), "two ways say that they are two animals"


def test_what_follows_from_decisions_is_not_asked():
    joins = join([0, 1, 2], {(0, 1): 0.5, (1, 2): 0.5, (0, 2): 0.5})
    decide(joins, (0, 1), True)
    decide(joins, (1, 2), True)
    assert joins.chance[2] < 0.1, "what is left is that one of both answers was wrong"
    decide(joins, (0, 2), True)
    assert not joins.worth.any()


def test_two_pairs_nobody_can_tell_settle_a_join():
    joins = join([0, 0, 1, 1], {(0, 1): 0.9, (2, 3): 0.9, (0, 2): 0.6, (1, 3): 0.5, (0, 3): 0.4})
    for k, pair in ((2, (0, 2)), (3, (1, 3))):
        assert joins.worth[k] > 0
        joins.asked[k] = True
        joins.unclear.add(pair)
        joins.update(np.arange(4))
    assert not joins.worth[2:].any()


@pytest.mark.parametrize("seed", range(4))
def test_kept_up_to_date_is_looked_at_anew(seed):
    photographs, pairs, truth = simulate(50, 10, seed=seed, listed=0.3)
    place = {name: k for k, name in enumerate(photographs["image_id"])}
    first, second = (pairs[f"image_id_{k}"].map(place).to_numpy() for k in (1, 2))
    probability = pairs["probability"].to_numpy()
    joins = Joins(
        Grouping(photographs["cluster"].factorize()[0], first, second, probability), np.asarray(log_odds(probability))
    )
    joins.update()
    rng = np.random.default_rng(seed)
    for _ in range(40):
        k = int(np.argmax(joins.worth))
        pair = int(first[k]), int(second[k])
        kind = rng.random()
        joins.asked[k] = True
        if kind < 0.1:
            joins.unclear.add(pair)
            joins.update(joins.grouping.decide({pair: None})[0])
        else:
            decide(joins, pair, bool((truth.iloc[pair[0]] == truth.iloc[pair[1]]) != (kind < 0.2)))
        if kind > 0.9 and joins.grouping.decided:
            back = list(joins.grouping.decided)[int(rng.integers(len(joins.grouping.decided)))]
            joins.asked[(first == back[0]) & (second == back[1])] = False
            joins.update(joins.grouping.decide({back: None})[0])
    anew = Joins(joins.grouping, joins.odds)
    anew.asked, anew.unclear = joins.asked, joins.unclear
    anew.update()
    for name in ("chance", "worth"):
        assert np.allclose(getattr(joins, name), getattr(anew, name))
    asking = joins.worth > 0
    assert (joins.sides[asking] == anew.sides[asking]).all() and (joins.inside[asking] == anew.inside[asking]).all()
    assert (joins.n_answers[asking] == anew.n_answers[asking]).all()
