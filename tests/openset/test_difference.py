"""Differences between runs: intervals, verdicts, corrections, seeds."""

import math

import numpy as np
import pandas as pd
import pytest
from on_tables import resample
from paired_cases import pair_of_runs
from scipy.stats import ttest_1samp

from reid_lib.core.errors import ParameterError
from reid_lib.core.names import (
    AVERAGE_PRECISION,
    DATASET,
    IDENTITY,
    IMAGE_ID,
    KNOWN,
    RANK,
    ROLE,
    SCORE,
    TEST,
    VAL,
    ranked_column,
)
from reid_lib.openset import difference as openset_difference
from reid_lib.openset.difference import (
    Difference,
    describe_needed,
    holm,
    judge,
    measure_difference,
    measure_seed_difference,
)
from reid_lib.openset.resample import Resampled


def subtract(a: Resampled, b: Resampled) -> Difference:
    return measure_difference([(a, b)])


def difference(a: pd.DataFrame, b: pd.DataFrame, **options) -> Difference:
    return subtract(*(resample(predictions, **options) for predictions in (a, b)))


def drawn(
    value, replicates, *, frozen=None, moved=None, n=(30, 30), metric="geometric_mean", queries="same", role=TEST
):
    replicates = np.asarray(replicates, dtype=float)
    frozen = replicates if frozen is None else np.asarray(frozen, dtype=float)
    moved = np.full(len(replicates), value) if moved is None else np.asarray(moved, dtype=float)
    return Resampled(metric, role, value, replicates, frozen, moved, True, *n, queries)


def nothing(repetitions=1000, **options):
    return drawn(0.0, np.zeros(repetitions), **options)


METRICS = ("geometric_mean", "baks", "baus", "top1", "auroc", "oscr", "baks_baus_area", "fpr_at_95_tpr")


@pytest.mark.parametrize("metric", METRICS)
def test_a_run_does_not_differ_from_itself_in_any_order(metric):
    a, _ = pair_of_runs(0)
    found = difference(a, a.sample(frac=1, random_state=0), metric=metric, repetitions=100)
    assert (found.value, found.low, found.high, found.p) == (0, 0, 0, 1)
    assert found.verdict == "not distinguishable"


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("role", [VAL, TEST])
def test_a_against_b_is_minus_b_against_a(metric, role):
    a, b = pair_of_runs(1, better=0.1)
    one, other = (difference(*pair, metric=metric, role=role, repetitions=300) for pair in ((a, b), (b, a)))
    assert [one.value, one.low, one.high, one.p] == pytest.approx([-other.value, -other.high, -other.low, other.p])
    opposite = {"better": "worse", "worse": "better"}
    assert other.verdict == opposite.get(one.verdict, one.verdict)


def test_a_large_difference_is_found_and_has_its_direction():
    a, b = pair_of_runs(2, better=0.3)
    assert difference(a, b, repetitions=300).verdict == "better"
    assert difference(b, a, repetitions=300).verdict == "worse"
    lower = difference(a, b, metric="fpr_at_95_tpr", repetitions=300)
    assert lower.value < 0 and lower.verdict == "better"


def test_what_two_runs_share_cancels():
    """Half of the animals are hopeless for both runs; b loses one photograph each of two animals that a finds."""
    rows, frames = [(i, k) for i in range(20) for k in range(2)], []
    for lost in (0, 2):
        named = np.array([i < 10 and not (i < lost and k == 0) for i, k in rows])
        columns = {IMAGE_ID: [f"i{i:02d}{k}" for i, k in rows], DATASET: "d", IDENTITY: [f"k{i}" for i, _ in rows]}
        columns |= {KNOWN: pd.array([True] * len(rows), dtype="boolean"), ROLE: TEST, SCORE: 0.9}
        columns |= {
            ranked_column(IDENTITY, 1): np.where(named, columns[IDENTITY], "x"),
            RANK: np.where(named, 1.0, 2.0),
        }
        frames.append(pd.DataFrame(columns | {AVERAGE_PRECISION: np.nan}))
    found = difference(*frames, metric="top1", repetitions=500)
    alone = np.quantile(resample(frames[0], metric="top1", repetitions=500).replicates, [0.025, 0.975])
    assert found.value == pytest.approx(2 / 40) and found.low >= 0
    assert found.high - found.low < (alone[1] - alone[0]) / 2


