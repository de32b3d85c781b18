"""Figures made of photographs, read back from the artists."""

import matplotlib
import numpy as np
import pytest
from drawn import HAND, by_gid, catalogue_rows, many, photo, predictions_of, texts, words

from reid_lib.core.names import ENCOUNTER, IDENTITY, ORIENTATION, ranked_column
from reid_lib.figures import sheets
from reid_lib.figures.match_lines import MatchedPair
from reid_lib.figures.sheets import ROW_HEIGHT, SHOWN_PX, examples
from reid_lib.figures.style import COLOURS
from reid_lib.openset.answers import Answers
from reid_lib.openset.outcomes import classify_outcomes

matplotlib.use("Agg")

pytestmark = pytest.mark.usefixtures("no_figure_is_left")


def test_examples_show_every_kind_of_outcome_before_any_kind_twice():
    chosen = examples(many(), n=5)
    assert sorted(classify_outcomes(Answers.of(chosen))) == [
        "known refused",
        "known right",
        "known wrong",
        "unknown right",
        "unknown wrong",
    ]
    assert len(examples(HAND, n=100)) == len(HAND)


def frames(ax):
    """The verdicts of the gallery photographs, row by row, left to right."""
    found = [p for p in ax.patches if str(p.get_gid()).startswith("frame ")]
    found.sort(key=lambda p: (int(p.get_y() / ROW_HEIGHT), p.get_x()))
    return [p.get_gid().removeprefix("frame ") for p in found]


def test_strip_marks_the_own_individual_right_and_every_other_wrong():
    ax = sheets.retrieval(HAND, photo, image_ids=["q0", "q2", "q5", "q8"])
    wrong = ["wrong"] * 5
    assert frames(ax) == ["right", *wrong[1:], *wrong, *wrong, *["unlabelled"] * 5]
    marks = [text for text in texts(ax) if text in "✓✗?"]
    assert (marks.count("✓"), marks.count("✗"), marks.count("?")) == (1, 14, 5)


def test_frames_of_right_and_wrong_have_their_colours():
    ax = sheets.retrieval(HAND, photo, image_ids=["q0"])
    for patch in ax.patches:
        if str(patch.get_gid()).startswith("frame "):
            verdict = patch.get_gid().removeprefix("frame ")
            assert matplotlib.colors.same_color(patch.get_edgecolor(), COLOURS[verdict])


def test_unknown_query_whose_name_happens_to_stand_in_the_gallery_gets_no_right_mark():
    frame = predictions_of([("q", "newts", "a", False, "a", 0.9, "a")])
    assert frames(sheets.retrieval(frame, photo)) == ["wrong"] * 5


def test_own_individual_further_down_is_marked_where_it_stands():
    frame = HAND.assign(**{ranked_column(IDENTITY, 3): "b"})
    assert frames(sheets.retrieval(frame, photo, image_ids=["q2"])) == ["wrong", "wrong", "right", "wrong", "wrong"]


@pytest.mark.parametrize(
    ("image_id", "decision", "truth"),
    [
        ("q0", "✓ named a", "is a"),
        ("q2", "✗ named a", "is b"),
        ("q3", "✗ called new", "is b"),
        ("q5", "✗ named y", "is not in the gallery"),
        ("q6", "✓ called new", "is not in the gallery"),
        ("q8", "? named y", "true name not known"),
    ],
)
def test_decision_and_truth_stand_beside_the_query(image_id, decision, truth):
    ax = sheets.retrieval(HAND, photo, image_ids=[image_id])
    assert decision in texts(ax) and truth in texts(ax)


def test_strip_loads_the_query_and_its_five_photographs_and_names_them_with_scores():
    loaded = []
    ax = sheets.retrieval(HAND, lambda image_id: loaded.append(image_id) or photo(image_id), image_ids=["q0"])
    assert loaded == ["q0", "g-a", "g-other2", "g-other3", "g-other4", "g-other5"]
    assert [text for text in texts(ax) if "0." in text] == [
        "a  0.90",
        "other2  0.80",
        "other3  0.70",
        "other4  0.60",
        "other5  0.50",
    ]
    assert len(ax.images) == 6


def test_gallery_with_fewer_individuals_leaves_places_empty():
    frame = HAND.assign(**{ranked_column(what, rank): None for what in (IDENTITY, "image") for rank in (4, 5)})
    ax = sheets.retrieval(frame, photo, image_ids=["q0"])
    assert len(ax.images) == 4 and texts(ax).count("no more\nanimals") == 2


def test_photographs_keep_their_shape_and_are_shrunk():
    ax = sheets.retrieval(HAND, photo, image_ids=["q0"])
    for image in ax.images:
        left, right, bottom, top = image.get_extent()
        assert (right - left) / (bottom - top) == pytest.approx(2)
        assert max(image.get_array().shape[:2]) == SHOWN_PX


