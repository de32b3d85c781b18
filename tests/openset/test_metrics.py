"""Metrics against hand-solved cases, slow loops, scikit-learn and wildlife-datasets."""

import numpy as np
import pandas as pd
import pytest
from on_arrays import auroc, detection_identification_rate, fpr_at_95_tpr, oscr
from sklearn.metrics import roc_auc_score, roc_curve

from reid_lib.openset import metrics

NEW = "new_individual"


class Random:
    """A random open-set result: 12 individuals, 7 of them known, unequal numbers of queries, many tied scores."""

    def __init__(self, seed, *, n=80):
        rng = np.random.default_rng(seed)
        names = np.array([f"animal {i}" for i in range(12)])
        which = np.concatenate([np.arange(12), rng.integers(0, 12, n - 12)])
        self.individual, self.known = names[which], which < 7
        self.best = np.where(rng.random(n) < 0.6, which, rng.integers(0, 7, n))  # what the search would name
        self.score = np.round(rng.normal(size=n) + self.known, 1)
        self.named = self.known & (self.best == which)
        self.answer = np.where(self.score >= 0.5, names[self.best], NEW)
        truth = np.where(self.known, self.individual, NEW)
        self.correct = self.answer == truth
        self.rank = np.where(self.known, np.where(self.named, 1, rng.integers(2, 8, n)), np.nan)
        self.average_precision = np.where(self.known, rng.random(n), np.nan)
        self.dataset = np.where(which % 3 == 0, "a", np.where(which % 3 == 1, "b", "c"))


ALL = {
    "baks": lambda r, w: metrics.baks(r.correct, r.known, r.individual, weights=w),
    "baus": lambda r, w: metrics.baus(r.correct, r.known, r.individual, weights=w),
    "geometric_mean": lambda r, w: metrics.geometric_mean(r.correct, r.known, r.individual, weights=w),
    "animalclef": lambda r, w: metrics.animalclef2025_score(r.correct, r.known, r.individual, r.dataset, weights=w),
    "top1": lambda r, w: metrics.share(r.rank <= 1, r.known, weights=w),
    "top5": lambda r, w: metrics.share(r.rank <= 5, r.known, weights=w),
    "top1_individual": lambda r, w: metrics.top1_individual(r.rank, r.known, r.individual, weights=w),
    "map": lambda r, w: metrics.mean_average_precision(r.average_precision, r.known, weights=w),
    "auroc": lambda r, w: auroc(r.score, r.known, weights=w),
    "fpr95": lambda r, w: fpr_at_95_tpr(r.score, r.known, weights=w),
    "oscr": lambda r, w: oscr(r.score, r.named, r.known, weights=w),
    "dir10": lambda r, w: detection_identification_rate(
        r.score, r.named, r.known, false_alarm_rate=0.1, min_unknown=1, weights=w
    ),
    "area": lambda r, w: metrics.baks_baus_area(r.score, r.named, r.known, r.individual, weights=w),
}
BY_INDIVIDUAL = {"baks", "baus", "geometric_mean", "animalclef", "top1_individual", "area"}
NEEDS_UNKNOWN = {"baus", "geometric_mean", "auroc", "fpr95", "oscr", "dir10", "area"}


def pairs(result, *, weight_known, weight_unknown, hit):
    """Chance that a hit scores above an unknown query, ties half, by going through all pairs."""
    total = above = 0.0
    for i in np.flatnonzero(result.known):
        for j in np.flatnonzero(~result.known):
            weight = weight_known[i] * weight_unknown[j]
            total += weight
            above += (
                weight * hit[i] * ((result.score[i] > result.score[j]) + 0.5 * (result.score[i] == result.score[j]))
            )
    return above / total


def shares(individual):
    counts = pd.Series(individual).value_counts()
    return (1 / counts[individual]).to_numpy()


@pytest.mark.parametrize("seed", range(5))
def test_baks_and_baus_agree_with_wildlife_datasets(seed):
    wildlife = pytest.importorskip("wildlife_datasets.metrics")
    r = Random(seed)
    unknown = list(np.unique(r.individual[~r.known]))
    truth, answer = list(r.individual), list(r.answer)
    assert metrics.baks(r.correct, r.known, r.individual) == pytest.approx(wildlife.BAKS(truth, answer, unknown))
    assert metrics.baus(r.correct, r.known, r.individual) == pytest.approx(wildlife.BAUS(truth, answer, unknown, NEW))


