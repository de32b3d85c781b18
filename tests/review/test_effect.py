"""Clusters with decisions applied: names that stay, who changed them, and the same groups as the queue's."""

import numpy as np
import pandas as pd
import pytest
from deciding_cases import partition, simulate

from reid_lib.review.decisions import CANNOT_TELL, DIFFERENT, SAME, DecisionTable
from reid_lib.review.effect import apply_decisions
from reid_lib.review.queue import ReviewQueue
from reid_lib.review.votes import tally_votes

PHOTOGRAPHS = pd.DataFrame(
    {
        "image_id": list("abcdefg"),
        "dataset": ["d"] * 6 + ["e"],
        "cluster": ["new 1", "new 1", "known Ada", "new 2", "new 2", None, "new 1"],
    }
)
PAIRS = pd.DataFrame(
    [("a", "b", 0.9), ("b", "c", 0.5), ("d", "e", 0.6), ("e", "f", 0.4)],
    columns=["image_id_1", "image_id_2", "probability"],
).assign(doubt="cluster")


def decide(tmp_path, *decisions: tuple) -> pd.DataFrame:
    table = DecisionTable(tmp_path / "decisions.csv")
    for one, other, decision, who in decisions:
        table.append(one, other, decision, who=who)
    return tally_votes(table.read())


def test_without_decisions_all_is_as_before(tmp_path):
    found = apply_decisions(PHOTOGRAPHS, PAIRS, decide(tmp_path)).clusters
    assert found["cluster"].tolist() == PHOTOGRAPHS["cluster"].fillna("").tolist() and not found["changed_by"].any()
    assert list(found) == ["image_id", "dataset", "cluster", "changed_by"]


def test_a_name_that_is_known_stays_and_who_changed_it_is_told(tmp_path):
    holds = decide(tmp_path, ("b", "c", SAME, "Ana"), ("a", "c", SAME, "Ben"), ("e", "zz", SAME, "Eva"))
    found = apply_decisions(PHOTOGRAPHS, PAIRS, holds).clusters
    assert found["cluster"].tolist() == ["known Ada"] * 3 + ["new 2", "new 2", "", "new 1"]
    assert found["changed_by"].tolist()[:2] == ["Ben; Ana"] * 2 and not found["changed_by"][2:].any()


def test_what_leaves_gets_a_number_that_is_free(tmp_path):
    holds = decide(tmp_path, ("d", "e", DIFFERENT, "Ana"), ("e", "f", SAME, "Ana"), ("a", "b", CANNOT_TELL, "Ana"))
    found = apply_decisions(PHOTOGRAPHS, PAIRS, holds).clusters
    assert found["cluster"].tolist() == ["new 1", "new 1", "known Ada", "new 2", "new 0", "new 0", "new 1"]
    assert found["changed_by"].tolist() == ["", "", "", "", "Ana", "Ana", ""]


def test_two_known_animals_that_are_one_have_the_name_of_more_photographs(tmp_path):
    photographs = PHOTOGRAPHS.assign(cluster=["known Bo", "known Bo", "known Ada", "new 1", "new 1", "new 1", "new 1"])
    pairs = PAIRS.assign(probability=0.9)
    holds = decide(tmp_path, ("b", "c", SAME, "Ana"), ("c", "d", SAME, "Ana"))
    found = apply_decisions(photographs, pairs, holds).clusters
    assert found["cluster"].tolist() == ["known Bo"] * 6 + ["new 1"]


def test_decisions_that_others_outweigh_are_told(tmp_path):
    """Of *a* same *b* (said by two), *b* same *c* and *a* different *c* (0.1 by the picture) one has to go."""
    pairs = pd.DataFrame([("a", "b", 0.9), ("b", "c", 0.5), ("a", "c", 0.1)], columns=PAIRS.columns[:3])
    told = ("a", "b", SAME, "Ana"), ("a", "b", SAME, "Ben"), ("b", "c", SAME, "Ana"), ("a", "c", DIFFERENT, "Ana")
    effect = apply_decisions(PHOTOGRAPHS, pairs.assign(doubt="cluster"), decide(tmp_path, *told))
    assert effect.left_out[["image_id_1", "image_id_2", "decision", "who"]].to_numpy().tolist() == [
        ["b", "c", SAME, "Ana"]
    ]
    assert effect.clusters["cluster"].tolist()[:3] == ["new 1", "new 1", "known Ada"]
    assert not len(apply_decisions(PHOTOGRAPHS, PAIRS, decide(tmp_path / "other", *told[:3])).left_out)


@pytest.mark.parametrize("right", [1.0, 0.9])
def test_groups_are_those_of_the_queue(tmp_path, right):
    photographs, pairs, truth = simulate(40, 8, seed=2)
    queue, table = ReviewQueue(photographs, pairs), DecisionTable(tmp_path / "decisions.csv")
    rng = np.random.default_rng(0)
    for _ in range(40):
        question = queue.next()[0]
        same = (truth[question.image_id_1] == truth[question.image_id_2]) == (rng.random() < right)
        table.append(*question.pair, SAME if same else DIFFERENT, who="Ana")
        queue.update(tally_votes(table.read()))
    found = apply_decisions(photographs, pairs, tally_votes(table.read())).clusters
    assert partition(found["cluster"].to_numpy(dtype=str)) == partition(queue.groups().to_numpy(dtype=str))
    assert (found["changed_by"] != "").tolist() == (found["cluster"] != photographs["cluster"]).tolist()