def test_unknown_or_unavailable_metrics_are_refused():
    a, b = pair_of_runs(3)
    with pytest.raises(ParameterError, match="expected one of geometric_mean, baks"):
        difference(a, b, metric="accuracy")
    with pytest.raises(ParameterError, match="'top1_same_orientation' needs predictions with orientations"):
        difference(a, b, metric="top1_same_orientation")


def test_the_group_that_the_metric_uses_must_have_20_individuals():
    for n_known, n_unknown, few in ((30, 19, {"geometric_mean", "baus", "auroc"}), (19, 30, set(METRICS) - {"baus"})):
        a, b = pair_of_runs(4, n_known=n_known, n_unknown=n_unknown)
        for metric in ("geometric_mean", "baks", "baus", "top1", "auroc"):
            found = difference(a, b, metric=metric, repetitions=20)
            assert (found.verdict == "too few") == (metric in few), metric
    a, b = pair_of_runs(4, n_known=20, n_unknown=20)
    assert difference(a, b, repetitions=20).verdict != "too few"


def test_other_queries_are_refused():
    a, b = pair_of_runs(5)
    for other in (
        b.iloc[1:],
        b.assign(**{IDENTITY: b[IDENTITY].replace("k3", "k4")}),
        b.assign(**{KNOWN: ~b[KNOWN]}),
        b.assign(**{IMAGE_ID: b[IMAGE_ID] + "x"}),
        b.assign(**{ROLE: b[ROLE].mask(b[IMAGE_ID] == "i0000", TEST)}),
    ):
        with pytest.raises(ParameterError, match="not the same queries"):
            difference(a, other, repetitions=5)
    with pytest.raises(ParameterError, match="not the same measure"):
        subtract(nothing(), nothing(metric="baks"))


def test_undefined_is_not_comparable():
    a, b = (p[p[KNOWN]] for p in pair_of_runs(6))
    assert difference(a, b, metric="auroc", repetitions=5).verdict == "not comparable"


def test_interval_and_p_solved_by_hand():
    # 0, 1, ..., 1000 less 20.5: 21 replicates below 0, and the 2.5 % quantile of 0 ... 1000 is 25.
    found = subtract(drawn(480.0, np.arange(1001) - 20.5), nothing(1001))
    assert (found.low, found.high) == pytest.approx((25 - 20.5, 975 - 20.5))
    assert found.p == pytest.approx(2 * 22 / 1002) and found.verdict == "better"
    assert subtract(drawn(1.0, np.tile([-1.0, 1.0], 500)), nothing()).p == 1


def test_beyond_the_count_p_follows_the_normal_tail():
    replicates = np.random.default_rng(0).normal(6, 1, 1000)
    found = subtract(drawn(6.0, replicates), nothing())
    z = replicates.mean() / replicates.std()
    assert found.p == pytest.approx(math.erfc(z / math.sqrt(2))) and found.p < 1e-6


def test_bumps_counted_twice_are_taken_out():
    # The moving threshold adds slope + bumps (variance 1 + 3 of the sample, 3 more of the draw): a quarter is real.
    rng = np.random.default_rng(1)
    frozen, slope, bumps, of_draw = (rng.normal(0, s, 200_000) for s in (1.0, 1.0, 3**0.5, 3**0.5))
    moved = slope + bumps
    settled = openset_difference._settled(0.0, frozen + moved + of_draw, frozen, moved)
    assert settled.var() == pytest.approx(1 + 1, rel=0.02)
    assert (frozen + moved + of_draw).var() == pytest.approx(8, rel=0.02)
    all_slope = openset_difference._settled(0.0, frozen + slope, frozen, slope)
    np.testing.assert_allclose(all_slope, frozen + slope)
    only_bumps = openset_difference._settled(0.0, frozen + 2 * of_draw, frozen, of_draw)
    np.testing.assert_allclose(only_bumps, frozen)