@pytest.mark.parametrize("seed", range(5))
def test_animalclef2025_score_agrees_with_the_scorers_steps(seed):
    wildlife = pytest.importorskip("wildlife_datasets.metrics")
    r = Random(seed)
    r.dataset = np.where(np.isin(r.individual, ["animal 0", "animal 1"]), "without unknowns", r.dataset)
    unknown, parts = list(np.unique(r.individual[~r.known])), []
    for name in np.unique(r.dataset):
        own = r.dataset == name
        known = wildlife.BAKS(list(r.individual[own]), list(r.answer[own]), unknown)
        new = wildlife.BAUS(list(r.individual[own]), list(r.answer[own]), unknown, NEW)
        parts.append(np.sqrt(np.nan_to_num(known) * np.nan_to_num(new)))
    assert parts[-1] == 0
    score = metrics.animalclef2025_score(r.correct, r.known, r.individual, r.dataset)
    assert score == pytest.approx(np.mean(parts))


def test_rates_are_averaged_over_individuals_not_images():
    # "often": 1 of 8 right, "seldom": 1 of 1: by individual (1/8 + 1) / 2, by image 2/9.
    correct = [True] + 7 * [False] + [True]
    individual, known = 8 * ["often"] + ["seldom"], 9 * [True]
    assert metrics.baks(correct, known, individual) == 9 / 16
    assert metrics.baus(correct, np.logical_not(known), individual) == 9 / 16
    assert metrics.top1_individual(np.where(correct, 1, 3), known, individual) == 9 / 16
    assert metrics.share(correct, known) == pytest.approx(2 / 9)


@pytest.mark.parametrize("seed", range(5))
def test_auroc_and_fpr_agree_with_scikit_learn_with_ties_and_weights(seed):
    r = Random(seed)
    weights = np.random.default_rng(seed).integers(0, 4, len(r.known)).astype(float)
    for w in (None, weights):
        assert auroc(r.score, r.known, weights=w) == pytest.approx(roc_auc_score(r.known, r.score, sample_weight=w))
        fpr, tpr, _ = roc_curve(r.known, r.score, sample_weight=w, drop_intermediate=False)
        assert fpr_at_95_tpr(r.score, r.known, weights=w) == pytest.approx(fpr[tpr >= 0.95 - 1e-12][0])


def test_fpr_at_exactly_95_percent_accepted():
    # 20 known at 20 ... 1; accepting 19 of them means score >= 2, where 3 of 4 unknown queries are accepted too.
    score = [*range(20, 0, -1), 2.5, 2.0, 19, 1.5]
    assert fpr_at_95_tpr(score, 20 * [True] + 4 * [False]) == 3 / 4


@pytest.mark.parametrize("seed", range(3))
def test_oscr_and_area_agree_with_all_pairs(seed):
    r = Random(seed)
    one, share = np.ones(len(r.known)), shares(r.individual)
    expected = pairs(r, weight_known=one, weight_unknown=one, hit=r.named)
    assert oscr(r.score, r.named, r.known) == pytest.approx(expected)
    expected = pairs(r, weight_known=share, weight_unknown=share, hit=r.named)
    assert metrics.baks_baus_area(r.score, r.named, r.known, r.individual) == pytest.approx(expected)


def test_oscr_is_the_auroc_when_every_known_query_is_named_rightly():
    r = Random(0)
    assert oscr(r.score, r.known, r.known) == pytest.approx(auroc(r.score, r.known))


def test_oscr_and_area_solved_by_hand():
    # From the top: right, unknown u, wrong, right, unknown v. CCR against FPR: 1/3 up to 1/2, then 2/3 up to 1.
    score, known = [5, 4, 3, 2, 1], [True, False, True, True, False]
    named = [True, False, False, True, False]
    assert oscr(score, named, known) == pytest.approx((1 / 3 + 2 / 3) / 2)
    # The two right queries are one animal's, the wrong one another's: BAKS 1/4, then 1/2.
    individual = ["a", "u", "b", "a", "v"]
    assert metrics.baks_baus_area(score, named, known, individual) == pytest.approx((1 / 4 + 1 / 2) / 2)


def test_area_is_the_integral_of_the_curve():
    r = Random(1)
    _, best, new = metrics.baks_baus_curve(r.score, r.named, r.known, r.individual)
    area = np.sum(np.diff(new) * (best[1:] + best[:-1]) / 2)
    assert metrics.baks_baus_area(r.score, r.named, r.known, r.individual) == pytest.approx(area)


@pytest.mark.parametrize("rate", [0.0, 0.01, 0.1, 0.5, 1.0])
def test_detection_identification_rate_agrees_with_trying_every_threshold(rate):
    r = Random(2, n=400)
    allowed = [
        np.mean(r.named[r.known] & (r.score[r.known] >= t))
        for t in [*np.unique(r.score), np.inf]
        if np.mean(r.score[~r.known] >= t) <= rate
    ]
    value = detection_identification_rate(r.score, r.named, r.known, false_alarm_rate=rate)
    assert (~r.known).sum() >= 100 and value == pytest.approx(max(allowed))


