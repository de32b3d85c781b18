"""Draws of individuals with the threshold refitted in each, against plain loops over copies of animals."""

import numpy as np
import pytest
from bootstrap_cases import random_answers
from on_tables import resample

from reid_lib.compare import replicates
from reid_lib.compare.replicates import cached_resample
from reid_lib.core import files, frames
from reid_lib.core.errors import RunError
from reid_lib.core.names import KNOWN, PARAMS_JSON, PREDICTIONS_CSV, VAL
from reid_lib.runs.folder import RunFolder

# ---- the cache ----------------------------------------------------------------------------------------------------


@pytest.fixture
def run(clean_dirs):
    folder = RunFolder(clean_dirs / "runs" / "mine")
    folder.folder.mkdir(parents=True)
    files.write_json(folder.path(PARAMS_JSON), {"format": 1, "params": {"threshold_individuals": 4}})
    frames.write_csv(folder.path(PREDICTIONS_CSV), random_answers(0))
    return folder


def assert_same(a, b):
    assert a.__dict__.keys() == b.__dict__.keys()
    for name, value in a.__dict__.items():
        np.testing.assert_equal(getattr(b, name), value)


def test_the_cache_gives_back_what_was_computed(run, monkeypatch):
    first = cached_resample(run, repetitions=30)
    assert_same(first, resample(run.read_csv(PREDICTIONS_CSV), repetitions=30, min_individuals=4))
    monkeypatch.setattr(replicates, "resample", lambda *a, **k: pytest.fail("computed again"))
    assert_same(first, cached_resample(run, repetitions=30))


def test_other_content_or_other_options_are_computed_anew(run):
    first = cached_resample(run, repetitions=30)
    assert cached_resample(run, repetitions=30, seed=1).replicates.tolist() != first.replicates.tolist()
    assert cached_resample(run, repetitions=30, metric="top1").metric == "top1"
    assert cached_resample(run, repetitions=30, role=VAL).role == VAL
    assert len(cached_resample(run, repetitions=31).replicates) == 31
    frames.write_csv(run.path(PREDICTIONS_CSV), random_answers(1))
    assert cached_resample(run, repetitions=30).value != first.value


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", "null", '{"replicates": [1], "frozen": [1], "moved": [1]}'])
def test_a_damaged_cache_is_ignored_and_mended(run, clean_dirs, text):
    first = cached_resample(run, repetitions=30)
    (kept,) = (clean_dirs / "cache" / "resampled").glob("*.json")
    whole = kept.read_text()
    kept.write_text(text)
    assert_same(first, cached_resample(run, repetitions=30))
    assert kept.read_text() == whole


def test_undefined_values_survive_the_cache(run):
    predictions = random_answers(0)
    frames.write_csv(run.path(PREDICTIONS_CSV), predictions[predictions[KNOWN]])
    first = cached_resample(run, metric="auroc", repetitions=5)
    assert np.isnan(first.value)
    assert_same(first, cached_resample(run, metric="auroc", repetitions=5))


def test_missing_predictions_are_told(run):
    run.path(PREDICTIONS_CSV).unlink()
    with pytest.raises(RunError, match="copy the run again"):
        cached_resample(run)
