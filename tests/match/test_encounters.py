"""Encounters as queries: what a loop over their photographs gives, in any order, for any memory."""

import numpy as np
import pytest
from memory import added_mb
from pair_cases import Dense, rows_of
from scipy.special import expit, logit

from reid_lib.core.errors import ParameterError
from reid_lib.core.names import ENCOUNTER, IDENTITY, IMAGE_ID, PHOTOGRAPHS
from reid_lib.match.encounters import ByEncounter, group_by_encounter
from reid_lib.openset.predictions import score_individuals


def study(seed=0, n_queries=40, n_gallery=25, unit="cosine", gaps=0.3) -> Dense:
    """Photographs of encounters in any order, some without one, some pairs not compared."""
    rng = np.random.default_rng(seed)
    who = rng.integers(0, 6, n_queries)
    encounter = [None if rng.random() < 0.2 else f"e{k}-{rng.integers(0, 2)}" for k in who]
    queries = rows_of("q", [f"a{k}" for k in who], encounter=encounter)
    gallery = rows_of("g", [f"a{k}" for k in rng.integers(0, 5, n_gallery)])
    values = rng.random((n_queries, n_gallery))
    values[rng.random(values.shape) < gaps] = -np.inf
    values[3] = -np.inf
    alike = Dense(values, queries, gallery)
    alike.unit = unit
    return alike


def dense(similarity, max_bytes=2**28) -> np.ndarray:
    return np.concatenate([block for _, _, block in similarity.blocks(max_bytes=max_bytes)])


def slow(alike: Dense, photos: list[int], combine: str) -> tuple[dict, np.ndarray]:
    """Numbers of individuals, and of images, from the photographs of one encounter."""
    names = alike.gallery[IDENTITY].tolist()
    values = np.where(alike.values > -np.inf, logit(np.clip(alike.values, 1e-9, 1)), -np.inf)
    values = (values if alike.unit == "probability" else alike.values)[photos]
    rows = [{n: max(v for v, m in zip(row, names, strict=True) if m == n) for n in names} for row in values]
    rows = [row for row in rows if max(row.values()) > -np.inf]
    found = {}
    for name in set(names):
        mine = [row[name] if row[name] > -np.inf else min(v for v in row.values() if v > -np.inf) for row in rows]
        there = [row[name] for row in rows if row[name] > -np.inf]
        found[name] = (np.mean(mine) if combine == "mean" else max(there)) if there else -np.inf
    return found, values.max(axis=0)


@pytest.mark.parametrize("max_bytes", [1, 3000, 2**28])
@pytest.mark.parametrize("combine", ["mean", "max"])
@pytest.mark.parametrize("unit", ["cosine", "probability"])
def test_individuals_have_what_a_loop_gives(unit, combine, max_bytes):
    alike = study(unit=unit)
    together = ByEncounter(alike, combine)
    found, names = dense(together, max_bytes), alike.gallery[IDENTITY].to_numpy()
    group = group_by_encounter(alike.queries)
    assert len(found) == len(together.queries) == group.max() + 1 and not np.isnan(found).any()
    for row, image_id in zip(found, together.queries[IMAGE_ID], strict=True):
        photos = np.flatnonzero(group == group[alike.queries[IMAGE_ID].tolist().index(image_id)])
        individuals, images = slow(alike, photos.tolist(), combine)
        for name, number in individuals.items():
            expected = expit(number) if unit == "probability" else number
            if number == -np.inf:
                expected = -np.inf
            assert row[names == name].max() == pytest.approx(expected)
            mine = images[names == name]  # images of one individual stay in the order of the best photograph
            assert (np.argsort(row[names == name], kind="stable") == np.argsort(mine, kind="stable")).all()
        assert (np.isneginf(row) == np.isneginf(images)).all()


def test_rows_are_the_first_photographs_with_their_number():
    alike = study()
    rows = ByEncounter(alike).queries
    group = group_by_encounter(alike.queries)
    assert rows[PHOTOGRAPHS].sum() == len(group) and rows[IMAGE_ID].is_unique
    for _, row in rows.iterrows():
        mine = group == group[alike.queries[IMAGE_ID].tolist().index(row[IMAGE_ID])]
        assert row[PHOTOGRAPHS] == mine.sum() and row[IMAGE_ID] == min(alike.queries[IMAGE_ID][mine])
    assert (rows[rows[ENCOUNTER].isna()][PHOTOGRAPHS] == 1).all()


def test_predictions_count_encounters():
    predictions = score_individuals(ByEncounter(study(), "mean"))
    assert predictions[PHOTOGRAPHS].sum() == 40 and len(predictions) < 40


@pytest.mark.parametrize("unit", ["cosine", "probability"])
@pytest.mark.parametrize("combine", ["mean", "max"])
def test_photographs_alone_stay_as_they_are(unit, combine):
    alike = study(unit=unit)
    alike.queries[ENCOUNTER] = None
    np.testing.assert_allclose(dense(ByEncounter(alike, combine)), alike.values, rtol=1e-12)
    del alike.queries[ENCOUNTER]
    np.testing.assert_allclose(dense(ByEncounter(alike, combine)), alike.values, rtol=1e-12)


def test_extreme_probabilities_stay_in_order():
    alike = study(unit="probability", gaps=0.0)
    alike.values[:] = np.random.default_rng(0).choice([0.0, 1e-300, 1e-9, 1.0], alike.values.shape)
    found = dense(ByEncounter(alike, "mean"))
    assert np.isfinite(found).all() and found.min() >= 0 and found.max() <= 1


def test_encounters_are_those_of_one_animal():
    rows = rows_of("q", ["a", "a", "b", "a", None], encounter=["1", "1", "1", None, "1"])
    assert group_by_encounter(rows).tolist() == [0, 0, 1, 3, 2]
    apart = rows_of("q", ["a", "a"], encounter=["1", "1"], dataset=["x", "y"])
    assert len(set(group_by_encounter(apart))) == 2


def test_answers_of_encounters_are_those_of_their_photographs():
    alike = study()
    together = ByEncounter(alike)
    spread = together.spread(score_individuals(together))
    assert spread[IMAGE_ID].tolist() == alike.queries[IMAGE_ID].tolist()
    answer = score_individuals(together).set_index(IMAGE_ID)["identity_1"]
    first = alike.queries.groupby(group_by_encounter(alike.queries))[IMAGE_ID].transform("min")
    assert spread["identity_1"].fillna("").tolist() == answer.loc[first].fillna("").tolist()


def test_another_combination_is_refused():
    with pytest.raises(ParameterError, match="'sum' is not one of mean, max"):
        ByEncounter(study(), "sum")


def test_memory_is_bounded():
    prepare = """
import numpy as np, sys
sys.path.insert(0, "tests")
from pair_cases import rows_of
from reid_lib.embed.embedding_set import EmbeddingSet
from reid_lib.match.cosine import Cosine
from reid_lib.match.encounters import ByEncounter
from reid_lib.openset.predictions import score_individuals
rng = np.random.default_rng(0)
def study(n, g):
    sets = []
    for s, k in (("q", n), ("g", g)):
        who = np.arange(k) // 3
        rows = rows_of(s, [f"a{i % 300}" for i in who], encounter=[f"{s}{i}" for i in who])
        sets.append(EmbeddingSet(rng.standard_normal((k, 8)).astype(np.float32), rows))
    return Cosine(*sets)
cosine = study(1500, 16000)
score_individuals(ByEncounter(study(50, 600)))
"""
    assert added_mb(prepare, "score_individuals(ByEncounter(cosine), max_bytes=2**25)") < 80  # the matrix has 192 MB
