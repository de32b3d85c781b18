"""A review: what is asked, what was said before, whose undo it is; two runs on one table."""

import pytest
from review_cases import copy_review, make_review, make_reviewable, reviewable_rows

from reid_lib.core.errors import ReviewError, RunError
from reid_lib.core.names import IDENTITY, IMAGE_ID
from reid_lib.pipeline.review import describe_probability, open_named, open_review

ROWS = reviewable_rows()


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return make_review(tmp_path_factory.mktemp("made"), ROWS)


@pytest.fixture
def opened(made, tmp_path, monkeypatch):
    copy_review(made, tmp_path, monkeypatch)
    return open_review("made", who="ada")


@pytest.mark.parametrize(
    ("probability", "words"),
    [
        (0.96, "One animal or two? Almost certainly one (96%)"),
        (0.946, "One animal or two? Probably one (94%)"),
        (0.8, "One animal or two? Probably one (80%)"),
        (0.5, "One animal or two? Perhaps one (50%)"),
        (0.3, "One animal or two? Perhaps two (70%)"),
        (0.01, "One animal or two? Almost certainly two (99%)"),
        (1e-9, "One animal or two? Almost certainly two (99%)"),
        (float("nan"), "One animal or two?"),
    ],
)
def test_probabilities_in_words(probability, words):
    assert describe_probability(probability) == words


def test_an_answer_says_what_it_did_and_whom_the_photographs_show_follows(opened):
    question = next(q for q in opened.next(50) if "become one" in opened.effects(q.ids)["same"])
    one, other = question.ids
    names = [opened.animal(name) for name in question.ids]
    before = opened.others(one, other), opened.others(other, one)
    assert other not in before[0] and opened.mark(question.ids) == ""
    expected = opened.effects(question.ids)["same"]
    assert opened.answer(question, "same") == expected and "become one" in expected
    assert other in opened.queue.photographs_with(one) and one in opened.queue.photographs_with(other)
    assert opened.animal(one) == " = ".join(names) and opened.animal(other) == " = ".join(names[::-1])
    after = opened.others(one, other), opened.others(other, one)
    assert [*map(set, after)] == [*map(set, before)], "each side shows its own, though all count as one animal"
    flank = dict(zip(opened.photographs["image_id"], opened.photographs["orientation"], strict=True))
    for own, its in zip((one, other), after, strict=True):
        alike = [flank[name] == flank[own] for name in its]
        assert alike == sorted(alike, reverse=True), "those that can be compared come first"
    assert opened.mark(question.ids) == "decided before: ada said same"
    undone, decision = opened.undo()
    assert (undone.ids, decision) == (question.ids, "same") and opened.animal(one) == names[0]


def test_an_undo_takes_back_ones_own_answer_alone(opened):
    first = opened.next(1)[0]
    opened.answer(first, "same")
    other = open_named("made", "bo")
    assert other.undo() is None and other.undoable() == ""
    second = other.next(1)[0]
    other.answer(second, "different")
    assert opened.refresh() == "bo decided meanwhile (1 more row)" and opened.refresh() == ""
    assert opened.undo()[0].ids == first.ids
    assert opened.table.read()["decision"].tolist() == ["same", "different", "undo"]


def test_a_person_who_has_voted_is_not_asked_again_and_a_third_one_first(opened):
    pair = opened.next(1)[0]
    other, third = open_named("made", "bo"), open_named("made", "cy")
    opened.answer(pair, "same")
    other.answer(pair, "different")
    assert "disagree" in third_says(third, pair)
    assert pair.ids not in [q.ids for q in other.next(5)]
    opened.refresh()
    assert pair.ids not in [q.ids for q in opened.next(5)]
    opened.answer(pair, "different")  # who changes their mind: their last word counts
    third.refresh()
    assert third.mark(pair.ids) == "decided before: ada said different, bo said different"


def third_says(third, pair) -> str:
    third.refresh()
    asked = third.next(1)[0]
    assert asked.ids == pair.ids
    return asked.why


def test_two_runs_of_the_same_photographs_share_a_table(opened, tmp_path):
    question = opened.next(1)[0]
    opened.answer(question, "different")
    make_reviewable(tmp_path / "again", ROWS, name="other", skill=1.5)
    other = open_review("other", decisions="made", who="bo")
    assert other.mark(question.ids) == "decided before: ada said different"
    assert other.table.path == opened.table.path and other.folder.path != opened.folder.path
    other.answer(other.next(1)[0], "same")
    assert "bo decided meanwhile" in opened.refresh()


def test_summary_table_and_figure_of_what_is_asked_first(opened):
    said = opened.summary()
    assert "48 photographs" in said and "no decision yet" in said and "questions are left" in said
    table = opened.table_of_questions(4)
    assert table[["photograph A", "photograph B"]].to_numpy().tolist() == [list(q.ids) for q in opened.next(4)]
    assert table.index.tolist() == [1, 2, 3, 4] and not any("_" in head for head in table)
    figure = opened._draw(opened.next(2)).figure
    assert sum(text.get_text().startswith("One animal or two?") for text in figure.axes[0].texts) == 2
    opened.show_first()


def test_labels_of_test_reach_no_question(opened):
    test = ROWS.loc[ROWS["role"] == "test", IMAGE_ID]
    assert opened.photographs.loc[test, IDENTITY].isna().all()


def test_what_is_not_there_is_told(opened):
    with pytest.raises(RunError, match="mad"):
        open_review("mad")
    with pytest.raises(ReviewError, match="there is no review 'mad'; did you mean 'made'"):
        open_named("mad")
