"""Properties that hold for any predictions: metrics against slow second implementations, the threshold against all
others, the search against all products. Hypothesis draws the cases, the same ones every time (tests/conftest.py)."""

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from on_arrays import auroc, detection_identification_rate, fpr_at_95_tpr, oscr
from on_tables import fit_threshold, oracle
from sklearn.metrics import auc, roc_auc_score, roc_curve

from reid_lib.core.names import (
    DATASET,
    IDENTITY,
    IMAGE_ID,
    INDIVIDUAL,
    KNOWN,
    NEW_INDIVIDUAL,
    PREDICTED,
    ROLE,
    SCORE,
    TEST,
    VAL,
    ranked_column,
)
from reid_lib.openset import metrics
from reid_lib.openset.threshold import decide

SCORES = st.sampled_from([-1.0, -0.25, 0.0, 0.25, 0.5, 0.5000000001, 0.75, 1.0]) | st.floats(-1, 1, width=32)
MAYBE = st.none() | SCORES  # a query of a data set without gallery has no score


@st.composite
def queries(draw, *, min_size=0, score=MAYBE, kinds=(True, False)):
    """A frame: known, individual, score, named, correct; few individuals, so that they share queries; ties; none of a
    kind at times."""
    n = draw(st.integers(min_size, 24))
    allowed = draw(st.sampled_from([kinds, kinds[:1], kinds[1:]])) if len(kinds) > 1 else kinds
    rows = []
    for _ in range(n):
        known = draw(st.sampled_from(allowed or kinds))
        who = draw(st.integers(0, 4))
        s = draw(score)
        named = known and s is not None and draw(st.booleans())
        correct = named and draw(st.booleans()) if known else draw(st.booleans())
        rows.append((known, f"{'k' if known else 'u'}{who}", math.nan if s is None else s, named, correct))
    frame = pd.DataFrame(rows, columns=["known", "individual", "score", "named", "correct"])
    return frame.astype({"known": bool, "named": bool, "correct": bool, "score": float})


def by_hand_mean(frame, column):
    """Mean over individuals of the mean over their queries."""
    return frame.groupby("individual")[column].mean().mean() if len(frame) else math.nan


def accepted_at(frame, threshold):
    return frame["score"].fillna(-np.inf) >= threshold


def thresholds(frame):
    """From nothing accepted to everything, one distinct score after the other; NaN is the lowest of all."""
    return [np.inf, *sorted(set(frame["score"].fillna(-np.inf)), reverse=True)]


def operating_points(frame):
    """(false positive rate, true positive rate, share of the known that is accepted and named rightly)."""
    known, unknown = frame[frame["known"]], frame[~frame["known"]]
    return [
        (
            accepted_at(unknown, t).mean(),
            accepted_at(known, t).mean(),
            (accepted_at(known, t) & known["named"]).mean(),
        )
        for t in thresholds(frame)
    ]


def area(points, of):
    """Under `of` against the false positive rate, by trapezoids."""
    return sum((b[0] - a[0]) * (a[of] + b[of]) / 2 for a, b in zip(points[:-1], points[1:], strict=True))


def arrays(frame, *columns):
    return [frame[column].to_numpy() for column in columns]


@given(queries())
def test_baks_baus_and_geometric_mean_are_means_over_individuals(frame):
    known = by_hand_mean(frame[frame["known"]], "correct")
    unknown = by_hand_mean(frame[~frame["known"]], "correct")
    decided = arrays(frame, "correct", "known", "individual")
    assert metrics.baks(*decided) == pytest.approx(known, nan_ok=True)
    assert metrics.baus(*decided) == pytest.approx(unknown, nan_ok=True)
    assert metrics.geometric_mean(*decided) == pytest.approx(math.sqrt(known * unknown), nan_ok=True)


@given(queries(min_size=1))
def test_baks_and_baus_are_those_of_wildlife_datasets(frame):
    wildlife = pytest.importorskip("wildlife_datasets.metrics")
    answers = np.where(frame["correct"], frame["individual"].where(frame["known"], NEW_INDIVIDUAL), "another")
    truth, unknown = frame["individual"].tolist(), sorted(set(frame.loc[~frame["known"], "individual"]))
    decided = arrays(frame, "correct", "known", "individual")
    if frame["known"].any():
        assert metrics.baks(*decided) == pytest.approx(wildlife.BAKS(truth, answers.tolist(), unknown))
    if unknown:
        assert metrics.baus(*decided) == pytest.approx(wildlife.BAUS(truth, answers.tolist(), unknown, NEW_INDIVIDUAL))


