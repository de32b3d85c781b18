"""The one fit of a threshold: against trying every score, and in all the places that use it."""

import io
import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from on_tables import at, fit, fit_threshold, oracle
from threshold_cases import drawn_answers, loop

from reid_lib.core.names import (
    DATASET,
    IDENTITY,
    IMAGE_ID,
    KNOWN,
    NEW_INDIVIDUAL,
    PREDICTED,
    ROLE,
    SCORE,
    TEST,
    VAL,
    ranked_column,
)
from reid_lib.openset.answers import Answers
from reid_lib.openset.fitting import WeightedQueries
from reid_lib.openset.threshold import decide

few = st.sampled_from([None, 0.1, 0.25, 0.3, np.nextafter(0.3, 1), 0.5, 0.75])  # many ties, neighbours in float64
queries = st.lists(st.tuples(st.integers(0, 6), st.booleans(), few), min_size=1, max_size=25)


def drawn_up(rows, role) -> pd.DataFrame:
    """Individuals 0 to 3 are known; `right`: the best individual is the right one."""
    made = [(f"x{who}", who < 4, f"x{who}" if who < 4 and right else "y", score) for who, right, score in rows]
    return drawn_answers([(w, k, b, np.nan if s is None else s) for w, k, b, s in made], role)


def frame(*rows) -> pd.DataFrame:
    """Predictions from (identity, known, best identity, score)."""
    made = pd.DataFrame(rows, columns=[IDENTITY, KNOWN, ranked_column(IDENTITY, 1), SCORE])
    made[KNOWN] = made[KNOWN].astype("boolean")
    return made.assign(**{IMAGE_ID: [f"i{k}" for k in range(len(made))], DATASET: "d"})


SOLVED = frame(("x", True, "x", 0.9), ("x", True, "y", 0.8), ("y", True, "y", 0.5), ("u", False, "x", 0.6))


def test_a_threshold_solved_by_hand():
    # From 0.7 on: x named rightly once of two, y refused, u refused.
    found = at(fit(SOLVED), 0.7)
    assert found["baks"] == pytest.approx((1 / 2 + 0) / 2) and found["baus"] == 1
    assert found["geometric_mean"] == pytest.approx(math.sqrt(0.25))
    assert [found[k] for k in ("named rightly", "named wrongly", "known refused")] == [1, 1, 1]
    assert [found[k] for k in ("unknown refused", "unknown accepted")] == [1, 0]


def test_a_query_exactly_at_the_threshold_is_named():
    found = fit(SOLVED)
    assert at(found, 0.5)["known refused"] == 0 and at(found, np.nextafter(0.5, 1))["known refused"] == 1
    assert at(found, 0.6)["unknown accepted"] == 1


def test_no_threshold_names_everybody_and_an_infinite_one_nobody():
    found = fit(SOLVED)
    assert at(found, None)["unknown accepted"] == 1 and at(found, None)["known refused"] == 0
    assert at(found, np.inf)["known refused"] == 3 and at(found, np.inf)["baus"] == 1


def test_the_best_threshold_gives_the_best_of_all():
    found = fit(SOLVED)
    tried = [at(found, t)["geometric_mean"] for t in (None, 0.55, 0.7, 0.85, np.inf)]
    assert at(found, found.best)["geometric_mean"] == max(tried)
    assert fit(SOLVED[SOLVED[KNOWN]]).best is None


def test_predictions_of_unlabelled_queries_take_part_in_no_threshold():
    unlabelled = SOLVED.assign(**{KNOWN: pd.array([True, True, True, None], dtype="boolean")})
    found = fit(unlabelled)
    assert found.answers.known.all() and np.isnan(at(found, 0.7)["baus"])
    assert len(found.answers) == 3


@given(queries)
def test_no_score_gives_more_than_the_fitted_threshold(rows):
    frame = drawn_up(rows, VAL)
    found = fit_threshold(frame, min_individuals=1)
    if found.values["d"] is None:
        assert frame[KNOWN].nunique() < 2
        return
    tried = [*frame[SCORE].dropna().unique(), np.inf, -np.inf]
    best = max(np.sqrt(np.prod(loop(frame, at))) for at in tried)
    assert np.sqrt(np.prod(loop(frame, found.values["d"]))) == pytest.approx(best, abs=1e-9)


@given(queries, st.randoms(use_true_random=False))
def test_fitted_on_val_in_hindsight_by_the_slider_and_refitted_it_is_one_threshold(rows, random):
    frame = drawn_up(rows, VAL)
    fitted = fit_threshold(frame, min_individuals=1)
    order = list(range(len(frame)))
    random.shuffle(order)
    shuffled = frame.iloc[order].assign(**{ROLE: TEST})
    hindsight = oracle(shuffled)["values"]["d"]
    assert hindsight == (None if fitted.at_edge["d"] else fitted.values["d"])
    assert fit(shuffled).best == fitted.values["d"]
    some = Answers.of(shuffled)
    refitted = WeightedQueries.of(some).best_threshold(np.ones((2, some.individual.max() + 1)))
    assert refitted.tolist() == [-np.inf if fitted.values["d"] is None else fitted.values["d"]] * 2
    decided = decide(frame, fitted)
    limit = -np.inf if fitted.values["d"] is None else fitted.values["d"]
    assert ((decided != NEW_INDIVIDUAL) == (frame[SCORE] >= limit)).all() and decided.name == PREDICTED


