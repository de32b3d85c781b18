"""The verdict on a data set: its level, and the numbers that stand in its reasons."""

import pandas as pd
import pytest
from scipy.stats import beta

from reid_lib.data.split import Split, assign_roles
from reid_lib.openset.enough import COMPARE, NO, TRAIN, TRY, Enough, expected_interval, judge_data


def catalogue(n_animals, n_encounters=4, photographs=2, **columns):
    seen = [(a, e) for a in range(n_animals) for e in range(n_encounters) for _ in range(photographs)]
    table = pd.DataFrame(seen, columns=["identity", "encounter"]).astype(str)
    table = table.assign(image_id=[f"i{k}" for k in range(len(table))], dataset="newts", **columns)
    return table.assign(individual="newts/" + table["identity"], encounter=table["identity"] + "-" + table["encounter"])


def judged(n_animals, **given):
    rows = catalogue(n_animals, **given)
    return judge_data(rows, assign_roles(rows))


@pytest.mark.parametrize("n, share", [(1, 0), (4, 0.5), (20, 0.5), (37, 0.8)])
def test_the_expected_interval_is_that_of_clopper_and_pearson(n, share):
    k = round(share * n)
    low, high = expected_interval(k, n)
    assert low == pytest.approx(beta.ppf(0.025, k, n - k + 1) if k else 0, abs=1e-9)
    assert high == pytest.approx(beta.ppf(0.975, k + 1, n - k) if k < n else 1, abs=1e-9)


def test_levels_follow_from_the_animals_that_test_asks_about():
    assert judged(8).level == TRY
    assert judged(40).level == TRAIN
    many = judged(200)
    assert many.level == COMPARE and many.answer.startswith("yes")


def test_reasons_hold_the_numbers_of_the_split():
    rows = catalogue(40)
    split = assign_roles(rows)
    test = split.leakage().set_index("role").loc["test"]
    told = str(judge_data(rows, split, min_individuals=1000))
    assert "40 of 40 animals seen in 2 or more encounters" in told
    assert f"test asks {test['known_queries']:.0f} photographs of {test['known_individuals']:.0f} known" in told
    n = int(test["known_individuals"])
    low, high = expected_interval(round(n / 2), n)
    assert f"the 95 % interval of BAKS would run from {low:.2f} to {high:.2f}" in told
    assert "fewer in newts (" in told


def test_a_split_that_is_refused_is_a_no_with_its_reason():
    verdict = judge_data(catalogue(1), None, refused="the data have one individual.")
    assert (verdict.level, verdict.answer) == (NO, "no: the data have one individual")
    assert str(verdict).startswith("Is there enough? No: the data have one individual.")


def test_unknown_encounters_and_animals_seen_once_are_told_with_what_would_help():
    rows = catalogue(30, n_encounters=3, photographs=1).drop(columns="encounter")
    told = str(judge_data(rows, assign_roles(rows, policy="random")))
    assert "encounters are unknown" in told and "would make the result honest" in told
    once = pd.concat([catalogue(12), catalogue(5, n_encounters=1).assign(dataset="owls")], ignore_index=True)
    once["individual"], once["image_id"] = once["dataset"] + "/" + once["identity"], [f"i{k}" for k in range(len(once))]
    assert "a second encounter of the 5 animals seen once" in str(judge_data(once, assign_roles(once)))


def test_queries_with_their_own_encounter_in_the_gallery_are_told():
    rows = catalogue(10).assign(known=True, role=["gallery", "test", "val", "test"] * 20).astype({"known": "boolean"})
    told = str(judge_data(rows, Split(rows, "random")))
    assert "test queries have their own encounter in the gallery" in told and "test has no unknown animals" in told


def test_without_names_it_says_so():
    rows = catalogue(2).assign(individual=None, identity=None)
    assert "no photograph has the name of an animal" in judge_data(rows, None, refused="no labels").reasons[0]


def test_what_is_said_has_a_line_each():
    assert str(Enough(TRY, "only", ("one", "two"), ())).splitlines() == ["Is there enough? Only.", "", "- one", "- two"]
