"""Intervals with few individuals: what they equal, that they cover, that they never say more than the bootstrap."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from on_tables import summarise
from scipy.stats import beta
from stats_cases import answers, random_answers

from reid_lib.core.names import NEW_INDIVIDUAL
from reid_lib.openset import bounds, measures, summary
from reid_lib.openset.answers import Answers
from reid_lib.openset.measures import METRICS


def animals(n_known=0, n_unknown=0, *, right=(), images=2):
    """Known and unknown animals, each right or wrong with all of its images; `right`: which of them are right."""
    rows = []
    for i in range(n_known + n_unknown):
        known, is_right = i < n_known, i in right
        best = f"k{i}" if known and is_right else "other"
        score = 0.9 - 0.001 * i if known == is_right else 0.1 + 0.001 * i
        answer = best if known else (NEW_INDIVIDUAL if is_right else "other")
        rows += [("d", f"k{i}", known, best, score, answer)] * images
    return answers(*rows)


@pytest.mark.parametrize("n, right", [(2, 2), (2, 0), (5, 4), (12, 7), (40, 38)])
def test_animals_right_or_wrong_as_a_whole_get_clopper_and_pearsons_interval(n, right):
    found = summarise(animals(n_unknown=n, right=range(right)), repetitions=20_000)["overall"]["baus"]
    low = beta.ppf(0.025, right, n - right + 1) if right else 0
    high = beta.ppf(0.975, right + 1, n - right) if right < n else 1
    # Where the bootstrap reaches further (a count has steps), its end stands.
    assert found["low"] <= low + 0.015 and found["high"] >= high - 0.015
    assert found["low"] == pytest.approx(low, abs=0.03) and found["high"] == pytest.approx(high, abs=0.03)


def test_two_unknown_animals_called_new_prove_little():
    found = summarise(animals(30, 2, right=range(32)))["overall"]
    assert found["baus"]["value"] == 1 and found["baus"]["low"] < 0.2
    assert found["geometric_mean"]["low"] < 0.5 and found["baks"]["low"] > 0.85


@pytest.mark.parametrize("metric", ["baks", "geometric_mean", "top1", "auroc", "oscr"])
def test_all_right_and_all_wrong_have_intervals_of_some_width(metric):
    good, bad = (summarise(animals(4, 4, right=right))["overall"][metric] for right in (range(8), ()))
    assert good["high"] >= good["value"] > good["low"] + 0.3
    assert bad["low"] <= bad["value"] < bad["high"] - 0.3


def test_a_rate_that_is_better_low_is_widened_upwards_by_the_worst():
    found = summarise(animals(4, 4, right=range(8)))["overall"]["fpr_at_95_tpr"]
    assert found["value"] == found["low"] == 0 and found["high"] > 0.5


@given(st.integers(0, 10**6), st.integers(2, 30), st.sampled_from([0.1, 0.6, 1.0]))
def test_no_interval_is_narrower_than_the_bootstraps(seed, n_individuals, skill):
    predictions = random_answers(seed, n=4 * n_individuals, n_individuals=n_individuals, skill=skill)
    found = summarise(predictions, repetitions=40, seed=seed)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bounds, "MANY", 0)
        plain = summarise(predictions, repetitions=40, seed=seed)
    for part in ("overall", *found["datasets"]):
        now, before = (s["overall"] if part == "overall" else s["datasets"][part] for s in (found, plain))
        for metric in before:
            assert {k: v for k, v in now[metric].items() if k not in ("low", "high")} == pytest.approx(
                {k: v for k, v in before[metric].items() if k not in ("low", "high")}, nan_ok=True, abs=0
            )
            ends = [now[metric]["low"], before[metric]["low"], before[metric]["high"], now[metric]["high"]]
            assert np.isnan(ends).all() or np.array_equal(ends, sorted(ends)), metric


def test_with_plenty_of_individuals_nothing_changes(monkeypatch):
    predictions = random_answers(1, datasets=("d",), n=900, n_individuals=3 * bounds.MANY)
    found = summarise(predictions, repetitions=50)
    monkeypatch.setattr(summary, "_widened", lambda *arguments: {})
    np.testing.assert_equal(found, summarise(predictions, repetitions=50))


@pytest.mark.parametrize("best", [False, True])
def test_imaginary_individuals_make_every_metric_better_or_worse(best):
    """Drawn as often as everybody else, an imaginary individual moves a metric its way or not at all."""
    q = Answers.of(random_answers(3, datasets=("d",), n=60))
    more = bounds.with_imaginary(q, known=True, unknown=True, best=best)
    assert (more.score[1:] <= more.score[:-1]).all(), "the order that spares a copy"
    for name, metric in METRICS.items():
        if metric.needs in ("", "correct"):
            before, after = (float(np.ravel(metric.compute(measures.WeightedAnswers(x, None)))[0]) for x in (q, more))
            up = best != metric.lower_is_better
            assert np.isnan(before) or (after >= before if up else after <= before), name


def test_intervals_cover_the_truth_with_five_animals():
    """Each animal is called new as a whole with probability 0.9: the bootstrap covers that in two cases of five."""
    rng, covered, by_bootstrap = np.random.default_rng(0), [], []
    for seed in range(150):
        predictions = animals(n_unknown=5, right=np.flatnonzero(rng.random(5) < 0.9), images=1)
        q = Answers.of(predictions)
        found = summary.estimate_metrics(q, {"baus": METRICS["baus"]}, repetitions=200, seed=seed)["baus"]
        for ends, into in ((found.entry(), covered), (measures.find_interval(found.replicates), by_bootstrap)):
            low, high = ends if isinstance(ends, tuple) else (ends["low"], ends["high"])
            into.append(low <= 0.9 <= high)
    assert np.mean(covered) > 0.95 > 0.6 > np.mean(by_bootstrap)


def test_a_data_set_with_a_single_unknown_animal_widens_the_average(monkeypatch):
    both = answers(
        *[("a", f"u{i}", False, "x", 0.1, NEW_INDIVIDUAL if i % 2 else "x") for i in range(8)],
        ("b", "u", False, "x", 0.1, NEW_INDIVIDUAL),
    )
    found = summarise(both)["overall"]["baus"]
    monkeypatch.setattr(bounds, "MANY", 0)
    plain = summarise(both)["overall"]["baus"]
    assert plain["low"] > 0.55 and found["low"] < 0.45  # of the one in b nothing is known


def test_the_headline_says_when_there_are_too_few():
    said = summary.headline({"test": summarise(animals(30, 2, right=range(32)), repetitions=20)})
    assert "too few unknown ones (2) to tell runs apart, which takes 20" in said
    said = summary.headline({"test": summarise(animals(19, 19, right=range(32)), repetitions=20)})
    assert "too few known ones (19) and unknown ones (19)" in said
    assert "too few" not in summary.headline({"test": summarise(animals(20, 20, right=range(32)), repetitions=20)})