def test_whole_strip_is_within_the_axes():
    ax = sheets.retrieval(HAND, photo, n=9)
    (left, right), (bottom, top) = ax.get_xlim(), ax.get_ylim()
    for image in ax.images:
        x0, x1, y1, y0 = image.get_extent()
        assert left <= x0 and x1 <= right and top <= y0 and y1 <= bottom


def test_unknown_query_id_is_refused():
    with pytest.raises(ValueError, match="no prediction for image_id 'nope'"):
        sheets.retrieval(HAND, photo, image_ids=["nope"])


def test_no_queries_make_an_empty_strip_that_says_so():
    assert "no queries" in words(sheets.retrieval(HAND.iloc[:0], photo))


def test_sheet_shows_one_photograph_of_each_encounter_of_each_individual():
    loaded = []
    ax = sheets.photographs(catalogue_rows(), lambda image_id: loaded.append(image_id) or photo(image_id))
    assert loaded == ["i2", "i1", "i4", "i5", "i6"]
    assert [t.get_text() for t in by_gid(ax, "individual")] == ["a", "b", "a"]
    assert "e1, right" in texts(ax) and "e3" in texts(ax) and "newts\n3 photographs" in texts(ax)


def test_encounter_nine_comes_before_encounter_ten():
    rows, loaded = catalogue_rows().head(3).copy(), []
    rows[ENCOUNTER] = ["e10", "e9", "e9"]
    sheets.photographs(rows, lambda image_id: loaded.append(image_id) or photo(image_id))
    assert loaded == ["i2", "i1"]


def test_sheet_takes_data_sets_in_turn_and_the_individuals_with_most_encounters():
    loaded = []
    sheets.photographs(catalogue_rows(), lambda i: loaded.append(i) or photo(i), individuals=2, columns=1)
    assert loaded == ["i2", "i5"]


def test_sheet_without_encounters_shows_photographs():
    ax = sheets.photographs(catalogue_rows().drop(columns=[ENCOUNTER, ORIENTATION]), photo)
    assert len(ax.images) == 6 and "another photograph" in ax.get_title(loc="left")


def test_matches_are_lines_from_the_query_to_its_nearest_photograph_alone():
    rows = HAND.set_index("image_id", drop=False)
    places = np.array([[0.5, 0.5], [0.0, 1.0]])
    matches = {
        name: MatchedPair(name, image, "", "right", places, places, np.ones(2), np.array([True, True]))
        for name, image in (("q0", rows.loc["q0", ranked_column("image", 1)]), ("q2", "another"))
    }
    ax = sheets.retrieval(HAND, photo, image_ids=["q0", "q2"], matches=matches)
    assert len(by_gid(ax, "match")) == 2 and not by_gid(ax, "outlier")  # those of q2 are with another photograph
    assert "Lines: the same spot" in " ".join(texts(ax))
    query, nearest = (p for p in ax.patches[:2])
    (x, other_x), (y, other_y) = next(line for line in by_gid(ax, "match")).get_data()
    for patch, at in ((query, (x, y)), (nearest, (other_x, other_y))):
        left, upper = patch.get_xy()
        middle = (left + patch.get_width() / 2, upper + patch.get_height() / 2)
        corner = (left, upper + patch.get_height())
        assert at == pytest.approx(middle) or at == pytest.approx(corner)


def test_what_the_marks_mean_is_no_wider_than_the_sheet_of_photographs():
    rows = HAND.set_index("image_id", drop=False)
    places = np.array([[0.5, 0.5]])
    pair = MatchedPair("q0", rows.loc["q0", ranked_column("image", 1)], "", "right", places, places, np.ones(1), [True])
    ax = sheets.retrieval(HAND, photo, matches={"q0": pair}, threshold=0.65)
    ax.figure.canvas.draw()
    drawn, sheet = ax.get_tightbbox(), ax.patch.get_window_extent()
    assert drawn.x0 >= sheet.x0 - 2 and drawn.x1 <= sheet.x1 + 2
    assert by_gid(ax, "threshold value")[0].get_text() == "threshold 0.65"


@pytest.mark.parametrize(("threshold", "n_above"), [(0.65, 3), (0.95, 0), (float("inf"), 0), (None, None)])
def test_the_threshold_parts_the_candidates_that_reach_it_from_the_others(threshold, n_above):
    ax = sheets.retrieval(HAND, photo, image_ids=["q0"], threshold=threshold)  # scores 0.9, 0.8, ... 0.5
    lines = by_gid(ax, "threshold")
    if threshold is None:
        assert not lines and "Upright line" not in words(ax)
        return
    (x, _), left = lines[0].get_xdata(), [patch.get_x() for patch in ax.patches[1:]]
    assert sum(edge < x for edge in left) == n_above and "Upright line" in words(ax)