@given(queries(min_size=1, score=SCORES))
def test_auroc_is_scikit_learns(frame):
    expected = math.nan if frame["known"].nunique() < 2 else roc_auc_score(frame["known"], frame["score"])
    assert auroc(*arrays(frame, "score", "known")) == pytest.approx(expected, nan_ok=True)


@given(queries(min_size=1))
def test_curves_are_those_of_thresholds_tried_one_by_one(frame):
    both = frame["known"].nunique() == 2
    points = operating_points(frame) if both else []
    found = {
        "auroc": auroc(*arrays(frame, "score", "known")),
        "oscr": oscr(*arrays(frame, "score", "named", "known")),
        "fpr": fpr_at_95_tpr(*arrays(frame, "score", "known")),
        "dir": detection_identification_rate(
            *arrays(frame, "score", "named", "known"), false_alarm_rate=0.3, min_unknown=1
        ),
    }
    expected = dict.fromkeys(found, math.nan)
    if both:
        expected = {
            "auroc": area(points, 1),
            "oscr": area(points, 2),
            "fpr": next(p[0] for p in points if p[1] >= 0.95 - 1e-9),
            "dir": max(p[2] for p in points if p[0] <= 0.3 + 1e-9),
        }
    assert found == pytest.approx(expected, nan_ok=True)


@given(queries(min_size=1, score=SCORES))
def test_oscr_of_right_names_is_the_area_scikit_learn_measures(frame):
    all_right = frame.assign(named=frame["known"])
    if frame["known"].nunique() == 2:
        false, true, _ = roc_curve(frame["known"], frame["score"])
        assert oscr(*arrays(all_right, "score", "named", "known")) == pytest.approx(auc(false, true))


ALL = {
    "baks": lambda f: metrics.baks(*arrays(f, "correct", "known", "individual")),
    "baus": lambda f: metrics.baus(*arrays(f, "correct", "known", "individual")),
    "geometric_mean": lambda f: metrics.geometric_mean(*arrays(f, "correct", "known", "individual")),
    "area": lambda f: metrics.baks_baus_area(*arrays(f, "score", "named", "known", "individual")),
    "auroc": lambda f: auroc(*arrays(f, "score", "known")),
    "oscr": lambda f: oscr(*arrays(f, "score", "named", "known")),
    "fpr": lambda f: fpr_at_95_tpr(*arrays(f, "score", "known")),
}
BY_INDIVIDUAL = ("baks", "baus", "geometric_mean", "area")


@given(queries(min_size=1), st.randoms(use_true_random=False))
def test_no_metric_depends_on_the_order_of_queries_or_on_what_animals_are_called(frame, random):
    order = list(range(len(frame)))
    random.shuffle(order)
    names = {name: f"animal {i}" for i, name in enumerate(sorted(set(frame["individual"]), reverse=True))}
    other = frame.iloc[order].assign(individual=lambda f: f["individual"].map(names))
    for name, metric in ALL.items():
        assert metric(other) == pytest.approx(metric(frame), nan_ok=True, abs=1e-12), name


@given(queries(min_size=1), st.integers(2, 4), st.data())
def test_photographing_one_animal_again_changes_nothing_where_animals_count_the_same(frame, times, data):
    """All queries of an animal, `times` over: means over individuals stay, and who is counted."""
    name = data.draw(st.sampled_from(sorted(set(frame["individual"]))))
    more = pd.concat([frame, *[frame[frame["individual"] == name]] * (times - 1)], ignore_index=True)
    for metric in BY_INDIVIDUAL:
        assert ALL[metric](more) == pytest.approx(ALL[metric](frame), nan_ok=True), metric


@given(queries(min_size=1), st.data())
def test_weights_are_copies(frame, data):
    times = np.array(data.draw(st.lists(st.integers(0, 3), min_size=len(frame), max_size=len(frame))))
    copies = frame.loc[frame.index.repeat(times)]
    for name, metric in (("auroc", auroc), ("fpr", fpr_at_95_tpr)):
        weighted = metric(*arrays(frame, "score", "known"), weights=times.astype(float))
        assert weighted == pytest.approx(ALL[name](copies), nan_ok=True), name
    weighted = oscr(*arrays(frame, "score", "named", "known"), weights=times.astype(float))
    assert weighted == pytest.approx(ALL["oscr"](copies), nan_ok=True)


@given(st.lists(st.tuples(st.none() | st.integers(1, 9), st.booleans()), max_size=20), st.integers(1, 6))
def test_top_k_is_the_share_of_the_known_ranked_so_high(rows, k):
    rank = np.array([math.nan if r is None else r for r, _ in rows], dtype=float)
    known = np.array([of for _, of in rows], dtype=bool)
    expected = np.mean([r is not None and r <= k for r, of in rows if of]) if known.any() else math.nan
    assert metrics.share(rank <= k, known) == pytest.approx(expected, nan_ok=True)


