"""Results of a finished run, from its files alone."""

import pytest
from made_runs import catalogue, make_run

from reid_lib.core.names import ROLE, TEST, VAL
from reid_lib.pipeline.experiment import load_evaluation
from reid_lib.runs.folder import RunFolder


@pytest.fixture
def results(clean_dirs):
    rows = catalogue(n_known=4, n_unknown=3, images=2, datasets=("a",))
    return load_evaluation(RunFolder(make_run("mine", rows, skill=1.0, photos=clean_dirs)))


def test_predictions_are_those_of_the_file_by_role(results):
    assert len(results.val) + len(results.test) == len(results.predictions)
    assert set(results.val[ROLE]) == {VAL} and set(results.test[ROLE]) == {TEST}


def test_with_labelled_test_queries_the_test_is_judged_and_nothing_need_be_said(results):
    assert results.judged.equals(results.test) and results.about == ""


def test_the_table_shows_each_metric_of_the_role_with_its_interval(results):
    shown = results.table(VAL)
    baks = results.metrics[VAL]["overall"]["baks"]
    row = shown.loc["BAKS: known individuals named rightly", "average"]
    assert row == f"{baks['value']:.3f} ({baks['low']:.3f} to {baks['high']:.3f})"
