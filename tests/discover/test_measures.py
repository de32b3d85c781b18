"""Measures of clusters, against scikit-learn and by hand."""

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import adjusted_mutual_info_score, adjusted_rand_score
from sklearn.metrics.cluster import pair_confusion_matrix

from reid_lib.discover.measures import Contingency, describe_discovery, measure_clusters, tabulate_discovery


def drawn(n: int, n_individuals: int, n_clusters: int, seed: int):
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, n_individuals, n)
    return truth, np.where(rng.random(n) < 0.6, truth, rng.integers(0, n_clusters, n))


@pytest.mark.parametrize(("n", "a", "b"), [(200, 20, 30), (500, 400, 300), (60, 2, 50), (50, 1, 3), (1, 1, 1)])
def test_ari_ami_and_pairs_are_scikit_learns(n, a, b):
    truth, found = drawn(n, a, b, n)
    table = Contingency(truth, found)
    measured = {name: value[0] for name, value in table.measure().items()}
    assert measured["ari"] == pytest.approx(adjusted_rand_score(truth, found))
    assert table.adjusted_mutual_information() == pytest.approx(adjusted_mutual_info_score(truth, found), abs=1e-9)
    (_, wrong), (missed, right) = pair_confusion_matrix(truth, found)
    if right + wrong:
        assert measured["pair_precision"] == pytest.approx(right / (right + wrong))
        assert measured["pair_recall"] == pytest.approx(right / (right + missed))
        assert measured["pair_f1"] == pytest.approx(2 * right / (2 * right + wrong + missed))


@pytest.mark.parametrize("truth", [range(6), [0] * 6, [0, 0, 1, 1, 2, 2]])
@pytest.mark.parametrize("found", [range(6), [0] * 6, [0, 0, 1, 1, 2, 2]])
def test_extremes_are_scikit_learns(truth, found):
    table = Contingency(np.array(truth), np.array(found))
    assert table.adjusted_mutual_information() == pytest.approx(adjusted_mutual_info_score(truth, found), abs=1e-9)
    assert table.measure()["ari"][0] == pytest.approx(adjusted_rand_score(truth, found))


def test_by_hand():
    """a a a | a b | b: of 4 pairs in clusters 3 are right, of 6 + 1 true ones 3 are found; one of six is alone."""
    found = Contingency(np.array(list("aaaabb")), np.array([0, 0, 0, 1, 1, 2])).measure()
    assert found["pair_precision"][0] == pytest.approx(3 / 4)
    assert found["pair_recall"][0] == pytest.approx(3 / 7)
    assert found["pair_f1"][0] == pytest.approx(6 / 11)
    assert found["clusters_per_individual"][0] == pytest.approx(3 / 2)
    assert found["single_images"][0] == pytest.approx(1 / 6)


def test_weights_of_0_and_1_are_a_choice_of_individuals():
    truth, found = drawn(300, 30, 40, 7)
    table, kept = Contingency(truth, found), np.arange(30) % 3 > 0
    some = kept[truth]
    assert table.measure(kept[None].astype(float))["ari"][0] == pytest.approx(
        adjusted_rand_score(truth[some], found[some])
    )
    wanted = adjusted_mutual_info_score(truth[some], found[some])
    assert table.adjusted_mutual_information(kept) == pytest.approx(wanted)


def test_an_individual_drawn_twice_is_two_animals_that_nobody_mixes_up():
    """Pairs of two individuals count by the product of their weights, those of one by its own."""
    truth, found = np.array(list("aabbb")), np.array([0, 0, 0, 1, 1])
    measured = Contingency(truth, found).measure(np.array([[2.0, 3.0]]))
    right, wrong, missed = 2 * 1 + 3 * 1, 2 * 3 * 2, 3 * 2
    assert measured["pair_precision"][0] == pytest.approx(right / (right + wrong))
    assert measured["pair_recall"][0] == pytest.approx(right / (right + missed))


def rows_of(seed: int, dataset: str) -> pd.DataFrame:
    truth, found = drawn(300, 40, 50, seed)
    return pd.DataFrame({"dataset": dataset, "identity": truth.astype(str), "cluster": found})


