"""Results per animal and per encounter: counts by hand, the worst first."""

import matplotlib
import numpy as np
import pytest
from drawn import HAND, by_gid, many, texts, words

from reid_lib.core.names import ENCOUNTER
from reid_lib.figures.animals import MOST_NAMED, animal_panels, count_by_animal, encounter_answers

matplotlib.use("Agg")

pytestmark = pytest.mark.usefixtures("no_figure_is_left")
MET = ["e1", "e1", "e2", "e2", "e3", "e4", "e4", "e5", "e6"]


def test_photographs_are_counted_by_animal_and_outcome_the_worst_first():
    counts = count_by_animal(HAND)
    assert counts.index.tolist() == [("newts", "b"), ("newts", "c"), ("seals", "x"), ("newts", "a"), ("seals", "z")]
    assert counts.loc[("newts", "b")].to_dict() == {
        "known right": 0,
        "known wrong": 1,
        "known refused": 1,
        "unknown right": 0,
        "unknown wrong": 0,
    }
    assert counts.loc[("seals", "x"), ["unknown right", "unknown wrong"]].tolist() == [1, 1]
    assert counts.to_numpy().sum() == 8  # the ninth has no label


def test_every_animal_has_a_bar_with_its_count_in_words():
    left, right = animal_panels(HAND).axes
    assert [label.get_text() for label in left.get_yticklabels()] == ["b", "c", "a"]
    assert [text for text in texts(left)] == ["0 of 2", "0 of 1", "2 of 2"] and texts(right) == ["1 of 2", "1 of 1"]
    assert left.get_title(loc="left") == "3 known animals: 1 always right, 2 never"
    bars = {bar.get_gid(): bar for bar in left.patches if bar.get_gid()}
    assert bars["known right"].get_facecolor() != bars["known refused"].get_facecolor()


def test_of_many_animals_the_worst_are_shown_and_the_title_says_so():
    rows = many(400)
    rows["identity"] += (np.arange(400) % 20).astype(str)
    left = animal_panels(rows).axes[0]
    assert len(left.get_yticklabels()) == MOST_NAMED and f"shown: the {MOST_NAMED} least" in left.get_title(loc="left")


def test_without_unknown_animals_the_right_side_says_so():
    right = animal_panels(HAND.head(5)).axes[1]
    assert "no photograph of an unknown animal" in words(right)


def test_the_answers_to_an_encounter_stand_in_its_row_the_wrong_ones_first():
    ax = encounter_answers(HAND.assign(**{ENCOUNTER: MET}))
    assert [label.get_text() for label in ax.get_yticklabels()] == ["e2", "e3", "e4", "e1", "e5"]
    said = texts(ax)
    assert said[0] == "a (1), new (1); is b" and said[2] == "y (1), new (1); is not in the gallery"
    assert said[3] == "a (2); is a"
    assert ax.get_title(loc="left") == "5 encounters: in 3 all photographs get one answer, in 2 all are right"
    (right,) = by_gid(ax, "known right")
    assert right.get_xydata().tolist() == [[1, 3], [2, 3]]


def test_without_encounters_a_sentence_says_so():
    assert "not known" in words(encounter_answers(HAND.assign(**{ENCOUNTER: None})))
