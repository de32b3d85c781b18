"""Draws of individuals with the threshold refitted in each, against plain loops over copies of animals."""

import numpy as np
import pandas as pd
import pytest
from bootstrap_cases import random_answers
from on_tables import fit_threshold, resample, summarise

from reid_lib.core.errors import ParameterError
from reid_lib.core.names import (
    AVERAGE_PRECISION,
    DATASET,
    IDENTITY,
    IMAGE_ID,
    KNOWN,
    PREDICTED,
    RANK,
    ROLE,
    SCORE,
    TEST,
    VAL,
    ranked_column,
)
from reid_lib.openset import resample as bootstrap
from reid_lib.openset import threshold
from reid_lib.openset.answers import Answers


def two_datasets(seed, **options):
    parts = [random_answers(seed, **options), random_answers(seed + 50, dataset="b", n_individuals=40, **options)]
    return pd.concat(parts, ignore_index=True)


def copies(rows, individual, times):
    """A draw written out: each individual's rows as often as it was drawn, every copy under a name of its own."""
    parts = []
    for c in range(int(times.max())):
        again = rows[times[individual] > c]
        renamed = {column: again[column] + f" copy {c}" for column in (IMAGE_ID, IDENTITY, ranked_column(IDENTITY, 1))}
        parts.append(again.assign(**renamed))
    return pd.concat(parts, ignore_index=True)


def sample_of(predictions, metric, role, min_individuals):
    """The individuals that are drawn, and the rows of the predictions in the order of their answers."""
    used = bootstrap._used_queries(Answers.of(predictions), metric, role)
    sample = bootstrap.Sample(used, role, metric, min_individuals)
    return sample, predictions.iloc[used.row]


def slow_replicates(predictions, metric, role, repetitions, seed, min_individuals):
    """One draw after the other through the public functions for one data set of queries."""
    sample, rows = sample_of(predictions, metric, role, min_individuals)
    source = fit_threshold(predictions[predictions[ROLE] == VAL], min_individuals=min_individuals).source
    found = []
    for times in np.concatenate([drawn for _, drawn in sample.draws(repetitions, seed)]):
        drawn = copies(rows, sample.answers.individual, times)
        if metric in bootstrap.FITTED:
            val = drawn[drawn[ROLE] == VAL]
            overall = fit_threshold(val, min_individuals=10**6)
            for name, which in source.items():
                if which == "own":
                    own = fit_threshold(val[val[DATASET] == name], min_individuals=10**6)
                    overall.values[name] = own.overall
            drawn[PREDICTED] = threshold.decide(drawn, overall)
        summary = summarise(drawn[drawn[ROLE] == role], repetitions=0)
        found.append(summary["overall"][metric]["value"])
    return np.array(found)


CASES = [(m, k) for m in ("geometric_mean", "baks", "baus") for k in (1, 6, 99)]  # own thresholds, one own, none
CASES += [(m, 10) for m in ("top1", "top5", "auroc", "mean_average_precision", "oscr", "baks_baus_area")]


@pytest.mark.parametrize(("metric", "min_individuals"), CASES)
@pytest.mark.parametrize("role", [VAL, TEST])
def test_replicates_equal_animals_copied_and_run_through_one_draw_at_a_time(metric, min_individuals, role):
    for seed, digits in ((0, 6), (1, 2)):  # without and with ties
        predictions = two_datasets(seed, digits=digits)
        predictions.loc[::11, SCORE] = np.nan if seed else predictions.loc[::11, SCORE]
        found = resample(
            predictions, metric=metric, role=role, repetitions=3, seed=seed, min_individuals=min_individuals
        )
        slow = slow_replicates(predictions, metric, role, 3, seed, min_individuals)
        np.testing.assert_allclose(found.replicates, slow, atol=1e-12, rtol=0)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("role", [VAL, TEST])
def test_the_value_is_the_metric_as_stored(seed, role):
    predictions = two_datasets(seed)
    predictions[PREDICTED] = threshold.decide(predictions, fit_threshold(predictions[predictions[ROLE] == VAL]))
    stored = summarise(predictions[predictions[ROLE] == role], repetitions=0)["overall"]
    for metric, entry in stored.items():
        value = resample(predictions, metric=metric, role=role, repetitions=2).value
        assert value == pytest.approx(entry["value"], abs=1e-12, nan_ok=True), metric


def test_refitted_frozen_and_moved_solved_by_hand():
    # Val: known a at 0.9, unknown u at 0.5, threshold 0.7. With u drawn alone or a drawn alone nothing else can come.
    rows = [("v1", "a", True, VAL, 0.9), ("v2", "u", False, VAL, 0.5)]
    rows += [("t1", "a", True, TEST, 0.8), ("t2", "a", True, TEST, 0.6), ("t3", "w", False, TEST, 0.1)]
    frame = pd.DataFrame(rows, columns=[IMAGE_ID, IDENTITY, KNOWN, ROLE, SCORE])
    frame = frame.assign(**{DATASET: "d", ranked_column(IDENTITY, 1): "a", RANK: 1.0, AVERAGE_PRECISION: 1.0})
    found = resample(frame, repetitions=3, min_individuals=1)
    # Known a is named rightly in t1 alone: BAKS 1/2, BAUS 1.
    for values in (found.replicates, found.frozen, found.moved, [found.value]):
        np.testing.assert_allclose(values, np.sqrt(0.5))
    assert (found.n_known, found.n_unknown, found.spread) == (1, 1, False)