def test_on_val_the_refitted_replicates_are_taken_as_they_are():
    a, b = pair_of_runs(7, better=0.1)
    parts = [resample(p, role=VAL, repetitions=100).replicates for p in (a, b)]
    found = difference(a, b, role=VAL, repetitions=100)
    assert (found.low, found.high) == pytest.approx(tuple(np.quantile(parts[0] - parts[1], [0.025, 0.975])))


# ---- several candidates -------------------------------------------------------------------------------------------


def test_holm_solved_on_paper():
    # 0.01 * 4, 0.02 * 3, 0.025 * 2 raised to the one before, 0.5 * 1.
    assert holm([0.02, 0.5, 0.01, 0.025]) == pytest.approx([0.06, 0.5, 0.04, 0.06])
    assert holm([0.9, 0.8]) == pytest.approx([1, 1]) and holm([0.03]) == pytest.approx([0.03]) and len(holm([])) == 0
    assert holm([0.01, np.nan, 0.02]) == pytest.approx([0.02, np.nan, 0.02], nan_ok=True)


def test_holm_equals_its_definition():
    rng = np.random.default_rng(0)
    for _ in range(50):
        p = rng.random(6) ** 3
        # Step down: p of rank k is rejected at alpha when alpha / (m - j + 1) holds for every rank j up to k.
        expected = [min(1.0, max(q * (p >= q).sum() for q in p[p <= own])) for own in p]
        assert holm(p) == pytest.approx(expected)


def test_candidates_are_corrected_for_their_number():
    def candidate(below):
        return subtract(drawn(1.0, np.r_[np.full(below, -1.0), np.full(999 - below, 1.0)]), nothing(999))

    table = judge({"clear": candidate(12), "close": candidate(19), "far": candidate(400), "other": None})
    table = table.set_index("candidate")
    assert table["p"].tolist() == pytest.approx([0.026, 0.04, 0.802, np.nan], nan_ok=True)
    assert table["p_holm"].tolist() == pytest.approx([0.078, 0.08, 0.802, np.nan], nan_ok=True)
    assert table["verdict"].tolist() == ["better", "better", "not distinguishable", "not comparable"]
    assert table["verdict_holm"].tolist() == [*["not distinguishable"] * 3, "not comparable"]
    alone = judge({"clear": candidate(12)})
    assert alone["verdict_holm"].tolist() == ["better"]


# ---- seeds --------------------------------------------------------------------------------------------------------


def test_interval_over_seeds_is_that_of_the_t_test():
    # Mean 2, standard deviation 1, three of them: 2 +- 4.302653 / sqrt(3).
    found = measure_seed_difference([1.0, 2.0, 3.0])
    assert (found.low, found.high) == pytest.approx((2 - 2.4841377, 2 + 2.4841377))
    assert found.sd == 1
    for values in ([0.1, 0.12], [0.3, -0.1, 0.2, 0.25]):
        expected, found = ttest_1samp(values, 0), measure_seed_difference(values)
        interval = expected.confidence_interval(0.95)
        assert [found.low, found.high, found.p] == pytest.approx([interval.low, interval.high, expected.pvalue])
    assert measure_seed_difference([0.1, 0.101, 0.099]).low > 0
    with pytest.raises(ParameterError, match="at least two"):
        measure_seed_difference([0.1])


def of_seeds(values, noise):
    """Pairs whose seeds differ by `values`, each with the same noise of individuals."""
    return [(drawn(v, v + noise), nothing(len(noise))) for v in values]