def test_without_queries_there_is_no_threshold():
    found = fit(drawn_answers([]))
    assert found.best is None and np.isnan(at(found, 0.5)["baks"]) and at(found, None)["known refused"] == 0


def simulated(seed: int, role=TEST) -> pd.DataFrame:
    """Scores with ties, or without; some queries without a score; unequal numbers of queries; a few unlabelled."""
    rng = np.random.default_rng(seed)
    n, n_individuals = int(rng.integers(8, 90)), int(rng.integers(2, 25))
    if seed % 4 == 0:  # so few that the best is at an edge now and then
        n, n_individuals = int(rng.integers(4, 9)), 4
    who = rng.integers(0, n_individuals, n)
    known = who < rng.uniform(0.2, 0.9) * n_individuals
    best = np.where(known & (rng.random(n) < rng.uniform(0.1, 0.9)), who, who + 1)
    score = rng.normal(np.where(known, 0.55, 0.45), 0.15).round(int(rng.integers(1, 17)))
    score[rng.random(n) < rng.choice([0, 0.1, 0.3])] = np.nan
    label = np.where(rng.random(n) < 0.05, None, known)
    return drawn_answers(zip(who.astype(str), label, best.astype(str), score, strict=True), role)


@pytest.mark.parametrize("part", range(3))
def test_the_sliders_oracle_is_that_of_metrics_json_in_300_simulated_runs(part):
    ties = missing = edges = 0
    for seed in range(100 * part, 100 * part + 100):
        predictions = simulated(seed)
        stored = oracle(predictions)["datasets"].get("d")
        read = pd.read_csv(io.StringIO(predictions.to_csv(index=False)))  # the slider reads predictions.csv
        slider = fit(read.sample(frac=1, random_state=seed))
        if stored is None or slider.best is None:
            assert slider.best is None and (stored is None or stored["threshold"] is None)
            continue
        found = at(slider, slider.best)
        assert stored["threshold"] == (None if slider.edge else slider.best), seed
        assert {rate: found[rate] for rate in ("baks", "baus", "geometric_mean")} == pytest.approx(
            {rate: stored[rate] for rate in ("baks", "baus", "geometric_mean")}, abs=1e-15
        ), seed
        ties += read[SCORE].dropna().duplicated().any()
        missing += read[SCORE].isna().any()
        edges += bool(slider.edge)
    assert min(ties, missing, edges) >= 5  # the cases were there


@pytest.mark.parametrize("seed", range(40))
def test_at_any_threshold_the_slider_gives_what_the_decisions_give(seed):
    rows = simulated(seed)
    slider = fit(rows)
    labelled = rows[rows[KNOWN].notna()]
    known = labelled[KNOWN].astype(bool).to_numpy()
    for limit in [None, -np.inf, np.inf, *rows[SCORE].dropna().unique()[:6], *np.linspace(-0.2, 1.2, 5)]:
        found = at(slider, limit)
        limit = -np.inf if limit is None else limit
        np.testing.assert_allclose([found["baks"], found["baus"]], loop(rows, limit), atol=1e-12)
        accepted = (labelled[SCORE] >= limit).to_numpy()
        assert found["known refused"] == (known & ~accepted).sum()
        assert found["unknown accepted"] == (~known & accepted).sum()
        assert found["unknown refused"] == (~known & ~accepted).sum()
        counted = ("named rightly", "named wrongly", "known refused", "unknown refused", "unknown accepted")
        assert sum(found[name] for name in counted) == len(labelled)  # none is dropped for want of a score


def test_queries_without_a_score_count_with_their_individual():
    # a: one of its two queries has no score, and is called new whatever the threshold; u: likewise.
    rows = drawn_answers(
        [("a", True, "a", 0.9), ("a", True, None, np.nan), ("u", False, "a", 0.5), ("u", False, None, np.nan)]
    )
    found = at(fit(rows), None)
    assert (found["baks"], found["baus"]) == (0.5, 0.5)
    assert (found["known refused"], found["unknown refused"], found["unknown accepted"]) == (1, 1, 1)
    best = fit(rows)
    assert best.best == pytest.approx(0.7) and at(best, best.best)["baus"] == 1


def test_the_oracles_rates_are_those_of_its_threshold():
    # Above 0.7: 1/2 and 1; above 0.2: 1 and 1/2. Equally good; the second stands in the wider gap and is the threshold.
    rows = [("a", True, "a", 0.9), ("u", False, "a", 0.7), ("b", True, "b", 0.6), ("v", False, "b", 0.2)]
    found = oracle(drawn_answers(rows))["datasets"]["d"]
    assert found["threshold"] == pytest.approx(0.4) and (found["baks"], found["baus"]) == (1, 0.5)
    lower = [("a", True, "a", 0.9), ("u", False, "a", 0.5), ("b", True, "b", 0.45), ("v", False, "b", 0.4)]
    found = oracle(drawn_answers(lower))["datasets"]["d"]
    assert found["threshold"] == pytest.approx(0.7) and (found["baks"], found["baus"]) == (0.5, 1)
