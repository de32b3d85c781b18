"""The split: which images are gallery (trained on and searched), which are val and which are test queries.

Some individuals appear only in val, others only in test: they stand for unknown animals, and nothing is trained on
them.
"""

import hashlib
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import pandas as pd

from reid_lib.core.errors import SplitError
from reid_lib.core.messages import counted
from reid_lib.core.names import (
    DATASET,
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
from reid_lib.data.occasions import describe_gaps, find_draw_keys, find_units, has_occasions
from reid_lib.data.roles import draw_roles

POLICIES = ("auto", "official", "encounter", "random")
SEEDS_TRIED = 20  # to suggest another one, where a seed gives no usable split
# Counts of the audit (`Split.leakage`) in words.
AUDITED = {
    "queries": "photographs",
    "known_queries": "of known individuals",
    "unknown_queries": "of unknown individuals",
    "known_individuals": "known individuals",
    "unknown_individuals": "unknown individuals",
}
LEAKED = "known ones whose encounter is in the gallery"


@dataclass(frozen=True)
class Split:
    """The catalogue's rows with the role of each image.

    Attributes:
        rows: of the catalogue, with `role` and `known`: is the individual of this image in the gallery that its role is
            searched in? <NA> where it is unlabelled or unused.
        policy: by which the roles were given, one of `POLICIES` but "auto".
        remarks: what was left out, one sentence each.
        left_out: role -> number of queries that `leave_out` has taken out of it.
    """

    rows: pd.DataFrame
    policy: str
    remarks: tuple[str, ...] = ()
    left_out: dict[str, int] = field(default_factory=dict)

    def queries(self, role: str) -> np.ndarray:
        """Mask (n,) of the images that are queries of `role`."""
        return (self.rows[ROLE] == role).to_numpy()

    def gallery_for(self, role: str) -> np.ndarray:
        """Mask (n,) of the images that queries of `role` are compared with.

        Under the data set's own split val is part of its training images, so the gallery of test includes val.
        """
        enrolled = [GALLERY, VAL] if role == TEST and self.policy == "official" else [GALLERY]
        return self.rows[ROLE].isin(enrolled).to_numpy()

    @cached_property
    def fingerprint(self) -> str:
        """16 hex digits over (image_id, role, known) of every image."""
        return _hash(self.rows)

    @cached_property
    def test_fingerprint(self) -> str:
        """16 hex digits over the test queries: the results of two runs are comparable when these are the same."""
        return _hash(self.rows[self.queries(TEST)])

    def leakage(self) -> pd.DataFrame:
        """How many queries have a photograph of the same encounter in the gallery that they are compared with.

        Returns:
            One row for val and one for test: `role`, `queries`, `known_queries`, `unknown_queries`,
            `known_individuals`, `unknown_individuals`, `same_encounter` (number of queries; NaN where the catalogue
            knows no encounters), `share` (of the known queries; NaN where there are none).
        """
        return pd.DataFrame([self._leakage_of(role) for role in (VAL, TEST)])

    def leakage_table(self) -> pd.DataFrame:
        """What `leakage` counts, for a person to read: a row for each count, a column for each query role."""
        columns = {}
        for audit in self.leakage().to_dict("records"):
            leaked, known = audit["same_encounter"], audit["known_queries"]
            counts = {words: f"{audit[count]:,}" for count, words in AUDITED.items()}
            told = "encounters are not known" if pd.isna(leaked) else f"{leaked:,.0f} of {known:,}"
            columns[audit[ROLE]] = counts | {LEAKED: told}
        return pd.DataFrame(columns).rename_axis("asked")

    def table(self) -> pd.DataFrame:
        """Photographs and individuals per data set and role, for a person to read."""
        truth = self.rows[KNOWN].map({True: "known", False: "unknown"}).fillna("unlabelled")
        groups = self.rows.assign(**{KNOWN: truth}).groupby([DATASET, ROLE, KNOWN])
        table = groups.agg(photographs=(IMAGE_ID, "size"), individuals=(IDENTITY, "nunique"))
        return table.rename_axis(index={DATASET: "data set", KNOWN: "animals"})

    @property
    def notes(self) -> list[str]:
        """What a person should know about this split, one sentence each."""
        audit, notes = self.leakage().set_index(ROLE), describe_gaps(self.rows, self.policy) + list(self.remarks)
        for role in (VAL, TEST):
            if audit.loc[role, "known_queries"] and not audit.loc[role, "unknown_queries"]:
                without = "; so no threshold can be fitted: every photograph will be given a name, none called new"
                notes.append(
                    f"{role} has no unknown individuals: BAUS and the geometric mean are undefined there (NaN)"
                    + (without if role == VAL else "")
                )
            if role == TEST and not audit.loc[role, "queries"]:
                notes.append(
                    "test has no queries (test_split 0, or too few photographs to draw any): its results are undefined "
                    "(NaN); those of val remain, on which the threshold was fitted"
                )
            if audit.loc[role, "queries"] and not audit.loc[role, ["known_queries", "unknown_queries"]].any():
                notes.append(f"no photograph of {role} has a label: headline, table and figures are those of val")
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
        policy: `official` (the data set's own training and test part), `encounter` (an encounter, else a day, of an
            individual stays on one side), `random` (image by image), `auto` (the first of these that the data allow).
        val_split, test_split: share of the encounters (images under `random`) of individuals that are not held out
            which become queries; under `official` only val is drawn, out of the training part.
        unknown_split: share of the individuals held out as a whole, once for val and once more for test. Individuals of
            which no encounter draws the gallery are unknown, too; with 0 they are left out, and nobody is unknown.
        seed: of the hashes from which roles are drawn, see `data.roles`: whatever rows are added, an image that was in
            the gallery stays there, and the order of the rows does not matter.

    Raises:
        SplitError: the data do not allow it (no individual could be found again, there is no official split, ...).
    """
    policy = _choose_policy(rows, policy)
    shares = {VAL: val_split, TEST: 0.0 if policy == "official" else test_split}
    split = _drawn(rows, policy, shares, unknown_split, seed)
    if problem := _problem(split):
        raise SplitError(problem + _cure(split, shares, unknown_split, seed))
    return split


def _drawn(rows: pd.DataFrame, policy: str, shares: dict[str, float], unknown_split: float, seed: int) -> Split:
    rows = rows.copy()
    rows[ROLE] = pd.Series(UNUSED, index=rows.index, dtype=object)
    if policy == "official":
        rows.loc[rows[SPLIT] == "test", ROLE] = TEST
        drawn = rows[(rows[SPLIT] == "train") & rows[INDIVIDUAL].notna()]
    else:
        drawn = rows[rows[INDIVIDUAL].notna()]
        rows.loc[rows[INDIVIDUAL].isna(), ROLE] = TEST  # unlabelled photographs get an answer, but no score
    units = find_units(drawn, by_encounter=policy != "random")
    keys = find_draw_keys(drawn, by_encounter=policy != "random")
    roles = draw_roles(drawn, units, keys, shares=shares, unknown_split=unknown_split, seed=seed)
    rows.loc[drawn.index, ROLE] = roles
    return Split(_mark_known(rows, policy), policy, _missed(drawn[roles == UNUSED]))


def _missed(rows: pd.DataFrame) -> tuple[str, ...]:
    if rows.empty:
        return ()
    who = f"{counted(rows[INDIVIDUAL].nunique(), 'individual')} ({counted(len(rows), 'photograph')})"
    why = "of whom nothing was drawn for the gallery, and with unknown_split 0 nobody is asked as unknown"
    return (f"left out: {who} {why}",)


def leave_out(split: Split, out: np.ndarray, remark: str) -> Split:
    """The split without some of its queries.

    Under the data set's own split a val image also belongs to the gallery of test. There it stays: its role becomes
    `gallery`.

    Args:
        split: as it was.
        out: mask (n,) of the queries to leave out.
        remark: a sentence that says what was left out and why.
    """
    where = pd.Series(out, index=split.rows.index)
    counts = {role: int((where & split.queries(role)).sum()) for role in (VAL, TEST)}
    enrolled = where & split.gallery_for(TEST)
    role = split.rows[ROLE].mask(where, UNUSED).mask(enrolled, GALLERY)
    rows = _mark_known(split.rows.assign(**{ROLE: role}), split.policy)
    return Split(rows, split.policy, (*split.remarks, remark), counts)


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


def _mark_known(rows: pd.DataFrame, policy: str) -> pd.DataFrame:
    rows[KNOWN] = pd.Series(pd.NA, index=rows.index, dtype="boolean")
    for role in (GALLERY, VAL, TEST):
        split = Split(rows, policy)
        enrolled = rows.loc[split.gallery_for(role), INDIVIDUAL]
        asked = split.queries(role) & rows[INDIVIDUAL].notna().to_numpy()
        rows.loc[asked, KNOWN] = rows.loc[asked, INDIVIDUAL].isin(enrolled)
    return rows


def _problem(split: Split) -> str:
    """Why this split cannot be used to learn or measure anything; "" where it can."""
    rows = split.rows
    n_individuals = rows[INDIVIDUAL].nunique()
    n_enrolled = rows.loc[split.queries(GALLERY), INDIVIDUAL].nunique()
    if n_individuals == 1:
        return "the data have one individual: identification needs at least two (check the folders' names)"
    if n_enrolled < 2:
        return (
            f"the gallery has {n_enrolled} of {n_individuals} individuals, {len(rows)} images in all: identification "
            "needs at least two there"
        )
    if not rows.loc[split.queries(VAL), KNOWN].fillna(False).any():
        return f"no individual can be found again: of {n_individuals} individuals none has " + (
            "both a val query and an image in the gallery"
            if _most_units(split) > 1
            else f"a second {_seen(split)} to ask about (policy {split.policy!r}, at most "
            f"{rows[INDIVIDUAL].value_counts().max()} images of one)"
        )
    return ""


def _cure(split: Split, shares: dict[str, float], unknown_split: float, seed: int) -> str:
    """What to do about `_problem`. Roles are drawn at random, so with few animals another seed may give usable ones."""
    if split.rows[INDIVIDUAL].nunique() < 2:
        return ""
    if _most_units(split) < 2:
        return ". Add photographs from other occasions"
    labelled = split.rows.drop(columns=[ROLE, KNOWN])
    for other in range(seed + 1, seed + 1 + SEEDS_TRIED):
        if not _problem(_drawn(labelled, split.policy, shares, unknown_split, other)):
            return f". Few animals may draw such roles: -p split_seed {other} gives others"
    return ". Add photographs from other occasions, lower unknown_split or test_split, or raise val_split"


def _most_units(split: Split) -> int:
    """The most encounters (images under `random`) that an individual has."""
    labelled = split.rows[split.rows[INDIVIDUAL].notna()]
    units = find_units(labelled, by_encounter=split.policy != "random")
    return int(units.groupby(labelled[INDIVIDUAL]).nunique().max())


def _seen(split: Split) -> str:
    once = split.rows[INDIVIDUAL].value_counts().max() == 1
    return "photograph" if once or split.policy == "random" else "encounter"


def _pairs(rows: pd.DataFrame):
    return zip(rows[INDIVIDUAL], rows[ENCOUNTER], strict=True)


def _hash(rows: pd.DataFrame) -> str:
    lines = sorted(
        f"{i}\t{r}\t{'' if pd.isna(k) else bool(k)}"
        for i, r, k in zip(rows[IMAGE_ID], rows[ROLE], rows[KNOWN], strict=True)
    )
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:16]
