"""The role that each photograph draws, from hashes, so that rows added later move no photograph out of the gallery.

An individual's role comes from a hash of (seed, individual), an encounter's from one of (seed, individual, encounter):
neither depends on what else is in the catalogue. Where encounters merge, or where an individual is held out only
because no other was, adding rows can move a query into the gallery, and nothing else.

This is why an individual seen once is not always enrolled. Every photograph was the first of its individual once: were
that one always enrolled, it would have to stay in the gallery whatever follows. So each encounter draws for itself, and
an individual of which no encounter draws the gallery is unknown.
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
        units: (n,) text: images of an individual that share a unit get one role (`occasions.find_units`).
        keys: (n,) text that is hashed, which no added row can change (`occasions.find_draw_keys`). A unit of several
            keys takes the lowest of their numbers, the nearest to the gallery, so that units may merge.
        shares: VAL and TEST -> share of the encounters; together at most 1.
        unknown_split: share of the individuals held out for val, and once more for test where that has a share.
        seed: of the hashes.

    Returns:
        (n,) GALLERY, VAL or TEST. An individual that is held out, or of which no unit drew the gallery, is in VAL or
        TEST as a whole; with `unknown_split` 0, where nobody is to be unknown, the latter is UNUSED instead.
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


def hash_to_number(*parts: str | int) -> float:
    """A number from 0 (included) to 1 (excluded): the same for the same parts on every machine and in every version."""
    digest = hashlib.blake2b(json.dumps(parts).encode(), digest_size=8).digest()
    return (int.from_bytes(digest) >> 11) / 2**53


def _one_side(names: set[str], shares: dict[str, float], seed: int) -> dict[str, str]:
    """VAL or TEST for each individual of which nothing drew the gallery: nobody is unknown in both."""
    limit = shares[VAL] / (shares[VAL] + shares[TEST] or 1)
    return {name: VAL if hash_to_number("side", seed, name) < limit else TEST for name in names}


def _held_out(names: set[str], unknown_split: float, with_test: bool, seed: int) -> dict[str, str]:
    """The individuals of one data set that are unknown whatever their encounters drew, and their role: those of the
    lowest numbers VAL, those of the highest TEST.

    Of few individuals it may happen that nobody's number is low or high enough. So for the lowest and the highest of
    them the limit is twice the share (at most a half). An individual added later may take that place, and moves nobody
    else.
    """
    numbers = {name: hash_to_number("individual", seed, name) for name in names}
    further = max(unknown_split, min(2 * unknown_split, 0.5))
    first, last = min(numbers, key=numbers.get), max(numbers, key=numbers.get)
    held = {name: VAL for name, own in numbers.items() if own < (further if name == first else unknown_split)}
    if with_test:
        upper = {name: 1 - (further if name == last else unknown_split) for name in numbers}
        held |= {name: TEST for name, own in numbers.items() if name not in held and own >= upper[name]}
    return held
