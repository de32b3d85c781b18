"""Roles: which images are gallery (trained on and searched), which are val and test queries.

Some individuals appear only in val, others only in test: they are the unknown ones, and nothing is trained on them.
"""

import hashlib
import zlib
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from reid_lib.dates import days
from reid_lib.errors import SplitError
from reid_lib.names import (
    DATASET,
    DATE,
    ENCOUNTER,
    GALLERY,
    IDENTITY,
    IMAGE_ID,
    INDIVIDUAL,
    KNOWN,
    ROLE,
    SPLIT,
    TEST,
    UNUSED,
    VAL,
)

POLICIES = ("auto", "official", "encounter", "random")


@dataclass(frozen=True)
class Split:
    """The catalogue's rows with `role` and `known`, and the policy that gave them.

    `rows[KNOWN]` tells of a query whether its individual is in the gallery it is searched in; <NA> where unlabelled.
    """

    rows: pd.DataFrame
    policy: str

    def queries(self, role: str) -> np.ndarray:
        """Mask (n,) of the images that are queries of `role`."""
        return (self.rows[ROLE] == role).to_numpy()

    def gallery_for(self, role: str) -> np.ndarray:
        """Mask (n,) of the images that queries of `role` are compared with.

        Under the data set's own split val was carved out of its training part, so the test queries see val enrolled.
        """
        enrolled = [GALLERY, VAL] if role == TEST and self.policy == "official" else [GALLERY]
        return self.rows[ROLE].isin(enrolled).to_numpy()

    @cached_property
    def fingerprint(self) -> str:
        """16 hex digits over (image_id, role, known) of every image."""
        return _hash(self.rows)

    @cached_property
    def test_fingerprint(self) -> str:
        """16 hex digits over the test queries: runs are comparable when theirs are the same."""
        return _hash(self.rows[self.queries(TEST)])

    def leakage(self) -> pd.DataFrame:
        """The audit: per query role, how many queries have a photograph of the same encounter in their gallery.

        Returns:
            One row per role: queries, known and unknown queries and individuals, `same_encounter` (queries; NaN where
            the catalogue knows no encounters), `share` of the known queries.
        """
        return pd.DataFrame([self._leakage_of(role) for role in (VAL, TEST)])

    def table(self) -> pd.DataFrame:
        """Images and individuals per data set and role, for a person to read."""
        truth = self.rows[KNOWN].map({True: "known", False: "unknown"}).fillna("unlabelled")
        groups = self.rows.assign(**{KNOWN: truth}).groupby([DATASET, ROLE, KNOWN])
        return groups.agg(images=(IMAGE_ID, "size"), individuals=(IDENTITY, "nunique"))

    @property
    def notes(self) -> list[str]:
        """What a person should know about this split, one sentence each."""
        audit, notes = self.leakage().set_index(ROLE), _date_notes(self.rows, self.policy)
        for role in (VAL, TEST):
            if audit.loc[role, "known_queries"] and not audit.loc[role, "unknown_queries"]:
                notes.append(
                    f"{role} has no unknown individuals: BAUS and the geometric mean are undefined there (NaN)"
                )
            if audit.loc[role, "same_encounter"] > 0:
                notes.append(
                    f"{audit.loc[role, 'same_encounter']:.0f} of {audit.loc[role, 'known_queries']} known {role} "
                    "queries have a photograph of the same encounter in the gallery: the background flatters the result"
                )
        if self.policy == "random" and audit["same_encounter"].isna().all():
            notes.append(
                "encounters are unknown: photographs of one sighting may be on both sides and flatter the result"
            )
        return notes

    def _leakage_of(self, role: str) -> dict:
        queries, gallery = self.rows[self.queries(role)], self.rows[self.gallery_for(role)]
        known = queries[KNOWN].fillna(False).astype(bool)
        unknown = queries[INDIVIDUAL].notna() & ~known
        leaked = float("nan")
        if ENCOUNTER in self.rows:
            enrolled = set(_pairs(gallery.dropna(subset=[ENCOUNTER])))
            leaked = sum(pair in enrolled for pair in _pairs(queries.dropna(subset=[ENCOUNTER, INDIVIDUAL])))
        return {
            ROLE: role,
            "queries": len(queries),
            "known_queries": int(known.sum()),
            "unknown_queries": int(unknown.sum()),
            "known_individuals": queries.loc[known, INDIVIDUAL].nunique(),
            "unknown_individuals": queries.loc[unknown, INDIVIDUAL].nunique(),
            "same_encounter": leaked,
            "share": leaked / known.sum() if known.any() else float("nan"),
        }


