"""What decisions change: names in the catalogue, and measures before and after."""

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import adjusted_rand_score

from reid_lib.core.names import IDENTITY, IMAGE_ID
from reid_lib.pipeline.review_effect import PERSON, correct_catalogue, measure_effect
from reid_lib.review.decisions import COLUMNS

CATALOGUE = pd.DataFrame(
    [
        ("g1", "x/g1.jpg", "Bo", "gallery"),
        ("g2", "x/g2.jpg", "Bo", "gallery"),
        ("g3", "x/g3.jpg", "Ada", "gallery"),
        ("v1", "x/v1.jpg", None, "unused"),
        ("t1", "x/t1.jpg", "Ada", "test"),
        ("t2", "x/t2.jpg", None, "test"),
        ("t3", "x/t3.jpg", None, "test"),
    ],
    columns=[IMAGE_ID, "path", IDENTITY, "role"],
).assign(dataset="d", individual="d/?", known=True, species="cat")


def clusters(**given: tuple[str, str]) -> pd.DataFrame:
    rows = [(name, "d", *told) for name, told in given.items()]
    return pd.DataFrame(rows, columns=[IMAGE_ID, "dataset", "cluster", "changed_by"])


def test_names_change_where_a_decision_moved_a_photograph_and_nowhere_else():
    after = clusters(
        g1=("known Bo", ""), g2=("known Ada", "eva"), g3=("known Ada", ""),
        t1=("known Bo", "eva"), t2=("known Bo", ""), t3=("new 4", "eva; max"),
    )  # fmt: skip
    found = correct_catalogue(CATALOGUE, after).set_index(IMAGE_ID)
    assert found.loc["g2", [IDENTITY, "identity_before", "changed_by"]].tolist() == ["Ada", "Bo", "eva"]
    assert found.loc[["g1", "g3"], IDENTITY].tolist() == ["Bo", "Ada"] and pd.isna(found.loc["g1", "changed_by"])
    assert found.loc["t1", IDENTITY] == "Ada"  # what the catalogue says of a test photograph is no answer of the run
    assert found.loc[["t2", "t3"], IDENTITY].tolist() == ["Bo", "new 4"] and found["identity_before"].isna()["t2"]
    assert pd.isna(found.loc["v1", IDENTITY])  # nobody asked about it
    assert "species" in found and not {"role", "known", "individual"} & set(found)  # a catalogue, which csv reads


def test_a_photograph_that_decisions_part_from_its_name_gets_a_new_one():
    found = correct_catalogue(CATALOGUE, clusters(g1=("new 0", "eva"), g2=("known Bo", "")))
    assert found.set_index(IMAGE_ID)[IDENTITY][["g1", "g2"]].tolist() == ["new 0", "Bo"]


def test_measures_before_and_after_are_those_of_labelled_test_photographs():
    rows = CATALOGUE.copy()
    rows.loc[rows["role"] == "test", IDENTITY] = ["Ada", "Cleo", "Cleo"]
    rows["individual"], rows["known"] = "d/" + rows[IDENTITY].astype(str), rows[IDENTITY] != "Cleo"
    before = clusters(t1=("known Bo", ""), t2=("new 0", ""), t3=("new 1", ""))
    after = clusters(t1=("known Ada", "eva"), t2=("new 0", "eva"), t3=("new 0", "eva"))
    decided = pd.DataFrame([["x"] * len(COLUMNS)] * 3, columns=COLUMNS).assign(who=["eva", "max", "eva"])
    told = measure_effect(before, after, rows, decided)
    assert (told["with"], told["answers"], told["people"]) == (PERSON, 3, ["eva", "max"])
    for when, of in (("before", before), ("after", after)):
        ari = adjusted_rand_score(["Ada", "Cleo", "Cleo"], of["cluster"])
        assert told[when]["clusters"]["overall"]["ari"]["value"] == pytest.approx(ari)
    # by hand: Ada is called Bo, then Ada; Cleo, whom the gallery does not have, is new both times
    assert told["before"]["names"] == {"baks": 0.0, "baus": 1.0, "geometric_mean": 0.0}
    assert told["after"]["names"] == {"baks": 1.0, "baus": 1.0, "geometric_mean": 1.0}


def test_without_labels_of_test_nothing_is_measured():
    rows = CATALOGUE.assign(**{IDENTITY: np.where(CATALOGUE["role"] == "test", None, CATALOGUE[IDENTITY])})
    assert measure_effect(clusters(), clusters(), rows, pd.DataFrame(columns=COLUMNS)) is None
