"""Scores per individual, the threshold fitted on val alone, the decision: solved by hand, and against slow loops."""

import io
import json
import warnings

import numpy as np
import pandas as pd
import pytest
from on_tables import fit_threshold, oracle
from openset_cases import at_angles, random_sets

from reid_lib.core.errors import ParameterError
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
from reid_lib.embed.embedding_set import EmbeddingSet
from reid_lib.match.cosine import Cosine
from reid_lib.openset import metrics, threshold
from reid_lib.openset.answers import Answers
from reid_lib.openset.predictions import score_individuals
from reid_lib.openset.threshold import decide


def answers(*rows, role=VAL):
    """Predictions from (dataset, identity, known, best identity, score), as `score_individuals` gives them."""
    frame = pd.DataFrame(rows, columns=[DATASET, IDENTITY, KNOWN, ranked_column(IDENTITY, 1), SCORE])
    frame[KNOWN] = frame[KNOWN].astype("boolean")
    frame.insert(0, IMAGE_ID, [f"image {i:04d}" for i in range(len(frame))])
    return frame.assign(**{ROLE: role})


def random_answers(seed, *, n=60, datasets=("d",), n_individuals=12, role=VAL):
    """Tied scores, misnamed queries, an unlabelled one and one without a score."""
    rng = np.random.default_rng(seed)
    rows = []
    for k in range(n):
        which = k if k < n_individuals else rng.integers(0, n_individuals)
        known = which < 0.6 * n_individuals
        best = which if known and rng.random() < 0.7 else rng.integers(0, 7)
        score = round(float(rng.normal(0.5 if known else 0.3, 0.2)), 2)
        rows.append((datasets[k % len(datasets)], str(which), known, str(best), score))
    rows.append((datasets[0], None, None, "1", 0.99))
    rows.append((datasets[0], "alone", False, None, np.nan))
    return answers(*rows, role=role)


def test_a_query_without_a_gallery_is_new_and_told():
    queries = at_angles(("q1", "a", "ann", 0), ("q2", "b", "ann", 0), ("q3", "b", None, 0))
    with pytest.warns(UserWarning, match="no gallery image in data set 'b' \\(2 queries\\)"):
        found = score_individuals(Cosine(queries, at_angles(("g", "a", "ann", 0), role="gallery")))
    assert found[SCORE].isna().tolist() == [False, True, True]
    assert found[KNOWN].tolist()[:2] == [True, False] and pd.isna(found[KNOWN][2])
    assert decide(found, fit_threshold(found)).tolist() == ["ann", NEW_INDIVIDUAL, NEW_INDIVIDUAL]


# ---- threshold ----------------------------------------------------------------------------------------------------


def quality(predictions, threshold):
    """sqrt(BAKS * BAUS) of a pooled threshold, by wildlife-datasets, refusing below it."""
    wildlife = pytest.importorskip("wildlife_datasets.metrics")
    rows = predictions[predictions[KNOWN].notna()]
    truth = (rows[DATASET] + "/" + rows[IDENTITY]).tolist()
    best = rows[DATASET] + "/" + rows[ranked_column(IDENTITY, 1)].fillna("")
    answer = best.where(rows[SCORE] >= threshold, NEW_INDIVIDUAL).tolist()
    unknown = sorted({t for t, known in zip(truth, rows[KNOWN], strict=True) if not known})
    return np.sqrt(wildlife.BAKS(truth, answer, unknown) * wildlife.BAUS(truth, answer, unknown, NEW_INDIVIDUAL))


