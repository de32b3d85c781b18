"""Answers as a table: words, new animals, what is enrolled already, what is asked twice."""

import numpy as np
import pytest
from gallery_cases import photographs, recipe

from reid_lib.core.names import CONTENT
from reid_lib.embed.embedding_set import EmbeddingSet
from reid_lib.gallery.photographs import Photographs
from reid_lib.match.cosine import Cosine
from reid_lib.pipeline.answers_table import answer_photographs, find_asked_twice, find_enrolled, group_new, put_in_words


@pytest.mark.parametrize(
    "new, probability, words",
    [
        (False, 0.95, "almost certainly"),
        (False, 0.94, "probably"),
        (False, 0.75, "probably"),
        (False, 0.7, "perhaps"),
        (True, 0.9, "new"),
    ],
)
def test_a_decision_in_words(new, probability, words):
    assert put_in_words(new, probability) == words


def placed(angles: list[float]) -> Photographs:
    """Photographs at these angles of a circle, each with its content."""
    some = photographs({"x": len(angles)}, features=())
    vectors = np.zeros((len(angles), 8), np.float32)
    vectors[:, 0], vectors[:, 1] = np.cos(angles), np.sin(angles)
    rows = some.rows.assign(**{CONTENT: [f"c{angle}" for angle in angles]})
    return Photographs(EmbeddingSet(vectors, rows), {}, some.greys)


def test_new_animals_are_grouped_and_a_group_keeps_its_label_in_any_order():
    """Cosines of at least 0.5 (60 degrees) join: 0 and 0.9 directly, 1.7 through 0.9; 3.5 is alone, 0.1 not new."""
    asked = placed([0.0, 0.9, 0.1, 1.7, 3.5])
    labels = group_new(recipe("x", features=()), asked, np.array([True, True, False, True, True]))
    assert labels[2] is None and labels[0] == labels[1] == labels[3] != labels[4]
    again = group_new(recipe("x", features=()), placed([3.5, 1.7, 0.0, 0.9]), np.ones(4, dtype=bool))
    assert again == [labels[4], labels[0], labels[0], labels[0]]


def test_without_a_threshold_no_two_are_joined():
    nothing = recipe("x", features=(), joining=recipe("x").joining | {"values": {"d": None}, "overall": None})
    assert len(set(group_new(nothing, placed([0.0, 0.0001]), np.ones(2, dtype=bool)))) == 2


def test_the_same_file_and_a_copy_are_told_apart():
    enrolled = placed([0.0, 1.0, 2.0])
    asked = placed([1.0, 5.0, 6.0])
    greys = np.stack([enrolled.greys[0] * 0, enrolled.greys[2], 255 - enrolled.greys[0]])
    asked = Photographs(asked.embeddings, {}, greys)
    told, animals = find_enrolled(asked, enrolled)
    assert animals == [("d", "x"), ("d", "x"), None]
    assert told == ["the same file as p1.jpg of x", "nearly the same picture as p2.jpg of x", None]


def test_what_is_enrolled_under_another_data_set_is_told_with_it():
    enrolled = placed([0.0, 1.0])
    rows = enrolled.rows.assign(dataset=["d", "e"])
    told, animals = find_enrolled(placed([0.0, 1.0]), enrolled.with_rows(rows))
    assert animals == [("d", "x"), ("e", "x")]
    assert told[0] == "the same file as p0.jpg of x"
    assert told[1] == "the same file as p1.jpg of x, enrolled under data set e, not searched for d"


def test_of_photographs_that_are_asked_twice_the_later_ones_say_which_they_are():
    asked = placed([0.0, 1.0, 2.0, 3.0, 4.0])
    rows = asked.rows.assign(**{CONTENT: ["a", "b", "a", "c", ""]})
    greys = asked.greys.copy()
    greys[3], greys[4] = greys[1], 255 - greys[0]
    told = find_asked_twice(Photographs(EmbeddingSet(asked.embeddings.features, rows), {}, greys))
    assert told == [None, None, "the same file as p0.jpg", "nearly the same picture as p1.jpg", None]


def test_an_answer_that_differs_from_what_is_enrolled_is_doubtful():
    enrolled = placed([0.0, 1.0, 2.0])
    rows = enrolled.rows.assign(identity=["a", "b", "c"], dataset=["d", "d", "e"])
    enrolled = enrolled.with_rows(rows.assign(individual=rows["dataset"] + "/" + rows["identity"]))
    asked = placed([0.0, 1.0, 2.0, 6.0])
    asked = asked.with_rows(asked.rows.assign(image_id=[f"q{k}" for k in range(4)], identity=None, individual=None))
    contents = ["c0.0", "c0.0", "c2.0", "another"]  # the second looks like b, and is a; the third is enrolled elsewhere
    asked = asked.with_rows(asked.rows.assign(**{CONTENT: contents}))
    greys = np.zeros_like(asked.greys)
    asked = Photographs(asked.embeddings, {}, greys)
    answers, _ = answer_photographs(
        recipe("x", features=()), asked, enrolled, Cosine(asked.embeddings, enrolled.embeddings)
    )
    assert answers["decision"].tolist()[:2] == ["a", "b"]
    assert answers["doubtful"].tolist()[1:3] == [True, True]
    assert answers["doubtful"].tolist()[0] == (answers["probability"][0] < 0.75)
