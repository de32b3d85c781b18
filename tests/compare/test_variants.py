"""Runs that differ in nothing but their seed are one variant."""

import pytest
from made_runs import catalogue, make_runs

from reid_lib.compare.variants import group_variants
from reid_lib.runs.folder import load_run

ROWS = catalogue(n_known=12, n_unknown=10, images=2, datasets=("a",))


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    made = {f"weak-{seed}": {"skill": 0.5, "seed": seed} for seed in (0, 1)} | {"strong": {"skill": 3.0, "margin": 0.5}}
    root = make_runs(tmp_path_factory.mktemp("variants"), ROWS, made)
    return [load_run(name, root=root) for name in made]


def test_the_best_variant_comes_first_and_seeds_are_together(runs):
    found = list(group_variants(runs).values())
    assert [[run.name for run in variant.runs.values()] for variant in found] == [["strong"], ["weak-0", "weak-1"]]
    assert found[0].best == "strong" and found[0].mean > found[1].mean


def test_the_order_of_runs_does_not_matter(runs):
    assert [v.best for v in group_variants(runs[::-1]).values()] == [v.best for v in group_variants(runs).values()]


def test_a_variant_is_as_good_as_its_seeds_on_average(runs):
    weak = list(group_variants(runs).values())[1]
    assert weak.mean == pytest.approx(sum(weak.val.values()) / 2) and weak.val[0] <= max(weak.val.values())
