"""The one fit of a threshold: against trying every score, and in all the places that use it."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from on_tables import at, fit, fit_threshold, oracle
from threshold_cases import drawn_answers, loop

from reid_lib.core.names import KNOWN, NEW_INDIVIDUAL, PREDICTED, ROLE, SCORE, TEST, VAL
from reid_lib.openset.answers import Answers
from reid_lib.openset.fitting import WeightedQueries
from reid_lib.openset.threshold import decide

few = st.sampled_from([None, 0.1, 0.25, 0.3, np.nextafter(0.3, 1), 0.5, 0.75])  # many ties, neighbours in float64
queries = st.lists(st.tuples(st.integers(0, 6), st.booleans(), few), min_size=1, max_size=25)


def drawn_up(rows, role) -> pd.DataFrame:
    """Individuals 0 to 3 are known; `right`: the best individual is the right one."""
    made = [(f"x{who}", who < 4, f"x{who}" if who < 4 and right else "y", score) for who, right, score in rows]
    return drawn_answers([(w, k, b, np.nan if s is None else s) for w, k, b, s in made], role)


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