# ---- the threshold --------------------------------------------------------------------------------------------------


def predictions(frame, role):
    """Predictions of one role from a frame of `queries`."""
    identity = frame["individual"].astype(str)
    table = pd.DataFrame({IMAGE_ID: [f"{role}-{i:03d}" for i in range(len(frame))], DATASET: "d", IDENTITY: identity})
    table[INDIVIDUAL] = "d/" + identity
    table[KNOWN] = frame["known"].astype("boolean")
    table[ROLE] = role
    table[ranked_column(IDENTITY, 1)] = identity.where(frame["named"], "another").where(frame["score"].notna(), None)
    return table.assign(**{SCORE: frame["score"]})


def geometric_mean_at(table, threshold):
    """The threshold applied as `decide` does, measured by hand."""
    named = table[ranked_column(IDENTITY, 1)].where(table[SCORE] >= threshold, NEW_INDIVIDUAL)
    right = named == table[IDENTITY].where(table[KNOWN], NEW_INDIVIDUAL)
    kinds = [right[of].groupby(table[IDENTITY][of]).mean().mean() for of in (table[KNOWN], ~table[KNOWN])]
    return math.sqrt(kinds[0] * kinds[1])


def candidates(table):
    distinct = sorted(set(table[SCORE].dropna()))
    between = [(a + b) / 2 for a, b in zip(distinct[:-1], distinct[1:], strict=True)]
    return [-math.inf, *between, math.inf], distinct


@given(queries(min_size=2))
def test_no_threshold_is_better_on_val_than_the_fitted_one(frame):
    table = predictions(frame, VAL)
    fitted = fit_threshold(table, min_individuals=1)
    if frame["known"].nunique() < 2:
        assert fitted.values["d"] is None and fitted.reasons["d"]
        return
    possible, distinct = candidates(table)
    best = max(geometric_mean_at(table, t) for t in [*possible, *distinct])
    assert geometric_mean_at(table, fitted.values["d"]) == pytest.approx(best, abs=1e-9)
    # It stands between two neighbouring scores, or beyond them all: rounding changes no decision.
    place = np.searchsorted(distinct, fitted.values["d"])
    if 0 < place < len(distinct):
        assert distinct[place - 1] < fitted.values["d"] <= distinct[place]
        assert fitted.values["d"] == pytest.approx((distinct[place - 1] + distinct[place]) / 2)
    else:
        assert math.isinf(fitted.values["d"])


@given(queries(min_size=4), queries(min_size=1), st.randoms(use_true_random=False))
def test_test_labels_never_change_the_threshold_or_a_decision(val, test, random):
    threshold = fit_threshold(predictions(val, VAL), min_individuals=1)
    table = predictions(test, TEST)
    decided = decide(table, threshold)
    labels = table[[IDENTITY, INDIVIDUAL, KNOWN]].sample(frac=1, random_state=random.randint(0, 99))
    other = table.assign(**{column: labels[column].to_numpy() for column in labels})
    assert decide(other, threshold).equals(decided)
    unlabelled = table.assign(**{IDENTITY: None, INDIVIDUAL: None, KNOWN: pd.array([None] * len(table), "boolean")})
    assert decide(unlabelled, threshold).equals(decided)
    with pytest.raises(ValueError, match="role"):
        fit_threshold(pd.concat([predictions(val, VAL), table], ignore_index=True))


@given(queries(min_size=2), st.randoms(use_true_random=False))
def test_the_threshold_does_not_depend_on_the_order_of_rows(frame, random):
    table = predictions(frame, VAL)
    order = list(range(len(table)))
    random.shuffle(order)
    fitted, again = (fit_threshold(t, min_individuals=1) for t in (table, table.iloc[order]))
    assert fitted.to_dict() == again.to_dict()


@given(queries(min_size=4, score=SCORES), queries(min_size=2, score=SCORES))
def test_hindsight_is_never_worse_than_the_frozen_threshold(val, test):
    threshold = fit_threshold(predictions(val, VAL), min_individuals=1)
    table = predictions(test, TEST)
    table[PREDICTED] = decide(table, threshold)
    found = oracle(table)["datasets"]["d"]["geometric_mean"]
    if test["known"].nunique() == 2:
        assert (
            found >= geometric_mean_at(table, threshold.values["d"] if threshold.values["d"] is not None else -2) - 1e-9
        )
