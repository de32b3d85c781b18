"""The table of a comparison: who is compared with what, over which seeds, and how it is said."""

import re

import numpy as np
import pandas as pd
import pytest
from made_runs import catalogue, make_run, write_photos

from reid_lib.compare import verdicts
from reid_lib.compare.comparison import Comparison
from reid_lib.core import frames
from reid_lib.pages import verdict_table
from reid_lib.pages.comparison_page import write_comparison
from reid_lib.runs import table

ROWS = catalogue(n_known=22, n_unknown=20, images=2, datasets=("a",))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A reference and a variant with two seeds, a better and a worse one with one; one run of other queries."""
    root = tmp_path_factory.mktemp("judged")
    photos = write_photos(ROWS, root / "photos")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("REID_RUNS", str(root / "runs"))
        for seed in (0, 1):
            make_run(f"plain-{seed}", ROWS, skill=1.0, photos=photos, seed=seed)
            make_run(f"wide-{seed}", ROWS, skill=2.5, photos=photos, seed=seed, margin=0.5)
        make_run("steep", ROWS, skill=2.5, photos=photos, margin=0.6)
        make_run("narrow", ROWS, skill=0.4, photos=photos, margin=0.1)
        other = make_run("other", ROWS, skill=1.0, photos=photos, split_seed=1)
        text = (other / "metrics.json").read_text()
        (other / "metrics.json").write_text(text.replace('"test_fingerprint": "made"', '"test_fingerprint": "other"'))
        table.promote("plain-0")
    return root / "runs"


@pytest.fixture
def comparison(folder, monkeypatch, tmp_path):
    monkeypatch.setenv("REID_CACHE", str(tmp_path))
    return Comparison(folder)


def rows_of(html: str) -> dict[str, str]:
    """Run, as its title names it -> the words of its row."""
    judged = [row for row in re.findall(r"<tr>.*?</tr>", html, re.S) if "<td" in row and "title=" in row]
    rows = {re.search(r'title="([^"]+)"', row)[1]: row for row in judged}
    return {name: re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", row)) for name, row in rows.items()}


def shown(comparison, names) -> dict[str, str]:
    found = verdicts.tabulate_differences(comparison, names, "geometric_mean")
    return rows_of(verdict_table.render_verdicts(comparison, names, found))


def test_better_and_worse_are_told_apart_and_the_reference_is_not_judged(comparison):
    rows = shown(comparison, ["plain-0", "steep", "narrow"])
    assert "better" in rows["steep"] and "worse" in rows["narrow"] and "reference" in rows["plain-0"]


def test_a_difference_of_one_seed_is_the_difference_of_the_metrics(comparison):
    found = verdicts.tabulate_differences(comparison, ["narrow"], "geometric_mean")
    metric = comparison.table["geometric_mean"]
    assert found.loc["narrow", "difference"] == pytest.approx(metric["narrow"] - metric["plain-0"], abs=1e-12)
    assert "one seed" in found.loc["narrow", "basis"] and found.loc["narrow", "n_seeds"] == 1


def test_seeds_of_a_variant_share_a_verdict_and_are_paired_with_the_references_seeds(comparison):
    metric = comparison.table["geometric_mean"]
    mean = np.mean([metric[f"wide-{seed}"] - metric[f"plain-{seed}"] for seed in (0, 1)])
    for names in (["wide-0", "wide-1"], ["wide-1"]):  # a verdict does not depend on which seeds one looks at
        found = verdicts.tabulate_differences(comparison, names, "geometric_mean")
        assert found.index.tolist() == names
        assert found["difference"].tolist() == pytest.approx([mean] * len(names), abs=1e-12)
        assert set(found["n_seeds"]) == {2} and found["basis"].str.contains("2 seeds").all()
        assert set(found["pairs"]) == {"wide-0 − plain-0; wide-1 − plain-1"}


def test_a_difference_names_its_pair_and_is_the_shown_value_less_that_of_the_pair(comparison):
    names = ["plain-0", "wide-1", "narrow"]
    rows, table, labels = shown(comparison, names), comparison.table, comparison.labels(names)
    for name, pair in (("wide-1", "plain-1"), ("narrow", "plain-0")):
        value, other = table.loc[name, "geometric_mean"], table.loc[pair, "geometric_mean"]
        assert f"{value - other:+.3f}" in rows[name] and f"less {other:.3f} of {labels.get(pair, pair)}" in rows[name]
    assert "mean of 2 pairs" in rows["wide-1"] and "mean of" not in rows["narrow"]


def test_table_page_and_csv_agree_on_every_difference(comparison, folder):
    csv = frames.read_csv(table.rewrite_table(folder)).set_index("run")
    names, labels = comparison.names, comparison.labels(comparison.names)
    page = write_comparison(comparison, names, name="agree").read_text(encoding="utf-8")
    (folder / "comparisons" / "agree" / "comparison.html").unlink()
    for rows in (shown(comparison, names), rows_of(page)):
        for name in names:
            other = csv.loc[name, "compared_with"]
            if name == "plain-0":
                assert csv.loc[name, "difference_geometric_mean"] == 0
            elif name == "other":
                assert pd.isna(other) and pd.isna(csv.loc[name, "difference_geometric_mean"])
            else:
                left = csv.loc[name, "geometric_mean"] - csv.loc[other, "geometric_mean"]
                assert csv.loc[name, "difference_geometric_mean"] == pytest.approx(left, abs=1e-12)
                assert f"{left:+.3f}" in rows[name] and f"of {labels[other]}" in rows[name]
    pairs = dict.fromkeys(("narrow", "plain-0", "plain-1", "steep", "wide-0"), "plain-0") | {"wide-1": "plain-1"}
    assert csv["compared_with"].dropna().to_dict() == pairs


def test_the_title_of_the_page_says_what_the_verdicts_of_the_table_say(comparison):
    found = verdicts.tabulate_differences(comparison, comparison.names, "geometric_mean")
    said = verdicts.describe_verdicts(comparison, found)
    assert said["verdicts"] == found["verdict_holm"].to_dict() and said["against"] == "seed by seed"
    one = verdicts.describe_verdicts(
        comparison, verdicts.tabulate_differences(comparison, ["narrow"], "geometric_mean")
    )
    assert one == {"reference": "plain-0", "verdicts": {"narrow": "worse"}, "against": ""}


def test_the_correction_counts_variants_not_runs(comparison):
    found = verdicts.tabulate_differences(comparison, ["wide-0", "wide-1", "narrow"], "geometric_mean")
    words = verdict_table.render_verdicts(comparison, ["wide-0", "wide-1", "narrow"], found)
    assert "corrected for 2 comparisons" in words


def test_other_seeds_of_the_reference_and_other_queries_are_said_not_judged(comparison):
    rows = shown(comparison, ["plain-0", "plain-1", "other"])
    assert "another seed" in rows["plain-1"] and "other queries" in rows["other"]


def test_without_a_reference_nothing_is_judged_and_the_cure_is_said(folder, comparison):
    (folder / "reference.json").rename(folder / "kept.json")
    try:
        fresh = Comparison(folder)
        html = verdict_table.render_verdicts(
            fresh, ["narrow"], verdicts.tabulate_differences(fresh, ["narrow"], "geometric_mean")
        )
        assert "no reference yet" in html and "runs promote" in html
    finally:
        (folder / "kept.json").rename(folder / "reference.json")


def test_while_differences_are_computed_the_numbers_are_there(comparison):
    rows = rows_of(verdict_table.render_verdicts(comparison, ["plain-0", "narrow"], None))
    assert f"{comparison.table.loc['narrow', 'geometric_mean']:.3f}" in rows["narrow"]
    assert "being computed" in rows["narrow"] and "reference" in rows["plain-0"]


def test_margin_that_is_not_given_is_the_losss_own(comparison):
    rows = shown(comparison, ["plain-0", "narrow"])
    assert rows["plain-0"].rstrip().endswith("its own") and rows["narrow"].rstrip().endswith("0.1")