def test_one_false_alarm_in_a_hundred_is_one_percent():
    # 100 unknown at 100 ... 1; one may be accepted, so the threshold lies just above the second, at 99.
    score = np.concatenate([np.arange(100, 0, -1), [99.5, 99.0, 100.5, 100.2]])
    known = np.arange(104) >= 100
    named = known & (score != 100.2)
    assert detection_identification_rate(score, named, known, false_alarm_rate=0.01) == 2 / 4


def test_detection_identification_rate_is_undefined_under_100_unknown_queries():
    for n, defined in ((99, False), (100, True)):
        score, known = np.arange(n + 1.0), np.arange(n + 1) == n
        value = detection_identification_rate(score, known, known, false_alarm_rate=0.1)
        assert np.isfinite(value) == defined


@pytest.mark.parametrize("name", ALL)
def test_weights_mean_repeated_queries(name):
    r = Random(3)
    times = np.random.default_rng(3).integers(0, 3, len(r.known))
    if name in BY_INDIVIDUAL:  # an individual is drawn as a whole, and each time as another animal
        drawn = {key: np.random.default_rng(i).integers(0, 3) for i, key in enumerate(np.unique(r.individual))}
        times = np.array([drawn[key] for key in r.individual])
    again, copy = np.repeat(np.arange(len(times)), times), Random(3)
    for attribute, values in vars(r).items():
        setattr(copy, attribute, values[again])
    number = np.concatenate([np.arange(t) for t in times])
    copy.individual = np.array([f"{key} {k}" for key, k in zip(copy.individual, number, strict=True)])
    assert ALL[name](r, times) == pytest.approx(ALL[name](copy, None))


@pytest.mark.parametrize("name", ALL)
def test_many_weights_at_once_are_many_calls(name):
    r = Random(4)
    weights = np.random.default_rng(4).integers(0, 3, (6, len(r.known))).astype(float)
    together = ALL[name](r, weights)
    assert together.shape == (6,)
    np.testing.assert_allclose(together, [ALL[name](r, w) for w in weights], atol=1e-12)
    assert ALL[name](r, np.ones(len(r.known))) == pytest.approx(ALL[name](r, None), abs=1e-12)
    assert isinstance(ALL[name](r, None), float) and ALL[name](r, weights[:1]).shape == (1,)


@pytest.mark.parametrize("name", ALL)
def test_order_of_queries_does_not_matter(name):
    r, shuffled = Random(5), Random(5)
    order = np.random.default_rng(5).permutation(len(r.known))
    for attribute, values in vars(r).items():
        setattr(shuffled, attribute, values[order])
    assert ALL[name](r, None) == pytest.approx(ALL[name](shuffled, None), abs=1e-12)


@pytest.mark.parametrize("name", ALL)
def test_undefined_is_nan_and_only_the_competition_score_counts_it_as_0(name):
    for keep, kind in ((lambda r: r.known, "known"), (lambda r: ~r.known, "unknown")):
        r = Random(6)
        mask = keep(r)
        for attribute, values in vars(r).items():
            setattr(r, attribute, values[mask])
        value = ALL[name](r, None)
        if name == "animalclef":
            assert value == 0
        elif kind == "known":
            assert np.isnan(value) == (name in NEEDS_UNKNOWN)
        else:
            assert np.isnan(value) == (name != "baus")
        for attribute, values in vars(r).items():
            setattr(r, attribute, values[:0])
        assert np.isnan(ALL[name](r, None))


def test_a_query_without_a_score_counts_as_the_lowest():
    score, known = [0.1, 0.2, np.nan], [True, True, False]
    assert auroc(score, known) == 1
    threshold, best, new = metrics.baks_baus_curve(score, known, known, ["a", "b", "u"])
    assert threshold[0] == -np.inf and best[0] == 1 and new[0] == 1


def test_curve_has_every_distinct_score_once_and_ends_in_refusing_all():
    threshold, best, new = metrics.baks_baus_curve(
        [0.5, 0.5, 0.3, 0.1], [True, False, False, False], [True, False, True, False], ["a", "u", "b", "v"]
    )
    np.testing.assert_allclose(threshold, [-np.inf, 0.2, 0.4, np.inf])
    np.testing.assert_allclose(best, [0.5, 0.5, 0.5, 0])
    np.testing.assert_allclose(new, [0, 0.5, 0.5, 1])


def test_threshold_between_neighbouring_floats_still_separates_them():
    first = np.nextafter(0.3, 1)
    for low in (0.3, first):  # the midpoint of one of these pairs rounds down, of the other up
        high = np.nextafter(low, 1)
        threshold, *_ = metrics.baks_baus_curve([low, high], [False, True], [False, True], ["u", "a"])
        assert low < threshold[1] <= high
