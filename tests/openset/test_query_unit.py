"""How an encounter's photographs are combined is chosen on val alone."""

import numpy as np
import pytest
from pair_cases import Dense, rows_of

from reid_lib.core.errors import ParameterError
from reid_lib.core.names import ROLE, TEST, VAL
from reid_lib.match.encounters import ByEncounter
from reid_lib.openset.answers import Answers
from reid_lib.openset.predictions import score_individuals
from reid_lib.openset.query_unit import combine_encounters

N, PHOTOS = 12, 4


def study(kind: str, role: str, seed=0) -> Dense:
    """Encounters of 12 known and 12 unknown animals: each photograph is a noisy view, or one in four shows it."""
    rng = np.random.default_rng(seed)
    animals = np.repeat(np.arange(2 * N), PHOTOS)
    names = [f"a{k}" if k < N else f"{role}{k}" for k in animals]
    queries = rows_of(role, names, encounter=[f"e{k}" for k in animals]).assign(**{ROLE: role})
    gallery = rows_of("g", [f"a{k}" for k in range(N)])
    values = rng.normal(size=(len(animals), N)) * (1.0 if kind == "noisy" else 0.5)
    for row, animal in enumerate(animals):
        if animal < N and (kind == "noisy" or row % PHOTOS == 0):
            values[row, animal] += 1.5 if kind == "noisy" else 2.0
    return Dense(values, queries, gallery)


@pytest.mark.parametrize(("kind", "best"), [("noisy", "mean"), ("one shows it", "max")])
def test_the_better_one_on_val_is_taken_for_all(kind, best):
    sides = {role: study(kind, role, seed) for seed, role in enumerate((VAL, TEST))}
    found, areas = combine_encounters(sides)
    assert {side.combine for side in found.values()} == {best}
    assert areas[best] == max(areas.values()) and areas["mean"] != areas["max"]
    assert len(found[TEST].queries) == 2 * N
    top1 = {c: Answers.of(score_individuals(ByEncounter(sides[TEST], c))).named[:].mean() for c in ("mean", "max")}
    assert top1[best] >= top1["max" if best == "mean" else "mean"]


def test_labels_of_test_decide_nothing():
    sides = {VAL: study("noisy", VAL), TEST: study("noisy", TEST, 1)}
    other = {VAL: study("noisy", VAL), TEST: study("one shows it", TEST, 1)}
    assert combine_encounters(sides)[1] == combine_encounters(other)[1]
    with pytest.raises(ParameterError, match="never on 'test'"):
        combine_encounters({VAL: study("noisy", TEST)})
    with pytest.raises(ParameterError, match="never on 'test'"):
        combine_encounters({TEST: study("noisy", TEST)})


def test_without_unknown_animals_the_mean_is_taken():
    side = study("noisy", VAL)
    some = Dense(side.values[: N * PHOTOS], side.queries[: N * PHOTOS], side.gallery)
    found, areas = combine_encounters({VAL: some})
    assert found[VAL].combine == "mean" and np.isnan(list(areas.values())).all()