def test_agreeing_seeds_do_not_speak_for_other_animals():
    noise = np.linspace(-1, 1, 1001)
    found = measure_difference(of_seeds([0.5, 0.5, 0.5], noise))
    assert measure_seed_difference([0.5, 0.5, 0.5]).low > 0
    assert (found.low, found.high) == pytest.approx((0.5 - 0.95, 0.5 + 0.95)) and found.verdict == "not distinguishable"
    wide = measure_difference(of_seeds([0.0, 1.0], noise / 100))
    t = measure_seed_difference([0.0, 1.0])
    assert (wide.low, wide.high, wide.p) == pytest.approx((t.low, t.high, t.p))
    assert "t-interval over 2 seeds" in wide.basis


def test_one_seed_says_that_training_noise_is_not_in_it():
    found = measure_difference(of_seeds([0.5], np.linspace(-1, 1, 101)))
    assert found.n_seeds == 1 and "training noise is not in it" in found.basis and math.isnan(found.seed_sd)


def test_from_five_seeds_on_both_variances_are_added():
    noise = np.linspace(-1, 1, 1001)
    values = np.array([0.1, 0.3, 0.5, 0.7, 0.9])
    found = measure_difference(of_seeds(values, noise))
    of_seed, of_animals = 0.1 / 5, noise.var()  # variance 0.1 of the five values
    df = (of_seed + of_animals) ** 2 / (of_seed**2 / 4 + of_animals**2 / 29)
    from scipy.stats import t

    half = t.ppf(0.975, df) * math.sqrt(of_seed + of_animals)
    assert (found.value, found.low, found.high) == pytest.approx((0.5, 0.5 - half, 0.5 + half))
    alone = measure_seed_difference(values)
    assert alone.low > found.low and alone.high < found.high


def test_seeds_of_other_queries_are_refused():
    with pytest.raises(ParameterError, match="not the same queries"):
        measure_difference([(nothing(), nothing()), (nothing(queries="b"), nothing(queries="b"))])
    with pytest.raises(ParameterError, match="no runs"):
        measure_difference([])


# ---- what more would be needed ------------------------------------------------------------------------------------


def found_of(value, half, *, n=(100, 50), **options):
    interval = (value - half, value + half)
    base = Difference("geometric_mean", TEST, value, *interval, 0.5, *n, over_individuals=interval, n_seeds=1)
    return openset_difference.replace(base, **options)


def test_needed_individuals_solved_by_hand():
    # Twice too wide: four times as many.
    assert describe_needed(found_of(0.1, 0.2)) == "about 300 more known and 150 more unknown individuals"
    assert describe_needed(found_of(-0.1, 0.2)) == "about 300 more known and 150 more unknown individuals"
    assert describe_needed(found_of(0.1, 0.2, n_unknown=None)) == "about 300 more known individuals"
    assert describe_needed(found_of(0.3, 0.2, verdict="better")).startswith("nothing more")
    assert describe_needed(found_of(0.0, 0.2)).startswith("no number would do")
    few = found_of(0.1, 0.2, n=(100, 12), verdict="too few")
    assert describe_needed(few) == "at least 8 more unknown individuals in test, for any verdict"
    assert "defined" in describe_needed(found_of(math.nan, 0.2, verdict="not comparable"))


def test_needed_seeds_solved_by_hand():
    # A mean of 1 with standard deviation 1: t 0.975 / sqrt(n) is 1.05 for 6 seeds and 0.92 for 7.
    told = describe_needed(found_of(1.0, 0.5, n_seeds=2, seed_sd=1.0))
    assert told == "about 5 more seeds"
    both = describe_needed(found_of(1.0, 2.0, n_seeds=2, seed_sd=1.0))
    assert both == "about 300 more known and 150 more unknown individuals and about 5 more seeds"
