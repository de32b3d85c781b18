"""Pairs of photographs among each other, and their probabilities."""

import numpy as np
import pandas as pd
import pytest

from reid_lib.core.names import VAL
from reid_lib.discover.pairs import fit_pair_probabilities, list_pairs
from reid_lib.embed.embedding_set import EmbeddingSet
from reid_lib.match.cosine import Cosine


def photographs(n_individuals: int, each: int, seed: int, spread: float = 0.15) -> EmbeddingSet:
    """Two data sets of animals, directions of which scatter a little; rows ascending by image_id."""
    rng = np.random.default_rng(seed)
    who = np.repeat(np.arange(n_individuals), each)
    features = rng.normal(size=(n_individuals, 16))[who] + spread * 4 * rng.normal(size=(len(who), 16))
    rows = pd.DataFrame(
        {
            "image_id": [f"i{k:04d}" for k in range(len(who))],
            "dataset": np.where(who % 2, "lynx", "newt"),
            "identity": [f"w{k}" for k in who],
            "role": VAL,
            "known": False,
        }
    )
    return EmbeddingSet(features / np.linalg.norm(features, axis=1, keepdims=True), rows)


def test_pairs_are_the_nearest_of_either_photograph_within_the_data_set():
    some = photographs(6, 4, 0)
    table = list_pairs(Cosine(some, some), 3)
    cosine, dataset = some.features @ some.features.T, some.rows["dataset"].to_numpy()
    wanted = set()
    for own in range(len(cosine)):
        others = [k for k in np.argsort(-cosine[own]) if k != own and dataset[k] == dataset[own]][:3]
        wanted |= {(min(own, k), max(own, k)) for k in others}
    assert set(zip(table.query.tolist(), table.image.tolist(), strict=True)) == wanted
    np.testing.assert_allclose(table.scores["embedding"], cosine[table.query, table.image], atol=1e-6)


def test_pairs_of_one_name_are_the_nearest_under_it():
    some = photographs(6, 4, 0)
    named = EmbeddingSet(some.features, some.rows.assign(individual=some.rows["identity"]))
    table = list_pairs(Cosine(named, named), 3, within="individual")
    assert table.same.all() and len(table) == 6 * 4 * 3 // 2


def test_fewer_photographs_than_neighbours_are_all_paired():
    some = photographs(2, 2, 0)  # of each data set one animal with two photographs
    assert len(list_pairs(Cosine(some, some), 50)) == 2


def test_probabilities_are_calibrated_by_fits_that_did_not_see_the_animal():
    val, test = photographs(60, 4, 1), photographs(60, 4, 2)
    tables = [list_pairs(Cosine(some, some), 8) for some in (val, test)]
    fits = fit_pair_probabilities(tables[0])
    assert set(fits.fits) == {"lynx", "newt", ""}
    for table, found in zip(tables, (fits.out_of_fold, fits.probability(tables[1])), strict=True):
        assert found.mean() == pytest.approx(table.same.mean(), abs=0.04)
        assert found[table.same].mean() > found[~table.same].mean() + 0.3


def test_labels_that_are_asked_about_change_nothing():
    val, test = photographs(40, 4, 1), photographs(40, 4, 2)
    fits = fit_pair_probabilities(list_pairs(Cosine(val, val), 8))
    nameless = EmbeddingSet(test.features, test.rows.assign(identity=None))
    found = [fits.probability(list_pairs(Cosine(some, some), 8)) for some in (test, nameless)]
    assert (found[0] == found[1]).all()


def test_without_a_labelled_pair_nothing_is_known():
    val = photographs(4, 4, 1)
    val = EmbeddingSet(val.features, val.rows.assign(identity=None))
    table = list_pairs(Cosine(val, val), 3)
    fits = fit_pair_probabilities(table)
    assert not fits.fits and not fits.out_of_fold.any() and not fits.probability(table).any()
