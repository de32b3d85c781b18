"""metrics.json by its schema: what is written is what is read, what is wrong is named, other formats are refused."""

import json
import math

import pytest
from on_tables import fit_threshold, oracle, summarise
from stats_cases import random_answers

from reid_lib.core import files
from reid_lib.core.names import ROLE, TEST, VAL
from reid_lib.openset.results import FORMAT, Results, UnknownFormat, check_results


def measured() -> dict:
    """As a run measures it, with undefined values and a data set that refuses nobody."""
    val, test = random_answers(0), random_answers(1)
    known = test[test["known"]]
    parts = {VAL: summarise(val, repetitions=20), TEST: summarise(known, repetitions=20)}
    return parts | {
        "format": FORMAT,
        "threshold": fit_threshold(val.assign(**{ROLE: VAL})).to_dict(),
        "oracle": oracle(known),
        "gallery_images": {VAL: 4, TEST: 5},
        "test_fingerprint": "asked",
        "split_policy": "encounter",
        "leakage": {VAL: 0, TEST: math.nan},
    }


def least() -> dict:
    """What the first versions wrote at least."""
    part = {"overall": {"baks": {"value": 0.5, "low": 0.4, "high": 0.6}}}
    return {"test": part, "val": part, "test_fingerprint": "t"}


def test_what_is_written_through_the_schema_is_written_as_before(tmp_path):
    written = measured()
    for name, value in (("plain", written), ("checked", check_results(written).to_dict())):
        files.write_json(tmp_path / name, value)
    plain, checked = ((tmp_path / name).read_bytes() for name in ("plain", "checked"))
    assert checked == plain
    again = check_results(json.loads(checked)).to_dict()
    files.write_json(tmp_path / "again", again)
    assert (tmp_path / "again").read_bytes() == plain


def test_an_undefined_value_is_read_as_nan_and_a_threshold_that_is_not_there_as_none(tmp_path):
    files.write_json(tmp_path / "metrics.json", measured())
    read = check_results(files.read_json(tmp_path / "metrics.json"))
    assert math.isnan(read.test.overall["baus"].value) and math.isnan(read.to_dict()[TEST]["overall"]["baus"]["low"])
    assert set(read.oracle.values.values()) == {None}


def test_a_run_of_the_first_versions_is_still_read():
    for stored in (least(), least() | {"format": 1}):
        read = check_results(stored)
        assert read.format == FORMAT and read.unit == "cosine" and read.threshold is None and read.to_dict() == stored


def test_keys_that_are_added_later_are_kept():
    stored = least() | {"format": 1, "something new": {"a": 1}}
    stored["val"]["overall"]["baks"]["more"] = 3
    assert check_results(stored).to_dict() == stored


@pytest.mark.parametrize(
    ("found", "says"),
    [
        (FORMAT + 1, "of format 2, written by a newer version of reid_lib; this one knows 1: update reid_lib"),
        (0, "of the unknown format 0; this version of reid_lib knows 1: copy the run again"),
        ("1", "of the unknown format '1'"),
        (None, "of the unknown format None"),
        (True, "of the unknown format True"),
    ],
)
def test_another_format_is_refused_with_what_was_expected_and_what_to_do(found, says):
    with pytest.raises(UnknownFormat, match=says):
        check_results({"format": found})  # before anything else is looked for


def changed(*keys, value):
    stored = measured()
    inner = stored
    for key in keys[:-1]:
        inner = inner[key]
    if value is ...:
        del inner[keys[-1]]
    else:
        inner[keys[-1]] = value
    return stored


@pytest.mark.parametrize(
    ("stored", "says"),
    [
        ([1], "no table of metrics"),
        ({}, "it lacks 'val'"),
        (changed("test", "overall", value=...), "it lacks 'overall' of 'test'"),
        (changed("val", "overall", "baks", "low", value=...), "'baks' of 'val' lacks its value or its interval"),
        (changed("val", "overall", "baks", "low", value="x"), "'low' of 'val.overall.baks': .*valid number, not 'x'"),
        (changed("val", "overall", "baks", value=3), "'baks' of 'val.overall': .*, not 3"),
        (changed("test_fingerprint", value=7), "'test_fingerprint': .*valid string, not 7"),
        (changed("threshold", "overall", value="high"), "'overall' of 'threshold': .*, not 'high'"),
        (changed("threshold", "source", value=...), "it lacks 'source' of 'threshold'"),
    ],
)
def test_what_is_wrong_is_named(stored, says):
    with pytest.raises(ValueError, match=says):
        check_results(stored)


def test_results_cannot_be_changed():
    with pytest.raises(ValueError, match="frozen"):
        Results.model_validate(least()).test_fingerprint = "other"