def test_data_sets_are_measured_apart_then_averaged_and_unlabelled_images_are_left_out():
    lynx, newt = rows_of(0, "lynx"), rows_of(1, "newt")
    unlabelled = rows_of(2, "newt").assign(identity=None)
    measured = measure_clusters(pd.concat([lynx, newt, unlabelled]), repetitions=50)
    wanted = [adjusted_rand_score(rows["identity"], rows["cluster"]) for rows in (lynx, newt)]
    assert measured["overall"]["ari"]["value"] == pytest.approx(np.mean(wanted))
    assert measured["datasets"]["newt"]["ari"]["value"] == pytest.approx(wanted[1])
    assert measured["overall"]["ari"]["datasets"] == 2 and measured["overall"]["ari"]["n"] == 80
    counts = {"n_images": 300, "n_individuals": 40, "n_clusters": lynx["cluster"].nunique()}
    counts |= {"n_individuals_seen_once": sum(lynx["identity"].value_counts() == 1)}
    counts |= {"n_clusters_of_one": sum(lynx["cluster"].value_counts() == 1)}
    assert measured["counts"]["lynx"] == counts
    for entry in (*measured["overall"].values(), *measured["datasets"]["lynx"].values()):
        assert entry["low"] < entry["value"] < entry["high"]


@pytest.mark.parametrize("seed", range(6))
def test_data_sets_of_any_size_count_alike_and_one_that_is_not_there_does_not(seed):
    """One image; all alone; all together: as scikit-learn has it, then the mean over the data sets with labels."""
    rng = np.random.default_rng(seed)
    sizes = {"one": 1, "two": 2, "few": int(rng.integers(3, 9)), "many": 60}
    parts = []
    for name, n in sizes.items():
        truth = [np.arange(n), np.zeros(n, int), rng.integers(0, n, n)][rng.integers(3)]
        found = [np.arange(n), np.zeros(n, int), rng.integers(0, n, n)][rng.integers(3)]
        parts.append(pd.DataFrame({"dataset": name, "identity": truth.astype(str), "cluster": found}))
    parts = parts[seed % 2 :]
    wanted = {part["dataset"][0]: adjusted_rand_score(part["identity"], part["cluster"]) for part in parts}
    rows = pd.concat([*parts, rows_of(9, "unlabelled").assign(identity=None)]).sample(frac=1, random_state=seed)
    measured = measure_clusters(rows, repetitions=0)
    assert {name: of["ari"]["value"] for name, of in measured["datasets"].items()} == pytest.approx(wanted)
    assert measured["overall"]["ari"]["value"] == pytest.approx(np.mean(list(wanted.values())))


def test_nothing_labelled_is_measured_as_undefined():
    measured = measure_clusters(rows_of(0, "lynx").assign(identity=None))
    assert measured["datasets"] == {} and np.isnan(measured["overall"]["ari"]["value"])


@pytest.mark.parametrize(("own", "joined"), [(None, False), (0.4, True)])
def test_photographs_are_said_to_be_joined_where_any_data_set_has_a_cut(own, joined):
    cuts = {"values": {"lynx": own}, "overall": None}
    told = {"method": "average", "cuts": cuts, "test": measure_clusters(rows_of(0, "lynx"), repetitions=0)}
    line = describe_discovery({"discovery": told})
    assert ("average linkage" in line, "no two new photographs are joined" in line) == (joined, not joined)


def test_intervals_are_as_wide_as_results_of_other_animals_differ():
    """The interval of one draw of animals is about as wide as the middle 95 % of many draws."""

    def one(seed):
        return rows_of(seed, "lynx")

    values = {m: [] for m in ("ari", "ami")}
    for seed in range(60):
        measured = measure_clusters(one(seed), repetitions=0)["overall"]
        for m in values:
            values[m].append(measured[m]["value"])
    measured = measure_clusters(one(100), repetitions=400)["overall"]
    for m, found in values.items():
        width = measured[m]["high"] - measured[m]["low"]
        assert 0.4 < width / (4 * np.std(found)) < 2.5


def test_the_table_says_each_measure_of_each_data_set():
    rows = [rows_of(0, "lynx"), rows_of(1, "newt")]
    measured = measure_clusters(pd.concat(rows), repetitions=50)
    table = tabulate_discovery(measured)
    assert list(table.columns) == ["lynx", "newt", "mean over data sets"]
    ari = adjusted_rand_score(rows[0]["identity"], rows[0]["cluster"])
    assert table.loc["adjusted Rand index", "lynx"].startswith(f"{ari:.3f}")
    assert table.loc["individuals found", "newt"] == f"{rows[1]['cluster'].nunique():,}"
    assert table.loc["individuals found", "mean over data sets"] == ""
    assert list(tabulate_discovery(measure_clusters(rows[0], repetitions=50)).columns) == ["lynx"]
