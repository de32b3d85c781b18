"""Encounters as queries of an evaluation: every count is one of encounters, every photograph has an answer."""

from types import SimpleNamespace

import pandas as pd
import pytest

from reid_lib.core.errors import ParameterError
from reid_lib.core.names import CALIBRATION_JSON, ENCOUNTER, IDENTITY, IMAGE_ID, PHOTOGRAPHS, PREDICTED, ROLE, TEST
from reid_lib.match.encounters import group_by_encounter
from reid_lib.openset.summary import headline
from reid_lib.pipeline.query_unit import group_queries, spread_answers
from reid_lib.pipeline.scoring import Scored


def test_queries_and_metrics_are_those_of_encounters(by_encounter):
    experiment, results, _ = by_encounter
    rows = experiment.split.rows
    test = rows[rows[ROLE] == TEST].reset_index(drop=True)
    n = group_by_encounter(test).max() + 1
    assert len(results.test) == n < len(test) and results.test[PHOTOGRAPHS].sum() == len(test)
    counts = results.metrics["test"]["counts"][""]
    assert counts["n_known_queries"] + counts["n_unknown_queries"] == n
    assert results.metrics["query_unit"] == "encounter" and "each query an encounter" in headline(results.metrics)
    areas = results.metrics["combinations"]
    assert results.metrics["combination"] == max(areas, key=areas.get) and set(areas) == {"mean", "max"}
    assert experiment.run.path(CALIBRATION_JSON).exists() and set(results.metrics["alone"]) > {"embedding"}
    assert results.metrics["test_fingerprint"] != experiment.split.test_fingerprint


def test_the_submission_answers_every_photograph_as_its_encounter(by_encounter):
    experiment, results, _ = by_encounter
    rows = experiment.split.rows
    test = rows[rows[ROLE] == TEST].reset_index(drop=True)
    sent = pd.read_csv(experiment.run.path("submission.csv"), dtype=str).set_index(IMAGE_ID)[IDENTITY]
    assert sorted(sent.index) == sorted(test[IMAGE_ID])
    answers = results.test.set_index(IMAGE_ID)[PREDICTED]
    for _, photos in test.groupby(group_by_encounter(test))[IMAGE_ID]:
        assert set(sent.loc[photos]) == {answers.loc[photos.min()]}


def test_photographs_are_asked_one_by_one_where_nothing_else_is_said(fused):
    _, results, _ = fused
    assert results.metrics["query_unit"] == "image" and PHOTOGRAPHS not in results.test


def test_without_encounters_it_is_said_what_to_do():
    rows = pd.DataFrame({IMAGE_ID: ["a"], ENCOUNTER: [None]})
    experiment = SimpleNamespace(params=SimpleNamespace(query_unit="encounter"), split=SimpleNamespace(rows=rows))
    with pytest.raises(ParameterError, match="no photograph of this data set has an encounter"):
        group_queries(experiment, Scored({}))
    predictions = pd.DataFrame({IMAGE_ID: ["a"]})
    assert spread_answers(Scored({TEST: None}), predictions) is predictions
