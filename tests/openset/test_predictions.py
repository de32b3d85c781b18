"""Scores per individual, the threshold fitted on val alone, the decision: solved by hand, and against slow loops."""

import numpy as np
import pandas as pd
import pytest
from matplotlib.text import Text
from openset_cases import at_angles, random_sets
from similarity_cases import Matches
from sklearn.metrics import average_precision_score

from reid_lib.core.errors import CatalogueError
from reid_lib.core.names import (
    AVERAGE_PRECISION,
    DATASET,
    IDENTITY,
    IMAGE_ID,
    KNOWN,
    MATCH_ORIENTATION,
    NEW_INDIVIDUAL,
    ORIENTATION,
    PREDICTED,
    RANK,
    SAME_ORIENTATION,
    SCORE,
    TRUE_SCORE,
    ranked_column,
)
from reid_lib.embed.embedding_set import EmbeddingSet
from reid_lib.figures.scores import score_distributions, score_panels, threshold_panels
from reid_lib.match.cosine import Cosine, to_whole_numbers
from reid_lib.openset.answers import Answers
from reid_lib.openset.predictions import score_individuals
from reid_lib.openset.summary import summarise
from reid_lib.openset.threshold import decide, fit_threshold


def cosine(degrees):
    return pytest.approx(np.cos(np.deg2rad(degrees)), abs=1e-6)


# ---- scores -------------------------------------------------------------------------------------------------------


def test_score_of_an_individual_is_its_most_similar_image():
    gallery = at_angles(("g1", "d", "ann", 0), ("g2", "d", "ann", 90), ("g3", "d", "bob", 50), role="gallery")
    row = score_individuals(Cosine(at_angles(("q", "d", "ann", 60)), gallery)).iloc[0]
    assert [row[ranked_column(IDENTITY, k)] for k in (1, 2)] == ["bob", "ann"]
    assert [row[ranked_column("image", k)] for k in (1, 2)] == ["g3", "g2"]
    assert [row[ranked_column(SCORE, k)] for k in (1, 2)] == [cosine(10), cosine(30)]
    assert row[SCORE] == cosine(10) and row[TRUE_SCORE] == cosine(30) and row[RANK] == 2 and row[KNOWN]
    # Similarities fall g3, g2, g1: ann's images are found second and third.
    assert row[AVERAGE_PRECISION] == pytest.approx((1 / 2 + 2 / 3) / 2)


def test_an_individual_is_compared_within_its_data_set_only():
    # "01" of two data sets are two animals: the query of "b" has a twin in "a", which must not answer.
    gallery = at_angles(("g1", "a", "01", 0), ("g2", "b", "02", 80), role="gallery")
    row = score_individuals(Cosine(at_angles(("q", "b", "01", 0)), gallery)).iloc[0]
    assert row[ranked_column(IDENTITY, 1)] == "02" and row[SCORE] == cosine(80)
    assert row[KNOWN] is False or not row[KNOWN]
    assert np.isnan(row[RANK]) and np.isnan(row[TRUE_SCORE]) and np.isnan(row[AVERAGE_PRECISION])


def test_ranking_equals_a_loop_over_individuals():
    queries, gallery = random_sets(0)
    found = score_individuals(Cosine(queries, gallery))
    a, b = (to_whole_numbers(part.features).astype(object) for part in (queries, gallery))
    exact = (a @ b.T) / 2.0**52  # Python's whole numbers: exact, so that ties are ties
    for q, row in found.iterrows():
        asked, best = queries.rows.iloc[q], {}
        for g, enrolled in gallery.rows.iterrows():
            if enrolled[DATASET] == asked[DATASET]:
                best[enrolled[IDENTITY]] = max(best.get(enrolled[IDENTITY], -2), exact[q, g])
        order = sorted(best, key=lambda name: (-best[name], name))
        assert [row[ranked_column(IDENTITY, k + 1)] for k in range(5)] == order[:5]
        np.testing.assert_allclose(
            [row[ranked_column(SCORE, k + 1)] for k in range(5)], np.clip([best[n] for n in order[:5]], -1, 1), atol=0
        )
        if pd.isna(asked[IDENTITY]):
            assert pd.isna(row[KNOWN]) and np.isnan(row[RANK])
        elif asked[IDENTITY] not in best:
            assert not row[KNOWN] and np.isnan(row[RANK])
        else:
            own = (gallery.rows[DATASET] == asked[DATASET]).to_numpy()
            right = (gallery.rows[IDENTITY] == asked[IDENTITY]).to_numpy()[own]
            assert row[RANK] == order.index(asked[IDENTITY]) + 1
            assert row[AVERAGE_PRECISION] == pytest.approx(average_precision_score(right, exact[q, own].astype(float)))