def assign_roles(
    rows: pd.DataFrame,
    *,
    policy: str = "auto",
    val_split: float = 0.2,
    test_split: float = 0.2,
    unknown_split: float = 0.15,
    seed: int = 0,
) -> Split:
    """Give every image of a catalogue one role.

    Args:
        rows: the catalogue's rows.
        policy: `official` (the data set's own train and test part), `encounter` (an encounter, else a date, of an
            individual stays on one side), `random` (image by image), `auto` (the first of these that the data allow).
        val_split, test_split: share of each known individual's encounters (images under `random`) that become queries,
            at least one where the individual has two; under `official` only val is carved.
        unknown_split: share of the individuals held out whole, once for val and once more for test.
        seed: of the drawing; the row order does not matter.

    Raises:
        SplitError: the data do not allow it (no individual could be found again, no official split, ...).
    """
    policy = _choose_policy(rows, policy)
    rows = rows.copy()
    rows[ROLE] = pd.Series(UNUSED, index=rows.index, dtype=object)
    if policy == "official":
        rows.loc[rows[SPLIT] == "test", ROLE] = TEST
        drawn, test_split = rows[(rows[SPLIT] == "train") & rows[INDIVIDUAL].notna()], 0.0
    else:
        drawn = rows[rows[INDIVIDUAL].notna()]
        if len(drawn) < len(rows):
            rows.loc[rows[INDIVIDUAL].isna(), ROLE] = TEST  # unlabelled photographs get an answer, but no score
    units = _units(drawn, by_encounter=policy != "random")
    shares = {VAL: val_split, TEST: test_split}
    for dataset, part in drawn.groupby(DATASET, sort=True):
        rng = np.random.default_rng([seed, zlib.crc32(str(dataset).encode())])
        rows.loc[part.index, ROLE] = _draw(part[INDIVIDUAL], units[part.index], shares, unknown_split, rng)
    split = Split(_mark_known(rows, policy), policy)
    _check(split)
    return split


def _choose_policy(rows: pd.DataFrame, policy: str) -> str:
    has_official = SPLIT in rows and {"train", "test"} <= set(rows[SPLIT].dropna())
    has_encounters = has_occasions(rows)
    if policy == "auto":
        return "official" if has_official else "encounter" if has_encounters else "random"
    if policy == "official" and not has_official:
        raise SplitError("split_policy 'official' needs a `split` column with 'train' and 'test'; use 'auto'")
    if policy == "encounter" and not has_encounters:
        raise SplitError(
            "split_policy 'encounter' needs encounters or dates, and the catalogue has neither: add an `encounter` or "
            "`date` column (YYYY-MM-DD), or use 'random' and expect the background to help"
        )
    if policy not in POLICIES:
        raise SplitError(f"unknown split_policy {policy!r}: expected one of {', '.join(POLICIES)}")
    return policy


def has_occasions(rows: pd.DataFrame) -> bool:
    """Is the encounter, or at least the day, of any image known?"""
    return bool(_occasions(rows).notna().any())


def _units(rows: pd.DataFrame, *, by_encounter: bool) -> pd.Series:
    """What of an individual stays on one side: the encounter, else the day; the image alone where neither is told.

    Images without one among others that have one are one unit: they may be of the same sighting.
    """
    told = _occasions(rows)
    if not by_encounter or told.isna().all():
        return "image:" + rows[IMAGE_ID].astype(str)
    return told.fillna("untold")


def _occasions(rows: pd.DataFrame) -> pd.Series:
    """(n,) text: the encounter of each image, else its day; missing where neither is there or can be read."""
    told = pd.Series(None, index=rows.index, dtype=object)
    if DATE in rows:
        day = days(rows[DATE]).dt.strftime("%Y-%m-%d")
        told = ("date:" + day).astype(object).where(day.notna(), None)
    if ENCOUNTER in rows:
        told = ("encounter:" + rows[ENCOUNTER].astype(str)).astype(object).where(rows[ENCOUNTER].notna(), told)
    return told


def _date_notes(rows: pd.DataFrame, policy: str) -> list[str]:
    """Dates that cannot be read, and images of which no occasion is known among others of which it is."""
    notes = []
    if DATE in rows:
        dates = rows[DATE][rows[ENCOUNTER].isna()] if ENCOUNTER in rows else rows[DATE]
        dates = dates.dropna()
        unread = dates[days(dates).isna()]
        if len(unread):
            notes.append(
                f"{len(unread)} of {len(dates)} dates cannot be read, e.g. {str(unread.iloc[0])!r}: write YYYY-MM-DD"
            )
    told = _occasions(rows[rows[INDIVIDUAL].notna()])
    if policy != "random" and told.isna().any() and told.notna().any():
        notes.append(
            f"{told.isna().sum()} of {len(told)} photographs have neither an encounter nor a date: those of one animal "
            "count as one encounter"
        )
    return notes


