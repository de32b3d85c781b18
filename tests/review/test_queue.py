"""The queue of questions: order, filters, contradictions, other people's answers, speed."""

import time

import numpy as np
import pandas as pd
import pytest
from deciding_cases import partition, simulate

from reid_lib.core.errors import ReviewError
from reid_lib.review.decisions import CANNOT_TELL, DIFFERENT, DISPUTED, SAME, DecisionTable
from reid_lib.review.queue import ReviewQueue
from reid_lib.review.votes import tally_votes


def small(**changes) -> ReviewQueue:
    photographs = pd.DataFrame({"image_id": list("abcdefg"), "dataset": ["d"] * 5 + ["e"] * 2})
    photographs["cluster"] = ["new 1", "new 1", "new 2", "new 2", None, "known Ada", "known Bo"]
    pairs = [
        ("a", "b", 0.8, "cluster"), ("b", "c", 0.4, "cluster"), ("d", "c", 0.99, "cluster"), ("e", "a", 0.3, "answer"),
        ("f", "g", 0.5, "label"), ("a", "d", 0.2, "cluster"),
    ]  # fmt: skip
    pairs = pd.DataFrame(pairs, columns=["image_id_1", "image_id_2", "probability", "doubt"])
    return ReviewQueue(photographs, pairs, **changes)


def asked(queue: ReviewQueue, n: int = 10, **filters) -> list[tuple[str, str]]:
    return [one.pair for one in queue.next(n, **filters)]


def test_what_moves_most_is_asked_first():
    questions = small().next(10)
    assert [one.pair for one in questions] == [("b", "c"), ("a", "e"), ("a", "b"), ("c", "d"), ("f", "g")]
    worth = [4 * (0.15 - 0.05**2), 2 * (0.15 - 0.05**2), 0.2 - 0.05**2, 0.01 - 0.05**2]
    assert [one.expected_change for one in questions[:4]] == pytest.approx(worth)
    assert questions[4].expected_change < 1e-3, "two names, of which one in twenty is wrong"
    first = questions[0]
    assert (first.dataset, first.probability, first.doubt) == ("d", 0.4, "cluster")
    assert first.why == "new 1 (2 photographs) and new 2 (2 photographs) may be one animal"


def test_of_many_that_are_worth_as_much_the_next_ones_stay_the_next_ones():
    """A screen makes their pictures ahead; an arbitrary one of 300 would be another one after each answer."""
    n = 300
    names = [f"{side}{k:03d}" for k in range(n) for side in "ab"]
    photographs = pd.DataFrame({"image_id": names, "dataset": "d", "cluster": np.repeat(np.arange(n), 2).astype(str)})
    pairs = pd.DataFrame({"image_id_1": names[::2], "image_id_2": names[1::2], "probability": 0.4, "doubt": "cluster"})
    queue = ReviewQueue(photographs, pairs)
    for k, decision in enumerate((SAME, DIFFERENT, CANNOT_TELL, DIFFERENT)):
        coming = asked(queue, 4)
        assert coming == [(f"a{one:03d}", f"b{one:03d}") for one in range(k, k + 4)] and asked(queue, 1) == coming[:1]
        queue.answer(coming[0], decision)


def test_filters():
    queue = small()
    assert asked(queue, dataset="e") == [("f", "g")] and asked(queue, doubt="answer") == [("a", "e")]
    assert asked(queue, individual="known Ada") == [("f", "g")] and not asked(queue, individual="nobody")
    assert asked(queue, 2, skip=[("c", "b"), queue.next(2)[1]]) == [("a", "b"), ("c", "d")]


def test_an_answer_changes_what_is_asked_and_is_taken_back():
    queue = small()
    before, first = queue.next(10), queue.next()[0]
    assert queue.effect(first) == {SAME: "groups of 2 and 2 photographs become one of 4", DIFFERENT: "changes no group"}
    assert queue.answer(first, SAME) and queue.photographs_with("b") == ["b", "a", "c", "d"]
    assert "a second look" in {one.pair: one.why for one in queue.next(10)}[first.pair], "its pictures are in doubt"
    queue.answer(first, SAME)
    assert first.pair not in asked(queue), "two looks that agree are enough, and nobody has to count them"
    assert queue.retract(first) and queue.next(10) == before and not queue.retract(first)
    assert not queue.answer(("a", "d"), CANNOT_TELL) and queue.next(10) == before
    with pytest.raises(ReviewError, match="not in this review"):
        queue.answer(("a", "z"), SAME)
    with pytest.raises(ReviewError, match="one of 'same'"):
        queue.answer(("a", "b"), "perhaps")


def test_the_photographs_of_each_side_also_where_both_count_as_one_animal():
    queue = small()
    assert queue.photographs_with("b", "c") == ["b", "a"] and queue.photographs_with("c", "b") == ["c", "d"]
    queue.answer(("b", "c"), SAME)
    assert queue.photographs_with("b") == ["b", "a", "c", "d"]
    assert queue.photographs_with("b", "c") == ["b", "a"] and queue.photographs_with("c", "b") == ["c", "d"]
    assert queue.groups()["a"] == queue.groups()["d"], "nothing is changed by looking"