def test_rows_in_any_order_and_blocks_of_any_size_give_the_same_bits():
    queries, gallery = random_sets(1)
    expected = score_individuals(Cosine(queries, gallery)).sort_values(IMAGE_ID, ignore_index=True)
    rng = np.random.default_rng(1)
    for max_bytes in (1, 5000, 2**28):
        q, g = (
            EmbeddingSet(s.features[o], s.rows.iloc[o]) for s in (queries, gallery) for o in [rng.permutation(len(s))]
        )
        found = score_individuals(Cosine(q, g), max_bytes=max_bytes)
        assert found[IMAGE_ID].tolist() == q.rows[IMAGE_ID].tolist()
        pd.testing.assert_frame_equal(found.sort_values(IMAGE_ID, ignore_index=True), expected, check_exact=True)
    part = EmbeddingSet(queries.features[5:9], queries.rows.iloc[5:9])
    alone = score_individuals(Cosine(part, gallery)).sort_values(IMAGE_ID, ignore_index=True)
    subset = expected[expected[IMAGE_ID].isin(part.rows[IMAGE_ID])].reset_index(drop=True)
    pd.testing.assert_frame_equal(alone, subset, check_exact=True)


def test_ties_go_by_name_then_by_image_id():
    gallery = at_angles(
        ("g9", "d", "zoe", 10), ("g8", "d", "ann", 10), ("g7", "d", "ann", 10), ("g1", "d", "mia", 10), role="gallery"
    )
    row = score_individuals(Cosine(at_angles(("q", "d", "zoe", 0)), gallery)).iloc[0]
    assert [row[ranked_column(IDENTITY, k)] for k in (1, 2, 3)] == ["ann", "mia", "zoe"]
    assert row[ranked_column("image", 1)] == "g7" and row[RANK] == 3


def test_ranks_beyond_the_gallery_are_missing():
    row = score_individuals(
        Cosine(at_angles(("q", "d", None, 0)), at_angles(("g", "d", "ann", 0), role="gallery"))
    ).iloc[0]
    assert row[ranked_column(IDENTITY, 1)] == "ann" and row[SCORE] <= 1
    assert pd.isna([row[ranked_column(what, k)] for what in (IDENTITY, "image", SCORE) for k in (2, 5)]).all()


def test_known_follows_the_gallery_not_the_rows():
    queries = at_angles(("q1", "d", "ann", 0), ("q2", "d", "bob", 0))
    queries.rows[KNOWN] = pd.array([False, True], dtype="boolean")
    found = score_individuals(Cosine(queries, at_angles(("g", "d", "ann", 0), role="gallery")))
    assert found[KNOWN].tolist() == [True, False]


def test_flanks_of_the_enrolled_images_are_reported():
    gallery = at_angles(("g1", "d", "ann", 0), ("g2", "d", "ann", 40), ("g3", "d", "bob", 90), role="gallery")
    gallery.rows[ORIENTATION] = ["left", "right", "left"]
    queries = at_angles(("q1", "d", "ann", 50), ("q2", "d", "bob", 80), ("q3", "d", "new", 80), ("q4", "d", "ann", 0))
    queries.rows[ORIENTATION] = ["left", "right", "left", None]
    found = score_individuals(Cosine(queries, gallery))
    assert found[MATCH_ORIENTATION].tolist() == ["right", "left", "left", "left"]
    assert found[SAME_ORIENTATION].tolist()[:2] == [True, False] and found[SAME_ORIENTATION].isna().tolist()[2:] == [
        1,
        1,
    ]