@pytest.mark.parametrize("seed", range(6))
def test_threshold_is_the_best_of_all_distinct_scores(seed):
    val = random_answers(seed, datasets=("a", "b"))
    fitted = fit_threshold(val, min_individuals=99)
    scores = val.loc[val[KNOWN].notna(), SCORE].dropna()
    best = max(quality(val, t) for t in [*scores.unique(), np.inf])
    assert quality(val, fitted.overall) == pytest.approx(best)
    assert fitted.overall not in set(scores)  # midway: no score can be rounded across it
    whole = fitted.curve[fitted.curve[DATASET] == ""]
    assert len(whole) == scores.nunique() + 1 and whole["geometric_mean"].max() == pytest.approx(best)
    for _, row in whole.iloc[::7].iterrows():
        assert row["geometric_mean"] == pytest.approx(quality(val, row["threshold"]))


def test_threshold_solved_by_hand():
    val = answers(
        ("d", "a", True, "a", 0.9), ("d", "u", False, "a", 0.7), ("d", "b", True, "b", 0.6), ("d", "v", False, "b", 0.2)
    )
    fitted = fit_threshold(val, min_individuals=2)
    # Above 0.7: BAKS 1/2, BAUS 1; above 0.2: BAKS 1, BAUS 1/2: equally good, and 0.2 ... 0.6 is the wider gap.
    assert fitted.values == {"d": pytest.approx(0.4)} and fitted.source == {"d": "own"} and not fitted.at_edge["d"]
    assert decide(val, fitted).tolist() == ["a", "a", "b", NEW_INDIVIDUAL]
    assert fitted.curve[fitted.curve[DATASET] == "d"]["baks"].tolist() == [1, 1, 0.5, 0.5, 0]
    assert fitted.curve[fitted.curve[DATASET] == "d"]["baus"].tolist() == [0, 0.5, 0.5, 1, 1]


def test_of_equal_geometric_means_the_larger_sum_is_taken():
    unknown = [("d", f"u{s}", False, "a", s) for s in (0.9, 0.8, 0.6, 0.45)]
    val = answers(("d", "a", True, "a", 0.7), ("d", "b", True, "b", 0.5), *unknown)
    # Above 0.6: 1/2 and 1/2; above 0.45: 1 and 1/4, in a narrower gap. Both have the geometric mean 1/2.
    assert fit_threshold(val, min_individuals=2).values["d"] == pytest.approx(0.475)


def test_a_query_that_equals_the_threshold_is_accepted():
    fitted = fit_threshold(answers(("d", "a", True, "a", 0.75), ("d", "u", False, "a", 0.25)), min_individuals=1)
    assert fitted.values["d"] == 0.5
    test = answers(("d", "a", True, "a", 0.5), ("d", "a", True, "a", np.nextafter(0.5, 0)), role=TEST)
    assert decide(test, fitted).tolist() == ["a", NEW_INDIVIDUAL]


def test_only_val_reaches_a_threshold():
    val = random_answers(0)
    for frame in (
        val.assign(**{ROLE: TEST}),
        pd.concat([val, val.tail(1).assign(**{ROLE: TEST})]),
        val.drop(columns=ROLE),
    ):
        with pytest.raises(ParameterError, match="role 'val' only"):
            fit_threshold(frame)


def test_test_labels_never_change_a_threshold():
    queries, gallery = random_sets(2)
    role = np.where(np.arange(len(queries)) % 2, VAL, TEST)
    thresholds = []
    for seed in range(3):
        rows, rng = queries.rows.assign(**{ROLE: role}), np.random.default_rng(seed)
        of_test = np.flatnonzero(role == TEST)
        rows.loc[of_test, IDENTITY] = rows[IDENTITY].to_numpy(dtype=object)[rng.permutation(of_test)]
        found = score_individuals(Cosine(EmbeddingSet(queries.features, rows), gallery))
        thresholds.append(fit_threshold(found[found[ROLE] == VAL], min_individuals=2))
    assert thresholds[0].values["a"] is not None
    for other in thresholds[1:]:
        assert other.to_dict() == thresholds[0].to_dict()
        pd.testing.assert_frame_equal(other.curve, thresholds[0].curve, check_exact=True)