def test_frozen_keeps_the_threshold_and_moved_keeps_the_queries():
    predictions = random_answers(3)
    found = resample(predictions, repetitions=20, seed=5)
    sample, rows = sample_of(predictions, "geometric_mean", TEST, 10)
    times = next(sample.draws(20, 5))[1]
    as_is = fit_threshold(predictions[predictions[ROLE] == VAL])
    test = predictions[predictions[ROLE] == TEST]
    for i in (0, 7, 19):
        drawn = copies(rows, sample.answers.individual, times[i])
        drawn[PREDICTED] = threshold.decide(drawn, as_is)
        own = test.assign(**{PREDICTED: threshold.decide(test, fit_threshold(drawn[drawn[ROLE] == VAL]))})
        frozen, moved = (
            summarise(f[f[ROLE] == TEST], repetitions=0)["overall"]["geometric_mean"]["value"] for f in (drawn, own)
        )
        assert (found.frozen[i], found.moved[i]) == pytest.approx((frozen, moved), abs=1e-12)


def test_a_known_individual_is_drawn_once_for_val_and_test_and_strata_keep_their_size():
    predictions = two_datasets(0)
    sample, rows = sample_of(predictions, "baks", TEST, 10)
    assert len(sample.strata) == 6  # of each data set: known, unknown in val, unknown in test
    drawn = np.concatenate([d for _, d in sample.draws(7, 0)])
    for stratum in sample.strata:
        assert (drawn[:, stratum.members].sum(axis=1) == len(stratum.members)).all()
    known = rows[rows[KNOWN].to_numpy(bool)].groupby([DATASET, IDENTITY])[ROLE].nunique()
    assert (known == 2).any()  # they have queries in both roles, and one column of the draws
    assert sample.n_individuals == len(predictions.groupby([DATASET, IDENTITY]))


def test_an_animal_unknown_in_val_and_enrolled_for_test_is_drawn_once():
    predictions = random_answers(0)
    enrolled = predictions[IDENTITY].isin(["3", "9"])
    predictions.loc[enrolled, ROLE] = np.where(np.arange(enrolled.sum()) % 2, VAL, TEST)
    predictions.loc[enrolled & (predictions[ROLE] == TEST), KNOWN] = True
    sample, rows = sample_of(predictions, "baks", TEST, 10)
    assert sorted(len(stratum.members) for stratum in sample.strata)[0] == 2 and len(sample.strata) == 4


def test_memory_and_other_data_sets_change_nothing(monkeypatch):
    predictions = two_datasets(2)
    alone = resample(predictions[predictions[DATASET] == "a"], repetitions=30, min_individuals=1)
    expected = resample(predictions, repetitions=30)
    monkeypatch.setattr(bootstrap, "_CHUNK_BYTES", 3 * 8 * len(predictions))
    found = resample(predictions.sample(frac=1, random_state=0), repetitions=30)
    assert found.value == expected.value and found.queries == expected.queries
    np.testing.assert_array_equal(found.replicates, expected.replicates)
    shifted = predictions.assign(**{SCORE: predictions[SCORE].where(predictions[DATASET] == "a", 0.0)})
    half = resample(
        shifted, repetitions=30, min_individuals=1
    ).replicates  # data set b: BAKS and BAUS cannot both be above 0
    np.testing.assert_allclose(half, alone.replicates / 2, atol=1e-12)


def test_role_val_never_looks_at_test():
    predictions = two_datasets(4)
    expected = resample(predictions, role=VAL, repetitions=20)
    test, rng = predictions[ROLE] == TEST, np.random.default_rng(0)
    changed = predictions.copy()
    changed.loc[test, IDENTITY] = rng.permutation(changed.loc[test, IDENTITY])
    changed.loc[test, KNOWN] = ~changed.loc[test, KNOWN]
    for other in (changed, predictions[~test]):
        found = resample(other, role=VAL, repetitions=20)
        np.testing.assert_array_equal(found.replicates, expected.replicates)
        assert found.queries == expected.queries


def test_without_unknown_animals_in_val_nothing_is_refused():
    predictions = random_answers(5)
    predictions = predictions[~((predictions[ROLE] == VAL) & ~predictions[KNOWN])]
    found = resample(predictions, metric="baus", repetitions=5)
    assert found.value == 0 and (found.replicates == 0).all()
    baks, top1 = (resample(predictions, metric=m, repetitions=2).value for m in ("baks", "top1_individual"))
    assert baks == pytest.approx(top1) and baks > 0


@pytest.mark.parametrize(
    ("change", "options", "says"),
    [
        (lambda p: p, {"metric": "accuracy"}, "unknown metric 'accuracy'"),
        (lambda p: p, {"role": "gallery"}, "role 'gallery': expected 'val' or 'test'"),
        (lambda p: p[p[ROLE] == TEST], {}, "needs labelled queries of role 'val'"),
        (lambda p: p.assign(**{KNOWN: pd.NA}), {"metric": "top1"}, "needs labelled queries of role 'test'"),
        (lambda p: pd.concat([p, p.tail(1)]), {}, "is there twice"),
        (lambda p: p, {"metric": "top1_same_orientation"}, "needs predictions with orientations"),
    ],
)
def test_what_cannot_be_resampled_is_refused(change, options, says):
    with pytest.raises(ParameterError, match=says):
        resample(change(random_answers(0)), repetitions=2, **options)
