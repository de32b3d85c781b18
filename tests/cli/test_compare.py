"""`reid compare`: verdicts on the terminal, as JSON, and as a page."""

import json
from functools import partial

import pytest
from made_runs import catalogue, make_runs
from main_cases import say

from reid_lib.compare.replicates import cached_resample
from reid_lib.pages import comparison_page
from reid_lib.runs import table

QUICK = {"repetitions": 5}


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    rows = catalogue(n_known=22, n_unknown=20, images=2, datasets=("a",))
    return make_runs(
        tmp_path_factory.mktemp("c"),
        rows,
        {"plain": {**QUICK, "skill": 1.0}, "wide": {**QUICK, "skill": 2.5, "margin": 0.5}},
    )


@pytest.fixture(autouse=True)
def root(made, monkeypatch):
    monkeypatch.setenv("REID_RUNS", str(made))
    monkeypatch.setenv("REID_CACHE", str(made.parent / "cache"))
    monkeypatch.setattr("reid_lib.compare.promote.cached_resample", partial(cached_resample, repetitions=80))
    return made


@pytest.fixture
def written(monkeypatch, root):
    """What the page was asked for; no figure is drawn."""
    asked = []

    def write_comparison(comparison, names, **options):
        asked.append((comparison.baseline, names, options))
        return root / "comparisons" / options["name"] / "comparison.html"

    monkeypatch.setattr(comparison_page, "write_comparison", write_comparison)
    return asked


def test_without_a_reference_the_first_is_the_baseline(capsys, written, root):
    code, out, _ = say(capsys, "compare", "plain", "wide", "--name", "widths", "--metric", "baks")
    assert code == 0 and "BAKS on test" in out and "better" in out
    assert written == [("plain", ["plain", "wide"], {"name": "widths", "metric": "baks"})]
    assert out.endswith(f"page: {root / 'comparisons' / 'widths' / 'comparison.html'}")


def test_of_one_run_alone_it_says_that_a_second_one_is_needed_and_how(capsys, written, root):
    code, out, _ = say(capsys, "compare", "wide", "--no-page")
    assert code == 0 and "one run alone" in out and out.rstrip().endswith(": reid compare plain wide")
    assert "one run alone" not in say(capsys, "compare", "wide", "--baseline", "plain", "--no-page")[1]


def test_json_has_the_same_numbers(capsys, written):
    code, out, _ = say(capsys, "compare", "plain", "wide", "--baseline", "wide", "--json", "--no-page")
    told = json.loads(out)
    assert code == 0 and told["reference"] == "wide" and told["page"] is None and not written
    plain = told["runs"][0]
    assert plain["compared_with"] == "wide" and plain["verdict_holm"] == "worse" and plain["high"] < 0


def test_without_names_the_reference_and_the_best_are_compared(capsys, written, root):
    table.promote("wide")
    try:
        assert say(capsys, "compare")[0] == 0
        assert written[0][:2] == ("", ["wide", "plain"])
    finally:
        (root / "reference.json").unlink()


def test_a_name_that_is_none_is_told_before_anything_is_computed(capsys, written):
    code, out, err = say(capsys, "compare", "plain", "nobody")
    assert (code, out) == (1, "") and "there is no finished run 'nobody'" in err and not written