def _draw(individuals: pd.Series, units: pd.Series, shares: dict, unknown_split: float, rng) -> pd.Series:
    """Roles of one data set's labelled images. Sorted by name before drawing, so that row order cannot matter."""
    names = np.array(sorted(individuals.unique()), dtype=object)
    rng.shuffle(names)
    # One at least, as soon as there are enough animals that the gallery does not suffer; never more than half.
    n_unknown = (
        min(max(round(unknown_split * len(names)), int(len(names) >= 5)), len(names) // 4) if unknown_split else 0
    )
    unknown_of = {name: VAL for name in names[:n_unknown]}
    if shares[TEST]:
        unknown_of |= {name: TEST for name in names[n_unknown : 2 * n_unknown]}
    role = pd.Series(GALLERY, index=individuals.index, dtype=object)
    for name, own in individuals.groupby(individuals, sort=True).groups.items():
        if name in unknown_of:
            role[own] = unknown_of[name]
            continue
        own_units = np.array(sorted(units[own].unique()), dtype=object)
        rng.shuffle(own_units)
        n_val, n_test = _query_units(len(own_units), shares, rng)
        role[own[units[own].isin(own_units[:n_val])]] = VAL
        role[own[units[own].isin(own_units[n_val : n_val + n_test])]] = TEST
    return role


def _query_units(n_units: int, shares: dict, rng) -> tuple[int, int]:
    """How many of an individual's units become val and test queries; at least one unit stays in the gallery."""
    n_val, n_test = (max(round(shares[r] * n_units), 1) if shares[r] else 0 for r in (VAL, TEST))
    if n_units == 2 and n_val and n_test:  # one to keep, one to ask: by lot for val or for test
        n_val = int(rng.random() < shares[VAL] / (shares[VAL] + shares[TEST]))
        n_test = 1 - n_val
    while n_val + n_test >= n_units and n_val + n_test > 0:
        n_val, n_test = (n_val - 1, n_test) if n_val >= n_test else (n_val, n_test - 1)
    return n_val, n_test


def _mark_known(rows: pd.DataFrame, policy: str) -> pd.DataFrame:
    rows[KNOWN] = pd.Series(pd.NA, index=rows.index, dtype="boolean")
    for role in (GALLERY, VAL, TEST):
        split = Split(rows, policy)
        enrolled = rows.loc[split.gallery_for(role), INDIVIDUAL]
        asked = split.queries(role) & rows[INDIVIDUAL].notna().to_numpy()
        rows.loc[asked, KNOWN] = rows.loc[asked, INDIVIDUAL].isin(enrolled)
    return rows


def _check(split: Split) -> None:
    rows = split.rows
    n_gallery, per_individual = int(split.queries(GALLERY).sum()), rows[INDIVIDUAL].value_counts()
    if n_gallery == 0:
        raise SplitError(
            f"no labelled image is left for the gallery: {len(rows)} images, {len(per_individual)} individuals"
        )
    if rows.loc[split.queries(GALLERY), INDIVIDUAL].nunique() < 2:
        raise SplitError("the gallery has one individual: identification needs at least two (check the folders' names)")
    if not rows.loc[split.queries(VAL), KNOWN].fillna(False).any():
        seen = "photograph" if split.policy == "random" else "encounter"
        once = "photograph" if per_individual.max() == 1 else seen
        units = _units(rows[rows[INDIVIDUAL].notna()], by_encounter=split.policy != "random")
        several = units.groupby(rows[INDIVIDUAL]).nunique().max() > 1
        raise SplitError(
            f"no individual can be found again: of {len(per_individual)} individuals none has a second {once} to ask "
            f"about (policy {split.policy!r}, at most {per_individual.max()} images of one). "
            "Add photographs from other occasions" + (", or raise val_split" if several else "")
        )


def _pairs(rows: pd.DataFrame):
    return zip(rows[INDIVIDUAL], rows[ENCOUNTER], strict=True)


def _hash(rows: pd.DataFrame) -> str:
    lines = sorted(
        f"{i}\t{r}\t{'' if pd.isna(k) else bool(k)}"
        for i, r, k in zip(rows[IMAGE_ID], rows[ROLE], rows[KNOWN], strict=True)
    )
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:16]
