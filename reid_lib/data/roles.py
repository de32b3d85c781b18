"""The role that each photograph draws: from hashes, so that what is added later moves nothing out of the gallery.

An individual's role comes from a hash of (seed, individual), an encounter's from one of (seed, individual, encounter):
neither depends on what else is in the catalogue. Where encounters merge, or where one individual of a data set has to
be held out although none drew it, adding rows can only move a query into the gallery.

An individual seen once cannot always be enrolled then: its photographs would have to stay in the gallery whatever
follows, and that holds for every photograph. So each encounter draws for itself, and an individual that no encounter
enrols is unknown.
"""

import hashlib
import json

import numpy as np
import pandas as pd

from reid_lib.core.names import DATASET, GALLERY, INDIVIDUAL, TEST, UNUSED, VAL


def draw_roles(
    rows: pd.DataFrame, units: pd.Series, keys: pd.Series, *, shares: dict[str, float], unknown_split: float, seed: int
) -> pd.Series:
    """Roles of labelled images.

    Args:
        rows: `dataset` and `individual` of each image.
        units: (n,) what of an individual stays on one side.
        keys: (n,) what of an image is hashed: something that no added row can change. A unit of several keys is as far
            towards the gallery as any of them, so that units may merge.
        shares: of the encounters, VAL and TEST: together at most 1.
        unknown_split: share of the individuals held out for val, and once more for test where that has a share.

    Returns:
        (n,) GALLERY, VAL or TEST. A held-out individual has one of the latter two, and so has one of which no unit drew
        the gallery; where nobody is to be unknown (`unknown_split` 0), it is UNUSED.
    """
    individuals = rows[INDIVIDUAL].astype(str)
    pairs = list(zip(individuals, keys, strict=True))
    number_of = {pair: hash_to_number("encounter", seed, *pair) for pair in set(pairs)}
    drawn = pd.Series([number_of[pair] for pair in pairs], index=rows.index, dtype=float)
    lowest = drawn.groupby([individuals, units]).transform("min")
    enrolled, before_test = lowest < 1 - shares[VAL] - shares[TEST], lowest < 1 - shares[TEST]
    role = pd.Series(np.select([enrolled, before_test], [GALLERY, VAL], TEST), index=rows.index, dtype=object)
    missed = {*individuals[~enrolled]} - {*individuals[enrolled]}
    aside = _one_side(missed, shares, seed) if unknown_split else dict.fromkeys(missed, UNUSED)
    for _, names in individuals.groupby(rows[DATASET]):
        aside |= _held_out(set(names), unknown_split, bool(shares[TEST]), seed)
    return individuals.map(aside).astype(object).fillna(role)


def hash_to_number(*parts) -> float:
    """A number from 0 (included) to 1, the same for the same texts and whole numbers everywhere and always."""
    digest = hashlib.blake2b(json.dumps(parts).encode(), digest_size=8).digest()
    return (int.from_bytes(digest) >> 11) / 2**53


def _one_side(names: set[str], shares: dict[str, float], seed: int) -> dict[str, str]:
    """All queries of an individual that drew no gallery image are in val, or all in test: nobody is unknown in both."""
    limit = shares[VAL] / (shares[VAL] + shares[TEST] or 1)
    return {name: VAL if hash_to_number("side", seed, name) < limit else TEST for name in names}


def _held_out(names: set[str], unknown_split: float, with_test: bool, seed: int) -> dict[str, str]:
    """The individuals of one data set that are unknown whatever their encounters drew: the lowest and highest numbers.

    Few individuals may all miss the share. So the first and the last of them are held out up to twice the share: an
    individual added beyond them puts them back, and moves nobody else.
    """
    numbers = {name: hash_to_number("individual", seed, name) for name in names}
    further = max(unknown_split, min(2 * unknown_split, 0.5))
    first, last = min(numbers, key=numbers.get), max(numbers, key=numbers.get)
    held = {name: VAL for name, own in numbers.items() if own < (further if name == first else unknown_split)}
    if with_test:
        upper = {name: 1 - (further if name == last else unknown_split) for name in numbers}
        held |= {name: TEST for name, own in numbers.items() if name not in held and own >= upper[name]}
    return held
