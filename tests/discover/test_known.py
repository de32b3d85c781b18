"""Which names are sure enough to take a photograph out of those that are clustered."""

import pandas as pd

from reid_lib.core.names import NEW_INDIVIDUAL
from reid_lib.discover.known import fit_sure, keep_sure


def val(scores, right, dataset="lynx", known=True) -> pd.DataFrame:
    who = [f"w{k}" for k in range(len(scores))]
    predicted = [name if yes else "another" for name, yes in zip(who, right, strict=True)]
    return pd.DataFrame({"dataset": dataset, "identity": who, "known": known, "predicted": predicted, "score": scores})


def test_the_lowest_score_from_which_names_are_nearly_all_right():
    """Twenty right ones, then a wrong one: 20 of 21 are right, 20 of 22 are not enough; equal scores go together."""
    scores = [*range(120, 100, -1), 50, 40]
    table = val(scores, [True] * 20 + [False] * 2)
    assert fit_sure(table, min_individuals=5) == {"": 50, "lynx": 50}
    table.loc[21, "score"] = 50
    assert fit_sure(table, min_individuals=5) == {"": 101, "lynx": 101}


def test_refused_and_unlabelled_ones_count_nothing_and_nothing_right_is_never_sure():
    table = val([3, 2, 1], [False, True, True])
    table.loc[0, "predicted"] = NEW_INDIVIDUAL
    assert fit_sure(table, min_individuals=1)[""] == 1
    table.loc[0, ["predicted", "identity"]] = ["w1", None]
    assert fit_sure(table, min_individuals=1)[""] == 1
    assert fit_sure(val([1.0], [False]), min_individuals=1) == {"": None, "lynx": None}
    assert fit_sure(table[:0], min_individuals=1) == {"": None}


def test_data_sets_with_few_known_animals_take_the_score_of_all():
    table = pd.concat([val([3, 2, 1], [True] * 3), val([9], [True], "newt"), val([0.5], [False], "newt", known=False)])
    assert fit_sure(table, min_individuals=2) == {"": 1, "lynx": 1}


def test_names_that_are_not_sure_become_new():
    answers = pd.DataFrame(
        {"dataset": ["lynx", "lynx", "newt", "lynx"], "predicted": ["a", "b", "c", "d"], "score": [2, 1, 1, None]}
    )
    assert keep_sure(answers, {"": None, "lynx": 1.5})["predicted"].tolist() == ["a"] + [NEW_INDIVIDUAL] * 3
    assert keep_sure(answers, {"": 1.0})["predicted"].tolist() == ["a", "b", "c", NEW_INDIVIDUAL]