@pytest.mark.parametrize(
    ("queries", "gallery", "says"),
    [
        ([("x", "d", "ann", 0)], [("x", "d", "ann", 0)], "both query and gallery, e.g. 'x'"),
        ([("q", "d", "ann", 0)], [("g", "d", None, 0)], "gallery image 'g' has no identity"),
        ([("q", "d", "ann", 0)], [("g", "d", NEW_INDIVIDUAL, 0)], "named 'new_individual'"),
    ],
)
def test_galleries_that_would_lie_are_refused(queries, gallery, says):
    with pytest.raises(CatalogueError, match=says):
        score_individuals(Cosine(at_angles(*queries), at_angles(*gallery, role="gallery")))


def test_missing_columns_are_named():
    queries = at_angles(("q", "d", "ann", 0))
    with pytest.raises(CatalogueError, match="gallery lack dataset, identity"):
        score_individuals(Cosine(queries, EmbeddingSet(np.eye(1, 2), pd.DataFrame({IMAGE_ID: ["g"]}))))


# ---- what is no cosine --------------------------------------------------------------------------------------------


def test_counts_of_matches_are_ranked_thresholded_measured_and_drawn_in_their_unit():
    """Known animals match at 30 and more points, unknown ones at 5 at most; the threshold lies between."""
    rng = np.random.default_rng(0)
    enrolled = [("d", f"animal {k // 2}") for k in range(24)]
    identity = [f"animal {k}" for k in range(12)] + [f"other {k}" for k in range(12)]
    counts = rng.integers(0, 6, (24, 24))
    for k in range(12):
        counts[k, 2 * k] = 30 + k
    similarity = Matches(counts, ["d"] * 24, enrolled, identity)
    val = score_individuals(similarity)
    assert val[SCORE].tolist() == counts.max(axis=1).tolist()
    assert val[ranked_column(IDENTITY, 1)].tolist()[:12] == identity[:12] and (val[RANK][:12] == 1).all()
    assert val[ranked_column("image", 1)].tolist()[:12] == [f"g{2 * k:04}" for k in range(12)]
    threshold = fit_threshold(Answers.of(val), min_individuals=10)
    assert 5 < threshold.values["d"] <= 30
    val[PREDICTED] = decide(val, threshold)
    assert val[PREDICTED].tolist() == identity[:12] + [NEW_INDIVIDUAL] * 12
    overall = summarise(Answers.of(val), repetitions=20)["overall"]
    assert overall["geometric_mean"]["value"] == overall["top1"]["value"] == 1
    for figure in (
        score_panels(val, threshold, unit=similarity.unit),
        score_distributions(val, threshold, unit=similarity.unit).figure,
        threshold_panels(threshold.curve, threshold, unit=similarity.unit),
    ):
        said = " ".join(text.get_text() for text in figure.findobj(Text))
        assert "(matches)" in said and "cosine" not in said


def test_any_similarity_is_asked_within_a_data_set_only():
    enrolled = [("b", "01"), ("a", "01"), ("b", "02")]
    similarity = Matches([[9, 1, 2], [3, 5, 7]], ["a", "b"], enrolled, ["01", "01"])
    found = score_individuals(similarity)
    assert found[SCORE].tolist() == [1, 7] and found[TRUE_SCORE].tolist() == [1, 3]
    assert found[ranked_column(IDENTITY, 1)].tolist() == ["01", "02"] and found[RANK].tolist() == [1, 2]


def test_pairs_that_were_not_compared_have_no_score():
    no = -np.inf
    similarity = Matches([[no, no, 4], [no, no, no]], ["d", "d"], [("d", n) for n in "abc"], ["a", "b"])
    found = score_individuals(similarity)
    assert found[ranked_column(IDENTITY, 1)].tolist()[0] == "c" and found[[ranked_column(IDENTITY, 2)]].isna().all(
        axis=None
    )
    assert found[SCORE].tolist()[0] == 4 and np.isnan(found[SCORE][1]) and found[TRUE_SCORE].isna().all()
    assert found[KNOWN].all() and found[RANK].tolist() == [2, 2]
    gallery = similarity.gallery
    gallery[IMAGE_ID] = ["q0001", "x", "y"]
    with pytest.raises(CatalogueError, match="both query and gallery, e.g. 'q0001'"):
        score_individuals(similarity)