def test_row_order_does_not_change_a_threshold():
    val = random_answers(3, datasets=("a", "b"))
    expected = fit_threshold(val, min_individuals=2)
    for seed in range(5):
        other = fit_threshold(val.sample(frac=1, random_state=seed), min_individuals=2)
        assert other.to_dict() == expected.to_dict()
        pd.testing.assert_frame_equal(other.curve, expected.curve, check_exact=True)


def test_unlabelled_queries_do_not_move_a_threshold():
    val = random_answers(4)
    more = answers(*[("d", None, None, "1", s) for s in np.linspace(0, 1, 37)])
    more[IMAGE_ID] = "more " + more[IMAGE_ID]
    expected, found = (fit_threshold(v, min_individuals=2) for v in (val, pd.concat([val, more])))
    assert found.to_dict() == expected.to_dict()


def individuals(dataset, n_known, n_unknown, *, shift=0.0):
    known = [(dataset, f"k{i}", True, f"k{i}", 0.8 + shift + i / 1000) for i in range(n_known)]
    unknown = [(dataset, f"u{i}", False, "k0", 0.2 + shift + i / 1000) for i in range(n_unknown)]
    return known + unknown


def test_own_threshold_needs_enough_individuals_of_both_kinds():
    rows = individuals("enough", 10, 10) + individuals("few known", 9, 30, shift=0.1)
    rows += individuals("few unknown", 30, 9, shift=-0.1) + individuals("many images", 2, 2, shift=0.05) * 20
    fitted = fit_threshold(answers(*rows))
    assert fitted.source == {
        "enough": "own",
        "few known": "overall",
        "few unknown": "overall",
        "many images": "overall",
    }
    assert {name for name, t in fitted.values.items() if t == fitted.overall} == set(fitted.source) - {"enough"}
    assert fitted.reasons["few known"] == "9 known and 30 unknown individuals in val, not 10 of each"
    assert fitted.reasons["enough"] == ""
    assert fitted.n_known_individuals == {"enough": 10, "few known": 9, "few unknown": 30, "many images": 2, "": 51}
    assert fitted.n_unknown_individuals[""] == 51


def test_the_same_name_in_two_data_sets_is_two_individuals():
    fitted = fit_threshold(answers(*individuals("a", 3, 3), *individuals("b", 3, 3)))
    assert fitted.n_known_individuals[""] == 6


def test_without_unknown_individuals_nothing_is_refused():
    val = answers(*individuals("d", 12, 0, shift=-1.5))  # even where the best score is negative
    fitted = fit_threshold(val)
    assert fitted.overall is None and fitted.values == {"d": None} and fitted.source == {"d": "none"}
    assert "no unknown individuals: nothing is refused" in fitted.reasons["d"] == fitted.reasons["d"]
    assert (decide(val, fitted) == val[IDENTITY]).all()
    assert fitted.curve["baus"].isna().all() and not fitted.curve["baks"].isna().any()


def test_a_threshold_at_the_edge_is_flagged():
    never_right = answers(("d", "a", True, "b", 0.9), ("d", "u", False, "b", 0.5), ("d", "a", True, "b", 0.3))
    unknown_first = answers(("d", "a", True, "a", 0.3), ("d", "u", False, "a", 0.5))
    for val in (never_right, unknown_first):
        fitted = fit_threshold(val, min_individuals=1)
        assert fitted.at_edge == {"d": "the geometric mean is 0 at every threshold", "": fitted.at_edge["d"]}
    nothing_to_refuse = answers(("d", "a", True, "a", 0.3), ("d", "u", False, None, np.nan))
    fitted = fit_threshold(nothing_to_refuse, min_individuals=1)
    assert fitted.values["d"] == -np.inf and fitted.at_edge["d"] == "accepting every query is best"
    assert decide(nothing_to_refuse, fitted).tolist() == ["a", NEW_INDIVIDUAL]
    good = fit_threshold(answers(("d", "a", True, "a", 0.5), ("d", "u", False, "a", 0.3)), min_individuals=1)
    assert good.at_edge == {"d": "", "": ""}