def test_contradictions_and_disputes_come_first():
    queue = small()
    queue.answer(("a", "b"), SAME)
    queue.answer(("b", "c"), SAME)
    queue.answer(("a", "c"), DIFFERENT)
    question = queue.next()[0]
    assert question.pair == ("b", "c") and "contradict" in question.why and question.expected_change > 0
    assert queue.left()["contradictions"] == 1 and not queue.left()["stop"]
    queue.answer(("b", "c"), DIFFERENT)
    queue.settle(("a", "e"), DISPUTED, 1)
    assert queue.next()[0].pair == ("a", "e") and "disagree" in queue.next()[0].why
    assert asked(queue, dataset="e") == [("f", "g")]


def test_an_answer_the_pictures_speak_against_gets_a_second_look_and_no_third_where_both_agree():
    queue = small()
    queue.answer(("a", "d"), SAME)
    again = {one.pair: one for one in queue.next(10)}[("a", "d")]
    assert "a second look" in again.why and "'same'" in again.why
    assert again.expected_change == pytest.approx((0.05 * 0.8 / (0.05 * 0.8 + 0.95 * 0.2) - 0.05**2) * 4)
    assert ("a", "d") not in asked(queue, skip=[again]) and ("a", "d") not in asked(queue, doubt="label")
    assert queue.next(10)[-1] == again, "not at once, while there is anything else to ask"
    before = queue.left()["questions"]
    queue.answer(("a", "d"), SAME)
    assert ("a", "d") not in asked(queue) and queue.left()["questions"] < before


def test_answers_one_by_one_hold_what_the_table_says_of_them(tmp_path):
    table, one_by_one = DecisionTable(tmp_path / "decisions.csv"), small()
    for k, decision in enumerate((SAME, SAME, DIFFERENT, CANNOT_TELL, DIFFERENT, DIFFERENT, SAME)):
        table.append("a", "d", decision, who="Ana")
        one_by_one.answer(("d", "a"), decision)
        again = small(current=tally_votes(table.read()))
        assert one_by_one.next(10) == again.next(10) and one_by_one.groups().equals(again.groups()), k
    for _ in range(2):  # a review that is opened again counts on
        opened = small(current=tally_votes(table.read()))
        table.append("a", "c", SAME, who="Ana")
        opened.answer(("a", "c"), SAME)
        again = small(current=tally_votes(table.read()))
        assert asked(opened) == asked(again) and opened.left() == again.left()


def test_other_peoples_answers_come_in_and_a_review_is_opened_again(tmp_path):
    table, queue = DecisionTable(tmp_path / "decisions.csv"), small()
    first = table.append("b", "c", SAME, who="Ana")
    table.append("a", "b", DIFFERENT, who="Ana")
    table.append("a", "unknown", SAME, who="Ana")
    queue.update(tally_votes(table.read()))
    again = small(current=tally_votes(table.read()))
    assert queue.next(10) == again.next(10) and (queue.groups() == again.groups()).all()
    assert queue.left() == again.left()
    table.undo(first, who="Ben")
    table.append("a", "b", SAME, who="Ben")
    table.append("a", "b", SAME, who="Eva")
    queue.update(tally_votes(table.read()))
    again = small(current=tally_votes(table.read()))
    assert queue.next(10) == again.next(10) and (queue.groups() == again.groups()).all()
    assert queue.groups()["a"] == queue.groups()["b"] != queue.groups()["c"]


def test_it_says_when_to_stop():
    queue = small()
    assert not queue.left()["stop"] and queue.left()["changes"] == pytest.approx(0.15 + 0.15 + 0.2 + 0.05 + 0.01)
    while questions := queue.next():
        queue.answer(questions[0], DIFFERENT if questions[0].probability < 0.6 else SAME)  # by what pictures say
    assert queue.left()["stop"] and queue.left()["words"] == "nothing is left to ask"


def test_a_reviewer_who_is_right_ends_with_the_animals():
    photographs, pairs, truth = simulate(40, 8, seed=1, listed=1.0)
    queue, n = ReviewQueue(photographs, pairs), 0
    while questions := queue.next():
        one, other = questions[0].pair
        queue.answer(questions[0], SAME if truth[one] == truth[other] else DIFFERENT)
        n += 1
    assert partition(queue.groups().to_numpy()) == partition(truth.to_numpy()) and n < len(pairs) / 2


def test_thirty_thousand_pairs_are_answered_in_time():
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 2_000, 10_000)
    ids = np.array([f"p{k:05d}" for k in range(10_000)])
    ends = np.unique(np.sort(rng.integers(0, 10_000, (31_000, 2)), axis=1), axis=0)
    ends = ends[ends[:, 0] < ends[:, 1]][:30_000]
    photographs = pd.DataFrame({"image_id": ids, "dataset": "d", "cluster": truth.astype(str)})
    pairs = pd.DataFrame(ids[ends], columns=["image_id_1", "image_id_2"])
    queue = ReviewQueue(photographs, pairs.assign(probability=rng.random(len(ends)), doubt="cluster"))
    seconds = []
    for _ in range(300):
        begun = time.process_time()
        question = queue.next()[0]
        queue.answer(question, SAME if rng.random() < 0.5 else DIFFERENT)
        seconds.append(time.process_time() - begun)
    assert np.median(seconds) < 0.05, "asked for: under 0.1 s"
