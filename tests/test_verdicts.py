"""The table of a comparison: who is compared with what, over which seeds, and how it is said."""

import re

import numpy as np
import pytest
from made_runs import catalogue, make_run, write_photos

from reid_lib import runtable, verdicts
from reid_lib.compare import Comparison

ROWS = catalogue(n_known=22, n_unknown=20, images=2, datasets=("a",))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A reference with two seeds, a better variant with two, a worse one with one; one run of other queries."""
    root = tmp_path_factory.mktemp("judged")
    photos = write_photos(ROWS, root / "photos")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("REID_RUNS", str(root / "runs"))
        for seed in (0, 1):
            make_run(f"plain-{seed}", ROWS, skill=1.0, photos=photos, seed=seed)
            make_run(f"wide-{seed}", ROWS, skill=2.5, photos=photos, seed=seed, margin=0.5)
        make_run("narrow", ROWS, skill=0.4, photos=photos, margin=0.1)
        other = make_run("other", ROWS, skill=1.0, photos=photos, split_seed=1)
        text = (other / "metrics.json").read_text()
        (other / "metrics.json").write_text(text.replace('"test_fingerprint": "made"', '"test_fingerprint": "other"'))
        runtable.promote("plain-0")
    return root / "runs"


@pytest.fixture
def comparison(folder, monkeypatch, tmp_path):
    monkeypatch.setenv("REID_CACHE", str(tmp_path))
    return Comparison(folder)


def rows_of(html: str) -> dict[str, str]:
    rows = [re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", row)) for row in re.findall(r"<tr>.*?</tr>", html)]
    return {name: row for row in rows for name in row.replace("★", "").split()[:1]}


def shown(comparison, names) -> dict[str, str]:
    found = verdicts.differences(comparison, names, "geometric_mean")
    return rows_of(verdicts.html_table(comparison, names, found))


def test_better_and_worse_are_told_apart_and_the_reference_is_not_judged(comparison):
    rows = shown(comparison, ["plain-0", "wide-0", "narrow"])
    assert "better" in rows["wide-0"] and "worse" in rows["narrow"] and "reference" in rows["plain-0"]


def test_a_difference_of_one_seed_is_the_difference_of_the_metrics(comparison):
    found = verdicts.differences(comparison, ["narrow"], "geometric_mean")
    metric = comparison.table["geometric_mean"]
    assert found.loc["narrow", "difference"] == pytest.approx(metric["narrow"] - metric["plain-0"], abs=1e-12)
    assert "one seed" in found.loc["narrow", "basis"] and found.loc["narrow", "n_seeds"] == 1


def test_seeds_of_a_variant_share_a_verdict_and_are_paired_with_the_references_seeds(comparison):
    found = verdicts.differences(comparison, ["wide-0", "wide-1"], "geometric_mean")
    metric = comparison.table["geometric_mean"]
    mean = np.mean([metric[f"wide-{seed}"] - metric[f"plain-{seed}"] for seed in (0, 1)])
    assert found["difference"].tolist() == pytest.approx([mean, mean], abs=1e-12)
    assert found["n_seeds"].tolist() == [2, 2] and found["basis"].str.contains("2 seeds").all()


def test_one_seed_of_a_variant_is_paired_with_the_same_seed_of_the_reference(comparison):
    found = verdicts.differences(comparison, ["wide-1"], "geometric_mean")
    metric = comparison.table["geometric_mean"]
    assert found.loc["wide-1", "difference"] == pytest.approx(metric["wide-1"] - metric["plain-1"], abs=1e-12)


def test_the_correction_counts_variants_not_runs(comparison):
    found = verdicts.differences(comparison, ["wide-0", "wide-1", "narrow"], "geometric_mean")
    words = verdicts.html_table(comparison, ["wide-0", "wide-1", "narrow"], found)
    assert "corrected for 2 comparisons" in words


def test_other_seeds_of_the_reference_and_other_queries_are_said_not_judged(comparison):
    rows = shown(comparison, ["plain-0", "plain-1", "other"])
    assert "another seed" in rows["plain-1"] and "other queries" in rows["other"]


def test_without_a_reference_nothing_is_judged_and_the_cure_is_said(folder, comparison):
    (folder / "reference.json").rename(folder / "kept.json")
    try:
        fresh = Comparison(folder)
        html = verdicts.html_table(fresh, ["narrow"], verdicts.differences(fresh, ["narrow"], "geometric_mean"))
        assert "no reference yet" in html and "runs promote" in html
    finally:
        (folder / "kept.json").rename(folder / "reference.json")


def test_while_differences_are_computed_the_numbers_are_there(comparison):
    rows = rows_of(verdicts.html_table(comparison, ["plain-0", "narrow"], None))
    assert f"{comparison.table.loc['narrow', 'geometric_mean']:.3f}" in rows["narrow"]
    assert "being computed" in rows["narrow"] and "reference" in rows["plain-0"]


def test_margin_that_is_not_given_is_the_losss_own(comparison):
    rows = shown(comparison, ["plain-0", "narrow"])
    assert rows["plain-0"].rstrip().endswith("its own") and rows["narrow"].rstrip().endswith("0.1")