def test_a_threshold_survives_json_and_its_curve_csv():
    for val in (random_answers(5), answers(("d", "a", True, "a", 0.3), ("d", "u", False, None, np.nan))):
        fitted = fit_threshold(val, min_individuals=1)
        curve = pd.read_csv(io.StringIO(fitted.curve.to_csv(index=False)))
        again = threshold.Threshold.from_dict(json.loads(json.dumps(fitted.to_dict(), allow_nan=False)), curve=curve)
        assert again.to_dict() == fitted.to_dict() and again.values == fitted.values
        pd.testing.assert_frame_equal(again.curve, fitted.curve, check_dtype=False, rtol=1e-14)


def test_decisions_survive_predictions_written_as_csv():
    queries, gallery = random_sets(6)
    found = score_individuals(Cosine(EmbeddingSet(queries.features, queries.rows.assign(**{ROLE: VAL})), gallery))
    again = pd.read_csv(io.StringIO(found.to_csv(index=False)))
    fitted, refitted = fit_threshold(found, min_individuals=2), fit_threshold(again, min_individuals=2)
    assert refitted.values == pytest.approx(fitted.values) and refitted.source == fitted.source
    assert decide(again, refitted).tolist() == decide(found, fitted).tolist()
    # Scores rounded to six digits are still decided the same: a threshold keeps its distance.
    assert decide(again.round({SCORE: 6}), fitted).tolist() == decide(found, fitted).tolist()


def test_decision_of_a_data_set_that_val_did_not_have_uses_the_overall_threshold():
    fitted = fit_threshold(answers(*individuals("a", 10, 10), *individuals("b", 2, 2, shift=0.3)))
    test = answers(
        ("c", "x", False, "y", fitted.overall + 1e-3), ("c", "x", False, "y", fitted.overall - 1e-3), role=TEST
    )
    assert decide(test, fitted).tolist() == ["y", NEW_INDIVIDUAL]


def test_decision_keeps_the_index():
    val = random_answers(7)
    fitted = fit_threshold(val)
    some = val.iloc[[5, 3, 8]]
    pd.testing.assert_series_equal(decide(some, fitted), decide(val, fitted).loc[[5, 3, 8]])
    assert decide(some, fitted).name == PREDICTED


def test_no_warning_on_a_plain_fit():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert set(fit_threshold(random_answers(8, datasets=("a", "b"))).values) == {"a", "b"}
        assert oracle(random_answers(8, role=TEST))


def test_oracle_is_the_best_threshold_of_each_data_set():
    rows = [
        ("a", "x", True, "x", 0.9),
        ("a", "u", False, "x", 0.5),
        ("b", "x", True, "x", 0.4),
        ("b", "u", False, "x", 0.1),
    ]
    found = oracle(answers(*rows, ("c", "x", True, "x", 0.8), role=TEST))
    assert found["values"]["a"] == pytest.approx(0.7) and found["values"]["b"] == pytest.approx(0.25)
    assert found["values"]["c"] is None and np.isnan(found["datasets"]["c"]["geometric_mean"])
    assert found["datasets"]["a"]["geometric_mean"] == 1 and found["datasets"]["c"]["baks"] == 1
    assert found["geometric_mean"] == pytest.approx(2 / 3)  # undefined counts as 0 in the average


@pytest.mark.parametrize("seed", range(3))
def test_no_frozen_threshold_beats_the_oracle(seed):
    val, test = random_answers(seed, datasets=("a", "b")), random_answers(seed + 50, datasets=("a", "b"), role=TEST)
    answer = decide(test, fit_threshold(val, min_individuals=2))
    q = Answers.of(test.assign(**{PREDICTED: answer})).labelled_only
    frozen = metrics.animalclef2025_score(q.correct, q.known, q.individual, q.dataset.astype(str))
    assert 0 < frozen <= oracle(test)["geometric_mean"] + 1e-12
