"""Individuals among photographs without names: cuts learnt on val, known ones left alone, flanks joined."""

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import adjusted_mutual_info_score

from reid_lib.core.names import VAL
from reid_lib.discover.individuals import PRECISE, Cuts, cluster_photographs, fit_cuts, grow_tree
from reid_lib.match.pairs import PairTable


def some_pairs(n_individuals: int = 30, each: int = 4, seed: int = 0, **columns) -> tuple[PairTable, np.ndarray]:
    """All pairs of the photographs of one data set, those of one animal with higher probabilities."""
    rng = np.random.default_rng(seed)
    who = np.repeat(np.arange(n_individuals), each)
    rows = pd.DataFrame({"image_id": [f"i{k:04d}" for k in range(len(who))], "dataset": "lynx", "role": VAL})
    rows = rows.assign(identity=[f"w{k}" for k in who], known=False, **columns)
    first, second = np.triu_indices(len(who), 1)
    same = who[first] == who[second]
    probability = np.where(same, rng.beta(4, 2, len(first)), rng.beta(1, 8, len(first)))
    return PairTable(rows, rows, first, second), probability


@pytest.mark.parametrize("method", ["average", "complete", "components", "hdbscan"])
def test_the_cut_is_the_one_of_the_highest_ami_on_val(method):
    table, probability = some_pairs()
    cuts = fit_cuts(table, probability, method=method, rule="ami", min_individuals=10)
    truth = table.queries["identity"]
    tree = grow_tree(table, probability, np.arange(len(truth)), method)
    every = [adjusted_mutual_info_score(truth, tree.cut(height)) for height in tree.height]
    assert cuts.reached["lynx"] == pytest.approx(max(every), abs=1e-9)
    assert adjusted_mutual_info_score(truth, tree.cut(cuts.of("lynx"))) == pytest.approx(max(every))


def test_by_pair_precision_as_much_is_joined_as_stays_precise():
    table, probability = some_pairs(seed=3)
    cut = fit_cuts(table, probability, method="average", rule="pair_precision", min_individuals=10).of("lynx")
    tree, truth = grow_tree(table, probability, np.arange(120), "average"), table.queries["identity"].to_numpy()

    def precision(at):
        labels = tree.cut(at)
        together = np.triu(labels[:, None] == labels, 1)
        return (together & (truth[:, None] == truth)).sum() / together.sum()

    lower = tree.height[tree.height < cut]
    assert precision(cut) >= PRECISE > precision(lower[0])


def test_only_individuals_that_the_gallery_lacks_are_learnt_from():
    table, probability = some_pairs()
    known = np.arange(120) < 60
    rows = table.queries.assign(known=known)
    of_known = known[table.query] | known[table.image]
    noise = np.where(of_known, np.random.default_rng(0).random(len(probability)), probability)
    both = PairTable(rows, rows, table.query, table.image)
    found = [fit_cuts(both, p, method="average", rule="ami", min_individuals=10) for p in (probability, noise)]
    assert found[0] == found[1]
    rows = rows.assign(known=True)
    all_known = PairTable(rows, rows, table.query, table.image)
    fitted = fit_cuts(all_known, probability, method="average", rule="ami", min_individuals=10)
    assert fitted.overall is not None and "that the gallery has" in fitted.reasons[""]


def test_few_individuals_take_the_overall_cut_and_nothing_learnt_joins_nothing():
    table, probability = some_pairs(n_individuals=4)
    cuts = fit_cuts(table, probability, method="average", rule="ami", min_individuals=10)
    assert cuts.values["lynx"] == cuts.overall and "takes 10" in cuts.reasons["lynx"]
    cuts = fit_cuts(table, np.zeros_like(probability), method="average", rule="ami", min_individuals=1)
    assert cuts.of("lynx") is None and cuts.of("never seen") is None


def test_photographs_that_were_recognised_keep_their_name_and_join_nobody():
    table, _ = some_pairs(n_individuals=2, each=3)
    probability = np.where(table.same, 0.9, 0.05)
    named = pd.Series([None, "tom", None, None, None, "tom"])
    found = cluster_photographs(table, probability, named, Cuts({"lynx": 0.5}, None), method="average")
    assert found.tolist() == ["new 0", "known tom", "new 0", "new 1", "new 1", "known tom"]


def test_flanks_are_clustered_apart_and_joined_by_an_encounter_that_shows_one_animal():
    """e0 shows both flanks of w0; e1 a left flank of each of two animals and a right one: nobody can tell whose."""
    flanks = ["left", "Right", "left", "right", "left", "right"]
    table, _ = some_pairs(n_individuals=2, each=3, orientation=flanks, encounter=["e0", "e0", "e1", "e1", "e1", "e2"])
    named = pd.Series([None] * 6)
    probability = np.where(table.same, 0.9, 0.0)
    found = cluster_photographs(table, probability, named, Cuts({"lynx": 0.5}, None), method="average")
    assert found.tolist() == ["new 0", "new 0", "new 0", "new 1", "new 2", "new 1"]
    apart = table.queries.drop(columns="encounter")
    alone = PairTable(apart, apart, table.query, table.image)
    found = cluster_photographs(alone, probability, named, Cuts({"lynx": 0.5}, None), method="average")
    assert found.tolist() == ["new 0", "new 1", "new 0", "new 2", "new 3", "new 2"]
